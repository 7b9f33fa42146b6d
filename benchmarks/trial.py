"""Speed of virtual trials by chance: a million patients under two policies (issue 6, goal: under 60 s on 2 cores).

    .venv/bin/python benchmarks/trial.py [--patients 1000000]

Patients are drawn from docetaxel-nsclc-ct; four clones, exact birth and death while a clone is small, mutation, RECIST
on sums of diameters read by the prior's observation model every six weeks for three years. Policies: at RECIST
progression, and at the true turning point. The first lines play the blocks of `turnpoint trial` and sum what came of
them; then the obvious way, one patient after the other through the same code; then the whole verb, tables and all, with
`clones = "stochastic"` and with `clones = "large"`. Nothing is read from a data folder. The alert through the real
filter has a benchmark of its own, `benchmarks/trial_alert.py`.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from provenance import commit
from trial_counts import compared, counted, declared

from turnpoint.engine.processes import Workers
from turnpoint.virtual import block as block_module
from turnpoint.virtual.declaration import parsed
from turnpoint.workflows.trial import trial

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "trial-speed.md"
BLOCK = 10 * block_module.LOT


def run(patients: int) -> tuple[float, float, np.ndarray]:
    """Seconds, CPU seconds, and the sums of all blocks."""
    blocks = [(first, min(BLOCK, patients - first)) for first in range(0, patients, BLOCK)]
    before = _cpu_seconds()
    start = time.perf_counter()
    processes = os.cpu_count() or 1
    with Workers(counted, (declared(patients),), processes) as workers, ThreadPoolExecutor(processes) as pool:
        total = np.sum(list(pool.map(workers, blocks)), axis=0)
    return time.perf_counter() - start, _cpu_seconds() - before, total


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(own.ru_utime + own.ru_stime for own in used)


def one_by_one(patients: int) -> float:
    """Seconds of the same, a patient a lot: the whole code for each of them."""
    lot, block_module.LOT = block_module.LOT, 1
    block = counted(declared(10))
    start = time.perf_counter()
    for index in range(patients):
        block((index, 1))
    block_module.LOT = lot
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    run(2 * BLOCK)  # imports and the workers' start are not what is measured
    lines = []
    for patients in (asked.patients // 100, asked.patients // 10, asked.patients):
        seconds, cpu, total = run(patients)
        lines.append(
            f"| four clones by chance | {patients:,} | 2 | {seconds:.1f} | {cpu:.1f} | {2 * patients / seconds:,.0f} |"
        )
        print(lines[-1], flush=True)
    few = 100
    slow = one_by_one(few)
    lines.append(
        f"| the same, one patient after the other | {few} | 2 | {slow:.1f} | | {2 * few / slow:,.0f} |"
    )
    verb_patients = asked.patients // 10
    for clones in ("stochastic", "large"):
        start = time.perf_counter()
        trial(parsed(declared(verb_patients, clones)))
        seconds = time.perf_counter() - start
        lines.append(
            f"| `turnpoint trial`, {clones} clones, readings and tables | {verb_patients:,} | 2 | {seconds:.1f} | "
            f"| {2 * verb_patients / seconds:,.0f} |"
        )
    memory = max(
        resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    text = page(lines, total / asked.patients, memory / 1024)
    print(text)
    asked.out.write_text(text, encoding="utf-8")


def page(lines: list[str], shares: np.ndarray, memory_mib: float) -> str:
    return "\n".join(
        [
            "# Speed of virtual trials",
            "",
            (__doc__ or "").split("\n\n", 2)[2].strip(),
            "",
            f"{datetime.now(tz=UTC).date()}, commit {commit()}, {platform.machine()}, {os.cpu_count()} cores, Python "
            f"{platform.python_version()}, NumPy {np.__version__}; largest process {memory_mib:,.0f} MiB, whatever the "
            "number of patients.",
            "",
            "| what | patients | policies | seconds | CPU seconds | patients a second |",
            "| --- | --- | --- | --- | --- | --- |",
            *lines,
            "",
            "Outcomes of the largest run, share of patients within three years:",
            "",
            "| policy | changed drugs | progression on B | lethal | died out | before the turning point "
            "| mean weeks to lethal |",
            "| --- | --- | --- | --- | --- | --- | --- |",
            *(
                f"| {arm.name} | " + " | ".join(f"{100 * x:.1f} %" for x in row[:5]) + f" | {row[5]:.1f} |"
                for arm, row in zip(parsed(declared(10)).arms, shares, strict=True)
            ),
            "",
            "Every policy on the same 20,000 tumours (cross-resistance 0.1, drug B as strong as A, mutation 10^-8 a "
            "division; three years; a lethal burden is eight times the first). Mean weeks, cut at three years; the "
            "difference is paired, with its 95 % interval. A drug goes on until a lethal burden; drug "
            "B's course is not cut short when both have failed.",
            "",
            "| policy | progression on B | lethal | lethal, against the first | on A | on B | before the turning point "
            "| died out |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
            *compared(20_000),
            "",
        ]
    )


if __name__ == "__main__":
    main()
