"""The visual predictive check: courses observed, beside courses the model gives the same patients from baseline on.

Each replicate is a whole study: for every patient one course drawn from the posterior at baseline (the prior, and the
baseline reading), lesion by lesion, read as its readers read. Observed and simulated courses end with the first reading
that meets the quantity's criterion of progression, as treatment does in a trial. A course that ended without one
would have ended then whatever the tumour did: those ends are the censoring. A simulated course may outlive the real one
that progressed, so its end is drawn from the censoring beyond that day (Kaplan-Meier with the roles exchanged), and
its visits go on at the study's usual interval.

Source: Holford 2005 (PAGE 14, abstract 738); Bergstrand et al. 2011, doi:10.1208/s12248-011-9255-z; drop-out: Friberg
et al. 2010, doi:10.1038/clpt.2010.153.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from turnpoint.model.arrays import BoolArray, FloatArray, IntArray
from turnpoint.model.filter import posteriors
from turnpoint.model.forecast import SMALLEST_FORECAST_MM, readings_ahead
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.prior import Prior
from turnpoint.model.series import SMALLEST_MARKER, parts_of
from turnpoint.model.streams import Stream, generator
from turnpoint.model.treatment import exposure, off_intervals
from turnpoint.study.study import Study
from turnpoint.turning.criterion_ahead import progression_thresholds

REPLICATES = 200
MOST_PATIENTS = 1000  # of a larger study as many are drawn: its percentiles have no visible error left
FEWEST_IN_BIN = 20
_DRAWS = 2048
LEVELS = (0.05, 0.5, 0.95)
BAND = (0.05, 0.5, 0.95)

PREDICTIVE_CHECK_SCHEMA: dict[str, type[pl.DataType]] = {
    "quantity": pl.String,
    "from_day": pl.Int64,
    "to_day": pl.Int64,
    "middle_day": pl.Float64,
    "readings": pl.Int64,
    "level": pl.Float64,
    "observed_log_ratio": pl.Float64,
    "simulated_log_ratio_q05": pl.Float64,
    "simulated_log_ratio_q50": pl.Float64,
    "simulated_log_ratio_q95": pl.Float64,
}


@dataclass(frozen=True, slots=True)
class _Schedule:
    """When P patients would be read after baseline.

    Attributes:
        patient_ids: in the order of the rows.
        baseline_day: shape (P,).
        day: shape (P, W); the patient's own days, then the usual interval; padding repeats the last.
        planned: which days are not padding, shape (P, W).
        last_day: of the real course, shape (P,).
        progressed: the real course ended with the criterion met, shape (P,).
    """

    patient_ids: list[str]
    baseline_day: FloatArray
    day: FloatArray
    planned: BoolArray
    last_day: FloatArray
    progressed: BoolArray


def visual_predictive_check(
    study: Study, readings: pl.DataFrame, prior: Prior, *, seed: int = 0, replicates: int = REPLICATES
) -> pl.DataFrame:
    """Percentiles of the change from baseline by time, observed and in replicate studies.

    Args:
        study: whose patients, days and doses.
        readings: from `model.series.readings_of(study)`.
        prior: for the readings' quantities.
        seed: of every random draw.
        replicates: simulated studies.

    Returns:
        `quantity, from_day, to_day, middle_day, readings, level, observed_log_ratio, simulated_log_ratio_q05/q50/q95`:
        one row a quantity, time bin and percentile (5, 50, 95 %), the last three columns being the 90 % band and
        the median over replicates of that percentile. A log ratio is log(value / baseline).
    """
    rng = generator(seed, Stream.PREDICTIVE_COURSES)
    readings = _some_patients(readings, rng)
    thresholds = progression_thresholds(readings, study.markers)
    frames = [pl.DataFrame(schema=PREDICTIVE_CHECK_SCHEMA)]
    for quantity in prior.quantities:
        courses = _until_progression(readings.filter(pl.col("quantity") == quantity), thresholds)
        changes = _changes(courses, quantity)
        bins = time_bins(changes["day"].to_numpy(), 7.0 * prior.visit_gap_weeks[quantity])
        if not len(bins):
            continue
        schedule = _schedule(courses, 7.0 * prior.visit_gap_weeks[quantity])
        simulated = _simulated_changes(study, courses, prior, quantity, schedule, replicates, seed)
        frames.append(_percentiles(changes, simulated, bins, quantity))
    return pl.concat(frames)


def _some_patients(readings: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    ids = readings["patient_id"].unique().sort()
    if len(ids) <= MOST_PATIENTS:
        return readings
    kept = ids[np.sort(rng.choice(len(ids), MOST_PATIENTS, replace=False))]
    return readings.filter(pl.col("patient_id").is_in(kept.implode()))


def _until_progression(own: pl.DataFrame, thresholds: pl.DataFrame) -> pl.DataFrame:
    """Readings from the baseline up to the first that meets the criterion, with `is_baseline` and `met`.

    The baseline is the last reading up to day 0, or the first.
    """
    before = (pl.col("day") <= 0).cast(pl.Int64).sum().over("patient_id")
    place = pl.int_range(pl.len()).over("patient_id")
    baseline = pl.max_horizontal(before - 1, pl.lit(0))
    return (
        own.sort("patient_id", "day")
        .with_columns(place.alias("place"), baseline.alias("baseline"))
        .filter(pl.col("place") >= pl.col("baseline"))
        .join(thresholds, on=["patient_id", "quantity", "day"], how="left", maintain_order="left")
        .with_columns(
            (pl.col("place") == pl.col("baseline")).alias("is_baseline"),
            pl.col("threshold").is_null().alias("met"),
        )
        .filter(~pl.col("met").shift(1, fill_value=False).over("patient_id"))
    )


def _changes(courses: pl.DataFrame, quantity: str) -> pl.DataFrame:
    """`patient_id, day, log_ratio` of every reading after the baseline."""
    floor = SMALLEST_FORECAST_MM if quantity == SUM_OF_DIAMETERS else SMALLEST_MARKER
    log_value = pl.col("value").clip(lower_bound=floor).log()
    baseline = log_value.filter(pl.col("is_baseline")).first().over("patient_id")
    return (
        courses.with_columns((log_value - baseline).alias("log_ratio"))
        .filter(~pl.col("is_baseline"))
        .select("patient_id", "day", "log_ratio")
    )


def time_bins(days: FloatArray, gap_days: float) -> IntArray:
    """First days of the bins, and the day after the last: around each usual visit, each with enough readings.

    Args:
        days: of the readings observed.
        gap_days: usual interval.

    Returns:
        Edges, shape (bins + 1,); empty where there are under 20 readings in all. Too small a bin joins the one before.

    >>> time_bins(np.repeat([40.0, 44.0, 85.0, 130.0], 10), 42.0)
    array([ 21,  63, 131])
    """
    if len(days) < FEWEST_IN_BIN:
        return np.empty(0, dtype=np.int64)
    place = np.maximum(np.round(days / gap_days), 1.0)
    edges: list[int] = []
    inside = 0
    for step in np.unique(place):
        if not edges or inside >= FEWEST_IN_BIN:
            edges.append(int(np.ceil((step - 0.5) * gap_days)))
            inside = 0
        inside += int((place == step).sum())
    if inside < FEWEST_IN_BIN and len(edges) > 1:
        edges.pop()
    edges[0] = min(edges[0], int(days.min()))
    return np.array([*edges, int(days.max()) + 1], dtype=np.int64)


def _schedule(courses: pl.DataFrame, gap_days: float) -> _Schedule:
    """Each patient's own days; beyond a progression every `gap_days` until the last day of any course."""
    by_patient = courses.group_by("patient_id", maintain_order=True).agg(
        pl.col("day").filter(pl.col("is_baseline")).first().alias("baseline_day"),
        pl.col("day").filter(~pl.col("is_baseline")).alias("days"),
        pl.col("day").max().alias("last_day"),
        pl.col("met").last().alias("progressed"),
    )
    last = by_patient["last_day"].to_numpy().astype(np.float64)
    progressed = by_patient["progressed"].to_numpy().astype(np.bool_)
    horizon = last.max()
    days = []
    for own, end, goes_on in zip(by_patient["days"].to_list(), last, progressed, strict=True):
        further = np.arange(end + gap_days, (horizon if goes_on else end) + 1.0, gap_days).round()
        days.append(np.concatenate([own, further]))
    width = max(len(own) for own in days)
    day = np.stack(
        [
            np.pad(own, (0, width - len(own)), "edge") if len(own) else np.full(width, end)
            for own, end in zip(days, last, strict=True)
        ]
    )
    planned = np.arange(width) < np.array([len(own) for own in days])[:, None]
    return _Schedule(
        by_patient["patient_id"].to_list(),
        by_patient["baseline_day"].to_numpy().astype(np.float64),
        day,
        planned,
        last,
        progressed,
    )


