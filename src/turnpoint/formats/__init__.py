"""Formats of hospitals and trials, each read into the study: a folder a format; this table names them.

A format is recognised by what a file holds, never by its name alone. What no format recognises is a study folder, or a
single table of one (`study.reading`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from turnpoint.errors import Problem
from turnpoint.formats import cbioportal, dicom_sr, fhir, mapped, model_tables, omop, sdtm
from turnpoint.formats.ledger import Converted
from turnpoint.study.reading import PARQUET_ENDINGS, TEXT_ENDINGS
from turnpoint.study.schema import TABLES
from turnpoint.study.study import Study


@dataclass(frozen=True, slots=True)
class Format:
    """A format that can be read.

    Attributes:
        name: for people.
        recognises: true when a path, a file or a folder, holds it.
        inspect: reads it: the study (None when there is an error), and every problem; errors in tables that are not
            among those needed are warnings.
        convert: the same, with what the study has no place for.
    """

    name: str
    recognises: Callable[[Path], bool]
    inspect: Callable[[Path, Collection[str]], tuple[Study | None, tuple[Problem, ...]]]
    convert: Callable[[Path], Converted]


_Convert = Callable[[Path, Collection[str]], Converted]


def _inspecting(
    convert: _Convert,
) -> Callable[[Path, Collection[str]], tuple[Study | None, tuple[Problem, ...]]]:
    """`inspect` of a format whose side table costs next to nothing: what `convert` gives, without it."""

    def inspect(path: Path, needed: Collection[str]) -> tuple[Study | None, tuple[Problem, ...]]:
        found = convert(path, needed)
        return found.study, found.problems

    return inspect


FORMATS: Final[Mapping[str, Format]] = MappingProxyType(
    {
        "sdtm": Format("CDISC SDTM and ADaM data sets", sdtm.recognises, sdtm.inspect, sdtm.convert),
        "fhir": Format("HL7 FHIR R4", fhir.recognises, _inspecting(fhir.convert), fhir.convert),
        "mapped": Format("a wide table with its mapping", mapped.recognises, mapped.inspect, mapped.convert),
        "omop": Format(
            "tables of the OMOP common data model", omop.recognises, _inspecting(omop.convert), omop.convert
        ),
        "cbioportal": Format(
            "timelines of cBioPortal",
            cbioportal.recognises,
            _inspecting(cbioportal.convert),
            cbioportal.convert,
        ),
        "model-table": Format(
            "a table of NONMEM, Monolix or nlmixr2",
            model_tables.recognises,
            _inspecting(model_tables.convert),
            model_tables.convert,
        ),
        # Late, because it looks into the folders of a folder.
        "dicom-sr": Format(
            "DICOM structured reports (TID 1500)",
            dicom_sr.recognises,
            _inspecting(dicom_sr.convert),
            dicom_sr.convert,
        ),
        # Any table that nothing above knows.
        "table": Format(
            "a clinic's table", mapped.recognises_table, mapped.inspect_table, mapped.convert_table
        ),
    }
)


def recognise(path: Path) -> Format | None:
    """The format that a path holds; None for a study folder, a table of one, and anything unknown."""
    try:
        if path.is_dir() and any(_is_table(file) for file in path.iterdir()):
            return None
        # A table that has a mapping beside it is what the mapping says.
        if path.is_file() and FORMATS["mapped"].recognises(path):
            return FORMATS["mapped"]
        return next((known for known in FORMATS.values() if known.recognises(path)), None)
    except OSError:
        return None


def _is_table(file: Path) -> bool:
    """A folder that holds a table of the study folder is one, whatever lies beside it."""
    return file.stem.casefold() in TABLES and file.suffix.lower() in TEXT_ENDINGS + PARQUET_ENDINGS
