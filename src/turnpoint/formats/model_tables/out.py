"""A study as a table of NONMEM, Monolix or nlmixr2, with the declaration by which it reads back.

The rules:

1. Observations are the sum of diameters (complete ones, in mm) and each marker in its canonical unit; doses are those
   with an amount. TIME is the day of the course: scans before the start are negative.
2. A value below its limit has CENS 1 (BLQ 1 and LLOQ for NONMEM) and the limit as DV; one above has CENS -1, for which
   NONMEM has no usual place.
3. A drug taken daily up to a known stop is one record with II 1 and ADDL.
4. IDs count the patients; the declaration has their names.

What has no place (lesions that are no target, incomplete sums, adverse events, doses without an amount, courses without
a stop) is given back for the side table. Arms, assays, reference limits and what patients are do not go into it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import polars as pl

from turnpoint.errors import UsageError
from turnpoint.formats.model_tables.declaration import FORMAT, SUM_OF_DIAMETERS, beside
from turnpoint.study.study import Study

# The columns of each, in their order.
DIALECTS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "nonmem": ("ID", "TIME", "AMT", "DV", "EVID", "MDV", "CMT", "DVID", "BLQ", "LLOQ", "ADDL", "II"),
        "monolix": ("ID", "TIME", "AMT", "ADM", "Y", "YTYPE", "CENS", "LIMIT", "ADDL", "II"),
        "nlmixr2": ("ID", "TIME", "AMT", "EVID", "CMT", "DV", "DVID", "CENS", "LIMIT", "ADDL", "II"),
    }
)
NO_SUM: Final = "a lesion that is no part of a complete sum of diameters"
NO_AMOUNT: Final = "a dose without an amount, or a start or stop that has no other end"
NO_EVENT: Final = "an adverse event, for which a model table has no place"
ABOVE: Final = "a value above its limit, for which NONMEM has no usual place"


def write_model_table(
    study: Study, sums: pl.DataFrame, path: Path, dialect: str
) -> tuple[tuple[Path, ...], pl.DataFrame]:
    """Write the table and its declaration.

    Args:
        study: what to write.
        sums: the sums of diameters of one reader a patient: `patient_id, day, sum_of_diameters_mm`; others are null.
        path: of the table; its folder exists.
        dialect: one of `DIALECTS`.

    Returns:
        The files; what has no place in them, laid out as the side table.

    Raises:
        UsageError: the place cannot be written to.
    """
    sizes = sums.drop_nulls("sum_of_diameters_mm")
    left = [
        _side_rows("lesions", _outside(study.lesions, sizes), NO_SUM),
        _side_rows("events", study.events, NO_EVENT),
    ]
    markers = study.markers
    if dialect == "nonmem":
        left.append(_side_rows("markers", markers.filter(pl.col("censoring") == "right"), ABOVE))
        markers = markers.filter(pl.col("censoring") != "right")
    names = ([SUM_OF_DIAMETERS] if sizes.height else []) + markers["marker"].unique().sort().to_list()
    codes = {name: number for number, name in enumerate(names, start=1)}
    units = {SUM_OF_DIAMETERS: "mm"} | dict(
        markers.select("marker", "unit").unique("marker", keep="first").iter_rows()
    )
    doses, untaken = _doses(study.doses)
    left.append(_side_rows("doses", untaken, NO_AMOUNT))
    drugs = doses.select("drug", "dose_unit").unique().sort("drug", "dose_unit").rows()
    numbered = {patient: number for number, patient in enumerate(study.patient_ids, start=1)}
    rows = pl.concat([_observed(sizes, markers, codes), _given(doses, drugs)], how="diagonal")
    table = (
        rows.with_columns(pl.col("patient_id").replace_strict(numbered, return_dtype=pl.Int64).alias("ID"))
        .sort("ID", "TIME", "EVID", "DVID", "CMT", nulls_last=True, maintain_order=True)
        .with_columns(pl.col("CMT").alias("ADM"), pl.col("DV").alias("Y"), pl.col("DVID").alias("YTYPE"))
        .select(DIALECTS[dialect])
    )
    try:
        table.write_csv(path, null_value=".")
        beside(path).write_text(_declaration(codes, units, drugs, numbered), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path.name}: cannot be written ({(error.strerror or 'error').lower()})") from error
    return (path, beside(path)), pl.concat(left, how="diagonal")


def _outside(lesions: pl.DataFrame, sizes: pl.DataFrame) -> pl.DataFrame:
    """The lesions that no sum which is written holds."""
    visits = sizes.select("patient_id", "reader", "day").unique()
    targets = lesions.filter(pl.col("role") == "target")
    held = targets.join(visits, on=["patient_id", "reader", "day"], how="semi", nulls_equal=True)
    return lesions.join(
        held.select("source_row", "patient_id", "day", "lesion_id"),
        on=["source_row", "patient_id", "day", "lesion_id"],
        how="anti",
        nulls_equal=True,
    )


def _observed(sizes: pl.DataFrame, markers: pl.DataFrame, codes: Mapping[str, int]) -> pl.DataFrame:
    """Rules 1 and 2."""
    both = pl.concat(
        [
            sizes.select(
                "patient_id",
                "day",
                pl.lit(SUM_OF_DIAMETERS).alias("marker"),
                pl.col("sum_of_diameters_mm").alias("value"),
                pl.lit("none").alias("censoring"),
            ),
            markers.select("patient_id", "day", "marker", "value", "censoring"),
        ]
    )
    below = pl.col("censoring") == "left"
    return both.select(
        "patient_id",
        pl.col("day").alias("TIME"),
        pl.col("value").alias("DV"),
        pl.lit(0, dtype=pl.Int64).alias("EVID"),
        pl.lit(0, dtype=pl.Int64).alias("MDV"),
        pl.col("marker").replace_strict(dict(codes), return_dtype=pl.Int64).alias("DVID"),
        below.cast(pl.Int64).alias("BLQ"),
        pl.when(below).then("value").alias("LLOQ"),
        pl.col("censoring")
        .replace_strict({"left": 1, "none": 0, "right": -1}, return_dtype=pl.Int64)
        .alias("CENS"),
        # What is measured is never below 0.
        pl.when(below).then(0.0).alias("LIMIT"),
    )


def _doses(doses: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rule 3: the doses to write, with `days` of a daily one; and the rows without a place."""
    course = ["patient_id", "drug"]
    ordered = doses.with_row_index("place").with_columns(pl.col("unit").fill_null("").alias("dose_unit"))
    spans = ordered.filter(pl.col("action").is_in(["start", "stop"])).with_columns(
        pl.col("action").shift(-1).over(course).alias("next"),
        pl.col("day").shift(-1).over(course).alias("next_day"),
        pl.col("place").shift(-1).over(course).alias("next_place"),
    )
    has_amount = pl.col("dose") > 0
    closed = spans.filter(
        (pl.col("action") == "start")
        & (pl.col("next") == "stop")
        & has_amount
        & (pl.col("next_day") > pl.col("day"))
    ).with_columns((pl.col("next_day") - pl.col("day")).alias("days"))
    single = ordered.filter((pl.col("action") == "given") & has_amount)
    written = pl.concat([single, closed.drop("next", "next_day", "next_place")], how="diagonal")
    if "days" not in written.columns:
        written = written.with_columns(pl.lit(None, dtype=pl.Int64).alias("days"))
    used = pl.concat([written["place"], closed["next_place"]])
    return written, ordered.filter(~pl.col("place").is_in(used.implode())).drop("place", "dose_unit")


