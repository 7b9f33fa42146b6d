"""How a clinic reads the courses of `independent_courses.py`, its study folder, and the truth by visit.

Scans are read by lesion with a proportional error of 4 to 6 % and another of 1 mm, in whole millimetres; a reader who
faces a small change writes the last number again one time in four; below 5 mm is `too_small`. Markers have their
published variation within a patient. A course ends with the visit that meets its criterion (RECIST where scans are
read; else a marker that is half above its smallest value and above its limit twice running), or after the last week;
in worlds without regrowth nothing ends it.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from independent_courses import DAYS, LOG_HALF, MILLIMETRE_ERROR, PROPORTIONAL_ERROR, Courses
from lead_time_rules import ruler

import turnpoint as tp
from turnpoint import Study
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.series import readings_of

SEEN = ("CT", "marker", "both")
TREND = LOG_HALF / 26.0  # a living burden that halves or doubles in half a year
BEYOND_ERROR = 1.645 * np.sqrt(2.0)  # two readings, one-sided 5 %
MARKER_WEEKS = 3
REPEATED = 0.25
TOO_SMALL_MM, ABSENT_MM = 5.0, 1.5


@dataclass(frozen=True)
class Readings:
    """One quantity as read: shapes (courses, visits), lesions in between for scans."""

    day: np.ndarray
    value: np.ndarray  # sum of diameters, or the marker
    sd: np.ndarray  # of one reading: mm of a sum, log of a marker
    true: np.ndarray  # by day, without error, (courses, days)
    parts: np.ndarray  # the lesions of a sum, (courses, lesions, visits); the marker itself
    log_scale: bool

    def beyond(self, later: np.ndarray, earlier: np.ndarray, sd: np.ndarray) -> np.ndarray:
        """+1, 0, -1: whether one value lies above, within or below another by more than the error of two readings."""
        apart = np.log(later / earlier) if self.log_scale else later - earlier
        return np.where(apart > BEYOND_ERROR * sd, 1, np.where(apart < -BEYOND_ERROR * sd, -1, 0))


def error_of_sum(lesions_mm: np.ndarray, axis: int) -> np.ndarray:
    """SD of one reading of a sum: each lesion's own, added in squares."""
    one = (PROPORTIONAL_ERROR * lesions_mm) ** 2 + MILLIMETRE_ERROR**2
    return np.sqrt(np.where(lesions_mm > 0, one, 0.0).sum(axis=axis))


def days_read(every: int, weeks: int, late: np.ndarray) -> np.ndarray:
    """Planned weeks as days, a few days early or late; what is planned for one week is read on one day."""
    planned = np.arange(0, weeks + 1, every)
    return 7 * planned[None, :] + np.where(planned > 0, late[:, planned], 0)


def at_days(by_day: np.ndarray, day: np.ndarray) -> np.ndarray:
    return np.take_along_axis(by_day, day, axis=-1)


def read_scans(courses: Courses, weeks: int, late: np.ndarray, rng: np.random.Generator) -> Readings:
    """Read every lesion at every scan."""
    day = days_read(courses.disease.scan_weeks, weeks, late)
    true = np.stack(
        [at_days(courses.diameters[:, one], day) for one in range(courses.diameters.shape[1])], axis=1
    )
    there = courses.diameters[:, :, :1] > 0
    spread = rng.uniform(0.04, 0.06, (len(day), 1, 1))
    noise = spread * true * rng.standard_normal(true.shape) + rng.standard_normal(true.shape)
    read = np.maximum(np.rint(true + noise), 1.0)
    again = rng.random(read.shape) < REPEATED
    for visit in range(1, read.shape[2]):
        last = read[:, :, visit - 1]
        small = np.abs(read[:, :, visit] - last) <= np.maximum(2.0, 0.1 * last)
        read[:, :, visit] = np.where(again[:, :, visit] & small, last, read[:, :, visit])
    read = np.where(
        read < TOO_SMALL_MM, TOO_SMALL_MM - 0.5, read
    )  # 4.5 stands for "too small" until it is written
    read = np.where((true < ABSENT_MM) | ~there, 0.0, read)
    summed = np.where((read > 0) & (read < TOO_SMALL_MM), TOO_SMALL_MM, read)
    return Readings(
        day, summed.sum(axis=1), error_of_sum(summed, 1), courses.diameters.sum(axis=1), read, log_scale=False
    )


def read_marker(courses: Courses, weeks: int, late: np.ndarray, rng: np.random.Generator) -> Readings:
    """Read the marker, to three figures; below the assay's limit the limit stands."""
    day = days_read(MARKER_WEEKS, weeks, late)
    sd = np.sqrt(np.log1p(courses.disease.marker_cv**2))
    value = at_days(courses.marker, day) * np.exp(sd * rng.standard_normal(day.shape))
    unit = 10.0 ** (np.floor(np.log10(value)) - 2)
    value = np.maximum(np.rint(value / unit) * unit, courses.disease.lowest)
    return Readings(day, value, np.full(day.shape, sd), courses.marker, value[:, None, :], log_scale=True)


