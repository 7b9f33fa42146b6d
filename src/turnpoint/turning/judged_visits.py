"""Every visit of a batch judged: the posterior's trend, dates and causes, and what the readings did, as columns."""

from __future__ import annotations

import numpy as np
import polars as pl

from turnpoint.model.arrays import BoolArray, FloatArray, IntArray
from turnpoint.model.refinement import Refiner
from turnpoint.model.series import Batch
from turnpoint.model.weighing import WeightedVisits
from turnpoint.turning.reading_changes import ReadingFacts, reading_facts
from turnpoint.turning.state import DATE_LEVELS, Judgement, judge
from turnpoint.turning.tables import Tables
from turnpoint.turning.verdict import STATES, state_probabilities, verdicts

Columns = dict[str, BoolArray | FloatArray | IntArray]

TRENDS = ("shrinking", "staying", "growing")
CAUSES = ("resistant", "scar", "floor", "pause")
DATES = ("dominance_day", "turning_day", "regrowth_day")
LEVEL_NAMES = tuple(f"q{round(100 * level):02d}" for level in DATE_LEVELS)


def judged_visits(batch: Batch, refiner: Refiner, tables: Tables) -> Columns:
    """All that is said of each visit from the data up to it, but the state, which `with_verdicts` adds.

    Of the batch's rows `patient` says which one a visit is of.
    """
    facts = reading_facts(batch, refiner.prior)
    found = [
        {"patient": patient, **_columns(weighted, judge(weighted, tables), facts.at(patient, visit))}
        for patient, visit, weighted in refiner.visits(batch, levels=False)
    ]
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}


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
