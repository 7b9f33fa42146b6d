"""Benefit against harm, side by side: the dose ledger, adverse events, and what the next cycle may bring."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from turnpoint.engine.progress import Progress, part_of_progress
from turnpoint.errors import Problem, StudyError, UsageError
from turnpoint.harms.administrations import administrations
from turnpoint.harms.adverse_events import adverse_events, events_by_cycle
from turnpoint.harms.cycles import cycles_of, pattern_cycles
from turnpoint.harms.ledger import dose_ledger, doses_by_cycle
from turnpoint.harms.limits import Limits, shipped_limits, with_site_limits
from turnpoint.harms.next_cycle import LEVEL_NAMES, CycleAhead, course_so_far, cycle_ahead
from turnpoint.harms.weights import Weights
from turnpoint.model.arrays import FloatArray
from turnpoint.model.filter import DEFAULT_PARTICLES, Posterior, posteriors
from turnpoint.model.prior import Prior
from turnpoint.model.series import parts_of, readings_of
from turnpoint.model.treatment import OffIntervals, off_intervals, on_off_weeks
from turnpoint.study.dose_lists import USUAL_CYCLE_DAYS
from turnpoint.study.study import Study
from turnpoint.workflows.priors import by_prior

_POINTS_A_CYCLE = 3  # enough for the eye: the curves are smooth
_CHANGES = tuple(
    f"{name}_{level}"
    for name in ("living_change_pct", "resistant_change_pct", "resistant_share_after")
    for level in LEVEL_NAMES
)
NEXT_CYCLE_SCHEMA: Final = {
    "patient_id": pl.String(),
    "last_visit_day": pl.Int64(),
    "from_day": pl.Float64(),
    "to_day": pl.Float64(),
    "scenario": pl.String(),
    **dict.fromkeys(_CHANGES, pl.Float64()),
    "p_shrinks": pl.Float64(),
}
COURSE_SCHEMA: Final = {
    "patient_id": pl.String(),
    "day": pl.Float64(),
    "kind": pl.String(),
    **{f"{name}_pct_{level}": pl.Float64() for name in ("living", "resistant") for level in LEVEL_NAMES},
}
_LAST_DAYS = {"patient_id": pl.String(), "last_day": pl.Int64()}


@dataclass(frozen=True, slots=True)
class Harm:
    """What treatment has cost and what the next cycle may add, beside what it may bring. Nothing is mixed into a score.

    Attributes:
        ledger: `harm.ledger.LEDGER_SCHEMA`, one row a patient, drug and limit.
        adverse_events: `harm.adverse_events.ADVERSE_EVENTS_SCHEMA`, one row a patient and term.
        next_cycle: `NEXT_CYCLE_SCHEMA`, two rows a patient: `scenario` is `continue` or `pause`; with weights also
            `benefit_pct, toxicity_pct, balance, arithmetic`, on the row that continues.
        cycles: `harm.cycles.CYCLES_SCHEMA` with `events, worst_grade`, one row a patient and cycle.
        doses_by_cycle: `harm.ledger.DOSES_BY_CYCLE_SCHEMA`, one row a patient, drug and cycle.
        course: `COURSE_SCHEMA`: living burden and its resistant part in percent of the living burden at the start;
            `kind` is `past` up to the last visit, then `next`.
        problems: warnings about doses; errors raise.
        priors: of each patient with a reading.
    """

    ledger: pl.DataFrame
    adverse_events: pl.DataFrame
    next_cycle: pl.DataFrame
    cycles: pl.DataFrame
    doses_by_cycle: pl.DataFrame
    course: pl.DataFrame
    problems: tuple[Problem, ...]
    priors: Mapping[str, Prior]

    def tables(self) -> Mapping[str, pl.DataFrame]:
        """By name, the most telling first."""
        names = ("ledger", "adverse_events", "next_cycle", "cycles", "doses_by_cycle", "course")
        return {name: getattr(self, name) for name in names}


def harm(
    study: Study,
    prior: str | Path | Prior | None = None,
    *,
    limits: str | Path | Limits | None = None,
    weights: str | Weights | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    particles: int = DEFAULT_PARTICLES,
) -> Harm:
    """The dose ledger, adverse events and the next cycle of every patient.

    Args:
        study: with lesions, markers or both; doses, events and body sizes as far as there are any.
        prior: a prior, the name of a shipped one, or a file; by default the shipped one that fits best.
        limits: a site's own limits, a TOML file as the shipped one, which goes before it drug by drug.
        weights: `benefit=1,toxicity=0.5`; without them no benefit is ever set off against a harm.
        seed: of the particle bank; the same seed gives the same numbers.
        progress: called with patients done and patients in all.
        particles: size of the bank.

    Raises:
        StudyError: doses that cannot be, or units that cannot be added up; with every one of them.
        UsageError: a limits file, or weights, with mistakes.
        PriorError: the prior cannot be read or knows none of the study's quantities.
    """
    groups = [] if readings_of(study).is_empty() else by_prior(study, prior)

    def found() -> Iterator[Posterior]:
        done = 0
        for chosen, part in groups:
            here = None if progress is None else part_of_progress(progress, done, len(study.patient_ids))
            yield from posteriors(parts_of(part), part, chosen, seed=seed, progress=here, particles=particles)
            done += len(part.patient_ids)

    priors = {patient_id: chosen for chosen, part in groups for patient_id in part.patient_ids}
    return harm_from(study, found(), priors, limits=limits, weights=weights)


def harm_from(
    study: Study,
    found: Iterable[Posterior],
    priors: Mapping[str, Prior],
    *,
    limits: str | Path | Limits | None = None,
    weights: str | Weights | None = None,
) -> Harm:
    """`harm` from posteriors that are known.

    Args:
        study: as for `harm`.
        found: at the visits of its patients, by patient and visit; the last of each counts.
        priors: of each patient with a reading.
        limits: as for `harm`.
        weights: as for `harm`.
    """
    table = limits if isinstance(limits, Limits) else read_limits(limits)
    chosen_weights = Weights.of(weights) if isinstance(weights, str) else weights
    given, problems = administrations(study, table)
    if any(problem.severity == "error" for problem in problems):
        raise StudyError(problems)
    cycles, last_days = cycles_of(given), _last_days(study)
    ledger = dose_ledger(given, cycles, pattern_cycles(cycles, last_days), table)
    ahead = _Ahead([], [])
    own_cycles, off = _by_patient(cycles), off_intervals(study.doses)
    for posterior in found:
        ahead.add(posterior, own_cycles, off)
    next_cycle = ahead.frame(ahead.next_cycle, NEXT_CYCLE_SCHEMA)
    if chosen_weights is not None:
        next_cycle = _weighed(next_cycle, ledger, chosen_weights)
    return Harm(
        ledger=ledger,
        adverse_events=adverse_events(study.events, cycles, last_days),
        next_cycle=next_cycle,
        cycles=cycles.join(
            events_by_cycle(study.events, cycles),
            on=["patient_id", "cycle"],
            how="full" if study.events.height else "left",
            coalesce=True,
        ).sort("patient_id", "cycle"),
        doses_by_cycle=doses_by_cycle(given, cycles),
        course=ahead.frame(ahead.course, COURSE_SCHEMA),
        problems=problems,
        priors=priors,
    )


def read_limits(path: str | Path | None) -> Limits:
    """The shipped limits, with a site's file before them.

    Raises:
        UsageError: the file cannot be read, or has mistakes; with all of them.
    """
    if path is None:
        return shipped_limits()
    source = Path(path)
    try:
        text = source.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"--limits: `{path}` cannot be read as text. Name a TOML file.") from None
    return with_site_limits(text, source.name)


@dataclass(frozen=True, slots=True)
class _Ahead:
    """The rows of the next cycle and of the course, a patient at a time."""

    next_cycle: list[pl.DataFrame]
    course: list[pl.DataFrame]

    def add(
        self, posterior: Posterior, cycles: Mapping[str, pl.DataFrame], off: Mapping[str, OffIntervals]
    ) -> None:
        """Each patient of the batch, from their last visit."""
        last = posterior.at(np.flatnonzero(np.diff(posterior.patient, append=-1) != 0))
        for row in range(len(last.patient)):
            patient_id = last.batch.patient_ids[last.patient[row]]
            own = last.at(np.array([row]))
            self._one(own, patient_id, _Times.of(float(own.day[0]), cycles.get(patient_id)), off)

    def _one(self, own: Posterior, patient_id: str, times: _Times, off: Mapping[str, OffIntervals]) -> None:
        gaps = off.get(patient_id, ())
        start = _exposure(np.array([times.start]), gaps)
        weeks = np.array([[times.cycle_days / 7.0]])
        keys: dict[str, Any] = {
            "patient_id": patient_id,
            "last_visit_day": round(times.last_visit),
            "from_day": times.start,
            "to_day": times.start + times.cycle_days,
        }
        for scenario, on in (("continue", True), ("pause", False)):
            found = cycle_ahead(own.dynamics, start, weeks, on=on)
            self.next_cycle.append(pl.DataFrame({**keys, "scenario": scenario, **_columns(found)}))
        past = np.unique(np.append(times.past, times.last_visit))
        ahead = np.linspace(times.start, times.start + times.cycle_days, _POINTS_A_CYCLE + 1)
        on_weeks, off_weeks = _exposure(past, gaps)
        later = (ahead - times.start)[:, None] / 7.0
        between = np.arange(times.last_visit, times.start, 7.0)[1:]
        waiting = _exposure(between, gaps)
        exposure = (
            np.concatenate([on_weeks, waiting[0], start[0] + later]),
            np.concatenate([off_weeks, waiting[1], start[1] + 0.0 * later]),
        )
        levels = course_so_far(own.dynamics, exposure)
        days = np.concatenate([past, between, ahead])
        self.course.append(
            pl.DataFrame(
                {
                    "patient_id": [patient_id] * len(days),
                    "day": days,
                    "kind": ["past"] * len(past) + ["next"] * (len(between) + len(ahead)),
                    **{
                        f"{name}_pct_{level}": levels[part, :, index]
                        for part, name in enumerate(("living", "resistant"))
                        for index, level in enumerate(LEVEL_NAMES)
                    },
                }
            )
        )

    @staticmethod
    def frame(rows: list[pl.DataFrame], schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
        """One table of all rows, by patient."""
        if not rows:
            return pl.DataFrame(schema=schema)
        return (
            pl.concat(rows)
            .select(pl.col(name).cast(dtype) for name, dtype in schema.items())
            .sort("patient_id", maintain_order=True)
        )


@dataclass(frozen=True, slots=True)
class _Times:
    """When the next cycle begins: where the last one ends, at the last visit at the earliest.

    Attributes:
        last_visit: day of the last reading.
        start: of the next cycle.
        cycle_days: its length.
        past: days from the start of the course to the last visit at which the course is drawn.
    """

    last_visit: float
    start: float
    cycle_days: float
    past: FloatArray

    @classmethod
    def of(cls, last_visit: float, cycles: pl.DataFrame | None) -> _Times:
        cycle_days, end, firsts = USUAL_CYCLE_DAYS, last_visit, []
        if cycles is not None:
            cycle_days, end = float(cycles["cycle_days"][-1]), float(cycles["end_day"][-1])
            firsts = cycles["first_day"].cast(pl.Float64).to_list()
        step = cycle_days / _POINTS_A_CYCLE
        grid = np.append(np.arange(0.0, last_visit, step), [day for day in firsts if 0 <= day <= last_visit])
        return cls(last_visit, max(end, last_visit, 0.0), cycle_days, np.unique(grid))


def _exposure(days: FloatArray, off: OffIntervals) -> tuple[FloatArray, FloatArray]:
    on_weeks, off_weeks = on_off_weeks(days, off)
    return on_weeks[:, None], off_weeks[:, None]


def _columns(found: CycleAhead) -> dict[str, Any]:
    names = ("living_change_pct", "resistant_change_pct", "resistant_share")
    numbers = np.concatenate([getattr(found, name)[0] for name in names])
    return {**dict(zip(_CHANGES, numbers.tolist(), strict=True)), "p_shrinks": float(found.p_shrinks[0])}


def _last_days(study: Study) -> pl.DataFrame:
    tables = (study.lesions, study.markers, study.doses, study.events)
    days = pl.concat([table.select("patient_id", "day") for table in tables])
    return (
        days.group_by("patient_id")
        .agg(pl.col("day").max().alias("last_day"))
        .select(pl.col(name).cast(dtype) for name, dtype in _LAST_DAYS.items())
    )


def _by_patient(cycles: pl.DataFrame) -> dict[str, pl.DataFrame]:
    parts: Iterator[tuple[tuple[Any, ...], pl.DataFrame]] = iter(
        cycles.group_by("patient_id", maintain_order=True)
    )
    return {str(key[0]): part for key, part in parts}


def _weighed(next_cycle: pl.DataFrame, ledger: pl.DataFrame, weights: Weights) -> pl.DataFrame:
    """The user's balance on the rows that continue: `benefit_pct, toxicity_pct, balance, arithmetic`."""
    always = ledger.filter(pl.col("condition") == "")
    added = always.group_by("patient_id").agg(
        (100.0 * (pl.col("share_after_next_cycle") - pl.col("share"))).max().alias("toxicity_pct")
    )
    rows = next_cycle.join(added, on="patient_id", how="left", maintain_order="left").with_columns(
        pl.when(pl.col("scenario") == "continue").then(-pl.col("living_change_pct_q50")).alias("benefit_pct"),
        pl.when(pl.col("scenario") == "continue").then(pl.col("toxicity_pct")).alias("toxicity_pct"),
    )
    pairs = rows.select("benefit_pct", "toxicity_pct").rows()
    found = [(None, None) if None in pair else weights.balance(*pair) for pair in pairs]
    return rows.with_columns(
        pl.Series("balance", [value for value, _ in found], dtype=pl.Float64),
        pl.Series("arithmetic", [text for _, text in found], dtype=pl.String),
    )