def ends_of_follow_up(
    last_day: FloatArray, progressed: BoolArray, replicates: int, rng: np.random.Generator
) -> FloatArray:
    """When each replicate course would end without progression, shape (P, replicates).

    Where the real course ended without progression, on its own last day. Where it progressed, a day drawn from the
    Kaplan-Meier distribution of those other ends, given that it lies beyond the progression; what is left of the
    distribution when nobody is left is put on the last day of all.
    """
    ends = np.repeat(last_day[:, None], replicates, axis=1)
    times = np.unique(last_day[~progressed])
    at_risk = (last_day[:, None] >= times).sum(axis=0)
    ended = (last_day[~progressed, None] == times).sum(axis=0)
    staying = np.cumprod(1.0 - ended / np.maximum(at_risk, 1))
    mass = np.append(-np.diff(staying, prepend=1.0), staying[-1] if len(staying) else 1.0)
    places = np.append(times, last_day.max())
    for row in np.flatnonzero(progressed):
        beyond = np.where(places > last_day[row], mass, 0.0)
        if beyond.sum() > 0.0:
            ends[row] = rng.choice(places, size=replicates, p=beyond / beyond.sum())
    return ends


def _simulated_changes(
    study: Study,
    courses: pl.DataFrame,
    prior: Prior,
    quantity: str,
    schedule: _Schedule,
    replicates: int,
    seed: int,
) -> pl.DataFrame:
    """`replicate, day, log_ratio` of every simulated reading up to progression or the end of follow-up."""
    rng = generator(seed, Stream.PREDICTIVE_DROPOUT)
    value = _simulated_values(study, prior, quantity, schedule, replicates, seed)
    ends = ends_of_follow_up(schedule.last_day, schedule.progressed, replicates, rng)
    read = schedule.planned[:, :, None] & (schedule.day[:, :, None] <= ends[:, None, :])
    patient, visit, replicate = np.nonzero(read)
    baseline = courses.filter("is_baseline")
    simulated = _Readings(replicate, patient, schedule.day[patient, visit], value[patient, visit, replicate])
    started = _Readings(
        np.repeat(np.arange(replicates), baseline.height),
        np.tile(np.arange(baseline.height), replicates),
        np.tile(schedule.baseline_day, replicates),
        np.tile(baseline["value"].to_numpy(), replicates),
    )
    readings = pl.concat([started.frame(quantity), simulated.frame(quantity)])
    markers = _as_markers(study, readings, quantity, schedule.patient_ids)
    thresholds = progression_thresholds(readings if markers.is_empty() else readings.clear(), markers)
    changes = _changes(_until_progression(readings, thresholds), quantity)
    replicate_of = pl.col("patient_id").str.split("|").list.first().cast(pl.Int64).alias("replicate")
    return changes.select(replicate_of, "day", "log_ratio")


