"""What a forecast of the next visit has to beat, and what it is asked: for `benchmarks/forecast.py`.

Baselines: the last value, log-linear extrapolation and a least-squares regression-growth fit of each patient, each with
the training set's error quantiles; and a quantile forest on simple features, which is what a data scientist would do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from sklearn.ensemble import RandomForestRegressor

from turnpoint.kinetics.regression_growth import RegressionGrowth, fit_each_regression_growth
from turnpoint.model.forecast import QUANTILE_LEVELS
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.series import quantities_of, readings_of
from turnpoint.study.study import Study
from turnpoint.turning.criterion_ahead import progression_thresholds

FLOOR = {SUM_OF_DIAMETERS: 2.0}  # mm; a lesion that has disappeared has no logarithm
MARKER_FLOOR = 0.01


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
        .join(progression_thresholds(readings, study.markers), on=["patient_id", "quantity", "day"])
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


def _regression_growth_at(fit: RegressionGrowth | None, weeks: np.ndarray) -> np.ndarray:
    """Log value relative to the first; no change where no member of the family fits."""
    if fit is None:
        return np.zeros_like(weeks)
    d, g = fit.kill_per_week or 0.0, fit.regrowth_per_week or 0.0
    share = fit.growing_fraction
    if fit.model == "gd":
        size = np.exp(-d * weeks) + np.exp(g * weeks) - 1.0
    elif share is None:
        size = np.exp(g * weeks) if fit.model == "g" else np.exp(-d * weeks)
    else:
        size = (1.0 - share) * np.exp(-d * weeks) + share * np.exp(g * weeks)
    return np.log(np.maximum(size, 1e-3))


def _regression_growth(task_: Task) -> np.ndarray:
    """The last value, moved on by the change that the patient's fitted curve foresees."""
    fits = fit_each_regression_growth([(days, np.exp(values)) for days, values in task_.history])
    moved = []
    for fit, (days, _), gap in zip(fits, task_.history, task_.gap_days, strict=True):
        now = (days[-1] - days[0]) / 7.0
        log_size = _regression_growth_at(fit, np.array([now, now + gap / 7.0]))
        moved.append(log_size[1] - log_size[0])
    return task_.last + np.clip(moved, -2.0, 2.0)


def regression_growth(_train: Study, train_task: Task, _test: Study, test_task: Task) -> Forecasts:
    errors = train_task.log_value - _regression_growth(train_task)
    return _from_errors(_regression_growth(test_task), errors, test_task)


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


BASELINES: dict[str, Method] = {
    "last value": last_value,
    "log-linear": log_linear,
    "least-squares g, d, φ": regression_growth,
    "quantile forest": quantile_forest,
}
