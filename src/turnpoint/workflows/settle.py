"""What would settle soonest whether a patient's tumour has turned: a ranked list of next measurements."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from turnpoint.engine.threads import in_order
from turnpoint.errors import UsageError
from turnpoint.model.filter import DEFAULT_PARTICLES, Posterior
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.prior import Prior, choose_prior
from turnpoint.study.study import Study
from turnpoint.turning.next_measurement import DECIDED_ABOVE, Plan, Simulator, is_in_data
from turnpoint.turning.unread_marker import CTDNA, with_unread_marker
from turnpoint.workflows.course import course_of
from turnpoint.workflows.priors import prior_of
from turnpoint.workflows.respond import called

SETTLE_SCHEMA: dict[str, type[pl.DataType]] = {
    "patient_id": pl.String,
    "day": pl.Int64,
    "p_now": pl.Float64,
    "rank": pl.Int64,
    "plan": pl.String,
    "quantity": pl.String,
    "days": pl.String,
    "expected_information_bits": pl.Float64,
    "standard_error_bits": pl.Float64,
    "information_bit_weeks": pl.Float64,
    "p_decided": pl.Float64,
    "weeks": pl.Float64,
    "visits": pl.Int64,
    "scans": pl.Int64,
    "blood_tests": pl.Int64,
    "is_assumed": pl.Boolean,
}
_PLANNED_WEEKS = 12.0
_SCAN_WEEKS = (3.0, 6.0, 9.0, 12.0)
_BLOOD_GAPS_WEEKS = (2.0, 3.0)


def settle(
    study: Study,
    patient_id: str,
    prior: str | Path | Prior | None = None,
    *,
    decided_above: float = DECIDED_ABOVE,
    with_ctdna: bool = True,
    seed: int = 0,
    particles: int = DEFAULT_PARTICLES,
) -> pl.DataFrame:
    """Rank what could be measured in the twelve weeks after a patient's last visit by how much it tells, how soon.

    The question: has the turning point passed, and will resistant cells visibly grow within half a year? It is settled
    when yes or no is at least as probable as `decided_above` (`turning.next_measurement`).

    Args:
        study: with the patient.
        patient_id: whose measurements.
        prior: a prior, the name of a shipped one, or a file; by default the shipped one that fits best.
        decided_above: bound of the probability, between 0.5 and 1.
        with_ctdna: list ctDNA too where the patient has none: `is_assumed` says that how it is read is an assumption
            (`turning.unread_marker.CTDNA`), not learned from any data.
        seed: the same seed gives the same numbers.
        particles: size of the particle bank.

    Returns:
        One row a plan, the best first: `patient_id, day` of the last visit, `p_now` (chance of yes), `rank, plan,
        quantity` and `days` measured (days of the course), `expected_information_bits` by the last of them with its
        simulation's `standard_error_bits`, `information_bit_weeks` (the ranking: how much is known, for how much of the
        next 24 weeks), `p_decided`, `weeks` (expected until it is settled; 24 where it is not), and what it costs:
        `visits, scans, blood_tests`. `is_assumed` marks ctDNA that was never read. No row where progression has been
        called (`workflows.respond.called`): that growth has begun is settled.

    Raises:
        UsageError: no such patient, or a bound that is none.
        StudyError: nothing of the patient can be used.
        PriorError: the prior cannot be read or knows none of the study's quantities.
    """
    if patient_id not in set(study.patient_ids):
        raise UsageError(f"--patient: no such patient among the {len(study.patient_ids)} of the study.")
    if not 0.5 < decided_above < 1.0:
        raise UsageError(
            f"--decided-above {decided_above}: not between 0.5 and 1. Give a chance such as 0.8."
        )
    own = study.only([patient_id])
    chosen = prior_of(study, patient_id, prior)
    if called(own).height:
        return pl.DataFrame(schema=SETTLE_SCHEMA)
    course = course_of(own, chosen, seed=seed, particles=particles)
    return plans_from(
        course.at_the_end, chosen, patient_id, decided_above=decided_above, with_ctdna=with_ctdna, seed=seed
    )


def plans_from(
    last: Posterior,
    prior: Prior,
    patient_id: str,
    *,
    decided_above: float = DECIDED_ABOVE,
    with_ctdna: bool = True,
    seed: int = 0,
) -> pl.DataFrame:
    """The plans of `settle` from the draws at a patient's last visit (arguments and rows as there).

    Args:
        last: one row, with `DRAWS_AT_THE_END` draws.
        prior: of the draws.
        patient_id: whose they are.
        decided_above: bound of the probability, between 0.5 and 1.
        with_ctdna: list ctDNA too where the patient has none.
        seed: of what may be read.
    """
    read = [name for name, quantity in last.quantities.items() if quantity.readings[0] > 0]
    assumed = with_ctdna and CTDNA.quantity not in read
    if assumed:
        quantities = [name for name in prior.quantities if name != CTDNA.quantity]
        prior = choose_prior([*quantities, CTDNA.quantity], "", prior)
        last = with_unread_marker(last, prior, CTDNA, seed=seed)
    simulator = Simulator(last, prior, seed=seed)
    plans = plans_after(read) + (ctdna_plans() if assumed else [])
    return _frame(simulator, plans, patient_id, decided_above)


def plans_after(read: Sequence[str]) -> list[Plan]:
    """The plans compared for a patient with readings of these quantities."""
    markers = [name for name in read if name != SUM_OF_DIAMETERS]
    plans = []
    if SUM_OF_DIAMETERS in read:
        plans += [Plan(f"scan in {week:g} weeks", {SUM_OF_DIAMETERS: (week,)}) for week in _SCAN_WEEKS]
        plans.append(Plan("scan every 6 weeks", {SUM_OF_DIAMETERS: (6.0, 12.0)}))
    for marker in markers:
        plans += [Plan(f"{marker} every {gap:g} weeks", {marker: _every(gap)}) for gap in _BLOOD_GAPS_WEEKS]
    if SUM_OF_DIAMETERS in read and markers:
        every = dict.fromkeys(markers, _every(3.0))
        name = f"scan in 6 weeks and {', '.join(markers)} every 3 weeks"
        plans.append(Plan(name, {SUM_OF_DIAMETERS: (6.0,), **every}))
    return plans


def ctdna_plans() -> list[Plan]:
    """The plans with ctDNA, drawn at the visit for the first time."""
    name = CTDNA.quantity
    return [Plan(f"{name} now and every {gap:g} weeks", {name: _every(gap)}) for gap in _BLOOD_GAPS_WEEKS]


def _every(gap_weeks: float) -> tuple[float, ...]:
    return tuple(gap_weeks * step for step in range(1, int(_PLANNED_WEEKS / gap_weeks) + 1))


def _frame(
    simulator: Simulator, plans: Sequence[Plan], patient_id: str, decided_above: float
) -> pl.DataFrame:
    """The plans with their outlooks, ranked by how much is known for how long."""
    day = int(simulator.posterior.day[0])
    p_now = float(simulator.answer().mean())
    rows = []
    outlooks = in_order(lambda plan: simulator.outlook(plan, decided_above=decided_above), plans)
    for plan, found in zip(plans, outlooks, strict=True):
        # the first test of a marker that has never been read is drawn at the visit
        first = [name for name in plan.weeks if not is_in_data(simulator.posterior, name)[0]]
        days = sorted({*plan.days, *([0] if first else [])})
        rows.append(
            {
                "patient_id": patient_id,
                "day": day,
                "p_now": p_now,
                "plan": plan.name,
                "quantity": ", ".join(plan.weeks),
                "days": ", ".join(str(day + ahead) for ahead in days),
                "expected_information_bits": found.information_bits,
                "standard_error_bits": found.standard_error_bits,
                "information_bit_weeks": found.information_bit_weeks,
                "p_decided": found.p_decided,
                "weeks": found.weeks,
                "visits": len(days),
                "scans": plan.scans,
                "blood_tests": plan.blood_tests + bool(first),
                "is_assumed": bool(first),
            }
        )
    ranked = pl.DataFrame(rows).sort("information_bit_weeks", descending=True, maintain_order=True)
    return ranked.with_columns(pl.int_range(1, pl.len() + 1).alias("rank")).select(
        pl.col(name).cast(dtype) for name, dtype in SETTLE_SCHEMA.items()
    )
