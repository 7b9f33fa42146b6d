"""Every dose as an amount on a day, in each quantity that it can be counted in.

A drug that is `given` is one administration a row. A drug taken daily is one a day from its `start` up to the day
before its `stop`, or up to the last day on which anything of the patient is recorded; its `dose` is of a whole day.
"""

from __future__ import annotations

import math
from typing import Final

import polars as pl

from turnpoint.errors import Problem
from turnpoint.harms.body import body_sizes
from turnpoint.harms.dose_units import DoseUnit, parse
from turnpoint.harms.limits import Drug, Limits
from turnpoint.study.study import Study

QUANTITIES: Final = {
    "mg": "mg",
    "mg_per_m2": "mg/m2",
    "auc_mg_min_per_ml": "mg/mL.min",
    "units": "[U]",
    "international_units": "[IU]",
}
ADMINISTRATIONS_SCHEMA: Final = {
    "patient_id": pl.String(),
    "drug": pl.String(),
    "day": pl.Int64(),
    "line": pl.Int64(),
    "cycle": pl.Int64(),
    "has_amount": pl.Boolean(),
    **dict.fromkeys(QUANTITIES, pl.Float64()),
}
_ABSURD = "more than any regimen gives on one day"
_UNITS_KNOWN = (
    "mg, mg/m2, mg/kg, [U], [IU], mg/mL.min for an AUC, or one of them with /d for a drug taken daily"
)


def administrations(study: Study, limits: Limits) -> tuple[pl.DataFrame, tuple[Problem, ...]]:
    """Every administration of the study, and everything that is wrong with it.

    Args:
        study: its doses, and body sizes from optional columns of its patients.
        limits: drug names, conversions, and what a single dose cannot be.

    Returns:
        One row an administration, columns `ADMINISTRATIONS_SCHEMA`, by patient and day; a quantity that the dose
        cannot be counted in is null; `has_amount` is false where the dose or its unit is missing. Then the problems
        in row order: errors, and warnings where a dose cannot be counted in any quantity.
    """
    sizes, problems = body_sizes(study.patients)
    canonical = limits.canonical()
    doses = study.doses.with_columns(pl.col("drug").replace(canonical))
    units = {text: parse(text) for text in doses["unit"].drop_nulls().unique().to_list()}
    counted = _converted(doses, units).join(sizes, on="patient_id", how="left", maintain_order="left")
    amounts = counted.with_columns(**_quantities(limits))
    problems += [
        *_unit_problems(amounts, limits),
        *_absurd(amounts, limits),
        *_mixed(amounts),
    ]
    expanded = _expanded(amounts, _last_days(study))
    return (
        expanded.select(pl.col(name).cast(dtype) for name, dtype in ADMINISTRATIONS_SCHEMA.items()).sort(
            "patient_id", "day", "drug", maintain_order=True
        ),
        tuple(sorted(problems, key=lambda problem: (problem.file != "patients", problem.row or 0))),
    )


def _converted(doses: pl.DataFrame, units: dict[str, DoseUnit | None]) -> pl.DataFrame:
    """Each row with what its unit means: `amount` kind, `size`, `per_day`, and `value` in base units."""
    known = {text: unit for text, unit in units.items() if unit is not None}

    def field(name: str, dtype: pl.DataType) -> pl.Expr:
        return pl.col("unit").replace_strict(
            {text: getattr(unit, name) for text, unit in known.items()}, default=None, return_dtype=dtype
        )

    is_given = pl.col("action") != "stop"
    return doses.with_columns(
        field("amount", pl.String()).alias("counted_as"),
        field("size", pl.String()).alias("size"),
        field("per_day", pl.Boolean()).alias("per_day"),
        (pl.col("dose") * field("scale", pl.Float64())).alias("value"),
    ).with_columns((is_given & pl.col("value").is_not_null()).alias("has_amount"))


def _quantities(limits: Limits) -> dict[str, pl.Expr]:
    """The dose in each quantity; null where it cannot be counted in it."""
    value, bsa = pl.col("value"), pl.col("bsa_m2")
    whole = (
        pl.when(pl.col("size") == "m2")
        .then(value * bsa)
        .when(pl.col("size") == "kg")
        .then(value * pl.col("weight_kg"))
        .otherwise(value)
    )
    is_mg, is_unit, is_iu = (pl.col("counted_as") == kind for kind in ("mg", "unit", "iu"))
    ratio = pl.col("drug").replace_strict(
        {drug.name: drug.iu_per_unit for drug in limits.drugs.values() if drug.iu_per_unit},
        default=None,
        return_dtype=pl.Float64,
    )
    return {
        "mg": pl.when(is_mg).then(whole),
        # a dose written per m2 needs no body surface area to be counted per m2
        "mg_per_m2": pl.when(is_mg & (pl.col("size") == "m2")).then(value).when(is_mg).then(whole / bsa),
        "auc_mg_min_per_ml": pl.when(pl.col("counted_as") == "auc").then(value),
        "units": pl.when(is_unit).then(whole).when(is_iu).then(whole / ratio),
        "international_units": pl.when(is_iu).then(whole).when(is_unit).then(whole * ratio),
    }


