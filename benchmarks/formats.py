"""Seconds and memory to convert a large SDTM study, in XPT and in Dataset-JSON, into a study folder.

    python benchmarks/formats.py [--rows 1000000] [--write]

Each line is a process of its own, so that its peak memory is its own. Baseline: pyreadstat reading the same file into a
frame, every column, nothing checked and nothing written.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pyreadstat

from turnpoint.formats.datasets import LabelledDataset, write_dataset

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parent / "docs" / "results" / "formats.md"
TARGETS_A_PATIENT, VISITS, READERS = 4, 10, 2
_DAYS_BETWEEN = 42

_TIMED = """
import sys, time
begun = time.perf_counter()
{body}
seconds = time.perf_counter() - begun
# Not getrusage: its peak starts at the parent's.
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(seconds, int(peak.split()[1]) / 1024)
"""
_CONVERT = """
from turnpoint.workflows.convert import convert
found = convert(sys.argv[1], sys.argv[2], to="study", format=sys.argv[3])
assert found.study.lesions.height == int(sys.argv[4]), found.study.lesions.height
"""
_PYREADSTAT = """
import pyreadstat
frame, _ = pyreadstat.read_xport(sys.argv[1] + "/tr.xpt", output_format="polars")
assert frame.height == int(sys.argv[4])
"""


def tumour_results(rows: int) -> pl.DataFrame:
    """TR as trials have it: one row a lesion, visit and reader, 20 columns."""
    a_patient = TARGETS_A_PATIENT * VISITS * READERS
    place = np.arange(rows)
    patient, within = place // a_patient, place % a_patient
    reader, rest = within // (TARGETS_A_PATIENT * VISITS), within % (TARGETS_A_PATIENT * VISITS)
    visit, lesion = rest // TARGETS_A_PATIENT, rest % TARGETS_A_PATIENT
    rng = np.random.default_rng(7)
    size = np.round(20 + 30 * rng.random(rows) * np.exp(-0.05 * visit), 1)
    day = visit * _DAYS_BETWEEN
    dates = (np.datetime64("2024-01-08") + day).astype(str)
    text = pl.Series(size).cast(pl.String)
    return pl.DataFrame(
        {
            "STUDYID": pl.Series(["BIG-1"]).new_from_index(0, rows),
            "DOMAIN": pl.Series(["TR"]).new_from_index(0, rows),
            "USUBJID": pl.Series(patient).cast(pl.String).str.zfill(6),
            "TRSEQ": (within + 1).astype(float),
            "TRGRPID": pl.Series(["TARGET"]).new_from_index(0, rows),
            "TRLNKID": pl.Series(lesion + 1).cast(pl.String).str.replace("^", "T0"),
            "TRTESTCD": pl.Series(["DIAMETER"]).new_from_index(0, rows),
            "TRTEST": pl.Series(["Diameter"]).new_from_index(0, rows),
            "TRORRES": text,
            "TRORRESU": pl.Series(["mm"]).new_from_index(0, rows),
            "TRSTRESC": text,
            "TRSTRESN": size,
            "TRSTRESU": pl.Series(["mm"]).new_from_index(0, rows),
            "TRMETHOD": pl.Series(["CT SCAN"]).new_from_index(0, rows),
            "TREVAL": pl.Series(["INDEPENDENT ASSESSOR"]).new_from_index(0, rows),
            "TREVALID": pl.Series(reader + 1).cast(pl.String).str.replace("^", "RADIOLOGIST "),
            "VISITNUM": (visit + 1).astype(float),
            "VISIT": pl.Series(visit).cast(pl.String).str.replace("^", "WEEK "),
            "TRDTC": pl.Series(dates),
            "TRDY": (day + 1).astype(float),
        }
    )


def made(folder: Path, rows: int) -> tuple[Path, Path]:
    """The study as XPT and as Dataset-JSON (NDJSON), TR and DM."""
    results = tumour_results(rows)
    people = results.select("STUDYID", pl.lit("DM").alias("DOMAIN"), "USUBJID").unique(maintain_order=True)
    people = people.with_columns(pl.lit("2024-01-08").alias("RFSTDTC"))
    places = folder / "xpt", folder / "ndjson"
    for place in places:
        place.mkdir()
    for name, frame in {"TR": results, "DM": people}.items():
        pyreadstat.write_xport(
            frame, str(places[0] / f"{name.lower()}.xpt"), table_name=name, file_format_version=5
        )
        labels = {column: column for column in frame.columns}
        dataset = LabelledDataset(name, name, labels, frame)
        write_dataset(dataset, places[1] / f"{name.lower()}.ndjson", "ndjson", created=datetime.now(UTC))
    return places


def measured(body: str, *arguments: str) -> tuple[float, float]:
    """Seconds, and peak memory in MiB, of a process that runs `body`."""
    ran = subprocess.run(
        [sys.executable, "-c", _TIMED.format(body=body), *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, memory = ran.stdout.split()[-2:]
    return float(seconds), float(memory)


def main() -> None:
    """Make the files, measure, print one table, and write it when asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}")
    options = parser.parse_args()
    lines = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        xpt, ndjson = made(folder, options.rows)
        jobs = {
            "pyreadstat, read alone": (_PYREADSTAT, xpt, "csv"),
            "XPT to a folder of CSV": (_CONVERT, xpt, "csv"),
            "XPT to a folder of Parquet": (_CONVERT, xpt, "parquet"),
            "Dataset-JSON (NDJSON) to Parquet": (_CONVERT, ndjson, "parquet"),
        }
        for number, (label, (body, source, kind)) in enumerate(jobs.items()):
            size = sum(file.stat().st_size for file in source.iterdir()) / 2**20
            seconds, memory = measured(
                body, str(source), str(folder / f"out{number}"), kind, str(options.rows)
            )
            rate = options.rows / seconds
            lines.append(f"| {label} | {size:,.0f} | {seconds:.1f} | {rate:,.0f} | {memory:,.0f} |")
            print(lines[-1], flush=True)
    table = "\n".join(
        [
            "| what | file, MiB | seconds | rows a second | peak memory, MiB |",
            "| --- | --- | --- | --- | --- |",
            *lines,
        ]
    )
    print(table)
    if options.write:
        RESULTS.write_text(as_page(table, options.rows), encoding="utf-8")


def as_page(table: str, rows: int) -> str:
    """The page for docs/results."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
        cwd=HERE,
    ).stdout.strip()
    return f"""# Converting a large SDTM study

`python benchmarks/formats.py --write`: {time.strftime("%Y-%m-%d")}, commit {commit}, {platform.machine()}, 2 cores,
Python {platform.python_version()}, Polars {pl.__version__}.

TR with {rows:,} lesion rows of 20 columns (4 targets, 10 visits, 2 readers a patient; made, seed 7) and DM, converted
into a study folder: read, every rule of the study checked, written. Each line is a process of its own. The goal of the
design is 1,000,000 rows of XPT in under 60 s.

{table}
"""


if __name__ == "__main__":
    main()
