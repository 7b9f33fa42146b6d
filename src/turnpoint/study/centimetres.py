"""Sizes in centimetres: told by their column's name, asked about where they look so, never guessed.

RECIST 1.1 lets no target begin below 10 mm (15 mm for the short axis of a node), so a study of which every target does,
and in which nothing is above 15, was hardly measured in mm: a tumour of 3.2 or 2.4 cm is an ordinary one.

Source: Eisenhauer et al. 2009 (RECIST 1.1), doi:10.1016/j.ejca.2008.10.026, sections 3.1.1 and 4.2.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import polars as pl

from turnpoint.study.converting import report_range
from turnpoint.study.findings import Findings, TypedTable
from turnpoint.study.naming import RawTable
from turnpoint.study.schema import LESIONS, fold

_IN_CM: Final = "diametercm"
_LARGEST_IN_CM: Final = 15.0
_LEAST_TARGET_MM: Final = 10.0
# Of many sizes half may be too small to be of targets in mm, whatever the largest is.
_MEDIAN_MM: Final = 5.0
_MANY: Final = 5


def as_mm(raw: RawTable) -> tuple[RawTable, bool]:
    """The lesions with their `diameter_cm` under the name of `diameter_mm`, and whether they had one."""
    names = {fold(name): name for name in raw.frame.columns}
    if _IN_CM not in names or "diametermm" in names:
        return raw, False
    return replace(raw, frame=raw.frame.rename({names[_IN_CM]: "diameter_mm"})), True


def to_mm(table: TypedTable, findings: Findings) -> None:
    """Ten times each size; the frame changes in place."""
    # 3.2 cm is 32 mm, not 32.00000000000001.
    table.frame = table.frame.with_columns((pl.col("diameter_mm") * 10).round(6).alias("diameter_mm"))
    report_range(table, LESIONS.column("diameter_mm"), findings)


def report_centimetres(table: TypedTable, findings: Findings) -> None:
    """Ask whether the sizes are in cm; the frame's rows must be sorted by patient and day."""
    measured = table.frame.filter(pl.col("status") == "measured").drop_nulls("diameter_mm")
    targets = measured.filter(pl.col("role") == "target")
    if targets.is_empty():
        return
    size = pl.col("diameter_mm")
    first = targets.unique(["patient_id", "reader", "lesion_id"], keep="first", maintain_order=True)
    median = targets["diameter_mm"].median()
    small = first.select((size < _LEAST_TARGET_MM).all()).item()
    if small and measured.select((size <= _LARGEST_IN_CM).all()).item():
        what = f"every target begins below {_LEAST_TARGET_MM:g} mm, and no size is above {_LARGEST_IN_CM:g}"
    elif targets.height >= _MANY and isinstance(median, float) and median < _MEDIAN_MM:
        what = f"half of the target diameters are below {_MEDIAN_MM:g} mm"
    else:
        return
    findings.add(
        table.file,
        f"{what}: are they in cm? They are read as mm",
        "Name the column diameter_cm, or multiply by 10, if they are in cm; nothing to do if they are in mm.",
        column="diameter_mm",
        severity="warning",
    )
