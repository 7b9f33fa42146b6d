"""Tables of the OMOP common data model as CSV, told by their columns, become a study.

    MEASUREMENT -> markers     DRUG_EXPOSURE -> doses     PERSON, DEATH -> patients     CONCEPT: what codes mean

The rules:

1. A measurement is a marker by its concept (`concepts`, or LOINC in CONCEPT), or else by MEASUREMENT_SOURCE_VALUE, a
   name or a LOINC code. Other measurements go to the side table; sizes of tumours too, since no lesion is named.
2. The value is VALUE_AS_NUMBER, with its operator, or else VALUE_SOURCE_VALUE; the unit that of UNIT_CONCEPT_ID, or
   else UNIT_SOURCE_VALUE; the upper limit RANGE_HIGH. Of several results of a day the last is read.
3. A drug against the cancer is told by its name: in CONCEPT, or else DRUG_SOURCE_VALUE. From one day to a later one it
   is a start, and a stop on the day after. QUANTITY is its dose where DOSE_UNIT_SOURCE_VALUE gives a unit.
4. Day 0 is the first drug against the cancer; without one the first marker (warned of).

Source: OHDSI, OMOP Common Data Model v5.4.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import polars as pl

from turnpoint.errors import counted
from turnpoint.formats.fhir import plain_name, treats_cancer
from turnpoint.formats.ledger import UNMAPPED_SCHEMA, Converted, with_aside
from turnpoint.formats.omop.concepts import ABOVE, BELOW, MARKERS, SEX, UNITS
from turnpoint.formats.text_tables import (
    EARLIER,
    LINE,
    RESULT,
    Aside,
    TextTable,
    header_of,
    joined,
    last_of_each_day,
    located,
    read_text_table,
)
from turnpoint.study.findings import Findings
from turnpoint.study.markers import find_marker
from turnpoint.study.naming import RawTable
from turnpoint.study.schema import TABLES
from turnpoint.study.units import parse
from turnpoint.study.validation import build

OTHER_MEASUREMENT: Final = "a measurement that is no tumour marker"
NO_RESULT: Final = "a marker without a number, a unit or a date"
OTHER_DRUG: Final = "a drug that is not known to be against cancer"
NAMELESS_DRUG: Final = "a drug that is given by a number alone"
OTHER_FILES: Final = "tables of OMOP that are not read"
_TELLING: Final[Mapping[str, frozenset[str]]] = {
    "measurement": frozenset({"PERSON_ID", "MEASUREMENT_CONCEPT_ID", "MEASUREMENT_DATE"}),
    "drug_exposure": frozenset({"PERSON_ID", "DRUG_CONCEPT_ID", "DRUG_EXPOSURE_START_DATE"}),
    "person": frozenset({"PERSON_ID", "GENDER_CONCEPT_ID", "YEAR_OF_BIRTH"}),
    "death": frozenset({"PERSON_ID", "DEATH_DATE"}),
    "concept": frozenset({"CONCEPT_ID", "CONCEPT_NAME", "VOCABULARY_ID", "CONCEPT_CODE"}),
}
_SHOWN: Final = {
    "patient_id": ("PERSON_ID",),
    "date": ("MEASUREMENT_DATE", "DRUG_EXPOSURE_START_DATE"),
    "code": ("MEASUREMENT_CONCEPT_ID", "DRUG_CONCEPT_ID"),
    "name": ("MEASUREMENT_SOURCE_VALUE", "DRUG_SOURCE_VALUE"),
    "value": ("VALUE_AS_NUMBER", "VALUE_SOURCE_VALUE", "QUANTITY"),
    "unit": ("UNIT_SOURCE_VALUE", "UNIT_CONCEPT_ID", "DOSE_UNIT_SOURCE_VALUE"),
}


def recognises(path: Path) -> bool:
    """True for a table of measurements or drug exposures of OMOP, or a folder that holds one."""
    return bool(_files(path).keys() & {"measurement", "drug_exposure"})


def convert(path: Path, needed: Collection[str] = tuple(TABLES)) -> Converted:
    """Read OMOP tables as a study, with what the study has no place for beside it.

    Args:
        path: one table, or a folder of tables.
        needed: the tables that the work at hand cannot do without (`study.validation.build`).
    """
    findings = Findings()
    aside = Aside(findings, _SHOWN)
    files = _files(path)
    if path.is_dir():
        known = {file for found in files.values() for file in found}
        others = [
            file.name
            for file in sorted(path.iterdir())
            if file not in known and "PERSON_ID" in header_of(file)
        ]
        aside.name_files(others, OTHER_FILES)
    tables = {
        name: joined([table for file in found if (table := read_text_table(file, findings)) is not None])
        for name, found in files.items()
    }
    if findings.has_errors:
        return Converted(None, findings.listed(), pl.DataFrame(schema=UNMAPPED_SCHEMA))
    concepts = _concepts(tables.get("concept"))
    markers = _markers(tables.get("measurement"), concepts, aside)
    doses = _doses(tables.get("drug_exposure"), concepts, aside)
    people = _patients(tables, markers, doses, findings)
    sources = {"patients": None, "markers": tables.get("measurement"), "doses": tables.get("drug_exposure")}
    raw = {
        name: RawTable(
            source.file if (source := sources[name]) is not None else name,
            frame.drop(LINE),
            frame[LINE].alias("source_row"),
            None,
        )
        for name, frame in {"patients": people, "markers": markers, "doses": doses}.items()
        if frame.height
    }
    name = path.resolve().name if path.is_dir() else path.stem
    study, problems = build(raw, name, findings, needed)
    problems = tuple(located(problem, sources.values()) for problem in problems)
    if study is not None:
        study = replace(
            study, problems=tuple(problem for problem in problems if problem.severity == "warning")
        )
    return Converted(study, problems, with_aside(aside.unmapped(), findings))


def _files(path: Path) -> dict[str, list[Path]]:
    """The files of each table, by their columns."""
    try:
        candidates = sorted(path.iterdir()) if path.is_dir() else [path]
    except OSError:
        return {}
    found: dict[str, list[Path]] = {}
    for file in candidates:
        header = header_of(file)
        kind = next((name for name, telling in _TELLING.items() if telling <= header), None)
        if kind is not None:
            found.setdefault(kind, []).append(file)
    return found


def _concepts(table: TextTable | None) -> pl.DataFrame:
    """`concept_id, vocabulary, code, name` of CONCEPT."""
    schema = {name: pl.String() for name in ("concept_id", "vocabulary", "code", "name")}
    if table is None:
        return pl.DataFrame(schema=schema)
    return table.frame.select(
        pl.col("CONCEPT_ID").alias("concept_id"),
        pl.col("VOCABULARY_ID").alias("vocabulary"),
        pl.col("CONCEPT_CODE").alias("code"),
        pl.col("CONCEPT_NAME").alias("name"),
    ).unique("concept_id", keep="first", maintain_order=True)


def _markers(table: TextTable | None, concepts: pl.DataFrame, aside: Aside) -> pl.DataFrame:
    """Rules 1 and 2."""
    schema = {
        "patient_id": pl.String, "date": pl.Date, "marker": pl.String, "value": pl.String, "unit": pl.String,
        "upper_limit": pl.Float64, LINE: pl.Int64,
    }  # fmt: skip
    if table is None:
        return pl.DataFrame(schema=schema)
    loinc = dict(concepts.filter(pl.col("vocabulary") == "LOINC").select("concept_id", "code").iter_rows())
    ucum = dict(concepts.filter(pl.col("vocabulary") == "UCUM").select("concept_id", "code").iter_rows())
    rows = table.frame.with_columns(
        table.text("MEASUREMENT_CONCEPT_ID").alias("concept"),
        table.text("MEASUREMENT_SOURCE_VALUE").alias("source"),
    )
    kinds = rows.select("concept", "source").unique(maintain_order=True)
    named = kinds.with_columns(
        pl.Series(
            "marker",
            [_marker(concept, source, loinc) for concept, source in kinds.iter_rows()],
            dtype=pl.String,
        )
    )
    rows = rows.join(named, on=["concept", "source"], how="left", nulls_equal=True, maintain_order="left")
    aside.leave(table, rows.filter(pl.col("marker").is_null()), OTHER_MEASUREMENT)
    operator = table.text("OPERATOR_CONCEPT_ID")
    sign = (
        pl.when(operator.is_in(BELOW))
        .then(pl.lit("<"))
        .when(operator.is_in(ABOVE))
        .then(pl.lit(">"))
        .otherwise(pl.lit(""))
    )
    value = pl.coalesce(pl.concat_str(sign, table.text("VALUE_AS_NUMBER")), table.text("VALUE_SOURCE_VALUE"))
    rows = rows.filter(pl.col("marker").is_not_null()).with_columns(
        value.alias("value"),
        pl.coalesce(
            table.text("UNIT_CONCEPT_ID").replace_strict(_units(ucum), default=None, return_dtype=pl.String),
            table.text("UNIT_SOURCE_VALUE"),
        ).alias("unit"),
        _date(table.text("MEASUREMENT_DATE", "MEASUREMENT_DATETIME")).alias("date"),
        table.text("MEASUREMENT_DATETIME", "MEASUREMENT_TIME").fill_null("").alias("moment"),
        pl.col("PERSON_ID").alias("patient_id"),
        table.text("RANGE_HIGH").cast(pl.Float64, strict=False).alias("upper_limit"),
    )
    whole = (
        pl.col("value").str.contains(RESULT).fill_null(value=False)
        & pl.col("unit").is_not_null()
        & pl.col("date").is_not_null()
        & pl.col("patient_id").is_not_null()
    )
    aside.leave(
        table,
        rows.filter(~whole),
        NO_RESULT,
        "Give VALUE_AS_NUMBER, a unit and the date, if it was measured.",
    )
    rows = rows.filter(whole).with_columns(pl.col("date").alias("day"))
    last = last_of_each_day(rows, "moment")
    aside.leave(table, rows.join(last, on=LINE, how="anti"), EARLIER, "The last of the day is read.")
    limit = pl.when(pl.col("upper_limit") > 0).then("upper_limit").alias("upper_limit")
    return last.select("patient_id", "date", "marker", "value", "unit", limit, LINE).cast(schema)  # type: ignore[arg-type]


def _units(ucum: Mapping[str, str]) -> dict[str, str]:
    """Units by concept; UCUM writes the arbitrary unit [U]."""
    plain = {concept: code.replace("[U]", "U") for concept, code in ucum.items()}
    return {concept: code for concept, code in plain.items() if parse(code) is not None} | dict(UNITS)


def _marker(concept: str | None, source: str | None, loinc: Mapping[str, str]) -> str | None:
    shipped = MARKERS.get(concept or "")
    if shipped is not None:
        return shipped
    for text in (loinc.get(concept or ""), source):
        found = find_marker(text) if text else None
        if found is not None:
            return found.name
    return None


def _date(text: pl.Expr) -> pl.Expr:
    """A date of OMOP, ISO 8601 or without hyphens, a time of day left off."""
    day = text.str.slice(0, 10)
    return pl.coalesce(
        day.str.to_date("%Y-%m-%d", strict=False), text.str.slice(0, 8).str.to_date("%Y%m%d", strict=False)
    )


def _doses(table: TextTable | None, concepts: pl.DataFrame, aside: Aside) -> pl.DataFrame:
    """Rule 3."""
    schema = {
        "patient_id": pl.String, "date": pl.Date, "drug": pl.String, "dose": pl.Float64, "unit": pl.String,
        "action": pl.String, LINE: pl.Int64,
    }  # fmt: skip
    if table is None:
        return pl.DataFrame(schema=schema)
    names = dict(concepts.select("concept_id", "name").iter_rows())
    source = table.text("DRUG_SOURCE_VALUE")
    rows = table.frame.with_columns(
        pl.coalesce(
            table.text("DRUG_CONCEPT_ID").replace_strict(names, default=None, return_dtype=pl.String),
            pl.when(source.str.contains(r"[A-Za-z]{3}")).then(source),
        ).alias("named"),
        _date(table.text("DRUG_EXPOSURE_START_DATE", "DRUG_EXPOSURE_START_DATETIME")).alias("date"),
        _date(table.text("DRUG_EXPOSURE_END_DATE", "DRUG_EXPOSURE_END_DATETIME")).alias("end"),
        pl.col("PERSON_ID").alias("patient_id"),
    )
    aside.leave(
        table,
        rows.filter(pl.col("named").is_null()),
        NAMELESS_DRUG,
        "Put CONCEPT beside the tables, or give DRUG_SOURCE_VALUE.",
    )
    kinds = [name for name in rows["named"].drop_nulls().unique() if treats_cancer(name, {})]
    cancer = pl.col("named").is_in(kinds).fill_null(value=False)
    aside.leave(table, rows.filter(pl.col("named").is_not_null() & ~cancer), OTHER_DRUG)
    whole = cancer & pl.col("date").is_not_null() & pl.col("patient_id").is_not_null()
    aside.leave(
        table,
        rows.filter(cancer & ~whole),
        "a drug without a date or a person",
        "Give them, if they are known.",
    )
    unit = table.text("DOSE_UNIT_SOURCE_VALUE", "DOSE_UNIT_CONCEPT_ID").replace(dict(UNITS))
    quantity = pl.when(unit.is_not_null()).then(table.text("QUANTITY").cast(pl.Float64, strict=False))
    lasts = pl.col("end") > pl.col("date")
    taken = rows.filter(whole).with_columns(
        pl.col("named")
        .replace_strict({name: plain_name(name) for name in kinds}, default=None, return_dtype=pl.String)
        .alias("drug"),
        quantity.alias("dose"),
        pl.when(quantity.is_not_null()).then(unit).alias("unit"),
        pl.when(lasts).then(pl.lit("start")).otherwise(pl.lit("given")).alias("action"),
    )
    stops = taken.filter(lasts).select(
        "patient_id",
        (pl.col("end") + pl.duration(days=1)).alias("date"),
        "drug",
        pl.lit("stop").alias("action"),
        LINE,
    )
    both = pl.concat([taken.select(list(schema)), stops], how="diagonal")
    return both.sort(LINE, "date", maintain_order=True).cast(schema)  # type: ignore[arg-type]


def _patients(
    tables: Mapping[str, TextTable | None], markers: pl.DataFrame, doses: pl.DataFrame, findings: Findings
) -> pl.DataFrame:
    """Rule 4, with sex, year of birth and death."""
    treated = (
        doses.filter(pl.col("action") != "stop")
        .group_by("patient_id")
        .agg(pl.col("date").min().alias("start_date"))
    )
    measured = markers.group_by("patient_id").agg(pl.col("date").min().alias("start_date"))
    guessed = measured.join(treated, on="patient_id", how="anti")
    if guessed.height:
        findings.add(
            "patients",
            f"no drug against cancer of {counted(guessed.height, 'patient')} is known; day 0 is the first marker",
            "Give DRUG_EXPOSURE, with CONCEPT, if there is one.",
            severity="warning",
        )
    people = pl.concat([treated, guessed]).sort("patient_id")
    known: dict[str, Callable[[TextTable], list[pl.Expr]]] = {
        "person": lambda one: [
            one.text("GENDER_CONCEPT_ID")
            .replace_strict(dict(SEX), default=None, return_dtype=pl.String)
            .alias("sex"),
            one.text("YEAR_OF_BIRTH").cast(pl.Int64, strict=False).alias("birth_year"),
        ],
        "death": lambda one: [_date(one.text("DEATH_DATE", "DEATH_DATETIME")).alias("death_date")],
    }
    for name, columns in known.items():
        table = tables.get(name)
        if table is None:
            continue
        told = table.frame.select(pl.col("PERSON_ID").alias("patient_id"), *columns(table)).drop_nulls(
            "patient_id"
        )
        once = told.unique("patient_id", keep="first", maintain_order=True)
        people = people.join(once, on="patient_id", how="left", maintain_order="left")
    return people.with_columns(pl.int_range(2, pl.len() + 2, dtype=pl.Int64).alias(LINE))
