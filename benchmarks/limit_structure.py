"""What real series hold and courses from the model do not: for `benchmarks/limit.py`.

Each real series beside its twin: courses drawn from the shipped prior that was fitted to it, on the same days and from
the same first readings, twice as many patients.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from forecast import DATA, crps, fitted, forecasts_by, splits
from forecast_baselines import Task, last_value, quantile_forest, task
from limit_courses import as_study
from scipy.stats import spearmanr

import turnpoint as tp
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.prior import BelowLimit, Prior, shipped_priors
from turnpoint.model.series import readings_of
from turnpoint.model.simulate import simulate_courses
from turnpoint.study.study import Study
from turnpoint.turning.criterion_ahead import progression_thresholds

SERIES = (
    ("oak-docetaxel", "docetaxel-nsclc-ct"),
    ("oak-atezolizumab", "immunotherapy-nsclc-ct"),
    ("ffcd2000-05-colorectal", "chemotherapy-colorectal-ct"),
)
TIMES = 2
EARLY = 0.75  # of the patient's usual gap
GROWN = 0.1  # over the smallest sum
LARGE = 0.3  # change of log value
_SAME = 1e-9

AGAIN = "of these after a repeat / after a change, %"
CARRIES_ON = "rank correlation of a change with the next"
CLUSTERS = "of their sizes, where both moved"
LAST_SEEN = f"last seen at a sum {GROWN:.0%} above the smallest / elsewhere, %"
FOREST, FILTER = "CRPS ratio of a quantile forest", "CRPS ratio of the filter alone"


@dataclass(frozen=True)
class Moves:
    """The last change, the next change and the gap at every origin."""

    last: np.ndarray
    following: np.ndarray
    early: np.ndarray
    progressed: np.ndarray

    @classmethod
    def of(cls, wanted: Task) -> Moves:
        """From the origins of a series."""
        usual = np.array([np.median(np.diff(days)) for days, _ in wanted.history])
        return cls(
            last=np.array([values[-1] - values[-2] for _, values in wanted.history]),
            following=wanted.log_value - wanted.last,
            early=wanted.gap_days < EARLY * usual,
            progressed=wanted.progressed,
        )

    def numbers(self) -> dict[str, str]:
        """The rows of the table."""
        again, before = np.abs(self.following) < _SAME, np.abs(self.last) < _SAME
        moved = ~again & ~before
        size = spearmanr(np.abs(self.last[moved]), np.abs(self.following[moved])).statistic
        sign = spearmanr(self.last, self.following).statistic
        return {
            "the last sum again, %": _percent(again),
            AGAIN: _pair(again, before),
            CARRIES_ON: f"{sign:+.2f}",
            CLUSTERS: f"{size:+.2f}",
            f"changes beyond {LARGE:.0%} (log), %": _percent(np.abs(self.following) > LARGE),
            "early visits, %": _percent(self.early),
            "progression at early / other visits, %": _pair(self.progressed, self.early),
        }


def _percent(found: np.ndarray) -> str:
    return f"{100 * found.mean():.1f}"


def _pair(found: np.ndarray, where: np.ndarray) -> str:
    return " / ".join(f"{100 * found[own].mean():.1f}" if own.any() else "-" for own in (where, ~where))


def last_seen(study: Study) -> str:
    """Percent of the visits that are the last one: where the sum has grown, without progression, and elsewhere."""
    readings = readings_of(study)
    smallest = pl.col("value").cum_min().over("patient_id").clip(1.0)
    visits = (
        readings.filter(pl.col("quantity") == SUM_OF_DIAMETERS)
        .join(progression_thresholds(readings, study.markers), on=["patient_id", "quantity", "day"])
        .sort("patient_id", "day")
        .with_columns(
            grown=pl.col("value") / smallest >= 1.0 + GROWN,
            is_last=pl.col("day") == pl.col("day").max().over("patient_id"),
            before=pl.int_range(pl.len()).over("patient_id"),
        )
        .filter(pl.col("threshold").is_not_null() & (pl.col("before") > 0))
    )
    return _pair(visits["is_last"].to_numpy(), visits["grown"].to_numpy())


def twin(study: Study, prior: Prior, seed: int) -> Study:
    """Courses of the prior on the study's days, from its first readings."""
    readings = readings_of(study)
    first = readings.sort("day").group_by("patient_id", maintain_order=True).agg(pl.col("value").first())
    starts = {SUM_OF_DIAMETERS: first["value"].clip(5.0).to_numpy()}
    rng = np.random.default_rng((seed, 2))
    return as_study(simulate_courses(prior, readings, starts, rng, TIMES * len(study.patient_ids)))


