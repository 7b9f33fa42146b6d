"""Forecast of the next visit on patients not used for fitting: `python benchmarks/forecast.py`.

Design section 7, item 1. Five folds by patient on every data set, and train on one trial, test on another.
Scores: CRPS on the log scale (mean of twice the pinball loss over 19 quantiles), MAE of the median, coverage of
the 80 % interval; for progression at the next visit AUC and Brier skill over the training rate. Only origins
with two values or more, before the first progression. Baselines in the same run: the last value with the
training set's error quantiles, log-linear extrapolation with the same, a quantile forest on simple features.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from scipy.stats import rankdata
from sklearn.ensemble import RandomForestRegressor

import turnpoint as tp
from turnpoint.model.forecast import QUANTILE_LEVELS, QUANTILE_NAMES
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.series import quantities_of, readings_of
from turnpoint.study.study import Study
from turnpoint.workflows.forecast import progression_thresholds

DATA = Path(os.environ.get("TURNPOINT_DATA", Path(__file__).parents[2] / "shared" / "data"))
RESULTS = Path(__file__).parents[1] / "docs" / "results" / "forecast.md"
FLOOR = {SUM_OF_DIAMETERS: 2.0}  # mm; a lesion that has disappeared has no logarithm
MARKER_FLOOR = 0.01
FOLDS = 5
SETS = (
    "oak-docetaxel",
    "oak-atezolizumab",
    "ascent2-docetaxel-psa",
    "abiraterone-adaptive-psa",
    "ffcd2000-05-colorectal",
)
TRANSFERS = (("oak-docetaxel", "oak-atezolizumab"), ("oak-atezolizumab", "oak-docetaxel"))


@dataclass(frozen=True)
class Task:
    """Origins of one study: features, truth and keys, in the same order."""

    keys: pl.DataFrame  # patient_id, origin_day, quantity
    history: list[tuple[np.ndarray, np.ndarray]]  # days and log values up to the origin
    gap_days: np.ndarray
    log_value: np.ndarray
    log_threshold: np.ndarray

    @property
    def last(self) -> np.ndarray:
        """Log of the value at the origin."""
        return np.array([values[-1] for _, values in self.history])

    @property
    def progressed(self) -> np.ndarray:
        """Whether the criterion is first met at the target."""
        return self.log_value >= self.log_threshold - 1e-9


def task(study: Study) -> Task:
    """Every scored origin of the study's first quantity."""
    readings = readings_of(study)
    quantity = quantities_of(readings)[0]
    floor = FLOOR.get(quantity, MARKER_FLOOR)
    table = (
        readings.filter(pl.col("quantity") == quantity)
        .join(progression_thresholds(readings, study), on=["patient_id", "quantity", "day"])
        .sort("patient_id", "day")
    )
    rows, history, gaps, values, thresholds = [], [], [], [], []
    for (patient,), own in table.group_by("patient_id", maintain_order=True):
        days, logs = own["day"].to_numpy(), np.log(np.maximum(own["value"].to_numpy(), floor))
        for i in range(1, len(days) - 1):
            threshold = own["threshold"][i]
            if threshold is None:
                continue
            rows.append((patient, int(days[i]), quantity))
            history.append((days[: i + 1].astype(float), logs[: i + 1]))
            gaps.append(days[i + 1] - days[i])
            values.append(logs[i + 1])
            thresholds.append(np.log(max(threshold, floor)))
    keys = pl.DataFrame(rows, schema=["patient_id", "origin_day", "quantity"], orient="row")
    return Task(keys, history, np.array(gaps, dtype=float), np.array(values), np.array(thresholds))


@dataclass(frozen=True)
class Forecasts:
    """Log quantiles (n, 19) and chance of progression (n,)."""

    log_quantiles: np.ndarray
    p_progression: np.ndarray


Method = Callable[[Study, Task, Study, Task], Forecasts]


def turnpoint_model(train: Study, _train_task: Task, test: Study, test_task: Task) -> Forecasts:
    prior = tp.fit(train, name="train", courses=0)
    frame = tp.forecast(test, prior)
    joined = test_task.keys.join(
        frame, on=["patient_id", "origin_day", "quantity"], how="left", maintain_order="left"
    )
    floor = FLOOR.get(test_task.keys["quantity"][0], MARKER_FLOOR)
    values = joined.select(QUANTILE_NAMES).to_numpy()
    return Forecasts(np.log(np.maximum(values, floor)), joined["p_progression"].to_numpy())


def _from_errors(centre: np.ndarray, errors: np.ndarray, task_: Task) -> Forecasts:
    p = (centre[:, None] + errors >= task_.log_threshold[:, None] - 1e-9).mean(axis=1)
    return Forecasts(centre[:, None] + np.quantile(errors, QUANTILE_LEVELS), p)


def last_value(_train: Study, train_task: Task, _test: Study, test_task: Task) -> Forecasts:
    return _from_errors(test_task.last, train_task.log_value - train_task.last, test_task)


def _extrapolated(task_: Task) -> np.ndarray:
    slopes = np.array([np.polyfit(days, values, 1)[0] for days, values in task_.history])
    return task_.last + slopes * task_.gap_days


def log_linear(_train: Study, train_task: Task, _test: Study, test_task: Task) -> Forecasts:
    errors = train_task.log_value - _extrapolated(train_task)
    return _from_errors(_extrapolated(test_task), errors, test_task)