@dataclass(frozen=True, slots=True)
class _Readings:
    """Simulated readings, one an entry of each array."""

    replicate: IntArray
    patient: IntArray
    day: FloatArray
    value: FloatArray

    def frame(self, quantity: str) -> pl.DataFrame:
        """`patient_id, quantity, day, value`; an identifier is `replicate|patient`."""
        pair = pl.concat_str(pl.col("replicate"), pl.col("patient"), separator="|").alias("patient_id")
        columns = {"replicate": self.replicate, "patient": self.patient, "day": self.day, "value": self.value}
        return pl.DataFrame(columns).select(
            pair, pl.lit(quantity).alias("quantity"), pl.col("day").cast(pl.Int64), "value"
        )


def _simulated_values(
    study: Study, prior: Prior, quantity: str, schedule: _Schedule, replicates: int, seed: int
) -> FloatArray:
    """Readings as written of every patient at every day of the schedule, shape (P, W, replicates)."""
    row_of = {patient_id: row for row, patient_id in enumerate(schedule.patient_ids)}
    start = pl.DataFrame({"patient_id": schedule.patient_ids, "baseline_day": schedule.baseline_day})
    known = (
        parts_of(study)
        .join(start, on="patient_id", how="inner")
        .filter(pl.col("day") <= pl.col("baseline_day"))
    ).drop("baseline_day")
    off_by_patient = off_intervals(study.doses)
    values = np.empty((*schedule.day.shape, replicates))
    rng = generator(seed, Stream.PREDICTIVE_TARGETS)
    for posterior in posteriors(known, study, prior, draws=_DRAWS, seed=seed):
        last = np.flatnonzero(posterior.visit == posterior.batch.visits[posterior.patient] - 1)
        ids = [posterior.batch.patient_ids[patient] for patient in posterior.patient[last]]
        rows = np.array([row_of[patient_id] for patient_id in ids])
        day = schedule.day[rows]
        on_weeks, off_weeks, _ = exposure(day, ids, off_by_patient)
        ahead = readings_ahead(posterior.at(last), prior, quantity, day, (on_weeks, off_weeks), seed)
        # The draws of all patients come from the same particles and noise. Each patient takes their own few of many at
        # random: patients are independent, and what the particles miss of the prior is small against a study's error.
        few = rng.permuted(np.tile(np.arange(_DRAWS), (len(rows), 1)), axis=1)[:, :replicates]
        values[rows] = np.take_along_axis(ahead, few[:, None, :], axis=2)
    return values


