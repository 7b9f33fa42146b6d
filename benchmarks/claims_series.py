"""Series of the claims page: five real data sets as the counting of plateaus needs them, and what is counted once."""

from __future__ import annotations

import math
import os
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
from plateaus import ReadingError, Trend, first_of, what_came_next, windows
from scipy.stats import CensoredData, ecdf

import turnpoint as tp
from turnpoint.criteria.marker_progression import first_progression
from turnpoint.criteria.recist import TOO_SMALL_MM, sum_of_diameters
from turnpoint.model.parameters import SUM_OF_DIAMETERS, dynamics_of, reading_of
from turnpoint.model.prior import named_prior
from turnpoint.study.recist_bar import PROGRESSION_RATIO
from turnpoint.study.study import Study
from turnpoint.turning.detectable import READING_SD_SHARE, detectable_log_change

DATA = Path(os.environ.get("TURNPOINT_DATA", Path(__file__).parents[2] / "shared" / "data"))
DRAWS = 4096
# Fixed, not a prior's: what is counted must not move when a prior is fitted anew. CT as `turning.detectable`.
CT_ERROR = ReadingError(1.645 * math.sqrt(2.0) * READING_SD_SHARE, rounding=1.0, floor=TOO_SMALL_MM)
# No reference change of PSA was found. 20 % is what the fitted reading error makes; no PSA doubling time is taken from
# values below 0.2 ng/mL (docs/metrics.md).
PSA_ERROR = ReadingError(math.log(1.2), floor=0.2)


@dataclass(frozen=True)
class Setting:
    """A data set: its folder, and the name on charts."""

    folder: str
    label: str


SETTINGS = (
    Setting("oak-docetaxel", "NSCLC, docetaxel, CT"),
    Setting("oak-atezolizumab", "NSCLC, atezolizumab, CT"),
    Setting("ffcd2000-05-colorectal", "Colorectal, chemotherapy, CT"),
    Setting("ascent2-docetaxel-psa", "Prostate, docetaxel, PSA"),
    Setting("abiraterone-adaptive-psa", "Prostate, abiraterone on and off, PSA"),
)


@dataclass(frozen=True)
class Series:
    """One setting as the counting needs it.

    Attributes:
        readings: `patient_id, day, value`, a spell on the drug being a patient of its own.
        progressions: `patient_id, progression_day`.
        error: when two readings count as the same.
    """

    setting: Setting
    readings: pl.DataFrame
    progressions: pl.DataFrame
    error: ReadingError


@cache
def series_of(setting: Setting) -> Series:
    study = tp.read(DATA / setting.folder)
    if study.lesions.height:
        readings = (
            sum_of_diameters(study.lesions)
            .drop_nulls("sum_of_diameters_mm")
            .select("patient_id", "day", pl.col("sum_of_diameters_mm").alias("value"))
        )
        found = tp.respond(study).responses.filter(pl.col("overall_response").cast(pl.String) == "PD")
        progressions = found.group_by("patient_id").agg(pl.col("day").min().alias("progression_day"))
        return Series(setting, readings, progressions, CT_ERROR)
    markers = spells(study) if study.doses.height else study.markers
    readings = markers.group_by("patient_id", "day").agg(pl.col("value").mean()).sort("patient_id", "day")
    progressions = first_progression(markers).select("patient_id", "progression_day")
    return Series(setting, readings, progressions, PSA_ERROR)


def spells(study: Study) -> pl.DataFrame:
    """Markers while the drug was on, each spell a patient of its own with day 0 at its start."""
    own = "patient_id"
    actions = study.doses.select(own, "day", "action").sort("day")
    started = pl.when(pl.col("action") != "stop").then("day").forward_fill().over(own, order_by="day")
    during = study.markers.sort("day").join_asof(
        actions.with_columns(started.alias("start"), pl.col("day").alias("since")),
        on="day",
        by=own,
        strategy="backward",
        check_sortedness=False,  # both are sorted by day on the lines above
    )
    # the reading on the day of a stop is the last one under the drug, not the first without it
    stopped_today = pl.col("since") == pl.col("day")
    return (
        during.filter((pl.col("action") != "stop") | stopped_today)
        .with_columns(
            pl.concat_str(own, "start", separator=" day ").alias(own),
            (pl.col("day") - pl.col("start")).alias("day"),
        )
        .sort(own, "day")
    )


def visits_of(series: Series, trend: Trend, length: int = 3) -> pl.DataFrame:
    return first_of(windows(series.readings, series.progressions, series.error, length), trend)


