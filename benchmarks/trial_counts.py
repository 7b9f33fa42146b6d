"""What benchmarks/trial.py declares and counts in each block; a module of its own, so that worker processes find it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from turnpoint.model.prior import named_prior
from turnpoint.virtual.block import block_player
from turnpoint.virtual.comparison import difference, treatment
from turnpoint.virtual.declaration import parsed

PRIOR = "docetaxel-nsclc-ct"
HORIZON_WEEKS = 156
DECLARED = """
[trial]
patients = {patients}
horizon_weeks = 156
[population]
prior = "docetaxel-nsclc-ct"
clones = "{clones}"
[schedule]
scan_every_weeks = 6
"""
TWO = """
[[arm]]
name = "at RECIST progression"
policy = "progression"
[[arm]]
name = "at the true turning point"
policy = "turning"
"""
MORE = """
[[arm]]
name = "after 6 cycles"
policy = "cycles"
cycles = 6
[[arm]]
name = "alternating every 2 cycles"
policy = "alternate"
cycles = 2
[[arm]]
name = "drug holidays, then at progression"
policy = "holidays"
[[arm]]
name = "never"
policy = "never"
"""
COUNTED = ("switch_week", "second_progression_week", "lethal_week", "extinct_week")


def declared(patients: int, clones: str = "stochastic", arms: str = TWO) -> str:
    """A declaration of the benchmark."""
    return DECLARED.format(patients=patients, clones=clones) + arms


def counted(text: str) -> Callable[[tuple[int, int]], np.ndarray]:
    """Sums over a block of patients for each arm: events by `COUNTED`, changes too early, weeks to a lethal burden."""
    play = block_player(parsed(text), named_prior(PRIOR))

    def block(asked: tuple[int, int]) -> np.ndarray:
        sums = (
            play(asked)
            .group_by("arm", maintain_order=True)
            .agg(
                *(pl.col(name).count() for name in COUNTED),
                pl.col("before_turning").sum(),
                pl.col("lethal_week").fill_null(np.inf).clip(0, HORIZON_WEEKS).sum().alias("weeks"),
            )
        )
        return sums.drop("arm").to_numpy().astype(float)

    return block


def compared(patients: int) -> list[str]:
    """Every policy on the same tumours: a Markdown row each, differences against the first, paired."""
    found = block_player(parsed(declared(patients, arms=TWO + MORE)), named_prior(PRIOR))((0, patients))
    given = treatment(found, by_chance=True)
    weeks = {
        str(name): own.select("second_progression_week", "lethal_week").fill_null(np.inf).to_numpy()
        for (name,), own in found.group_by("arm", maintain_order=True)
    }
    usual = next(iter(weeks.values()))[:, 1]
    rows = []
    for row in given.iter_rows(named=True):
        second, lethal = weeks[row["arm"]].T
        gain = difference(lethal, usual, HORIZON_WEEKS, 4.0).gained_weeks
        mean_second, mean_lethal = (np.minimum(own, HORIZON_WEEKS).mean() for own in (second, lethal))
        rows.append(
            f"| {row['arm']} | {mean_second:.1f} | {mean_lethal:.1f} | {gain.mean:+.1f} ± {gain.high - gain.mean:.1f} "
            f"| {row['mean_weeks_on_a']:.0f} | {row['mean_weeks_on_b']:.0f} "
            f"| {100 * row['before_turning_share']:.0f} % | {100 * row['extinct_share']:.1f} % |"
        )
    return rows
