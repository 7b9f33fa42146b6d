"""The two-strike curve: chance that a small tumour dies out, by the size at which the second drug takes over.

    .venv/bin/python benchmarks/two_strike.py

Theory (Patil, Ahmed, Viossat, Noble, bioRxiv 2023.11.22.568336): the second strike is best near the nadir, rather
after than before it. Published, from the archive of that paper (100 runs a size): N0 = 10^6, 100 cells resistant to
each drug, cost of resistance 0.5, drug level 2.0. What the summary at hand does not tell is assumed here: births 1 and
deaths 0.1 a unit of time, a drug adds deaths at its level, a resistant cell divides half as often, one resistant to
both a quarter as often, mutation 5·10^-6 a division. So the shape is to be compared, not each number.
"""

from __future__ import annotations

import argparse
import platform
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from provenance import commit

from turnpoint.virtual.clones import Rates
from turnpoint.virtual.luck import Luck
from turnpoint.virtual.player import Trunk, play, trunk
from turnpoint.virtual.policies import Once

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "two-strike.md"
START = np.array([1e6 - 200.0, 100.0, 100.0, 0.0])  # S, A, B, AB
BIRTH, DEATH, DRUG, COST, MUTATION = 1.0, 0.1, 2.0, 0.5, 5e-6
STEP, VISITS = 0.1, 400
PUBLISHED = (
    ("before", 1e5, "0.03"),
    ("before", 16_750.0, "0.68"),
    ("nadir", None, "0.96-0.98"),
    ("after", 16_750.0, "0.93"),
    ("after", 1e5, "0.56"),
    ("never", None, "0"),
)


def rates(patients: int) -> Rates:
    """Net and birth rates of S, A, B, AB under no drug, A and B; the unit of time stands for a week."""
    birth = BIRTH * np.array([1.0, 1.0 - COST, 1.0 - COST, (1.0 - COST) ** 2])
    killed = np.array([[0, 0, 0, 0], [1, 0, 1, 0], [1, 1, 0, 0]], dtype=float)
    net = birth - DEATH - DRUG * killed
    shape = (patients, 3, 4)
    return Rates(
        np.broadcast_to(net, shape),
        np.broadcast_to(birth, shape),
        MUTATION,
        np.full(patients, np.inf),
        np.full(patients, START.sum()),
    )


def switch_week(own: Trunk, side: str, cells: float | None) -> float:
    """When the mean course under the first drug passes this size, before or after its nadir."""
    mean = own.cells.sum(axis=2).mean(axis=1)
    nadir, weeks = int(mean.argmin()), own.days / 7.0
    if side == "nadir" or cells is None:
        return float(weeks[nadir])
    if side == "before":
        return float(weeks[np.flatnonzero(mean[:nadir] <= cells)[0]])
    return float(weeks[nadir + np.flatnonzero(mean[nadir:] >= cells)[0]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tumours", type=int, default=4000)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    started = time.perf_counter()
    patients = asked.tumours
    own = trunk(
        np.tile(START, (patients, 1)),
        rates(patients),
        7.0 * STEP * np.arange(VISITS),
        Luck.of(np.random.default_rng(1), patients),
    )
    rows = []
    for side, cells, published in PUBLISHED:
        if side == "never":
            week, when, size = np.inf, "-", "-"
        else:
            week = switch_week(own, side, cells)
            when = f"{week:.1f}"
            size = f"{own.cells[round(week / STEP)].sum(axis=1).mean():,.0f}"
        policy = Once(np.full(patients, 7.0 * week), at_progression=False)
        chance = float(
            np.isfinite(play(own, policy, Luck.of(np.random.default_rng(2), patients)).extinct).mean()
        )
        error = np.sqrt(max(chance * (1 - chance), 0.25 / patients) / patients)
        rows.append(f"| {side} | {size} | {when} | {chance:.2f} ± {2 * error:.2f} | {published} |")
    text = "\n".join(
        [
            "# The two-strike curve",
            "",
            (__doc__ or "").split("\n\n", 2)[2].strip(),
            "",
            f"{datetime.now(tz=UTC).date()}, commit {commit()}, {platform.machine()}, Python "
            f"{platform.python_version()}; {patients} tumours, {time.perf_counter() - started:.0f} s.",
            "",
            "| second drug, side of the nadir | cells then, mean | time | chance to die out (± 2 SE) | published |",
            "| --- | --- | --- | --- | --- |",
            *rows,
            "",
            "In visible disease (10^8 cells and more) the nadir is itself of millions of cells, and nothing dies out: "
            "see [virtual trials](virtual-trials.md) and the share that died out in [speed](trial-speed.md).",
            "",
        ]
    )
    print(text)
    asked.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
