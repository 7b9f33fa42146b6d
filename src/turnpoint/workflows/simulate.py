"""Simulate a study: virtual patients drawn from a prior, as a study folder, with the truth behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from turnpoint.criteria.marker_progression import first_progression
from turnpoint.errors import UsageError
from turnpoint.model.arrays import FloatArray, IntArray
from turnpoint.model.dynamics import Dynamics
from turnpoint.model.parameters import SUM_OF_DIAMETERS, dynamics_of, reading_of
from turnpoint.model.prior import Prior, choose_prior, named_prior
from turnpoint.model.streams import Stream, generator
from turnpoint.study.markers import MARKERS, find_marker
from turnpoint.study.reading import read_frames
from turnpoint.study.study import Study
from turnpoint.study.writing import StudyFormat, write_study, write_table
from turnpoint.virtual.readings import Chance, Readings, progression_index, read
from turnpoint.virtual.schedule import Schedule, baselines

MARKER_WEEKS = 3
CYCLE_DAYS = 21
MOST_LESIONS = 5  # RECIST 1.1, 4.1: at most five targets
LARGEST_DIAMETER_MM = 500.0  # the largest a study may have
DRUG = "drug a"
UNKNOWN_UNIT = "U/mL"


@dataclass(frozen=True, slots=True)
class SimulatedStudy:
    """A virtual study and its truth.

    Attributes:
        study: as read from a study folder.
        truth: one row a patient: `patient_id, kill_per_week, regrowth_per_week, resistant_fraction, scar_share,
            turning_day, dominance_day, cause`. `scar_share` is null without scans; days are capped at 3650.
        truth_visits: one row a patient and visit: `patient_id, day, living_burden, resistant_fraction, cause`. The
            burden is relative to the start; the cause is what most of what does not shrink is made of at the visit,
            `resistant` or `scar` (healthy background for a marker), and a patient's is that at the last visit.
        prior: whom the patients were drawn from.
    """

    study: Study
    truth: pl.DataFrame
    truth_visits: pl.DataFrame
    prior: Prior

    def save(self, folder: str | Path, *, format: StudyFormat = "csv") -> tuple[Path, ...]:  # noqa: A002
        """Write the study folder with `truth` and `truth_visits` beside its tables; returns the paths."""
        place = Path(folder)
        return (
            *write_study(self.study, place, format=format),
            write_table(self.truth, place / f"truth.{format}"),
            write_table(self.truth_visits, place / f"truth_visits.{format}"),
        )


def simulate(
    prior: str | Path | Prior,
    patients: int,
    *,
    visits_every: int = 6,
    markers: Mapping[str, int] | None = None,
    weeks: int = 60,
    lesions: int = 1,
    after_progression: bool = False,
    seed: int = 0,
) -> SimulatedStudy:
    """Draw virtual patients from a prior and read them as the filter believes that readers read.

    Every patient is on treatment throughout. A course ends as treatment does in a trial, with the first scan that
    meets RECIST progression (without scans: the first value that meets the marker's own criterion), or after the last
    planned visit.

    Args:
        prior: a prior, the name of a shipped one, or a file.
        patients: how many.
        visits_every: weeks between scans; for a prior without scans, between readings of its markers.
        markers: weeks between readings by marker's name; by default the prior's own markers at every visit.
        weeks: the last planned visit.
        lesions: target lesions of each patient, 1 to 5.
        after_progression: let courses go on to the last planned visit.
        seed: of every random draw; the same seed gives the same study.

    Returns:
        The study and its truth.

    Raises:
        UsageError: a number that means nothing; all of them are named.
        PriorError: the prior cannot be read.
    """
    _check(patients, visits_every, markers or {}, weeks, lesions)
    base = prior if isinstance(prior, Prior) else named_prior(prior)
    schedule = _schedule(base, visits_every, markers, weeks)
    population = choose_prior(schedule.quantities, " ".join(base.keywords), base)
    rng = generator(seed, Stream.SIMULATED_STUDY)
    root = np.linalg.cholesky(population.covariance)
    particles = population.mean + rng.standard_normal((patients, population.dimensions)) @ root.T
    readings = _read_all(population, particles, schedule, lesions, rng)
    until = _last_days(readings, schedule, after_progression)
    ids = np.array([f"V{index + 1:0{max(4, len(str(patients)))}d}" for index in range(patients)])
    study = read_frames(_tables(ids, readings, until, base.name), f"virtual {base.name}")
    truth, truth_visits = _truth(population, particles, ids, schedule, until)
    return SimulatedStudy(study, truth, truth_visits, population)


def _check(patients: int, visits_every: int, markers: Mapping[str, int], weeks: int, lesions: int) -> None:
    wrong = [
        f"{name}={value}: {rule}."
        for name, value, rule, broken in (
            ("patients", patients, "at least 1", patients < 1),
            ("visits-every", visits_every, "weeks between visits, at least 1", visits_every < 1),
            ("weeks", weeks, f"the last visit, at least one interval ({visits_every})", weeks < visits_every),
            ("lesions", lesions, f"1 to {MOST_LESIONS} target lesions", not 1 <= lesions <= MOST_LESIONS),
            *(
                (f"markers {name}", every, "weeks between readings, at least 1", every < 1)
                for name, every in markers.items()
            ),
        )
        if broken
    ]
    if wrong:
        raise UsageError(" ".join(wrong))


def _schedule(prior: Prior, visits_every: int, markers: Mapping[str, int] | None, weeks: int) -> Schedule:
    own = [quantity for quantity in prior.quantities if quantity != SUM_OF_DIAMETERS and quantity in MARKERS]
    named = {_canonical(name): every for name, every in (markers or {}).items()}
    scans = SUM_OF_DIAMETERS in prior.quantities or not (own or named)
    return Schedule(weeks, visits_every if scans else None, named or dict.fromkeys(own, visits_every))


def _canonical(name: str) -> str:
    marker = find_marker(name)
    return name if marker is None else marker.name


def _read_all(
    prior: Prior, particles: FloatArray, schedule: Schedule, lesions: int, rng: np.random.Generator
) -> list[Readings]:
    """Readings of each lesion, then of each marker."""
    dynamics = dynamics_of(particles)
    found = []
    for quantity in schedule.quantities:
        days = schedule.days(quantity)
        log_burden = _at(dynamics, days, "log_burden")
        for _ in range(lesions if quantity == SUM_OF_DIAMETERS else 1):
            start = baselines(quantity, len(particles), rng)
            chance = Chance.drawn(len(particles), len(days), rng)
            found.append(read(prior, quantity, particles, (days, log_burden, start), chance))
    return found


def _at(dynamics: Dynamics, days: FloatArray, what: str) -> FloatArray:
    """A quantity of the dynamics on each day on treatment, shape (P, V)."""
    off = np.zeros(())
    return np.stack([getattr(dynamics, what)(np.asarray(day / 7.0), off) for day in days], axis=1)


def _last_days(readings: Sequence[Readings], schedule: Schedule, after_progression: bool) -> FloatArray:
    """The day each course ends, shape (P,)."""
    scans = [own for own in readings if own.is_diameter]
    last = np.full(len(readings[0].value), float(schedule.every_day[-1]))
    if after_progression:
        return last
    if scans:
        met = progression_index(np.sum([own.value for own in scans], axis=0))
        return np.append(scans[0].day, last[0])[met]
    numbers = np.arange(len(last))
    progressed = first_progression(
        pl.concat([_marker(numbers, own, last) for own in readings]).with_columns(
            pl.lit("none").alias("censoring")
        )
    ).drop_nulls("progression_day")
    last[progressed["patient_id"].cast(pl.Int64).to_numpy()] = progressed["progression_day"].to_numpy()
    return last


def _tables(
    ids: IntArray, readings: Sequence[Readings], until: FloatArray, arm: str
) -> dict[str, pl.DataFrame]:
    scans = [own for own in readings if own.is_diameter]
    markers = [own for own in readings if not own.is_diameter]
    tables = {"patients": pl.DataFrame({"patient_id": ids}).with_columns(pl.lit(arm).alias("arm"))}
    if scans:
        tables["lesions"] = pl.concat(
            [_lesion(ids, own, until, f"T{index + 1}") for index, own in enumerate(scans)]
        ).sort("patient_id", "day", "lesion_id")
    if markers:
        tables["markers"] = pl.concat([_marker(ids, own, until) for own in markers]).sort("patient_id", "day")
    cycles = np.arange(0.0, float(until.max()) + 1.0, CYCLE_DAYS)
    given, day = _rows(ids, cycles, until)
    tables["doses"] = pl.DataFrame({"patient_id": given, "day": day}).with_columns(pl.lit(DRUG).alias("drug"))
    return tables


def _rows(ids: IntArray, days: FloatArray, until: FloatArray) -> tuple[IntArray, IntArray]:
    """Patient and day of everything on these days up to each patient's last."""
    kept = days <= until[:, None]
    return (
        np.broadcast_to(ids[:, None], kept.shape)[kept],
        np.broadcast_to(days, kept.shape)[kept].astype(np.int64),
    )


def _lesion(ids: IntArray, readings: Readings, until: FloatArray, lesion_id: str) -> pl.DataFrame:
    patient, day = _rows(ids, readings.day, until)
    kept = readings.day <= until[:, None]
    small = pl.Series(readings.at_floor[kept])
    diameter = np.minimum(readings.value[kept], LARGEST_DIAMETER_MM)
    return pl.DataFrame({"patient_id": patient, "day": day, "diameter_mm": diameter}).with_columns(
        pl.when(~small).then("diameter_mm").alias("diameter_mm"),
        pl.when(small).then(pl.lit("too_small")).otherwise(pl.lit("measured")).alias("status"),
        pl.lit(lesion_id).alias("lesion_id"),
        pl.lit("target").alias("role"),
    )


def _marker(ids: IntArray, readings: Readings, until: FloatArray) -> pl.DataFrame:
    patient, day = _rows(ids, readings.day, until)
    known = MARKERS.get(readings.quantity)
    return pl.DataFrame(
        {"patient_id": patient, "day": day, "value": readings.value[readings.day <= until[:, None]]}
    ).with_columns(
        pl.col("value").round_sig_figs(4),
        pl.lit(readings.quantity).alias("marker"),
        pl.lit(UNKNOWN_UNIT if known is None else known.unit).alias("unit"),
        pl.lit(None if known is None else known.usual_upper_limit, pl.Float64).alias("upper_limit"),
    )


def _truth(
    prior: Prior, particles: FloatArray, ids: IntArray, schedule: Schedule, until: FloatArray
) -> tuple[pl.DataFrame, pl.DataFrame]:
    dynamics, days = dynamics_of(particles), schedule.every_day
    kept = days <= until[:, None]
    patient, day = _rows(ids, days, until)
    cause = np.where(_resistant_share_of_what_stays(prior, particles, days) >= 0.5, "resistant", "scar")
    visits = pl.DataFrame(
        {
            "patient_id": patient,
            "day": day,
            "living_burden": np.exp(_at(dynamics, days, "log_burden"))[kept],
            "resistant_fraction": _at(dynamics, days, "resistant_share")[kept],
            "cause": cause[kept],
        }
    )
    zero = np.zeros(len(particles))
    scar = (
        reading_of(particles, SUM_OF_DIAMETERS, 0).background
        if SUM_OF_DIAMETERS in prior.quantities
        else np.full(len(particles), np.nan)
    )
    truth = pl.DataFrame(
        {
            "patient_id": ids,
            "kill_per_week": dynamics.kill_per_week,
            "regrowth_per_week": dynamics.regrowth_per_week,
            "resistant_fraction": dynamics.resistant_fraction,
            "scar_share": scar,
            "turning_day": 7.0 * dynamics.turning_week(zero, zero),
            "dominance_day": 7.0 * dynamics.dominance_week(zero, zero),
        }
    ).with_columns(pl.col("scar_share").fill_nan(None))
    last = visits.group_by("patient_id").agg(pl.col("cause").sort_by("day").last())
    return truth.join(last, on="patient_id", how="left", maintain_order="left"), visits


def _resistant_share_of_what_stays(prior: Prior, particles: FloatArray, days: FloatArray) -> FloatArray:
    """Resistant cells against scar or healthy background, the prior's quantities counting alike; shape (P, V)."""
    dynamics, shares = dynamics_of(particles), []
    resistant = np.stack([dynamics.parts(np.asarray(day / 7.0), np.zeros(()))[1] for day in days], axis=1)
    for position, quantity in enumerate(prior.quantities):
        reading = reading_of(particles, quantity, position)
        scar = reading.background[:, None]
        stuck = (1.0 - scar if reading.is_diameter else 1.0) * resistant
        shares.append(stuck / (stuck + scar))
    share: FloatArray = np.mean(shares, axis=0)
    return share
