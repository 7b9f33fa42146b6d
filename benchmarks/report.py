"""Speed of a patient's picture and pages: `python benchmarks/report.py [--write]`.

One patient: 40 visits three weeks apart with three lesions and two markers each, a dose every two weeks, two adverse
events (drawn with seed 3; metastatic colorectal cancer). *Warm*: the smallest of five in one process, after one that
does not count. *Cold*: the command in a fresh process, the smallest of three. Where the time goes: seconds inside each
part of `workflows.picture`, by cProfile, which itself makes everything slower. A short patient (five visits, one
lesion) beside it.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import platform
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from provenance import commit

import turnpoint as tp
from turnpoint.pictures.document import to_json
from turnpoint.pictures.patient import PatientPicture
from turnpoint.reports.rendering import render_patient

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "report.md"
PARTS = {
    "course_of": "every visit filtered and judged",
    "plans_from": "what would settle it",
    "ahead_of": "what lies ahead",
    "fan": "the fan",
    "harm_picture": "doses, side effects, next cycle",
    "respond": "criteria",
    "called": "progression that was called",
}


def write_long(folder: Path) -> None:
    """The patient with 40 visits."""
    rng, days = np.random.default_rng(3), range(0, 40 * 21, 21)

    def burden(day: int) -> float:
        return float(0.85 * np.exp(-0.06 * day / 7) + 0.15 * np.exp(0.012 * day / 7))

    lesions, markers = (
        ["patient_id,day,lesion_id,role,site,diameter_mm,status"],
        ["patient_id,day,marker,value,unit"],
    )
    for day in days:
        for number, (site, mm) in enumerate((("liver", 52), ("liver", 35), ("lung", 24)), 1):
            size = max(6, round(mm * burden(day) ** (1 / 3) * np.exp(rng.normal(0, 0.04))))
            lesions.append(f"P1,{day},T{number},target,{site},{size},measured")
        markers.append(f"P1,{day},CEA,{85 * burden(day) * np.exp(rng.normal(0, 0.15)):.1f},ng/mL")
        markers.append(f"P1,{day},CA 19-9,{300 * burden(day) * np.exp(rng.normal(0, 0.2)):.0f},U/mL")
    doses = ["patient_id,day,drug,dose,unit,action"]
    doses += [f"P1,{day},oxaliplatin,85,mg/m2,given" for day in range(0, 800, 14)]
    events = ["patient_id,day,term,grade", "P1,40,Neuropathy,1", "P1,120,Neuropathy,2"]
    patients = ["patient_id,tumour_type,arm", "P1,metastatic colorectal cancer,FOLFOX"]
    tables = {"patients": patients, "lesions": lesions, "markers": markers, "doses": doses, "events": events}
    _write(folder, tables)


def write_short(folder: Path) -> None:
    """The patient with five visits."""
    lesions = ["patient_id,day,lesion_id,role,site,diameter_mm,status"]
    lesions += [
        f"P1,{56 * visit},T1,target,liver,{mm},measured" for visit, mm in enumerate((60, 50, 42, 37, 33))
    ]
    patients = ["patient_id,tumour_type,arm", "P1,metastatic colorectal cancer,FOLFOX"]
    _write(folder, {"patients": patients, "lesions": lesions})


def _write(folder: Path, tables: dict[str, list[str]]) -> None:
    folder.mkdir()
    for name, lines in tables.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def seconds(work: Callable[[], object], times: int = 5) -> float:
    """The smallest of some, after one that does not count."""
    work()
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return min(taken)


def parts(work: Callable[[], object]) -> tuple[float, dict[str, float]]:
    """Seconds in all and inside each of `PARTS`."""
    profile = cProfile.Profile()
    profile.runcall(work)
    stats = pstats.Stats(profile)
    found: dict[str, float] = {}
    for (path, _, name), numbers in stats.stats.items():  # type: ignore[attr-defined]
        if (name in PARTS and "workflows" in path) or (name == "fan" and "turning" in path):
            found[name] = found.get(name, 0.0) + numbers[3]
    return stats.total_tt, found  # type: ignore[attr-defined]


def cold(folder: Path, out: Path) -> float:
    """`turnpoint report` in a fresh process."""
    command = [sys.executable, "-m", "turnpoint", "report", str(folder), "--patient", "P1", "--out", str(out)]
    # Python keeps what it compiled, as it does for every user; the first run, which compiles, is not counted
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(command, check=True, capture_output=True, env=environment)
    taken = []
    for _ in range(3):
        begun = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env=environment)
        taken.append(time.perf_counter() - begun)
    return min(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/results/report.md")
    wanted = parser.parse_args()
    rows: list[list[str]] = []
    where: list[str] = []
    with tempfile.TemporaryDirectory() as temporary:
        for name, write in (("40 visits", write_long), ("5 visits", write_short)):
            folder = Path(temporary) / name.replace(" ", "-")
            write(folder)
            study = tp.read(folder)

            def picture(study: tp.Study = study) -> PatientPicture:
                return tp.picture(study, "P1")

            shown = picture()
            cells = [name, f"{seconds(picture):.2f}", f"{seconds(lambda: to_json(shown)):.3f}"]  # noqa: B023
            cells += [
                f"{seconds(lambda: render_patient(shown, audience)):.2f}"  # noqa: B023
                for audience in ("clinician", "patient", "statistician")
            ]
            cells += [f"{cold(folder, Path(temporary) / 'page.html'):.2f}"]
            rows.append(cells)
            total, inside = parts(picture)
            where += [
                f"| {name} | {PARTS[own]} | {spent:.2f} | {100 * spent / total:.0f} % |"
                for own, spent in sorted(inside.items(), key=lambda item: -item[1])
            ]
    header = ["patient", "picture, s (goal 0.15)", "as JSON, s", "clinician's page, s (goal 0.5)", "patient's page, s",
              "statistician's page, s", "`turnpoint report`, cold, s (goal 2.5)"]  # fmt: skip
    stamp = (
        f"{datetime.now(tz=UTC).date()}, commit {commit()}, {platform.machine()}, {os.cpu_count()} cores, load "
        f"{os.getloadavg()[0]:.1f}, Python {platform.python_version()}, Turnpoint {tp.__version__}."
    )
    text = "\n".join(
        [
            "# Speed of a picture and its pages", "", str(__doc__).split("\n\n", 1)[1].strip(), "", stamp, "",
            "| " + " | ".join(header) + " |", "|" + " --- |" * len(header),
            *("| " + " | ".join(row) + " |" for row in rows), "",
            "| patient | part of the picture | seconds, profiled | share |", "| --- | --- | --- | --- |", *where, "",
        ]
    )  # fmt: skip
    print(text)
    if wanted.write:
        RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
