"""Every visit of a batch judged in one pass: trend, dates, causes, what the readings did, and what lies ahead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from turnpoint.model.arrays import BoolArray, FloatArray, IntArray, ObjectArray
from turnpoint.model.filter import DEFAULT_DRAWS, Posterior, drawn, joined, outlined, posterior_at
from turnpoint.model.observation import has_kernel
from turnpoint.model.refinement import Refiner
from turnpoint.model.series import Batch
from turnpoint.model.weighing import WeightedVisits
from turnpoint.turning.criterion_ahead import Context, criterion_rows
from turnpoint.turning.reading_changes import ReadingFacts, reading_facts
from turnpoint.turning.state import DATE_LEVELS, Judgement, judge
from turnpoint.turning.tables import Tables
from turnpoint.turning.verdict import STATES, state_probabilities, verdicts

Columns = dict[str, BoolArray | FloatArray | IntArray | ObjectArray]

TRENDS = ("shrinking", "staying", "growing")
CAUSES = ("resistant", "scar", "floor", "pause")
DATES = ("dominance_day", "turning_day", "regrowth_day")
LEVEL_NAMES = tuple(f"q{round(100 * level):02d}" for level in DATE_LEVELS)


# Draws are looked ahead from for so many visits at once: fewer, and the tables cost more than the numbers.
_VISITS_AT_ONCE = 512


def judged_visits(batch: Batch, refiner: Refiner, tables: Tables, context: Context) -> pl.DataFrame:
    """All that is said of each visit from the data up to it, but the state, which `with_verdicts` adds.

    Args:
        batch: of patients.
        refiner: of the prior.
        tables: of the same bank.
        context: of the same prior; with the bars of these patients.

    Returns:
        `patient_id, day`, what `_columns` names, `p_progression_12w, p_progression_24w` and `met`, in no order.
    """
    own = context.of(batch)
    judged: list[Columns] = []
    ahead: list[pl.DataFrame] = []
    waiting: list[Posterior] = []
    for columns, patient, visit, weighted in _parts(batch, refiner, tables):
        judged.append(columns)
        if has_kernel():  # what lies ahead is then worked out from the bank itself
            origin = drawn(weighted, DEFAULT_DRAWS, refiner.seed)
            waiting.append(outlined(batch, patient, visit, weighted, origin))
        else:
            waiting.append(posterior_at(batch, patient, visit, weighted, refiner))
        if sum(len(part.patient) for part in waiting) >= _VISITS_AT_ONCE:
            ahead.append(criterion_rows(joined(batch, waiting), own))
            waiting = []
    if waiting:
        ahead.append(criterion_rows(joined(batch, waiting), own))
    return _rows(judged, ahead)


@dataclass(frozen=True, slots=True)
class JudgedCourse:
    """One patient's visits judged, and the draws that everything else about the patient is worked out from.

    Attributes:
        rows: as `judged_visits` gives them.
        posterior: at every visit with a reading, in order.
        at_the_end: at the last of them, with more draws.
        context: that the chances ahead were worked out from.
    """

    rows: pl.DataFrame
    posterior: Posterior
    at_the_end: Posterior
    context: Context


def judged_course(
    batch: Batch, refiner: Refiner, tables: Tables, context: Context, draws_at_the_end: int
) -> JudgedCourse:
    """The same of a batch of one patient, whose draws are kept; `draws_at_the_end` of them at the last reading."""
    counts = np.sum([part[0] for parts in batch.readings.values() for part in parts], axis=0)
    with_reading = np.flatnonzero(np.diff(counts[: batch.visits[0]], prepend=0) > 0)
    judged: list[Columns] = []
    parts: list[Posterior] = []
    at_the_end: list[Posterior] = []
    for columns, patient, visit, weighted in _parts(batch, refiner, tables):
        judged.append(columns)
        parts.append(posterior_at(batch, patient, visit, weighted, refiner))
        last = np.flatnonzero(visit == with_reading[-1])
        if last.size:
            more = weighted.at(last)
            at_the_end.append(
                posterior_at(batch, patient[last], visit[last], more, refiner, draws_at_the_end)
            )
    posterior = joined(batch, parts)
    posterior = posterior.at(np.argsort(posterior.visit))
    rows = _rows(judged, [criterion_rows(posterior, context.of(batch))])
    return JudgedCourse(rows, posterior.at(with_reading), at_the_end[0], context)


def _parts(
    batch: Batch, refiner: Refiner, tables: Tables
) -> Iterator[tuple[Columns, IntArray, IntArray, WeightedVisits]]:
    """What is said of some of the visits at a time, which they are, and what each particle weighs there."""
    facts = reading_facts(batch, refiner.prior)
    ids = np.array(batch.patient_ids, dtype=object)
    for patient, visit, weighted in refiner.visits(batch, levels=True):
        columns = _columns(weighted, judge(weighted, tables), facts.at(patient, visit))
        yield {"patient_id": ids[patient], **columns}, patient, visit, weighted


def _rows(judged: Sequence[Columns], ahead: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The columns of all parts as one table, with the chances ahead."""
    together = {name: np.concatenate([part[name] for part in judged]) for name in judged[0]}
    frame = pl.DataFrame(together, schema_overrides={"patient_id": pl.String})
    return frame.join(pl.concat(ahead), on=["patient_id", "day"], how="left").with_columns(
        pl.col("met").fill_null(value=False)
    )


def _columns(weighted: WeightedVisits, judgement: Judgement, facts: ReadingFacts) -> Columns:
    columns: Columns = {
        "day": weighted.day.astype(np.int64),
        "p_turned": judgement.p_turned,
        "p_turned_resistant": judgement.p_turned_resistant,
        "p_never_turns": judgement.p_never,
        "off_treatment": weighted.off_now,
        "shrinkage": weighted.shrinkage,
        "prior_distance": weighted.prior_distance,
        "effective_size": weighted.effective_size,
        "pareto_k": weighted.pareto_k,
        **{name: getattr(facts, name) for name in ReadingFacts.__slots__},
    }
    for index, trend in enumerate(TRENDS):
        columns[f"p_{trend}"] = judgement.p_trend[:, index]
    for index, cause in enumerate(CAUSES):
        columns[f"p_{cause}"] = judgement.p_cause[:, index]
    for name in ("resistant_fraction", *DATES):
        for index, level in enumerate(LEVEL_NAMES):
            columns[f"{name}_{level}"] = getattr(judgement, name)[:, index]
    return columns


def with_verdicts(judged: pl.DataFrame) -> pl.DataFrame:
    """The states and the verdict of each row of judged visits: `p_responding, p_plateau, p_regrowing, verdict`."""
    risen, fallen, lowest, off = (
        judged[name].to_numpy() for name in ("risen", "fallen", "new_lowest", "off_treatment")
    )
    p_trend = judged.select(f"p_{trend}" for trend in TRENDS).to_numpy()
    states = state_probabilities(p_trend, risen=risen, fallen=fallen)
    named = verdicts(
        states,
        p_trend,
        risen=risen,
        fallen=fallen,
        new_lowest=lowest,
        off_treatment=off,
        informative_values=judged["informative_values"].to_numpy(),
        shrinkage=judged["shrinkage"].to_numpy(),
    )
    return judged.with_columns(
        *(pl.Series(f"p_{state}", states[:, index]) for index, state in enumerate(STATES)),
        pl.Series("verdict", named, pl.String),
    )
