"""Shares with their intervals, calibration and ranking, where the visits of one course belong together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

BOOTSTRAPS = 400
FEW = 5  # trials under which a share is not shown
DECILES = np.linspace(0.0, 1.0, 11)
Z = 1.959964


@dataclass(frozen=True)
class Share:
    """A share with its 95 % interval."""

    value: float
    low: float
    high: float
    trials: int

    def __str__(self) -> str:
        if self.trials < FEW:
            return f"({self.trials} only)"
        return f"{100 * self.value:.0f} ({100 * self.low:.0f}-{100 * self.high:.0f})"


def wilson(events: int, trials: int) -> Share:
    """Of independent trials (Wilson 1927, doi:10.1080/01621459.1927.10502953)."""
    count = max(trials, 1)
    share = events / count
    middle = (share + Z**2 / (2 * count)) / (1 + Z**2 / count)
    half = Z * np.sqrt(share * (1 - share) / count + Z**2 / (4 * count**2)) / (1 + Z**2 / count)
    return Share(share, max(middle - half, 0.0), min(middle + half, 1.0), trials)


def share_of_visits(
    frame: pl.DataFrame, event: pl.Expr, among: pl.Expr | None = None, seed: int = 0
) -> Share:
    """Share of visits; the interval by bootstrap over courses (column `course`), or Wilson's where all are alike."""
    chosen = frame if among is None else frame.filter(among)
    by_course = chosen.group_by("course", maintain_order=True).agg(
        event.sum().alias("events"), pl.len().alias("trials")
    )
    events, trials = (
        by_course["events"].to_numpy().astype(float),
        by_course["trials"].to_numpy().astype(float),
    )
    total = int(trials.sum())
    if total < FEW or events.sum() in {0, total}:
        return wilson(int(events.sum()), total)
    rng = np.random.default_rng((seed, 3))
    weight = rng.multinomial(len(trials), np.full(len(trials), 1 / len(trials)), size=BOOTSTRAPS)
    low, high = np.quantile((weight @ events) / (weight @ trials), [0.025, 0.975])
    return Share(float(events.sum() / total), float(low), float(high), total)


@dataclass(frozen=True)
class Calibration:
    """What was said and what was seen, by bins of what was said."""

    said: np.ndarray
    seen: np.ndarray
    n: np.ndarray

    @classmethod
    def of(cls, said: np.ndarray, seen: np.ndarray, edges: np.ndarray = DECILES) -> Calibration:
        """Of single visits."""
        place = np.clip(np.digitize(said, edges[1:-1]), 0, len(edges) - 2)
        n = np.bincount(place, minlength=len(edges) - 1)
        full = n > 0
        sums = (np.bincount(place, weights=x.astype(float), minlength=len(n))[full] for x in (said, seen))
        mean_said, mean_seen = (x / n[full] for x in sums)
        return cls(mean_said, mean_seen, n[full])

    @property
    def error(self) -> float:
        """Mean absolute difference, weighted by visits."""
        if not self.n.sum():
            return float("nan")
        return float(np.average(np.abs(self.said - self.seen), weights=self.n))


def area_under_curve(score: np.ndarray, event: np.ndarray) -> float:
    """Chance that one with the event scores higher than one without; a tie counts one half."""
    if event.all() or not event.any():
        return float("nan")
    without = np.sort(score[~event])
    below = np.searchsorted(without, score[event], side="left") + np.searchsorted(
        without, score[event], side="right"
    )
    return float(below.mean() / (2 * len(without)))


def area_with_interval(frame: pl.DataFrame, score: str, event: str, seed: int = 0) -> str:
    """Area under the curve; the interval by bootstrap over courses."""
    if frame.height < FEW:
        return f"({frame.height} only)"
    values, happened = frame[score].to_numpy(), frame[event].to_numpy()
    _, course = np.unique(frame["course"].to_numpy(), return_inverse=True)
    rows = [np.flatnonzero(course == one) for one in range(course.max() + 1)]
    rng, again = np.random.default_rng((seed, 4)), []
    for _ in range(BOOTSTRAPS // 2):
        chosen = np.concatenate([rows[one] for one in rng.integers(0, len(rows), len(rows))])
        again.append(area_under_curve(values[chosen], happened[chosen]))
    if not np.isfinite(again).any():
        return "-"
    low, high = np.nanquantile(again, [0.025, 0.975])
    return f"{area_under_curve(values, happened):.2f} ({low:.2f}-{high:.2f})"


def table(header: list[str], rows: list[list[object]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(str(cell) for cell in line) + " |" for line in lines]
