"""Large studies by parts: `python benchmarks/scale.py [--assess VISITS] [--rows ROWS] [--out FILE]`.

*Assess*: virtual patients (as in `benchmarks/assess.py`, courses of the prior), eight visits each, cut into parts of
1,000 patients, from 10,000 visits on, each step ten times as many, with one worker process and with two. *Respond*: one
Parquet file of lesion rows (as in `benchmarks/criteria.py`: 8 visits, 3 targets), cut as it is read into parts of
20,000 patients, then judged part by part. Each line is a command of its own in fresh processes; memory is the sum of
the largest resident sizes of all its processes, seen every tenth of a second.

What it costs beyond: seconds a visit and a part by least squares on the lines with one worker, and with it what
1,000,000,000 visits would take. Nothing of one part is needed for another, so that workers add up as far as they have a
core each; the bound is the CPU of the filter, not the reading (the last table).
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from assess import VISITS, write_study
from criteria import LESIONS, simulated_study
from provenance import commit

from turnpoint.study.reading import read
from turnpoint.workflows.partition import partition

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "scale.md"
PATIENTS_PER_PART, PATIENTS_PER_LARGE_PART = 1_000, 20_000
PATIENTS_AT_ONCE = 100_000  # made at once, and written below one another


@dataclass(frozen=True)
class Line:
    """One command."""

    what: str
    visits: int
    parts: int
    workers: int
    seconds: float
    cpu_seconds: float
    mebibytes: float


def run(what: str, visits: int, parts: int, workers: int, *arguments: str | Path) -> Line:
    """A Turnpoint command, timed, with the memory of all its processes."""
    begun, before = time.perf_counter(), os.times()
    command = [sys.executable, "-m", "turnpoint", *(str(argument) for argument in arguments)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    largest: dict[int, float] = {}
    while process.poll() is None:
        for own in _family(process.pid):
            largest[own] = max(largest.get(own, 0.0), _resident_mebibytes(own))
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"{what}: ended with {process.returncode}")
    used = os.times()
    cpu = used.children_user + used.children_system - before.children_user - before.children_system
    line = Line(what, visits, parts, workers, time.perf_counter() - begun, cpu, sum(largest.values()))
    print(f"  {line}", flush=True)
    return line


def _family(process: int) -> Iterator[int]:
    """A process and all that it has started."""
    yield process
    for tasks in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            children = tasks.read_text().split()
        except OSError:
            continue
        for child in children:
            yield from _family(int(child))


def _resident_mebibytes(process: int) -> float:
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except OSError:
        return 0.0
    return sum(int(row.split()[1]) / 1024 for row in status.splitlines() if row.startswith("VmRSS"))


def assessed(place: Path, largest: int) -> list[Line]:
    """`assess` by parts, from 10,000 visits to the largest."""
    lines, visits = [], 10_000
    while visits <= largest:
        patients = visits // VISITS
        study, parts = place / f"study{visits}", place / f"parts{visits}"
        write_study(study, patients, VISITS)
        count = len(partition(read(study), parts, patients=PATIENTS_PER_PART).parts)
        for workers in (1, 2):
            out = place / f"out{visits}-{workers}"
            arguments = ("assess", parts, "--out", out, "--workers", str(workers))
            lines.append(run("assess", visits, count, workers, *arguments))
        visits *= 10
    return lines


def responded(place: Path, rows: int) -> list[Line]:
    """One large file cut as it is read, and judged."""
    patients, visits = rows // (VISITS * LESIONS), rows // LESIONS
    study, parts = place / "large", place / "large-parts"
    study.mkdir()
    frames = []
    for first in range(0, patients, PATIENTS_AT_ONCE):
        number = min(PATIENTS_AT_ONCE, patients - first)
        lesions = simulated_study(number, seed=first).lesions.drop("source_row", "reader")
        name = pl.format("{}-{}", pl.lit(f"{first:09d}"), "patient_id")
        frames.append(place / f"lesions-{first}.parquet")
        lesions.with_columns(name.alias("patient_id")).write_parquet(frames[-1])
    pl.scan_parquet(frames).sink_parquet(study / "lesions.parquet")
    count = -(-patients // PATIENTS_PER_LARGE_PART)
    cut = run(
        "partition", visits, count, 1, "partition", study, parts, "--patients", str(PATIENTS_PER_LARGE_PART)
    )
    judged = [
        run(
            "respond",
            visits,
            count,
            workers,
            "respond",
            parts,
            "--out",
            place / f"judged{workers}",
            "--workers",
            str(workers),
        )
        for workers in (1, 2)
    ]
    return [cut, *judged]


def page(lines: list[Line]) -> Iterator[str]:
    """The results as Markdown."""
    yield from ("# Large studies", "", (__doc__ or "").split("\n\n", 1)[1].strip(), "")
    yield (
        f"{datetime.now(tz=UTC).date()}, commit {commit()}, {platform.machine()}, {os.cpu_count()} cores, load before "
        f"{os.getloadavg()[2]:.1f}, Python {platform.python_version()}, polars {pl.__version__}."
    )
    yield from (
        "",
        "| command | patient-visits | parts | workers | seconds | CPU seconds | visits a second | GiB |",
    )
    yield "| --- " * 8 + "|"
    for line in lines:
        yield (
            f"| {line.what} | {line.visits:,} | {line.parts:,} | {line.workers} | {line.seconds:.1f} | "
            f"{line.cpu_seconds:.1f} | {line.visits / line.seconds:,.0f} | {line.mebibytes / 1024:.2f} |"
        )
    yield from ("", "## What a billion visits cost", "")
    yield "| command | CPU s to begin with | CPU ms a visit | CPU hours for 10⁹ visits | cores for a night of 8 hours |"
    yield "| --- " * 5 + "|"
    for what in ("assess", "respond"):
        alone = [line for line in lines if line.what == what]
        visits, seconds = (
            np.array([getattr(line, name) for line in alone]) for name in ("visits", "cpu_seconds")
        )
        if len(set(visits)) > 1:
            each, begin = np.polyfit(visits, seconds, 1)
        else:
            each, begin = float(np.mean(seconds / visits)), 0.0
        hours = 1e9 * each / 3600
        yield f"| {what} | {max(begin, 0.0):.1f} | {1e3 * each:.3f} | {hours:,.1f} | {hours / 8:,.1f} |"
    yield ""


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--assess", type=int, default=1_000_000, help="visits of the largest study assessed")
    parser.add_argument("--rows", type=int, default=24_000_000, help="lesion rows of the study judged")
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        lines = [*assessed(Path(temporary), chosen.assess), *responded(Path(temporary), chosen.rows)]
    text = "\n".join(page(lines))
    print(text)
    chosen.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