def _given(doses: pl.DataFrame, drugs: list[tuple[str, str]]) -> pl.DataFrame:
    codes = pl.DataFrame(
        [(drug, unit, number) for number, (drug, unit) in enumerate(drugs, start=1)],
        schema={"drug": pl.String, "dose_unit": pl.String, "CMT": pl.Int64},
        orient="row",
    )
    daily = pl.col("days") > 1
    return doses.join(codes, on=["drug", "dose_unit"], how="left", maintain_order="left").select(
        "patient_id",
        pl.col("day").alias("TIME"),
        pl.col("dose").alias("AMT"),
        pl.lit(1, dtype=pl.Int64).alias("EVID"),
        pl.lit(1, dtype=pl.Int64).alias("MDV"),
        "CMT",
        pl.when(daily).then(pl.col("days") - 1).cast(pl.Int64).alias("ADDL"),
        pl.when(daily).then(1).cast(pl.Int64).alias("II"),
    )


def _declaration(
    codes: Mapping[str, int],
    units: Mapping[str, str],
    drugs: list[tuple[str, str]],
    numbered: Mapping[str, int],
) -> str:
    lines = [f"format = {_text(FORMAT)}", 'time_unit = "days"']
    for name, code in codes.items():
        lines += ["", f"[observations.{code}]", f"is = {_text(name)}", f"unit = {_text(units[name])}"]
    for code, (drug, unit) in enumerate(drugs, start=1):
        lines += ["", f"[doses.{code}]", f"drug = {_text(drug)}"]
        lines += [f"unit = {_text(unit)}"] if unit else []
    lines += ["", "[subjects]", *(f"{number} = {_text(patient)}" for patient, number in numbered.items()), ""]
    return "\n".join(lines)


def _text(value: str) -> str:
    """A basic string of TOML: JSON's, but for the one control character that JSON lets stand."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _side_rows(table: str, rows: pl.DataFrame, reason: str) -> pl.DataFrame:
    def told(*names: str) -> pl.Expr:
        known = [pl.col(name).cast(pl.String) for name in names if name in rows.columns]
        return pl.coalesce(known) if known else pl.lit(None, dtype=pl.String)

    return rows.select(
        pl.lit(table).alias("file"),
        pl.col("source_row").cast(pl.Int64).alias("row"),
        pl.format("{} row {}", pl.lit(table), "source_row").alias("record"),
        pl.col("patient_id").cast(pl.String),
        pl.col("day").cast(pl.String).alias("date"),
        told("lesion_id", "marker", "drug", "term").alias("name"),
        told("diameter_mm", "value", "dose", "grade").alias("value"),
        told("unit").alias("unit"),
        pl.lit(reason).alias("reason"),
    )
