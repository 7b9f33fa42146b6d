"""Body size from optional columns of `patients`: `bsa_m2`, or `height_cm` and `weight_kg`."""

from __future__ import annotations

from typing import Final

import polars as pl

from turnpoint.errors import Problem

# Outside these a number is a slip of the pen or of the unit.
_RANGES: Final = {"bsa_m2": (0.2, 3.5), "height_cm": (40.0, 250.0), "weight_kg": (1.5, 400.0)}


def mosteller_bsa_m2(height_cm: pl.Expr, weight_kg: pl.Expr) -> pl.Expr:
    """Body surface area.

        BSA = sqrt(height_cm * weight_kg / 3600)   m2

    Source: Mosteller 1987, Simplified calculation of body-surface area, N Engl J Med 317:1098.
    """
    return (height_cm * weight_kg / 3600.0).sqrt()


def body_sizes(patients: pl.DataFrame) -> tuple[pl.DataFrame, list[Problem]]:
    """Body surface area and weight of each patient, and every value that cannot be one.

    Args:
        patients: the study's table; each of the three columns may be there or not. `bsa_m2` goes before the formula.

    Returns:
        `patient_id, bsa_m2, weight_kg`, null where not known; problems, all errors.
    """
    known = [name for name in _RANGES if name in patients.columns]
    text = patients.select(
        "patient_id",
        "source_row",
        *(pl.col(name).cast(pl.String).str.strip_chars().replace("", None) for name in known),
    )
    numbers = text.with_columns(pl.col(name).cast(pl.Float64, strict=False) for name in known)
    problems = [
        _problem(row, name, value)
        for name in known
        for row, value in text.filter(
            text[name].is_not_null() & ~numbers[name].is_between(*_RANGES[name]).fill_null(value=False)
        )
        .select("source_row", name)
        .rows()
    ]
    missing = [pl.lit(None, pl.Float64).alias(name) for name in _RANGES if name not in known]
    sizes = numbers.with_columns(*missing).select(
        "patient_id",
        pl.coalesce("bsa_m2", mosteller_bsa_m2(pl.col("height_cm"), pl.col("weight_kg"))).alias("bsa_m2"),
        "weight_kg",
    )
    return sizes, problems


def _problem(row: int | None, name: str, value: str) -> Problem:
    low, high = _RANGES[name]
    unit = name.rsplit("_", 1)[1]
    return Problem(
        "patients",
        row,
        name,
        value if len(value) <= 40 else value[:37] + "...",
        f"not a number from {low:g} to {high:g} {unit}",
        f"Write it in {unit}, or leave the cell empty.",
    )
