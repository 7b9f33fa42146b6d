"""Simulation-based calibration of the filter: `python benchmarks/calibration.py`.

Courses are drawn from each shipped prior and read on the visit days of the real study it was fitted to; the filter
then gets the readings alone. If the posterior is right, the rank of the truth among its draws is uniform (Talts 2018,
arXiv:1804.06788), and a 90 % interval covers the truth in 90 of 100 courses, neither more nor less. Beside it, as a
check that the test can fail: the same with posteriors whose spread is a quarter too small.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import numpy as np
import polars as pl
from provenance import commit
from scipy.stats import chisquare

import turnpoint as tp
from turnpoint.model.filter import posteriors
from turnpoint.model.parameters import reading_of
from turnpoint.model.prior import named_prior
from turnpoint.model.series import readings_of
from turnpoint.model.simulate import simulate_courses

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "calibration.md"
BUNDLED = Path(str(resources.files("turnpoint"))) / "datasets"
PAIRS = (
    ("docetaxel-nsclc-ct", "oak-docetaxel"),
    ("docetaxel-prostate-psa", "ascent2-docetaxel-psa"),
)
BINS = 20
TOO_NARROW = 0.75


def ranks(prior_name: str, dataset: str, courses: int, seed: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Rank of the truth among the draws at each course's last visit, in (0, 1): right, and from too narrow draws."""
    prior = named_prior(prior_name)
    study = tp.read(BUNDLED / dataset)
    readings = readings_of(study)
    quantity = prior.quantities[0]
    first = readings.filter(pl.col("censoring") == 0).sort("day").group_by("patient_id").first()
    rng = np.random.default_rng(seed)
    simulated = simulate_courses(prior, readings, {quantity: first["value"].sort().to_numpy()}, rng, courses)
    row = {name: index for index, name in enumerate(simulated.patient_ids)}
    zero = np.zeros(courses)
    true_reading = reading_of(simulated.particles, quantity, 0)
    truth = {
        "log kill rate d": np.log(simulated.dynamics.kill_per_week),
        "log regrowth rate g": np.log(simulated.dynamics.regrowth_per_week),
        "resistant fraction φ": simulated.dynamics.resistant_fraction,
        "turning week t*": simulated.dynamics.turning_week(zero, zero),
        "background (scar, healthy)": true_reading.background,
        "drift SD": true_reading.sd_drift,
        "early surge h": true_reading.surge,
    }
    found: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in truth}
    for posterior in posteriors(simulated.readings, study.only([]), prior):
        patient = posterior.patient
        last = np.flatnonzero(np.append(patient[1:] != patient[:-1], True))
        reading = posterior.quantities[quantity].reading
        here = posterior.at(last)
        none = np.zeros((len(last), 1))
        draws = {
            "log kill rate d": np.log(here.dynamics.kill_per_week),
            "log regrowth rate g": np.log(here.dynamics.regrowth_per_week),
            "resistant fraction φ": here.dynamics.resistant_fraction,
            "turning week t*": here.dynamics.turning_week(none, none),
            "background (scar, healthy)": reading.background[last],
            "drift SD": reading.sd_drift[last],
            "early surge h": reading.surge[last],
        }
        own = [row[posterior.batch.patient_ids[index]] for index in here.patient]
        for name, values in draws.items():
            true = truth[name][own][:, None]
            narrow = values.mean(axis=1, keepdims=True) * (1 - TOO_NARROW) + TOO_NARROW * values
            for place, drawn in enumerate((values, narrow)):
                # Ties (a turning week clipped at 0) are split at random, as ranks of ties must be.
                below, ties = (drawn < true).sum(axis=1), (drawn == true).sum(axis=1)
                found[name][place].extend((below + rng.random(len(own)) * (ties + 1)) / (drawn.shape[1] + 1))
    return {name: (np.array(right), np.array(narrow)) for name, (right, narrow) in found.items()}


def row_of(name: str, right: np.ndarray, narrow: np.ndarray) -> str:
    """One line of the table."""

    def uniform(rank: np.ndarray) -> float:
        return float(chisquare(np.histogram(rank, BINS, (0.0, 1.0))[0]).pvalue)

    def covered(rank: np.ndarray) -> float:
        return float(((rank >= 0.05) & (rank <= 0.95)).mean())

    low, high = (float(np.mean(tail)) for tail in (right < 0.05, right > 0.95))
    return (
        f"| {name} | {uniform(right):.3f} | {100 * covered(right):.1f} % | {100 * low:.1f} % | {100 * high:.1f} % "
        f"| {uniform(narrow):.1e} | {100 * covered(narrow):.1f} % |"
    )


def main() -> None:
    """Simulate, filter, print and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--courses", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=RESULTS)
    wanted = parser.parse_args()
    lines = ["# Simulation-based calibration", "", __doc__.split("\n\n", 1)[1].strip(), ""]
    lines += [
        f"{datetime.now(tz=UTC).date()}, commit {commit()}, {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}; {wanted.courses} courses a prior, seed {wanted.seed}, last visit, "
        f"{BINS} bins. A 90 % coverage over {wanted.courses} courses has a standard error of "
        f"{100 * np.sqrt(0.09 / wanted.courses):.1f} points.",
        "",
    ]
    for prior_name, dataset in PAIRS:
        start = time.perf_counter()
        found = ranks(prior_name, dataset, wanted.courses, wanted.seed)
        lines += [
            f"## {prior_name}, visits of {dataset}",
            "",
            "| parameter | p (uniform) | 90 % covers | below 5 % | above 95 % | p, too narrow | covers, too narrow |",
            "| --- | --- | --- | --- | --- | --- | --- |",
            *(row_of(name, *pair) for name, pair in found.items()),
            "",
            f"{time.perf_counter() - start:.0f} s.",
            "",
        ]
        print("\n".join(lines[-11:]), flush=True)
    wanted.out.parent.mkdir(parents=True, exist_ok=True)
    wanted.out.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
