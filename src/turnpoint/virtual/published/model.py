"""What a published population model is to Turnpoint, and how a cohort of virtual patients is drawn from one.

A model gives individual parameters, curves without error, and what is written down of a curve; the loop over
quantities, the dates and the study's tables are the same for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from turnpoint.criteria.recist import TOO_SMALL_MM
from turnpoint.model.arrays import FloatArray
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.streams import Stream, generator
from turnpoint.study.markers import MARKERS
from turnpoint.study.reading import read_frames
from turnpoint.study.study import Study

Individuals = Mapping[str, FloatArray]  # parameters of each patient by name, natural units; shape (P,) each
Curve = Callable[[Individuals, FloatArray], FloatArray]  # values without error on days (V,), shape (P, V)
Written = Callable[[FloatArray, np.random.Generator], FloatArray]  # what is read of them

LARGEST_DIAMETER_MM = 500.0  # the largest a study may have


@dataclass(frozen=True, slots=True)
class Summary:
    """A figure that the paper gives of its patients: a quantile of something that each of them has.

    Attributes:
        name: what it is, with its unit.
        level: of the quantile; 0.5 for a median.
        published: the paper's value, twice; or two values, of two arms, that a pooled cohort has to lie between.
        where: in the paper.
        of: each patient's, from their true parameters.
        compared: false where the paper's is of something else (an estimate drawn to the middle, say): `where` says it.
    """

    name: str
    level: float
    published: tuple[float, float]
    where: str
    of: Callable[[Individuals], FloatArray]
    compared: bool = True


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """A population model from a paper, as numbers.

    Attributes:
        name: of the prior that is made from it.
        data: what the paper's patients were, one line.
        source: citation.
        patients: whom the paper estimated it on: as many are drawn.
        horizon_days: until when it is drawn, and was meant to hold.
        tumour_type, drugs: as a study would name them.
        keywords: lower-case words that choose its prior; none where it is taken only when it is named.
        estimated: whether its numbers were estimated on patients, or chosen.
        dose_days: of every drug.
        days: planned days by quantity, day 0 first.
        individuals: parameters of so many patients.
        curves: by quantity.
        written: by quantity, what is read of a curve.
        last_days: of each patient, from parameters and what would be read of them if they stayed, by quantity.
        summaries: the paper's own figures.
        caveats: what a careful reader wants to know before trusting it.
    """

    name: str
    data: str
    source: str
    patients: int
    horizon_days: int
    tumour_type: str
    drugs: tuple[str, ...]
    keywords: tuple[str, ...]
    estimated: bool
    dose_days: FloatArray
    days: Mapping[str, FloatArray]
    individuals: Callable[[int, np.random.Generator], Individuals]
    curves: Mapping[str, Curve]
    written: Mapping[str, Written]
    last_days: Callable[[Individuals, Mapping[str, FloatArray], np.random.Generator], FloatArray]
    summaries: tuple[Summary, ...]
    caveats: tuple[str, ...] = ()

    @property
    def quantities(self) -> tuple[str, ...]:
        """The sum of diameters first, then markers."""
        return tuple(self.days)


@dataclass(frozen=True, slots=True)
class Cohort:
    """Virtual patients of a published model.

    Attributes:
        study: as read from a study folder; the sum of diameters is one target lesion.
        individuals: their true parameters, in the order of the study's patients.
    """

    study: Study
    individuals: Individuals


def cohort_of(model: PublishedModel, *, patients: int | None = None, seed: int = 0) -> Cohort:
    """Draw the paper's number of patients, or another, and read them on the paper's days with its residual error.

    Args:
        model: one of `PUBLISHED_MODELS`.
        patients: the paper's number by default.
        seed: of every random draw.
    """
    rng = generator(seed, Stream.PUBLISHED_COHORT)
    number = model.patients if patients is None else patients
    individuals = model.individuals(number, rng)
    read = {
        quantity: model.written[quantity](curve(individuals, model.days[quantity]), rng)
        for quantity, curve in model.curves.items()
    }
    last = np.minimum(model.last_days(individuals, read, rng), model.horizon_days)
    ids = np.array([f"{index + 1:0{len(str(number))}d}" for index in range(number)])
    tables = {
        "patients": pl.DataFrame({"patient_id": ids}).with_columns(
            pl.lit(model.tumour_type).alias("tumour_type")
        ),
        "doses": _doses(model, ids, last),
    }
    for quantity, values in read.items():
        rows = _rows(ids, model.days[quantity], last, values)
        if quantity == SUM_OF_DIAMETERS:
            tables["lesions"] = _as_lesions(rows)
        else:
            tables["markers"] = _as_marker(rows, quantity)
    return Cohort(read_frames(tables, f"virtual {model.name}"), individuals)


def _rows(ids: np.ndarray, days: FloatArray, last: FloatArray, values: FloatArray) -> pl.DataFrame:
    """`patient_id, day, value` of what is read up to each patient's last day."""
    kept = days <= last[:, None]
    return pl.DataFrame(
        {
            "patient_id": np.broadcast_to(ids[:, None], kept.shape)[kept],
            "day": np.broadcast_to(days, kept.shape)[kept].astype(np.int64),
            "value": values[kept],
        }
    )


def _doses(model: PublishedModel, ids: np.ndarray, last: FloatArray) -> pl.DataFrame:
    days = model.dose_days
    rows = _rows(ids, days, last, np.zeros((len(ids), len(days)))).drop("value")
    return pl.concat([rows.with_columns(pl.lit(drug).alias("drug")) for drug in model.drugs]).sort(
        "patient_id", "day", "drug"
    )


def _as_lesions(rows: pl.DataFrame) -> pl.DataFrame:
    """One target lesion in whole mm, as readers write it; below 5 mm it is too small to measure."""
    small = pl.col("value") < TOO_SMALL_MM
    return rows.select(
        "patient_id",
        "day",
        pl.lit("T1").alias("lesion_id"),
        pl.lit("target").alias("role"),
        pl.when(~small)
        .then(pl.col("value").clip(upper_bound=LARGEST_DIAMETER_MM).round())
        .alias("diameter_mm"),
        pl.when(small).then(pl.lit("too_small")).otherwise(pl.lit("measured")).alias("status"),
    )


def _as_marker(rows: pl.DataFrame, marker: str) -> pl.DataFrame:
    known = MARKERS[marker]
    return rows.with_columns(
        pl.col("value").round_sig_figs(4),
        pl.lit(marker).alias("marker"),
        pl.lit(known.unit).alias("unit"),
        pl.lit(known.usual_upper_limit, pl.Float64).alias("upper_limit"),
    )
