"""Speed of `respond`: `python benchmarks/criteria.py`.

Simulated patients with 8 visits and 3 target lesions (one in six a node; absent, too small, not evaluable, new lesions
and missing rows among them) are judged by RECIST 1.1: every visit, best response with and without confirmation,
progression-free survival, eligibility of the targets. Beside it, in the same run, the way of most trial scripts:
pandas, row by row, on a sample, extrapolated to as many patients. The two must agree on that sample, visit by visit.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
from provenance import commit

import turnpoint as tp
from turnpoint.study.study import Study

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "criteria-speed.md"
VISITS, LESIONS = 8, 3


def simulated_study(patients: int, seed: int = 20090123) -> Study:
    """A study of that many patients with shrinking, then growing lesions, read to whole mm."""
    rng = np.random.default_rng(seed)
    shape = (patients, VISITS, LESIONS)
    week = 6.0 * np.arange(VISITS)[None, :, None]
    baseline = rng.uniform(15.0, 60.0, (patients, 1, LESIONS))
    kill, regrowth = rng.exponential(0.03, (patients, 1, 1)), rng.exponential(0.008, (patients, 1, 1))
    fraction = rng.beta(1.0, 3.0, (patients, 1, 1))
    size = baseline * np.cbrt(
        (1 - fraction) * np.exp(-3 * kill * week) + fraction * np.exp(3 * regrowth * week)
    )
    size = np.round(np.minimum(size * np.exp(rng.normal(0.0, 0.05, shape)), 250.0))
    luck = rng.random(shape)
    late = np.broadcast_to(week > 0, shape)
    status = np.full(shape, 0, np.uint8)
    status[late & (size < 5)] = 1
    status[late & (size < 2)] = 2
    status[late & (luck < 0.01)] = 3
    role = np.zeros(shape, np.uint8)
    new = (rng.random((patients, VISITS)) < 0.01) & (np.arange(VISITS) > 2)
    role[..., 2][new] = 1  # a new lesion in place of the third target's row, which is then missing
    statuses = pl.Series(["measured", "too_small", "absent", "not_evaluable"])
    number = np.arange(patients).repeat(VISITS * LESIONS)
    lesion = np.tile(np.arange(LESIONS, dtype=np.uint8), patients * VISITS)
    is_new = role.ravel() == 1
    frame = pl.DataFrame(
        {
            "number": number,
            "day": np.tile((7 * week - 3).astype(np.int64).ravel().repeat(LESIONS), patients),
            "lesion": lesion,
            "new": is_new,
            "status_code": np.where(is_new, 0, status.ravel()),
            "size": size.ravel(),
        }
    )
    lesions = frame.select(
        pl.format("P{}", pl.col("number").cast(pl.String).str.zfill(7)).alias("patient_id"),
        "day",
        pl.when("new")
        .then(pl.lit("N1"))
        .otherwise(pl.format("T{}", pl.col("lesion") + 1))
        .alias("lesion_id"),
        pl.when("new").then(pl.lit("new")).otherwise(pl.lit("target")).alias("role"),
        pl.when(pl.col("lesion") == 0).then(pl.lit("lung")).otherwise(pl.lit("liver")).alias("site"),
        ((pl.col("lesion") == 1) & (pl.col("number") % 2 == 0)).alias("node"),
        pl.when(pl.col("status_code") == 0).then(pl.col("size").clip(1.0)).alias("diameter_mm"),
        pl.lit(statuses).gather(pl.col("status_code")).alias("status"),
        pl.lit("CT").alias("method"),
        pl.lit(None, pl.String).alias("reader"),
        pl.int_range(2, pl.len() + 2).cast(pl.Int64).alias("source_row"),
    )
    names = lesions["patient_id"].unique(maintain_order=True)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "lesions.csv").write_text(
            "patient_id,day,lesion_id,role,diameter_mm,status\nP,0,T1,target,20,measured\n", encoding="utf-8"
        )
        empty = tp.read(folder).only([])
    return Study(
        patients=pl.concat([empty.patients, pl.DataFrame({"patient_id": names})], how="diagonal"),
        lesions=lesions,
        markers=empty.markers,
        doses=empty.doses,
        events=empty.events,
    )


def row_by_row(lesions: pd.DataFrame) -> list[tuple[str, int, str | None]]:
    """Overall response of every visit, one patient, one visit, one row at a time (the rules that the data needs)."""
    answers: list[tuple[str, int, str | None]] = []
    for patient, rows in lesions.groupby("patient_id", sort=False):
        targets = set(rows[(rows["day"] <= 0) & (rows["role"] == "target")]["lesion_id"])
        baseline = nadir = None
        new_seen = had_complete_response = False
        for day, visit in rows.groupby("day"):
            part, known, malignant = 0.0, 0, False
            for _, row in visit.iterrows():
                if row["role"] == "new":
                    new_seen = True
                    continue
                if row["status"] == "not_evaluable":
                    continue
                mm = {"absent": 0.0, "too_small": 5.0}.get(row["status"], row["diameter_mm"])
                part, known = part + mm, known + 1
                malignant = malignant or not (row["status"] == "absent" or (row["node"] and mm < 10))
            complete = known == len(targets)
            if baseline is None:
                answers.append((patient, day, None))
                baseline = nadir = part
                continue
            grown = part >= 1.2 * nadir - 1e-9 and part >= nadir + 5 - 1e-9
            if new_seen or (malignant and (grown or had_complete_response)):
                overall = "PD"
            elif not complete:
                overall = "NE"
            elif not malignant:
                overall = "CR"
            else:
                overall = "PR" if part <= 0.7 * baseline + 1e-9 else "SD"
            had_complete_response = had_complete_response or overall == "CR"
            nadir = min(nadir, part) if complete else nadir
            answers.append((patient, day, overall))
    return answers


def measured(patients: int) -> tuple[float, float, float]:
    """Seconds of respond, memory before and largest memory of a fresh process, in MiB."""
    code = (
        "import resource, sys, time; sys.path.insert(0, sys.argv[1]); import criteria, turnpoint as tp\n"
        "study = criteria.simulated_study(int(sys.argv[2]))\n"
        "tp.respond(study.only(study.patient_ids[:10]))\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        "start = time.perf_counter(); found = tp.respond(study); seconds = time.perf_counter() - start\n"
        "assert found.responses.height == 8 * int(sys.argv[2])\n"
        "print(seconds, before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent), str(patients)],
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, before, largest = map(float, done.stdout.split())
    return seconds, before, largest


def whole_command(patients: int) -> tuple[float, float]:
    """Seconds and largest memory (GiB) of `turnpoint respond` from a Parquet file to CSV tables, checks included."""
    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder, "study")
        study.mkdir()
        simulated_study(patients).lesions.drop("source_row", "reader").write_parquet(
            study / "lesions.parquet"
        )
        code = (
            "import resource, subprocess, sys, time\n"
            "start = time.perf_counter()\n"
            "subprocess.run([sys.executable, '-m', 'turnpoint', 'respond', sys.argv[1], '--out', sys.argv[2]],"
            " check=True, stdout=subprocess.DEVNULL)\n"
            "print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(study), str(Path(folder, "out"))],
            capture_output=True,
            text=True,
            check=True,
        )
    seconds, largest = map(float, done.stdout.split())
    return seconds, largest


def main() -> None:
    """Measure, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=1_000_000)
    parser.add_argument("--sample", type=int, default=300, help="patients judged row by row")
    parser.add_argument("--out", type=Path, default=RESULTS)
    wanted = parser.parse_args()
    sample = simulated_study(wanted.sample)
    frame = pd.DataFrame(sample.lesions.drop("source_row").to_dict(as_series=False))
    start = time.perf_counter()
    slow = row_by_row(frame)
    slow_seconds = time.perf_counter() - start
    fast = tp.respond(sample).responses.select("patient_id", "day", "overall_response").rows()
    if fast != slow:
        raise SystemExit("the two ways disagree: the comparison of their speed means nothing")
    runs = [(patients, *measured(patients)) for patients in (wanted.patients // 10, wanted.patients)]
    command = whole_command(wanted.patients // 10)
    each = slow_seconds / wanted.sample
    rows = [
        f"| `turnpoint.respond` | {patients:,} | {VISITS * LESIONS * patients:,} | {seconds:.1f} "
        f"| {patients / seconds:,.0f} | {largest / 1024:.1f} ({before / 1024:.1f} before) |"
        for patients, seconds, before, largest in runs
    ]
    lines = [
        "# Speed of the response criteria",
        "",
        __doc__.split("\n\n", 1)[1].strip(),
        "",
        f"{datetime.now(tz=UTC).date()}, commit {commit()}, {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, polars {pl.__version__}, pandas {pd.__version__}.",
        "",
        "| what | patients | lesion rows | seconds | patients a second | largest memory, GiB |",
        "| --- | --- | --- | --- | --- | --- |",
        *rows,
        f"| `turnpoint respond`, reading and checking Parquet, writing CSV | {wanted.patients // 10:,} "
        f"| {VISITS * LESIONS * wanted.patients // 10:,} | {command[0]:.1f} "
        f"| {wanted.patients // 10 / command[0]:,.0f} | {command[1]:.1f} |",
        f"| pandas, row by row (sample) | {wanted.sample:,} | {frame.shape[0]:,} | {slow_seconds:.2f} "
        f"| {1 / each:,.0f} | |",
        f"| pandas, row by row (extrapolated) | {wanted.patients:,} | {VISITS * LESIONS * wanted.patients:,} "
        f"| {each * wanted.patients:,.0f} | {1 / each:,.0f} | |",
        "",
        f"At {wanted.patients:,} patients: {each * wanted.patients / runs[-1][1]:,.0f} times faster. On the sample all "
        f"{len(slow):,} visits have the same response in both ways.",
        "",
    ]
    print("\n".join(lines))
    wanted.out.parent.mkdir(parents=True, exist_ok=True)
    wanted.out.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
