"""Speed of `assess`: `python benchmarks/assess.py`.

Beside it, in the same run, the way a pharmacometrician would do it: one least-squares regression-growth fit
(g, d, φ) for each patient with SciPy, at the last visit only.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import time
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import numpy as np
import polars as pl
from scipy.optimize import OptimizeWarning, curve_fit

import turnpoint as tp
from turnpoint.model.series import readings_of

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "assess.md"


def regression_growth(week: np.ndarray, d: float, g: float, fraction: float) -> np.ndarray:
    """Size relative to the first: (1-φ)·exp(-d·t) + φ·exp(g·t)."""
    return (1 - fraction) * np.exp(-d * week) + fraction * np.exp(g * week)


def fit_each(readings: pl.DataFrame) -> int:
    """Least squares for every patient with four readings; returns how many converged."""
    converged = 0
    for _, own in readings.sort("day").group_by("patient_id", maintain_order=True):
        if own.height < 4:
            continue
        week = np.maximum(own["day"].to_numpy(), 0) / 7.0
        size = own["value"].to_numpy() / own["value"][0]
        try:
            curve_fit(regression_growth, week, size, (0.05, 0.02, 0.3), bounds=([0, 0, 0], [1, 1, 1]))
        except (RuntimeError, ValueError, OptimizeWarning):
            continue
        converged += 1
    return converged


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULTS)
    out = parser.parse_args().out
    study = tp.read(Path(str(resources.files("turnpoint"))) / "datasets" / "oak-docetaxel")
    readings = readings_of(study)
    tp.assess(study.only(study.patient_ids[:4]))  # imports and threads are not what is measured
    times = []
    for _ in range(3):
        start = time.perf_counter()
        frame = tp.assess(study).frame
        times.append(time.perf_counter() - start)
    start = time.perf_counter()
    fitted = fit_each(readings)
    baseline = time.perf_counter() - start
    best, patients = min(times), len(study.patient_ids)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    lines = [
        "# Speed of assess",
        "",
        __doc__.split("\n\n", 1)[1].strip(),
        "",
        f"{datetime.now(tz=UTC).date()}, commit {commit}, {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}; bundled OAK docetaxel.",
        "",
        "| what | patients | visits | seconds | patients a second |",
        "| --- | --- | --- | --- | --- |",
        f"| `turnpoint.assess`, every visit, best of 3 | {patients} | {frame.height} | {best:.2f} "
        f"| {patients / best:.0f} |",
        f"| least squares, last visit only | {fitted} | {fitted} | {baseline:.2f} | {fitted / baseline:.0f} |",
        "",
        f"All three runs: {', '.join(f'{seconds:.2f}' for seconds in times)} s. "
        f"Largest memory of the process: {memory:.0f} MiB.",
        "",
    ]
    print("\n".join(lines))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