def ratios(pairs: list[tuple[Study, Study]], prior: Prior | None) -> dict[str, str]:
    """CRPS ratio of the forest and of the filter alone; the prior refitted to each training set if none is given."""
    scores: dict[str, list[np.ndarray]] = {"last": [], "forest": [], "filter": []}
    for train, test in pairs:
        known, wanted = task(train), task(test)
        own = prior or fitted(train)
        alone = replace(own, error_regressions={}, filter_weight={})
        made = {
            "last": last_value(train, known, test, wanted),
            "forest": quantile_forest(train, known, test, wanted),
            "filter": forecasts_by(alone, test, wanted),
        }
        for name, one in made.items():
            scores[name].append(crps(one.log_quantiles, wanted.log_value))
    mean = {name: np.concatenate(parts).mean() for name, parts in scores.items()}
    return {
        FOREST: f"{mean['forest'] / mean['last']:.3f}",
        FILTER: f"{mean['filter'] / mean['last']:.3f}",
    }


def structure(seed: int) -> list[str]:
    """A column a series and its twin, a row a number."""
    columns: dict[str, dict[str, str]] = {}
    for name, prior_name in SERIES:
        study = tp.read(DATA / name)
        prior = replace(shipped_priors()[prior_name], below_limit=BelowLimit(0.0, 1.0))
        simulated = [twin(study, prior, seed + index) for index in range(2)]
        for title, own, pairs, given in (
            (name, study, splits(name), None),
            ("its twin", simulated[1], [(simulated[0], simulated[1])], prior),
        ):
            wanted = task(own)
            columns[title if title == name else f"{name}: {title}"] = {
                "origins": str(len(wanted.gap_days)),
                **Moves.of(wanted).numbers(),
                LAST_SEEN: last_seen(own),
                **ratios(pairs, given),
            }
    return [*_table(columns), "", *reading(columns), ""]


def reading(columns: dict[str, dict[str, str]]) -> list[str]:
    """What the table says, in words."""
    real = [name for name in columns if "twin" not in name]

    def pairs(row: str) -> str:
        return ", ".join(f"{columns[name][row]} ({columns[f'{name}: its twin'][row]})" for name in real)

    return [
        f"In the order {', '.join(real)}, the twin in brackets:",
        "",
        "- Real series are not easier than the model says: on the same days and from the same first readings the "
        f"filter with the right prior, which need not be fitted, scores {pairs(FILTER)}. Ratios of the clinics above "
        "do not compare with theirs, for other days and other sizes at the start change the ratio by as much.",
        f"- They do hold structure that the model lacks, and a forest finds it: {pairs(FOREST)}. On the twins, where "
        "the filter is right, averaging with a regression of errors costs (the clinics above: *refitted* against "
        "*filter alone*); on real series it gains (forecast.md).",
        f"- Readers stick to a number: repeats, after a repeat / after a change, {pairs(AGAIN)}. A sum over several "
        "lesions, read here as one, does so less than the model says.",
        f"- Changes carry on: {pairs(CARRIES_ON)}. The drift of the model is a random walk; only its curve carries on.",
        f"- Patients differ in how much they vary: {pairs(CLUSTERS)}. This the model has.",
        f"- Follow-up ends after growth: share of visits that are the last, {pairs(LAST_SEEN)}. Real courses that go "
        "on are those that fare well, and a visit that takes place says so; the twin's visits know nothing of its "
        "tumour. Visits before their time are no clear sign of progression in any of the three.",
    ]


def _table(columns: dict[str, dict[str, str]]) -> list[str]:
    names = list(columns)
    lines = [
        "## What real series hold and the model does not",
        "",
        f"Each series beside its twin: {TIMES} times as many courses drawn from the prior fitted to it, on the same "
        "days, from the same first readings. Origins as above; a visit is early when its gap is under "
        f"{EARLY:.0%} of the patient's usual one. Forest and filter: five folds by patient on the real series; on the "
        "twin the forest learns from another twin and the filter has the right prior.",
        "",
        "| | " + " | ".join(names) + " |",
        "|" + " --- |" * (len(names) + 1),
    ]
    rows = [
        f"| {row} | " + " | ".join(columns[name][row] for name in names) + " |" for row in columns[names[0]]
    ]
    return [*lines, *rows]
