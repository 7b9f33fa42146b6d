"""Every visit of a batch judged in one pass: trend, dates, causes, what the readings did, and what lies ahead."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from turnpoint.model.arrays import BoolArray, FloatArray, IntArray
from turnpoint.model.filter import Posterior, joined, posterior_at
from turnpoint.model.refinement import Refiner
from turnpoint.model.series import Batch
from turnpoint.model.weighing import WeightedVisits
from turnpoint.turning.criterion_ahead import Context, criterion_rows
from turnpoint.turning.reading_changes import ReadingFacts, reading_facts
from turnpoint.turning.state import DATE_LEVELS, Judgement, judge
from turnpoint.turning.tables import Tables
from turnpoint.turning.verdict import STATES, state_probabilities, verdicts

TRENDS = ("shrinking", "staying", "growing")
CAUSES = ("resistant", "scar", "floor", "pause")
DATES = ("dominance_day", "turning_day", "regrowth_day")
LEVEL_NAMES = tuple(f"q{round(100 * level):02d}" for level in DATE_LEVELS)


# Draws are looked ahead from for so many visits at once: fewer, and the tables cost more than the numbers.
_VISITS_AT_ONCE = 128


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
    facts, own = reading_facts(batch, refiner.prior), context.of(batch)
    ids = np.array(batch.patient_ids, dtype=object)
    judged: list[dict[str, Any]] = []
    ahead: list[pl.DataFrame] = []
    waiting: list[Posterior] = []
    for patient, visit, weighted in refiner.visits(batch, levels=True):
        columns = _columns(weighted, judge(weighted, tables), facts.at(patient, visit))
        judged.append({"patient_id": ids[patient], **columns})
        waiting.append(posterior_at(batch, patient, visit, weighted, refiner.prior))
        if sum(len(part.patient) for part in waiting) >= _VISITS_AT_ONCE:
            ahead.append(_ahead(waiting, own))
            waiting = []
    if waiting:
        ahead.append(_ahead(waiting, own))
    together = {name: np.concatenate([part[name] for part in judged]) for name in judged[0]}
    frame = pl.DataFrame(together, schema_overrides={"patient_id": pl.String})
    return frame.join(pl.concat(ahead), on=["patient_id", "day"], how="left").with_columns(
        pl.col("met").fill_null(value=False)
    )


def _ahead(parts: list[Posterior], context: Context) -> pl.DataFrame:
    together = parts[0] if len(parts) == 1 else joined(parts[0].batch, parts)
    return criterion_rows(together, context)


def _columns(
    weighted: WeightedVisits, judgement: Judgement, facts: ReadingFacts
) -> dict[str, BoolArray | FloatArray | IntArray]:
    columns: dict[str, BoolArray | FloatArray | IntArray] = {
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
