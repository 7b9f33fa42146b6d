"""Calibration curves of the forecasts on patients left out, drawn as `turnpoint diagnose` draws them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from turnpoint.charts.diagnostics import HALF, coverage, reliability
from turnpoint.charts.svg import svg
from turnpoint.model.calibration import wilson_interval

IMAGES = Path(__file__).parents[1] / "docs" / "images"
GROUPS = 10
_SAME = 1e-9


def calibration_pictures(
    name: str, log_quantiles: np.ndarray, chance: np.ndarray, truth: np.ndarray, event: np.ndarray
) -> str:
    """Draw both curves of one data set; returns the Markdown that shows them."""
    rows = {"coverage": coverage_rows(log_quantiles, truth), "progression": reliability_rows(chance, event)}
    shown = []
    for kind, draw in (("coverage", coverage), ("progression", reliability)):
        title = f"{name}: {'central intervals' if kind == 'coverage' else 'chance of progression'}, patients left out"
        picture = svg(draw(rows[kind], HALF), figure_id=f"{name}-{kind}", title=title, description=title)
        path = IMAGES / f"forecast-{name}-{kind}.svg"
        path.write_text(picture + "\n", encoding="utf-8")
        shown.append(f"![{title}](../images/{path.name})")
    return " ".join(shown)


def coverage_rows(log_quantiles: np.ndarray, truth: np.ndarray) -> pl.DataFrame:
    """Share of values in each central interval, as printed and with ties split at random."""
    below = (log_quantiles < truth[:, None] - _SAME).sum(axis=1)
    up_to = (log_quantiles <= truth[:, None] + _SAME).sum(axis=1)
    # between two neighbouring quantiles, or on some of them, a value's place is uniform over the levels that it spans
    pit = np.random.default_rng(0).uniform(below / 20, (up_to + 1) / 20)
    rows = []
    for percent in range(10, 100, 10):
        tail = (100 - percent) // 2
        first, last = tail / 5 - 1, (100 - tail) / 5 - 1
        if first != int(first):
            continue
        inside = (truth >= log_quantiles[:, int(first)] - _SAME) & (
            truth <= log_quantiles[:, int(last)] + _SAME
        )
        between = (pit >= tail / 100) & (pit <= 1 - tail / 100)
        lower, upper = wilson_interval(np.array([inside.sum()]), np.array([len(truth)]))
        rows.append(
            (percent / 100, float(inside.mean()), float(lower[0]), float(upper[0]), float(between.mean()))
        )
    names = ["nominal", "coverage", "coverage_low", "coverage_high", "coverage_by_pit"]
    return pl.DataFrame(rows, schema=names, orient="row")


def reliability_rows(chance: np.ndarray, event: np.ndarray) -> pl.DataFrame:
    """Observed share in tenths of the origins, from the smallest forecast chance to the largest."""
    groups = np.array_split(np.argsort(chance, kind="stable"), GROUPS)
    happened = np.array([event[group].sum() for group in groups])
    size = np.array([len(group) for group in groups])
    low, high = wilson_interval(happened, size)
    return pl.DataFrame(
        {
            "mean_chance": [float(chance[group].mean()) for group in groups],
            "share": happened / size,
            "share_low": low,
            "share_high": high,
        }
    )