def _unit_problems(amounts: pl.DataFrame, limits: Limits) -> list[Problem]:
    """Units that mean nothing, or not for this drug; an error where the drug has a limit, else a warning."""
    found = []
    limited = {limit.drug for limit in limits.limits}
    by_auc = {drug.name for drug in limits.drugs.values() if drug.dosed_by_auc}
    dosed = amounts.filter((pl.col("action") != "stop") & pl.col("unit").is_not_null() & (pl.col("dose") > 0))
    rows = dosed.select("source_row", "drug", "unit", "counted_as", "action", "per_day").rows()
    for row, drug, unit, counted_as, action, per_day in rows:
        if counted_as is None:
            mend = f"Write {_UNITS_KNOWN}."
            severity = "error" if drug in limited else "warning"
            rule = "a dose in this unit cannot be added up"
            found.append(Problem("doses", row, "unit", unit[:40], rule, mend, severity))  # type: ignore[arg-type]
        elif counted_as == "auc" and drug not in by_auc:
            rule, mend = (
                "this drug is not dosed by its area under the curve",
                "Write the dose given, in mg or mg/m2.",
            )
            found.append(Problem("doses", row, "unit", unit[:40], rule, mend))
        elif per_day and action == "given":
            rule = "a dose a day, but the row is one dose"
            mend = "Write action=start and a row with action=stop, or the unit without /d."
            found.append(Problem("doses", row, "unit", unit[:40], rule, mend))
    unknown = amounts.filter((pl.col("action") != "stop") & ~pl.col("has_amount") & pl.col("unit").is_null())
    rule, mend = (
        "the dose cannot be added up; totals are at least what is shown",
        "Write the dose and its unit.",
    )
    return found + [
        Problem("doses", row, "dose", None, rule, mend, "warning") for row in unknown["source_row"]
    ]


def _absurd(amounts: pl.DataFrame, limits: Limits) -> list[Problem]:
    """Single doses that no regimen has, in any quantity that a bound is known for."""
    columns = {unit: name for name, unit in QUANTITIES.items()}
    found = []
    bounded = {name: drug for name, drug in limits.drugs.items() if drug.unit is not None}
    here = amounts.filter(pl.col("has_amount") & pl.col("drug").is_in(list(bounded)))
    for name in here["drug"].unique().sort():
        drug = bounded[name]
        column = columns[str(drug.unit)]
        rows = here.filter((pl.col("drug") == name) & (pl.col(column) > drug.highest_single_dose))
        for row, dose, unit in rows.select("source_row", "dose", "unit").rows():
            found.append(_too_much(drug, row, f"{dose:g} {unit}"))
    slips = here.filter((pl.col("counted_as") == "iu") & pl.col("units").is_between(0, 1, closed="none"))
    rule = "less than one unit: [U] written as [IU]"
    for row, dose, unit in slips.select("source_row", "dose", "unit").rows():
        found.append(
            Problem("doses", row, "dose", f"{dose:g} {unit}", rule, "Write [U] if USP units are meant.")
        )
    return found


def _too_much(drug: Drug, row: int | None, value: str) -> Problem:
    bound = math.inf if drug.unit is None else drug.highest_single_dose
    rule = f"{_ABSURD}: above {bound:g} {drug.unit} of {drug.name}"
    return Problem("doses", row, "dose", value, rule, "Check the number and its unit (mg or mg/m2).")


def _mixed(amounts: pl.DataFrame) -> list[Problem]:
    """A drug whose doses have no quantity in common: nothing can be added up."""
    dosed = amounts.filter(pl.col("has_amount"))
    countable = pl.any_horizontal(pl.col(name).is_not_null().all() for name in QUANTITIES)
    broken = dosed.group_by("patient_id", "drug", maintain_order=True).agg(
        countable.alias("countable"),
        pl.col("source_row").first(),
        pl.col("unit").unique(maintain_order=True).str.join(", "),
        pl.any_horizontal(pl.col(name).is_not_null() for name in QUANTITIES).all().alias("each"),
    )
    found = []
    for row, units, each in broken.filter(~pl.col("countable")).select("source_row", "unit", "each").rows():
        rule = "doses of one drug in units that cannot be added up"
        mend = "Write all of them in one unit, or add bsa_m2 (or height_cm and weight_kg) to patients."
        if not each:
            rule = "a dose per kg or per m2 needs the body size to be counted"
            mend = "Add bsa_m2, or height_cm and weight_kg, to patients."
        found.append(Problem("doses", row, "unit", units[:40], rule, mend))
    return found


def _last_days(study: Study) -> pl.DataFrame:
    """The last day on which anything of a patient is recorded: `patient_id, last_day`."""
    tables = (study.lesions, study.markers, study.doses, study.events)
    return (
        pl.concat([table.select("patient_id", "day") for table in tables])
        .group_by("patient_id")
        .agg(pl.col("day").max().alias("last_day"))
    )


def _expanded(amounts: pl.DataFrame, last_days: pl.DataFrame) -> pl.DataFrame:
    """One row an administration: rows given as they are, and a row for each day of a drug taken daily."""
    single = amounts.filter(pl.col("action") == "given")
    # a dose of 0 was not given; the study has warned of it
    single = single.filter((pl.col("dose") != 0).fill_null(value=True))
    periods = (
        amounts.filter(pl.col("action") != "given")
        .join(last_days, on="patient_id", how="left")
        .sort("patient_id", "drug", "day", "source_row")
        .with_columns(pl.col("day").shift(-1).over("patient_id", "drug").alias("end_day"))
        .with_columns(pl.col("end_day").fill_null(pl.col("last_day") + 1))
        .filter((pl.col("action") == "start") & (pl.col("end_day") > pl.col("day")))
    )
    daily = periods.with_columns(pl.int_ranges("day", "end_day").alias("day")).explode("day")
    return pl.concat([single, daily.select(single.columns)])
