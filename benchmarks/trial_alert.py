"""Speed of the alert policy through the real filter: 100,000 virtual patients (issue 6, goal: under 120 s on 2 cores).

    .venv/bin/python benchmarks/trial_alert.py [--patients 100000] [--processes 2]

Prints one table and writes it into docs/results/virtual-trials.md. Each line is one declared trial with two arms, at
progression and at the alert, played as `turnpoint trial` plays it, its tables and page not counted. Beside it the same
trial with the true turning point in place of the alert: what the filter costs is the difference.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import time
from pathlib import Path

from turnpoint.virtual.declaration import parsed
from turnpoint.workflows.trial import trial

PAGE = Path(__file__).parents[1] / "docs" / "results" / "virtual-trials.md"
TEXT = """
[trial]
patients = {patients}
horizon_weeks = {weeks}
[population]
prior = "{prior}"
[schedule]
scan_every_weeks = {scan}
{markers}
[[arm]]
name = "at progression"
policy = "progression"
[[arm]]
name = "early"
policy = "{policy}"
"""
CASES = (
    ("docetaxel-nsclc-ct", 6, "", 52, "alert", 1.0),
    ("docetaxel-nsclc-ct", 6, "", 52, "turning", 1.0),
    ("docetaxel-nsclc-ct", 6, "marker_every_weeks = { CEA = 3 }", 52, "alert", 0.1),
    ("chemotherapy-colorectal-ct", 8, "", 104, "alert", 0.1),
)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--patients", type=int, default=100_000)
    chosen = options.parse_args()
    rows = [
        "| population | visits | weeks | second arm changes at | patients | seconds | patients a second |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for prior, scan, markers, weeks, policy, share in CASES:
        patients = int(chosen.patients * share)
        text = TEXT.format(
            patients=patients, weeks=weeks, prior=prior, scan=scan, markers=markers, policy=policy
        )
        declared = parsed(text)
        started = time.perf_counter()
        found = trial(declared)
        seconds = time.perf_counter() - started
        early = (found.outcomes["switched_at"] == policy).sum()
        seen = f"CT every {scan} weeks" + (", CEA every 3" if markers else "")
        rows.append(
            f"| {prior} | {seen} | {weeks} | {policy} ({early / patients:.0%}) | {patients:,} | {seconds:.1f} | "
            f"{patients / seconds:,.0f} |"
        )
        print(rows[-1], flush=True)
    memory = (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    ) / 1024
    rows.append(
        f"\n{time.strftime('%Y-%m-%d')}, {platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}; peak of this process and of the largest worker {memory:,.0f} MiB."
    )
    text = PAGE.read_text(encoding="utf-8")
    start, end = "<!-- speed -->", "<!-- end of speed -->"
    before, rest = text.split(start, 1)
    PAGE.write_text(
        f"{before}{start}\n" + "\n".join(rows) + f"\n{end}{rest.split(end, 1)[1]}", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