def outcomes(series: Series, trend: Trend, weeks: float) -> pl.DataFrame:
    return what_came_next(visits_of(series, trend), series.readings, series.progressions, series.error, weeks)


def waiting(series: Series, visits: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Days from each visit to progression or the last reading, and whether it was progression."""
    last = series.readings.group_by("patient_id").agg(pl.col("day").max().alias("last_day"))
    frame = visits.join(last, on="patient_id", maintain_order="left").join(
        series.progressions, on="patient_id", how="left", maintain_order="left"
    )
    until = frame.select(pl.coalesce("progression_day", "last_day") - pl.col("day")).to_series()
    return until.to_numpy(), frame["progression_day"].is_not_null().to_numpy()


def kaplan_meier(days: np.ndarray, event: np.ndarray, weeks: float) -> tuple[float, float, float]:
    """Share progressed by a horizon (a week late allowed), with its 95 % log-log interval; nan where it has none."""
    if not event.any():
        return 0.0, math.nan, math.nan
    surviving = ecdf(CensoredData(uncensored=days[event], right=days[~event])).sf
    at = 7 * weeks + 7
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # an interval that the formula does not define is nan
        interval = surviving.confidence_interval(method="log-log")
    low, high = (1 - float(bound.evaluate(at)) for bound in (interval.high, interval.low))
    return 1 - float(surviving.evaluate(at)), low, high


@dataclass(frozen=True)
class Wait:
    """Progressions after a nadir under treatment: days from the first smallest reading, and readings between."""

    label: str
    days: np.ndarray
    between: np.ndarray


def nadir_to_progression(series: Series) -> Wait:
    """Only nadirs after the first reading: a tumour that grows from the start never had a turn to see."""
    day = pl.col("day")
    until = series.readings.join(series.progressions, on="patient_id").filter(day < pl.col("progression_day"))
    lowest = until.filter(pl.col("value") == pl.col("value").min().over("patient_id"))
    nadir = lowest.group_by("patient_id").agg(day.min().alias("nadir_day"))
    waits = (
        until.join(nadir, on="patient_id")
        .filter((pl.col("nadir_day") > 0) & (pl.col("nadir_day") > day.min().over("patient_id")))
        .group_by("patient_id")
        .agg(
            (pl.col("progression_day") - pl.col("nadir_day")).first().alias("days"),
            (day > pl.col("nadir_day")).sum().alias("between"),
        )
    )
    return Wait(series.setting.label, waits["days"].to_numpy(), waits["between"].to_numpy())


def with_new_lesion(setting: Setting) -> tuple[int, int]:
    """First progressions with a new lesion, and all of them."""
    found = tp.respond(tp.read(DATA / setting.folder)).responses
    progressed = found.filter(pl.col("overall_response").cast(pl.String) == "PD")
    first = progressed.sort("day").unique("patient_id", keep="first", maintain_order=True)
    return int(first["new_lesion"].sum()), first.height


@dataclass(frozen=True)
class Dates:
    """Weeks of each draw of a prior, shape (draws,), and its resistant part.

    Attributes:
        share_at_turning: resistant share of what lives at the turning point.
        doublings_to_progression: of the resistant part, from the turning point to progression.
    """

    dominance: np.ndarray
    turning: np.ndarray
    detectable: np.ndarray
    progression: np.ndarray
    share_at_turning: np.ndarray
    doublings_to_progression: np.ndarray


def dates_under(prior_name: str, particles: np.ndarray | None = None) -> Dates:
    """Dates under a shipped prior: regrowth on the diameter, scar included, of a sum where 20 % sets the bar."""
    prior = named_prior(prior_name)
    drawn = prior.bank(DRAWS, 0) if particles is None else particles
    dynamics, reading = dynamics_of(drawn), reading_of(drawn, prior.quantities[0], 0)
    zero = np.zeros(len(drawn))
    turning = dynamics.turning_week(zero, zero)
    lowest = dynamics.log_burden(turning, zero)

    def weeks_until(log_rise: float) -> np.ndarray:
        bar = reading.log_burden_of(reading.log_signal(lowest) + log_rise)
        return dynamics.weeks_to_rise(bar - lowest, turning)

    to_progression = weeks_until(math.log(PROGRESSION_RATIO))
    return Dates(
        dynamics.dominance_week(zero, zero),
        turning,
        turning + weeks_until(detectable_log_change(SUM_OF_DIAMETERS, prior)),
        turning + to_progression,
        dynamics.resistant_share(turning, zero),
        dynamics.regrowth_per_week * to_progression / math.log(2),
    )
