"""SDTM data sets written as SAS transport files, from rows in a test."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
import pyreadstat

import turnpoint as tp
from turnpoint.workflows.opening import inspect

NUMERIC = ("SEQ", "STRESN", "DY", "DOSE", "NRHI")


def write(folder: Path, domain: str, rows: Sequence[Mapping[str, object]], name: str | None = None) -> Path:
    """Write one data set; a column is numeric when SDTM says so, VISITNUM included."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    data = {"DOMAIN": pl.Series([domain] * len(rows), dtype=pl.String)}
    if domain.startswith("SUPP"):
        data = {"RDOMAIN": pl.Series([domain.removeprefix("SUPP")] * len(rows), dtype=pl.String)}
    for column in columns:
        numeric = column.endswith(NUMERIC) or column == "VISITNUM"
        values = [row.get(column) for row in rows]
        data[column] = pl.Series(values, dtype=pl.Float64 if numeric else pl.String)
    path = folder / (name or f"{domain.lower()}.xpt")
    pyreadstat.write_xport(pl.DataFrame(data), str(path), table_name=domain[:8], file_format_version=5)
    return path


def size(lesion: str, day: object, mm: object, test: str = "LDIAM", **other: object) -> dict[str, object]:
    """A record of TR: a size in mm on a study day of SDTM (1 = the start), or a state."""
    number = mm if isinstance(mm, int | float) else None
    row = {
        "USUBJID": "P1",
        "TRGRPID": "TARGET",
        "TRLNKID": lesion,
        "TRTESTCD": test,
        "TRORRES": str(mm) if mm is not None else None,
        "TRSTRESC": str(mm) if mm is not None else None,
        "TRSTRESN": number,
        "TRSTRESU": "mm" if number is not None else None,
        "TRDY": day,
        "VISITNUM": None,
    }
    return row | other


def state(lesion: str, day: object, text: str | None, **other: object) -> dict[str, object]:
    """A record of TR: the state of a non-target lesion."""
    return size(lesion, day, text, "TUMSTATE", **({"TRGRPID": "NON-TARGET"} | other))


def named(lesion: str, role: str, location: str | None = None, **other: object) -> dict[str, object]:
    """A record of TU."""
    return {
        "USUBJID": "P1",
        "TULNKID": lesion,
        "TUTESTCD": "TUMIDENT",
        "TUSTRESC": role,
        "TULOC": location,
        "TUDY": 1,
        "VISITNUM": None,
    } | other


def read_all(folder: Path, **domains: Sequence[Mapping[str, object]]) -> tp.Study:
    """The study that these data sets make; errors fail the test with their text."""
    for domain, rows in domains.items():
        write(folder, domain.upper(), rows)
    study, problems = inspect(folder)
    assert study is not None, "\n".join(map(str, problems))
    return study


def errors(folder: Path, **domains: Sequence[Mapping[str, object]]) -> list[str]:
    """The errors of a study that cannot be read."""
    for domain, rows in domains.items():
        write(folder, domain.upper(), rows)
    study, problems = inspect(folder)
    assert study is None
    return [str(problem) for problem in problems if problem.severity == "error"]


def warnings(study: tp.Study) -> str:
    return "\n".join(map(str, study.problems))
