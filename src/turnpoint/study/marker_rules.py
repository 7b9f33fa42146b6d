"""Markers in one name and one unit each: what laboratories wrote becomes what the models read."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import polars as pl

from turnpoint.study.findings import Findings, TypedTable, as_read
from turnpoint.study.markers import MARKERS, Marker, find_marker, folded_names
from turnpoint.study.naming import nearest
from turnpoint.study.schema import fold
from turnpoint.study.units import Unit, parse

# A value this many times both its neighbours, or this small a part of both, is rarely biology.
_SLIP_RATIO: Final = 100.0
# Markers that are detected or not: their 0 is a finding, with the limit of detection as its bound.
_DETECTED: Final = ("ctDNA", "ctDNA copies")


@dataclass(frozen=True, slots=True)
class _Reading:
    """How rows with one spelling of marker and unit are read."""

    marker: str | None
    unit: str | None
    name: str | None
    canonical_unit: str | None
    ratio: Fraction | None = None
    error: str | None = None
    mend: str | None = None
    doubt: str | None = None

    def row(
        self,
    ) -> tuple[
        str | None,
        str | None,
        str | None,
        str | None,
        float | None,
        float | None,
        str | None,
        str | None,
        str | None,
    ]:
        over = None if self.ratio is None else float(self.ratio.numerator)
        under = None if self.ratio is None else float(self.ratio.denominator)
        return (
            self.marker,
            self.unit,
            self.name,
            self.canonical_unit,
            over,
            under,
            self.error,
            self.mend,
            self.doubt,
        )


_READING_SCHEMA: Final = pl.Schema(
    {
        "marker": pl.String(),
        "unit": pl.String(),
        "name": pl.String(),
        "canonical_unit": pl.String(),
        "over": pl.Float64(),
        "under": pl.Float64(),
        "unit_error": pl.String(),
        "unit_mend": pl.String(),
        "unit_doubt": pl.String(),
    }
)


def standardise(table: TypedTable, findings: Findings) -> None:
    """Canonical names and units, censoring, and what cannot be brought into them; the frame changes in place.

    Rules: a value in another unit is converted exactly where the units measure the same thing, or where the marker
    defines the conversion; a marker that is not known keeps its name and its first unit (warning). 0 is a value
    that no assay can tell from its limit: it is read as below the limit that an earlier row of the patient states for
    the same assay, or else the usual one of the marker's assays, or below the patient's smallest value up to that day
    where that is lower or neither is known (warning). What comes later, or is another patient's, never counts. Where
    nothing says a limit it is an error.
    """
    readings = _readings(table, findings)
    table.frame = table.frame.join(
        readings, on=["marker", "unit"], how="left", nulls_equal=True, maintain_order="left"
    )
    findings.rows(
        table, pl.col("unit_error").is_not_null(), "unit", pl.col("unit_error"), pl.col("unit_mend")
    )
    findings.rows(
        table,
        pl.col("unit_doubt").is_not_null(),
        "unit",
        pl.col("unit_doubt"),
        "Ask the laboratory for its conversion, or report all values in one unit.",
        severity="warning",
    )
    findings.rows(
        table,
        pl.col("upper_limit") == 0,
        "upper_limit",
        "0 is no upper limit",
        "Leave it empty if it is not known.",
    )
    _settle_censoring(table, findings)
    reported = [
        pl.coalesce(pl.col(f"reported_{name}"), pl.col(as_read(name)).cast(pl.String)).alias(
            f"reported_{name}"
        )
        for name in ("value", "unit")
        if table.has(name)
    ]
    # Multiply, then divide: one rounding when the ratio or its inverse is whole.
    converted = [
        (pl.col(name) * pl.col("over") / pl.col("under")).alias(name) for name in ("value", "upper_limit")
    ]
    table.frame = table.frame.with_columns(
        *reported,
        *converted,
        pl.col("name").alias("marker"),
        pl.col("canonical_unit").alias("unit"),
    ).drop("name", "canonical_unit", "over", "under", "unit_error", "unit_mend", "unit_doubt")
    _read_zeros(table, findings)


def report_doubtful_values(table: TypedTable, findings: Findings) -> None:
    """Warn of values beyond anything known for the marker, and of single values far from both neighbours.

    The frame must be sorted by patient and day.
    """
    ceilings = {
        name: marker.implausible_above for name, marker in MARKERS.items() if marker.implausible_above
    }
    ceiling = pl.col("marker").replace_strict(ceilings, default=None, return_dtype=pl.Float64)
    findings.rows(
        table,
        pl.col("value") > ceiling,
        "value",
        pl.format("higher than {} is ever reported", pl.col("marker")),
        "Check the value and its unit; nothing to do if both are right.",
        severity="warning",
    )
    series = ["patient_id", "marker"]
    value = pl.col("value")
    known = table.frame.filter(value.is_not_null() & pl.col("patient_id").is_not_null())
    known = known.with_columns(
        (value / value.shift(1).over(series)).alias("over_last"),
        (value / value.shift(-1).over(series)).alias("over_next"),
    )
    up = (pl.col("over_last") >= _SLIP_RATIO) & (pl.col("over_next") >= _SLIP_RATIO)
    down = (pl.col("over_last") <= 1 / _SLIP_RATIO) & (pl.col("over_next") <= 1 / _SLIP_RATIO)
    findings.rows(
        table.part(known),
        (pl.col("censoring") == "none") & (up | down),
        "value",
        f"{_SLIP_RATIO:g} times above or below both the value before and the value after",
        "Check the decimal point and the unit; nothing to do if both are right.",
        severity="warning",
    )


def _settle_censoring(table: TypedTable, findings: Findings) -> None:
    """`censoring` from the sign before the value, or from the column of that name; both must agree."""
    sign = pl.col("sign") if "sign" in table.frame.columns else pl.lit(None, dtype=pl.String)
    from_sign = (
        pl.when(sign.str.starts_with("<"))
        .then(pl.lit("left"))
        .when(sign.str.starts_with(">"))
        .then(pl.lit("right"))
    )
    findings.rows(
        table,
        from_sign != pl.col("censoring"),
        "censoring",
        "contradicts the sign before the value",
        "Write the sign, or the column, not both.",
    )
    settled = pl.coalesce(from_sign, pl.col("censoring"), pl.lit("none")).alias("censoring")
    table.frame = table.frame.with_columns(settled).drop("sign", strict=False)
    findings.rows(
        table,
        (pl.col("censoring") != "none") & (pl.col("value") == 0),
        "value",
        "a limit of 0 says nothing",
        "Write the assay's limit after the sign, for example <0.1.",
    )


def _read_zeros(table: TypedTable, findings: Findings) -> None:
    zero = (pl.col("value") == 0) & (pl.col("censoring") == "none")
    if not table.frame.select(zero.any()).item():
        return
    usual = {name: marker.usual_lower_limit for name, marker in MARKERS.items() if marker.usual_lower_limit}
    # A limit that comes later, or that another patient's rows state, never counts: only what is known by then does.
    stated = pl.when(pl.col("censoring") == "left").then("value").forward_fill()
    measured = pl.when((pl.col("value") > 0) & (pl.col("censoring") != "left")).then("value").cum_min()
    assay = ["patient_id", "marker", "assay"]
    table.frame = table.frame.with_columns(
        pl.coalesce(
            stated.over(assay, order_by="day"),
            pl.col("marker").replace_strict(usual, default=None, return_dtype=pl.Float64),
        ).alias("floor"),
        stated.over(assay, order_by="day").is_not_null().alias("floor is stated"),
        measured.forward_fill().over("patient_id", "marker", order_by="day").alias("smallest"),
    ).with_columns(pl.min_horizontal("floor", "smallest").alias("lower_limit"))
    findings.rows(
        table,
        zero & pl.col("lower_limit").is_null() & pl.col("marker").is_not_null(),
        "value",
        "0 is below some limit, and nothing says which: the marker is not known, nor has the patient a value before it",
        "Write the assay's limit, for example <0.1.",
    )
    why = (
        pl.when(pl.col("smallest") < pl.col("floor").fill_null(float("inf")))
        .then(pl.lit("the patient's smallest value of this marker so far"))
        .when("floor is stated")
        .then(pl.lit("the limit that an earlier row of the patient states for this assay"))
        .otherwise(pl.lit("the usual limit of its assays"))
    )
    said = (
        pl.when(pl.col("marker").is_in(_DETECTED))
        .then(pl.lit("0 is not detected"))
        .otherwise(pl.lit("0 is below the assay's limit"))
    )
    findings.rows(
        table,
        zero & pl.col("lower_limit").is_not_null(),
        "value",
        pl.format("{}; read as <{} {}, {}", said, "lower_limit", "unit", why),
        "Write the assay's limit if it is known, for example <0.1.",
        severity="warning",
    )
    table.frame = table.frame.with_columns(
        pl.when(zero).then("lower_limit").otherwise("value").alias("value"),
        pl.when(zero).then(pl.lit("left")).otherwise("censoring").alias("censoring"),
    ).drop("floor", "floor is stated", "smallest", "lower_limit")


def _readings(table: TypedTable, findings: Findings) -> pl.DataFrame:
    """One row for every spelling of marker and unit in the table, and how it is read."""
    spellings = (
        table.frame.group_by("marker", "unit", maintain_order=True)
        .agg(pl.col("source_row").first().alias("row"))
        .sort("row", maintain_order=True)
    )
    readings: list[_Reading] = []
    first_units: dict[str, tuple[str, str]] = {}
    for name, unit, row in spellings.iter_rows():
        if name is None:
            readings.append(_Reading(name, unit, None, unit))
            continue
        marker = find_marker(name)
        if marker is not None:
            readings.append(_read_known(name, unit, marker))
            continue
        if fold(name) not in first_units and unit is not None:
            first_units[fold(name)] = (name, unit)
            _report_unknown(name, row, table, findings)
        readings.append(_read_unknown(name, unit, first_units.get(fold(name))))
    return pl.DataFrame([reading.row() for reading in readings], schema=_READING_SCHEMA, orient="row")


def _read_known(name: str, unit: str | None, marker: Marker) -> _Reading:
    if unit is None:  # an empty cell, reported already
        return _Reading(name, unit, marker.name, None)
    found = parse(unit)
    if found is None:
        return _Reading(
            name,
            unit,
            marker.name,
            None,
            error="not a unit that Turnpoint knows",
            mend=f"Write it as UCUM does; {marker.name} is read in {marker.unit} and all that converts to it.",
        )
    for candidate in (marker, MARKERS.get(marker.other_quantity or "")):
        ratio = candidate.ratio_from(found) if candidate else None
        if candidate is not None and ratio is not None:
            conversion = ratio[1]
            inexact = conversion is not None and not conversion.exact
            doubt = (
                f"converted into {candidate.unit} by {conversion.source}" if inexact and conversion else None
            )
            return _Reading(name, unit, candidate.name, candidate.unit, ratio[0], doubt=doubt)
    return _Reading(
        name,
        unit,
        marker.name,
        None,
        error=f"cannot be converted into {marker.unit}, the unit of {marker.name}",
        mend=f"Report the value in {marker.unit}, or give this quantity a marker name of its own.",
    )


def _read_unknown(name: str, unit: str | None, first: tuple[str, str] | None) -> _Reading:
    if unit is None or first is None:  # an empty cell, reported already
        return _Reading(name, unit, name, None)
    first_name, first_unit = first
    if unit == first_unit:
        return _Reading(name, unit, first_name, unit, Fraction(1))
    ratio = _ratio(parse(unit), parse(first_unit))
    if ratio is None:
        return _Reading(
            name,
            unit,
            first_name,
            None,
            error=f"cannot be converted into {first_unit}, the first unit of this marker",
            mend="Report all values of the marker in one unit.",
        )
    return _Reading(name, unit, first_name, first_unit, ratio)


def _ratio(unit: Unit | None, other: Unit | None) -> Fraction | None:
    return None if unit is None or other is None else unit.ratio_to(other)


def _report_unknown(name: str, row: int | None, table: TypedTable, findings: Findings) -> None:
    names = list(folded_names())
    near = nearest(name, names)
    hint = f" Is {folded_names()[near].name} meant?" if near else ""
    findings.add(
        table.file,
        "not a marker that Turnpoint knows; it is kept in its own unit",
        f"Check the spelling.{hint}",
        row=row,
        column="marker",
        value=name,
        severity="warning",
    )