def last_days(courses: Courses, found: Readings, *, scans: bool) -> np.ndarray:
    """The day of the visit that meets the criterion (counted from the end of a pause on); the last one else."""
    smallest = np.minimum.accumulate(found.value, axis=1)
    before = np.concatenate([found.value[:, :1], smallest[:, :-1]], axis=1)
    if scans:
        met = (found.value >= 1.2 * before) & (found.value >= before + 5.0)
    else:
        high = (found.value >= 1.5 * before) & (found.value > courses.disease.upper_limit)
        met = high & np.concatenate([np.zeros_like(high[:, :1]), high[:, :-1]], axis=1)
    met &= found.day >= courses.treatment.resumed[:, None]
    met &= np.isfinite(courses.turning_day)[:, None]
    return np.where(met.any(axis=1), at_days(found.day, met.argmax(axis=1)[:, None])[:, 0], DAYS)


@dataclass(frozen=True)
class Seen:
    """Courses as one way of looking at them shows them."""

    courses: Courses
    quantities: dict[str, Readings]
    last_day: np.ndarray

    def patient_id(self, course: int) -> str:
        """The patient of a course, as the study folder names them."""
        return f"C{course:05d}"


def looked_at(courses: Courses, weeks: int, seed: tuple[int, ...]) -> dict[str, Seen]:
    """The same readings, by CT alone, by the marker alone and by both."""
    rng = np.random.default_rng((*seed, 1))
    late = rng.integers(-3, 4, (len(courses.turning_day), weeks + 1))
    scans, marker = read_scans(courses, weeks, late, rng), read_marker(courses, weeks, late, rng)
    by_scan, by_marker = last_days(courses, scans, scans=True), last_days(courses, marker, scans=False)
    return {
        "CT": Seen(courses, {"scan": scans}, by_scan),
        "marker": Seen(courses, {"marker": marker}, by_marker),
        "both": Seen(courses, {"scan": scans, "marker": marker}, by_scan),
    }


def study_of(seen: Seen) -> Study:
    """Write the study folder that a clinic would have, and read it as a user does."""
    disease, ids = seen.courses.disease, [seen.patient_id(i) for i in range(len(seen.last_day))]
    tables = {
        "patients": pl.DataFrame(
            {"patient_id": ids, "tumour_type": disease.tumour_type, "arm": disease.drug},
        )
    }
    if "scan" in seen.quantities:
        tables["lesions"] = lesion_rows(seen, seen.quantities["scan"])
    if "marker" in seen.quantities:
        tables["markers"] = marker_rows(seen, seen.quantities["marker"])
    if seen.courses.treatment.doses:
        tables["doses"] = dose_rows(seen)
    with tempfile.TemporaryDirectory() as folder:
        for name, table in tables.items():
            table.write_csv(Path(folder) / f"{name}.csv")
        return tp.read(folder)


