"""What other bounds than those of `turning.verdict` would do, and how well any verdict could: two parts of `states.py`.

Every visit is judged once; what a bound changes afterwards (the states from trend and readings, the verdict from them)
is worked out again under each setting, all others as they ship.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
import polars as pl
from independent_courses import COLORECTAL, DISEASES, LUNG, WORLDS, Courses, drawn
from independent_readings import SEEN, TREND, Seen, assessed, looked_at
from states_oracle import oracle
from states_statistics import Calibration, share_of_visits, table
from states_tables import ENOUGH_VALUES, TRUTHS, last_visits

from turnpoint.turning import judged_visits, reading_changes, verdict
from turnpoint.turning.judged_visits import with_verdicts
from turnpoint.turning.reading_changes import ReadingFacts
from turnpoint.turning.state import Judgement
from turnpoint.workflows import assess

MODEL = next(iter(WORLDS))
RECENT = (6.5, 8.0, 20.0)
DELTAS = (0.5, 2.0)
# name, its value that ships, others; in `turning.verdict`
VERDICT_BOUNDS: tuple[tuple[str, float, tuple[float, ...]], ...] = (
    ("CHANGE_WEIGHS", verdict.CHANGE_WEIGHS, (1.0, 1.5, 2.5, 3.0)),
    ("READ_CHANGE_WEIGHS", verdict.READ_CHANGE_WEIGHS, (2.0, 2.5, 4.0, 6.0)),
    ("LEAST_SHRINKAGE", verdict.LEAST_SHRINKAGE, (0.0, 0.05, 0.2, 0.3)),
    ("MOST_LIKELY_ENOUGH", verdict.MOST_LIKELY_ENOUGH, (0.0, 0.45, 0.5)),
)
MOST_COURSES_OF_ORACLE = 24
GOALS = {"shrinking": 85.0, "flat": 70.0, "growing": 85.0}
PAIRS = (("shrinking", "responding"), ("flat", "plateau"), ("flat", "regrowing"), ("growing", "regrowing"))


@contextmanager
def as_set(module: object, **values: float) -> Iterator[None]:
    """Within it the module's constants have these values."""
    kept = {name: getattr(module, name) for name in values}
    for name, value in values.items():
        setattr(module, name, value)
    try:
        yield
    finally:
        for name, value in kept.items():
            setattr(module, name, value)


@dataclass
class Watch:
    """What passes through `tp.assess` on the way to the verdict, with what other bounds would find beside it."""

    judged: list[pl.DataFrame] = field(default_factory=list)

    @contextmanager
    def on(self) -> Iterator[None]:
        """Within it assessments are watched."""
        columns, visits = judged_visits._columns, assess.judged_visits

        def with_trends(weighted: Any, judgement: Judgement, facts: ReadingFacts) -> dict[str, Any]:
            found = columns(weighted, judgement, facts)
            dynamics = weighted.bank.dynamics
            own = dynamics.at(weighted.patient) if weighted.bank.is_own else dynamics
            times = (one[:, None] for one in (weighted.on_weeks, weighted.off_weeks, weighted.off_now))
            trend, weight = own.trend_per_week(*times), weighted.weight
            for scale in DELTAS:
                for name, side in (("shrinking", trend < -scale * TREND), ("growing", trend > scale * TREND)):
                    found[f"p_{name}_{scale:g}"] = (weight * side).sum(axis=1) / weight.sum(axis=1)
            return found

        def with_facts(batch: Any, refiner: Any, tables: Any, context: Any) -> pl.DataFrame:
            found = visits(batch, refiner, tables, context)
            row = {patient_id: index for index, patient_id in enumerate(batch.patient_ids)}
            patient = np.array([row[patient_id] for patient_id in found["patient_id"]])
            place = [
                int(np.searchsorted(batch.day[one, : batch.visits[one]], day))
                for one, day in zip(patient, found["day"], strict=True)
            ]
            fallen = {}
            for name, values in other_readings().items():
                with as_set(reading_changes, **values):
                    facts = reading_changes.reading_facts(batch, refiner.prior)
                fallen[f"fallen_{name}"] = facts.at(patient, np.array(place)).fallen
            return found.with_columns(pl.Series(name, values) for name, values in fallen.items())

        def kept(judged: pl.DataFrame) -> pl.DataFrame:
            self.judged.append(judged)
            return with_verdicts(judged)

        with (
            as_set(judged_visits, _columns=with_trends),  # type: ignore[arg-type]
            as_set(assess, judged_visits=with_facts, with_verdicts=kept),  # type: ignore[arg-type]
        ):
            yield