def _features(task_: Task) -> np.ndarray:
    rows = []
    for (days, values), gap in zip(task_.history, task_.gap_days, strict=True):
        change = np.diff(values)
        rows.append(
            [
                values[-1],
                gap,
                days[-1],
                len(values),
                values[-1] - values[0],
                values[-1] - values.min(),
                change[-1],
                change[-1] / (days[-1] - days[-2]),
                change.std(),
                np.abs(change).mean(),
                np.polyfit(days, values, 1)[0],
            ]
        )
    return np.array(rows)


def quantile_forest(_train: Study, train_task: Task, _test: Study, test_task: Task) -> Forecasts:
    """Errors of the training origins that share leaves with the test origin (Meinshausen 2006)."""
    forest = RandomForestRegressor(500, min_samples_leaf=10, max_features=0.5, random_state=0, n_jobs=2)
    errors = train_task.log_value - train_task.last
    train_x, test_x = _features(train_task), _features(test_task)
    forest.fit(train_x, errors)
    train_leaves, test_leaves = forest.apply(train_x), forest.apply(test_x)
    order = np.argsort(errors)
    log_quantiles, p = [], []
    for leaves, last, threshold in zip(test_leaves, test_task.last, test_task.log_threshold, strict=True):
        shared = train_leaves == leaves
        weight = (shared / shared.sum(axis=0)).sum(axis=1) / shared.shape[1]
        cumulative = np.cumsum(weight[order])
        places = np.minimum(np.searchsorted(cumulative, QUANTILE_LEVELS), len(errors) - 1)
        log_quantiles.append(last + errors[order][places])
        p.append(weight[last + errors >= threshold - 1e-9].sum())
    return Forecasts(np.array(log_quantiles), np.array(p))


METHODS: dict[str, Method] = {
    "last value": last_value,
    "log-linear": log_linear,
    "quantile forest": quantile_forest,
    "Turnpoint": turnpoint_model,
}


def crps(log_quantiles: np.ndarray, log_value: np.ndarray) -> np.ndarray:
    error = log_value[:, None] - log_quantiles
    return 2 * np.maximum(QUANTILE_LEVELS * error, (QUANTILE_LEVELS - 1) * error).mean(axis=1)


def auc(score: np.ndarray, event: np.ndarray) -> float:
    ranks, events = rankdata(score), event.sum()
    return float((ranks[event].sum() - events * (events + 1) / 2) / (events * (len(event) - events)))


def splits(name: str) -> list[tuple[Study, Study]]:
    study = tp.read(DATA / name)
    ids = np.array(sorted(study.patient_ids))
    fold = np.random.default_rng(0).permutation(len(ids)) % FOLDS
    return [(study.only(ids[fold != k].tolist()), study.only(ids[fold == k].tolist())) for k in range(FOLDS)]


def evaluate(pairs: list[tuple[Study, Study]]) -> list[dict[str, float | str]]:
    tasks = [(train, task(train), test, task(test)) for train, test in pairs]
    truth = np.concatenate([part[3].log_value for part in tasks])
    event = np.concatenate([part[3].progressed for part in tasks])
    rate = np.concatenate([np.full(len(part[3].log_value), part[1].progressed.mean()) for part in tasks])
    rows, reference = [], 0.0
    for name, method in METHODS.items():
        start = time.perf_counter()
        made = [method(*part) for part in tasks]
        q = np.concatenate([one.log_quantiles for one in made])
        p = np.concatenate([one.p_progression for one in made])
        score = float(crps(q, truth).mean())
        reference = reference or score
        rows.append(
            {
                "method": name,
                "CRPS": score,
                "ratio": score / reference,
                "MAE": float(np.abs(q[:, 9] - truth).mean()),
                "coverage 80 %": float(((truth >= q[:, 1] - 1e-9) & (truth <= q[:, 17] + 1e-9)).mean()),
                "AUC": auc(p, event),
                "Brier skill": float(1 - ((p - event) ** 2).mean() / ((rate - event) ** 2).mean()),
                "origins": len(truth),
                "progressions": int(event.sum()),
                "seconds": time.perf_counter() - start,
            }
        )
    return rows


def table(title: str, rows: list[dict[str, float | str]]) -> str:
    names = list(rows[0])
    lines = [f"### {title}", "", "| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    for row in rows:
        cells = [
            f"{v:.1f}" if k == "seconds" else f"{v:.4f}" if isinstance(v, float) else str(v)
            for k, v in row.items()
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def stamp() -> str:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    return (
        f"{datetime.now(tz=UTC).date()}, commit {commit}, {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, Turnpoint {tp.__version__}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="*", default=list(SETS))
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    parts = ["# Forecast of the next visit", "", __doc__.split("\n\n", 1)[1].strip(), "", stamp(), ""]
    parts += ["## Five folds by patient", ""]
    for name in chosen.sets:
        parts.append(table(name, evaluate(splits(name))))
        print(parts[-1], flush=True)
    transfers = [pair for pair in TRANSFERS if set(pair) <= set(chosen.sets)]
    if transfers:
        parts += ["## Train on one trial, test on another", ""]
    for train, test in transfers:
        rows = evaluate([(tp.read(DATA / train), tp.read(DATA / test))])
        parts.append(table(f"{train} to {test}", rows))
        print(parts[-1], flush=True)
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