def _as_markers(study: Study, readings: pl.DataFrame, quantity: str, patient_ids: list[str]) -> pl.DataFrame:
    """The readings of a marker as `Study.markers` has them, with each patient's limits; none for the sum."""
    if quantity == SUM_OF_DIAMETERS:
        return study.markers.clear()
    limits = (
        study.markers.filter(pl.col("marker") == quantity)
        .group_by("patient_id")
        .agg(
            pl.col("upper_limit").max(),
            pl.col("value").filter(pl.col("censoring") == "left").max().alias("limit"),
        )
    )
    place = pl.DataFrame({"patient_id": patient_ids}).with_row_index("place").join(limits, on="patient_id")
    below = (pl.col("value") <= pl.col("limit")).fill_null(value=False)
    return (
        readings.with_columns(pl.col("patient_id").str.split("|").list.last().cast(pl.UInt32).alias("place"))
        .join(place.drop("patient_id"), on="place", how="left")
        .select(
            "patient_id",
            pl.col("quantity").alias("marker"),
            "day",
            "value",
            "upper_limit",
            pl.when(below).then(pl.lit("left")).otherwise(pl.lit("none")).alias("censoring"),
        )
    )


def _percentiles(
    observed: pl.DataFrame, simulated: pl.DataFrame, bins: IntArray, quantity: str
) -> pl.DataFrame:
    rows = []
    for first, after in pairwise(bins.tolist()):
        inside = pl.col("day").is_between(first, after - 1)
        own = observed.filter(inside)
        drawn = (
            simulated.filter(inside)
            .group_by("replicate")
            .agg(pl.col("log_ratio").quantile(level, "linear").alias(str(level)) for level in LEVELS)
        )
        for level in LEVELS:
            low, middle, high = (drawn[str(level)].quantile(edge, "linear") for edge in BAND)
            rows.append(
                (
                    quantity,
                    first,
                    after - 1,
                    own["day"].median(),
                    own.height,
                    level,
                    own["log_ratio"].quantile(level, "linear"),
                    low,
                    middle,
                    high,
                )
            )
    return pl.DataFrame(rows, schema=PREDICTIVE_CHECK_SCHEMA, orient="row")