def lesion_rows(seen: Seen, scans: Readings) -> pl.DataFrame:
    rows = []
    there = seen.courses.diameters[:, :, 0] > 0
    for course, lesion in zip(*np.nonzero(there), strict=True):
        for day, value in zip(scans.day[course], scans.parts[course, lesion], strict=True):
            status = "absent" if value == 0 else "too_small" if value < TOO_SMALL_MM else "measured"
            shown = value if status == "measured" else 0.0 if status == "absent" else None
            if day <= seen.last_day[course]:
                rows.append((seen.patient_id(course), int(day), f"T{lesion + 1}", "target", shown, status))
    columns = ["patient_id", "day", "lesion_id", "role", "diameter_mm", "status"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def marker_rows(seen: Seen, marker: Readings) -> pl.DataFrame:
    disease, rows = seen.courses.disease, []
    for course in range(len(seen.last_day)):
        for day, value in zip(marker.day[course], marker.value[course], strict=True):
            shown = f"<{disease.lowest:g}" if value <= disease.lowest else f"{value:g}"
            if day <= seen.last_day[course]:
                rows.append((seen.patient_id(course), int(day), disease.marker, shown))
    table = pl.DataFrame(rows, schema=["patient_id", "day", "marker", "value"], orient="row")
    return table.with_columns(
        pl.lit(disease.unit).alias("unit"), pl.lit(disease.upper_limit).alias("upper_limit")
    )


def dose_rows(seen: Seen) -> pl.DataFrame:
    """Doses given by the last visit, in percent of the full one."""
    rows = [
        (seen.patient_id(course), day, seen.courses.disease.drug.lower(), 100.0 * share, "mg/m2")
        for course, day, share in seen.courses.treatment.doses
        if day <= seen.last_day[course]
    ]
    return pl.DataFrame(rows, schema=["patient_id", "day", "drug", "dose", "unit"], orient="row")


def weekly_trend(by_day: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Per week, on these days: d log x / dt."""
    logs = np.log(np.maximum(by_day[:, : day.max() + 2], 1e-300))
    before = np.maximum(day - 1, 0)
    return 7.0 * (at_days(logs, day + 1) - at_days(logs, before)) / (day + 1 - before)


def quantity_truth(found: Readings, last_day: np.ndarray) -> pl.DataFrame:
    """Of one quantity at its own visits: what the last two readings did, and what is true without error."""
    inside = found.day <= last_day[:, None]
    value = found.value
    change = np.zeros(value.shape, dtype=int)
    change[:, 1:] = found.beyond(value[:, 1:], value[:, :-1], found.sd[:, 1:])
    true = at_days(found.true, found.day)
    true_smallest = at_days(np.minimum.accumulate(found.true[:, : found.day.max() + 1], axis=1), found.day)
    place = np.minimum.accumulate(value, axis=1)
    smallest = np.array([[int(np.argmin(row[: i + 1])) for i in range(len(row))] for row in value])
    later = np.where(inside, value, np.inf)[:, ::-1]
    later = np.minimum.accumulate(later, axis=1)[:, ::-1]
    later = np.concatenate([later[:, 1:], np.full((len(value), 1), np.inf)], axis=1)
    lower = found.beyond(np.where(np.isfinite(later), later, place), place, at_days(found.sd, smallest)) < 0
    course = np.repeat(np.arange(len(value)), value.shape[1])
    frame = pl.DataFrame(
        {
            "course": course,
            "day": found.day.ravel(),
            "count": np.tile(np.arange(1, value.shape[1] + 1), len(value)),
            "change": change.ravel(),
            "risen": (found.beyond(true, true_smallest, found.sd) > 0).ravel(),
            "trend": ((1.0 if found.log_scale else 3.0) * weekly_trend(found.true, found.day)).ravel(),
            "later_lower": lower.ravel(),
            "level": place.ravel(),
        }
    )
    return frame.filter(pl.Series(inside.ravel()))


def visit_truth(seen: Seen) -> pl.DataFrame:
    """One row a visit: slope and state of the living burden, what can be seen of it, and the simplest rule."""
    each = {name: quantity_truth(found, seen.last_day) for name, found in seen.quantities.items()}
    frame = pl.concat([one.select("course", "day") for one in each.values()]).unique().sort("course", "day")
    for name, one in each.items():
        named = one.rename({c: f"{name}_{c}" for c in one.columns if c not in {"course", "day"}})
        frame = frame.join(named, on=["course", "day"], how="left").sort("course", "day")
    frame = frame.with_columns(pl.exclude("course", "day").forward_fill().over("course"))

    def over(column: str) -> list[pl.Expr]:
        return [pl.col(f"{name}_{column}") for name in each]

    rose = pl.any_horizontal(*[c == 1 for c in over("change")])
    fell = pl.any_horizontal(*[c == -1 for c in over("change")])
    course, day = frame["course"].to_numpy(), frame["day"].to_numpy()
    slope = one_trend(seen.courses.living, course, day)
    return frame.select(
        pl.format("C{}", pl.col("course").cast(pl.String).str.zfill(5)).alias("patient_id"),
        "day",
        pl.max_horizontal(*over("count")).alias("values"),
        pl.Series("slope", slope),
        pl.Series("truth", np.where(slope < -TREND, "shrinking", np.where(slope > TREND, "growing", "flat"))),
        pl.Series("turning_day", seen.courses.turning_day[course]),
        pl.any_horizontal(*over("risen")).fill_null(value=False).alias("risen"),
        pl.any_horizontal(*[c < -TREND for c in over("trend")]).fill_null(value=False).alias("in_sight"),
        pl.any_horizontal(*over("later_lower")).fill_null(value=False).not_().alias("no_later_lower"),
        pl.when(rose).then(pl.lit("regrowing")).when(fell).then(pl.lit("responding"))
        .otherwise(pl.lit("plateau")).alias("rule"),
        (pl.col("scan_level") if "scan" in each else pl.lit(None, dtype=pl.Float64)).alias("smallest_mm"),
    )  # fmt: skip


def one_trend(by_day: np.ndarray, course: np.ndarray, day: np.ndarray) -> np.ndarray:
    before = np.maximum(day - 1, 0)
    return 7.0 * np.log(by_day[course, day + 1] / by_day[course, before]) / (day + 1 - before)


def assessed(seen: Seen) -> pl.DataFrame:
    """What Turnpoint says at every visit, with its own choice of prior, beside the truth and a ruler's."""
    study = study_of(seen)
    said, truth = tp.assess(study).frame, visit_truth(seen)
    sums = readings_of(study).filter(pl.col("quantity") == SUM_OF_DIAMETERS)
    joined = (
        truth.join(said, on=["patient_id", "day"], how="inner", validate="1:1")
        .join(ruler(sums), on=["patient_id", "day"], how="left")
        .sort("patient_id", "day")
    )
    if joined.height != truth.height:
        raise RuntimeError(f"{truth.height - joined.height} of {truth.height} visits were not assessed")
    return joined