def other_readings() -> dict[str, dict[str, float]]:
    """Settings of `turning.reading_changes` by the name of their column."""
    recent = {f"recent_{weeks:g}": {"RECENT_WEEKS": weeks} for weeks in RECENT}
    return recent | {f"delta_{scale:g}": {"CHANGING_PER_WEEK": scale * TREND} for scale in DELTAS}


def watched(seen: Seen, cell: str, how: str) -> pl.DataFrame:
    """What is said at every visit beside the truth, and all that the verdict is made of."""
    watch = Watch()
    with watch.on():
        said = assessed(seen).select("patient_id", "day", "values", "truth", "slope")
    frame = said.join(pl.concat(watch.judged), on=["patient_id", "day"], validate="1:1")
    return frame.with_columns(
        pl.format("{} {}", pl.lit(cell), "patient_id").alias("course"), pl.lit(how).alias("how")
    ).filter(ENOUGH_VALUES)


def states_cells(number: int, seed: int) -> Iterator[tuple[tuple[int, ...], Courses]]:
    """The courses of `states.states`."""
    for index, disease in enumerate(DISEASES):
        place = (seed, 0, index)
        yield place, drawn(disease, MODEL, number, np.random.default_rng(place))


def records(number: int, seed: int, weeks: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """All visits of the six diseases, and those of dormant disease as `states.worlds` draws it."""
    found, dormant = [], []
    for place, courses in states_cells(number, seed):
        seen = looked_at(courses, weeks, place)
        found += [watched(seen[how], str(place), how) for how in SEEN]
    index = list(WORLDS).index("dormant")
    for disease, ways in ((LUNG, ("CT",)), (COLORECTAL, SEEN)):
        place = (seed, 1, index, DISEASES.index(disease))
        seen = looked_at(drawn(disease, "dormant", number, np.random.default_rng(place)), weeks, place)
        dormant += [watched(seen[how], f"{place} {how}", how) for how in ways]
    return pl.concat(found, how="diagonal_relaxed"), pl.concat(dormant, how="diagonal_relaxed")


Rule = Callable[[pl.DataFrame], pl.DataFrame]


def rules() -> Iterator[tuple[str, str, Rule]]:
    """Setting, value, and the verdicts under it."""
    yield "as it ships", "", with_verdicts
    for name, ships, values in VERDICT_BOUNDS:
        for value in values:
            yield f"`{name}` ({ships:g})", f"{value:g}", _rule_with(name, value)
    for weeks in RECENT:
        yield "`RECENT_WEEKS` (13)", f"{weeks:g}", _rule_from(fallen=f"fallen_recent_{weeks:g}")
    for scale in DELTAS:
        yield "δ (ln 2 / 26)", f"{scale:g} δ", _rule_of_delta(scale)


def _rule_with(name: str, value: float) -> Rule:
    def rule(frame: pl.DataFrame) -> pl.DataFrame:
        with as_set(verdict, **{name: value}):
            return with_verdicts(frame)

    return rule


def _rule_from(**columns: str) -> Rule:
    return lambda frame: with_verdicts(frame.with_columns(**{to: pl.col(own) for to, own in columns.items()}))


def _rule_of_delta(scale: float) -> Rule:
    """The truth is by the same δ."""

    def rule(frame: pl.DataFrame) -> pl.DataFrame:
        shrinks, grows = pl.col(f"p_shrinking_{scale:g}"), pl.col(f"p_growing_{scale:g}")
        slope, bound = pl.col("slope"), scale * TREND
        truth = pl.when(slope < -bound).then(pl.lit("shrinking")).when(slope > bound).then(pl.lit("growing"))
        return with_verdicts(
            frame.with_columns(
                p_shrinking=shrinks,
                p_growing=grows,
                p_staying=(1.0 - shrinks - grows).clip(0.0),
                fallen=pl.col(f"fallen_delta_{scale:g}"),
                truth=truth.otherwise(pl.lit("flat")),
            )
        )

    return rule


def percent(frame: pl.DataFrame, truth: str, said: str) -> float:
    here = frame.filter(pl.col("truth") == truth)
    return 100.0 * float((here["verdict"] == said).mean() or 0.0)


def four(frame: pl.DataFrame) -> str:
    """Shrinking: responding, flat: plateau, flat: regrowing, growing: regrowing, in percent."""
    return " / ".join(f"{percent(frame, *pair):.0f}" for pair in PAIRS)


def sensitivity(number: int, seed: int, weeks: int) -> list[str]:
    """The table of settings."""
    return sensitivity_text(*records(number, seed, weeks))


def sensitivity_text(frame: pl.DataFrame, dormant: pl.DataFrame) -> list[str]:
    """From the visits of the six diseases and of dormant disease."""
    rows: list[list[object]] = []
    for name, value, rule in rules():
        said, resting = rule(frame), last_visits(rule(dormant))
        each = [said.filter(pl.col("how") == how) for how in SEEN]
        unsure = " / ".join(f"{100.0 * (one['verdict'] == 'undetermined').mean():.0f}" for one in each)
        ends = f"{100.0 * (resting['verdict'] == 'regrowing').mean():.0f}"
        rows.append([name, value, *(four(one) for one in each), unsure, ends])
    header = [
        "bound (as it ships)",
        "value",
        *SEEN,
        "undetermined: CT / marker / both",
        "dormant: ends regrowing",
    ]
    return [
        "## What other bounds would do",
        "",
        "Shrinking called responding / flat called plateau / flat called regrowing / growing called regrowing, in "
        "percent of the visits with three or more values (goals 85 / 70 / at most 12 / 85), six diseases together; one "
        "bound changed at a time. With another δ the truth is by that δ too. *Dormant*: all four ways of looking "
        "together (goal at most 5). `python benchmarks/states.py --only sensitivity`.",
        "",
        *table(header, rows),
        "",
    ]


def weighed(chances: np.ndarray, shrinks: float, grows: float) -> np.ndarray:
    """The verdicts that weigh the chances so."""
    names: np.ndarray = np.array(list(TRUTHS.values()))[(chances * [shrinks, 1.0, grows]).argmax(axis=1)]
    return names


def limit(number: int, seed: int, weeks: int) -> list[str]:
    """The verdict beside one who knows the simulator."""
    courses_each = min(number, MOST_COURSES_OF_ORACLE)
    found: dict[str, list[pl.DataFrame]] = {how: [] for how in SEEN}
    for place, courses in states_cells(number, seed):
        seen = looked_at(courses, weeks, place)
        first = [seen["CT"].patient_id(course) for course in range(courses_each)]
        for how in SEEN:
            said = assessed(seen[how]).filter(ENOUGH_VALUES & pl.col("patient_id").is_in(first))
            known = oracle(seen[how], said.select("patient_id", "day"), place)
            named = said.with_columns(pl.format("{} {}", pl.lit(str(place)), "patient_id").alias("course"))
            found[how].append(named.join(known, on=["patient_id", "day"], validate="1:1"))
    return limit_text(
        {how: pl.concat(parts, how="diagonal_relaxed") for how, parts in found.items()}, courses_each
    )


def limit_text(found: dict[str, pl.DataFrame], courses_each: int) -> list[str]:
    """From the visits seen each way, with the verdict and the oracle's chances."""
    errors = {
        how: [
            Calibration.of(frame[f"oracle_{truth}"].to_numpy(), (frame["truth"] == truth).to_numpy()).error
            for truth in TRUTHS
        ]
        for how, frame in found.items()
    }
    told = "; ".join(f"{how} {', '.join(f'{error:.3f}' for error in own)}" for how, own in errors.items())
    reach = {how: Reach.of(frame) for how, frame in found.items()}
    short = ", ".join(f"{how} {one.above_goals:+.0f}" for how, one in reach.items())
    header = ["seen by", "who", "visits", *(f"{truth}: {said}" for truth, said in PAIRS)]
    return [
        "## How good can it be",
        "",
        "One who knows the simulator, every distribution of rates, scar, marker and error that it draws from, and sees "
        "the same readings (`states_oracle.py`): by Bayes' rule no verdict does better. *A change twice*: as the "
        "verdict weighs it. *Nearest to all goals*: the weights that leave the smallest shortfall of the goals 85, 70 "
        "and 85, chosen on these visits. *Within the goals of flat*: the most that it finds of both changes with flat "
        f"called plateau in 70 and regrowing in at most 12 of 100. {courses_each} courses a disease. Calibration "
        f"error by tenths of its chances that the burden shrinks, stays, grows: {told}. "
        "`python benchmarks/states.py --only limit`.",
        "",
        "At the nearest, the goal that is missed most is missed by (points of percent; above 0 all three are met): "
        f"{short}.",
        "",
        *table(header, [row for how, frame in found.items() for row in limit_rows(how, frame, reach[how])]),
        "",
    ]


@dataclass(frozen=True)
class Reach:
    """How near the oracle comes: smallest distance above the goals (below 0: a shortfall), and two pairs of weights.

    `nearest` to all goals together; `within` the goals of flat, with the most found of both changes.
    """

    above_goals: float
    nearest: tuple[float, float]
    within: tuple[float, float]

    @classmethod
    def of(cls, frame: pl.DataFrame) -> Reach:
        """By trying weights from a half to sixteen."""
        chances = frame.select(f"oracle_{truth}" for truth in TRUTHS).to_numpy()
        true = frame["truth"].to_numpy()
        nearest = within = (-np.inf, 1.0, 1.0)
        for weights in product(np.geomspace(0.5, 16.0, 26), repeat=2):
            said = weighed(chances, *weights)
            right = {truth: 100.0 * (said == name)[true == truth].mean() for truth, name in TRUTHS.items()}
            nearest = max(nearest, (min(right[truth] - goal for truth, goal in GOALS.items()), *weights))
            if right["flat"] >= GOALS["flat"] and (said == "regrowing")[true == "flat"].mean() <= 0.12:
                within = max(within, (right["shrinking"] + right["growing"], *weights))
        return cls(nearest[0], nearest[1:], within[1:])


def limit_rows(how: str, frame: pl.DataFrame, reach: Reach) -> list[list[object]]:
    """Turnpoint, and the oracle with several weights."""
    chances = frame.select(f"oracle_{truth}" for truth in TRUTHS).to_numpy()
    ways: Sequence[tuple[str, np.ndarray]] = (
        ("Turnpoint", frame["verdict"].to_numpy()),
        ("knows the simulator: most probable", weighed(chances, 1.0, 1.0)),
        ("knows the simulator: a change twice", weighed(chances, 2.0, 2.0)),
        ("knows the simulator: nearest to all goals", weighed(chances, *reach.nearest)),
        ("knows the simulator: within the goals of flat", weighed(chances, *reach.within)),
    )
    return [
        [how, who, frame.height, *_cells(frame.with_columns(pl.Series("said", said, pl.String)))]
        for who, said in ways
    ]


def _cells(frame: pl.DataFrame) -> list[object]:
    return [share_of_visits(frame, pl.col("said") == said, pl.col("truth") == truth) for truth, said in PAIRS]
