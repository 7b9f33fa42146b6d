"""How early the alert comes, and at what cost: `python benchmarks/lead_time.py`.

Design section 7, items 2 and 3. Virtual courses are drawn from the shipped priors and read as the schedule says for
60 weeks; every signal (ours, and the rules in use over their own thresholds) is tuned on one half of the courses to
1, 5 and 10 false alerts per 100 courses and measured on the other half. A course is followed to its criterion's
progression: RECIST where CT is read, the marker's own criterion where it alone is. *False*: the first alert comes
before the true turning point. *Detected*: it comes at or after it, and before progression (of the courses that turned
before the end). *Lead*: days from the first alert to progression, 0 where progression came first; over all courses
that turned and progressed, and over those where it led. Intervals are 95 % (Wilson for shares, bootstrap over courses
for the rest).

Rules. *Two rises*: the smaller of the last two changes of log value (two marker rises of 25 % is one member of the
family). *Flat over two*: both of the last two changes under x %. *Change point*: likelihood ratio of the best broken
line of log value that bends to a rise, against a straight one. *Own g*: regrowth rate of the patient's least-squares
fit. *Own nadir passed*: weeks since its nadir. Of two quantities the stronger signal counts (g in units of its own
quantity), and a marker's is ignored in the first eight weeks, as ours is.

Ours: P(turned) where something that was read stands above its smallest value. Two variants beside it, where the data
allow an alert: P(turned, and resistant cells will visibly grow within half a year), and P(turned).
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from lead_time_courses import PAUSED, SCHEDULES, Schedule, judged_courses, signals, simulated
from lead_time_tables import (
    RATES,
    Cuts,
    alert_table,
    chosen_cuts,
    coverage_rows,
    history_rows,
    real_rows,
    reliability_rows,
    verdict,
)
from provenance import commit

import turnpoint as tp
from turnpoint.model.series import parts_of, visits_of
from turnpoint.turning.lead_time import up_to_progression
from turnpoint.workflows.assess import assess_readings
from turnpoint.workflows.priors import by_prior, usable_readings

DATA = Path(os.environ.get("TURNPOINT_DATA", Path(__file__).parents[2] / "shared" / "data"))
RESULTS = Path(__file__).parents[1] / "docs" / "results" / "lead-time.md"
# real series, and the schedule whose virtual courses set the cuts
SERIES = (
    ("ascent2-docetaxel-psa", 2),
    ("abiraterone-adaptive-psa", 2),
    ("oak-docetaxel", 0),
    ("oak-atezolizumab", 0),
    ("ffcd2000-05-colorectal", 1),
)


def real_series(name: str) -> pl.DataFrame:
    """Signals and progression of a real series; the shipped prior that Turnpoint itself would choose."""
    study = tp.read(DATA / name)
    readings = usable_readings(study)
    ((prior, _),) = by_prior(study)
    judged = assess_readings(parts_of(study), study, prior, visits=visits_of(study))
    return signals(judged, readings)


def real_sections(cuts: dict[int, Cuts]) -> list[str]:
    lines = [
        "## Real series",
        "",
        "Cuts from the virtual courses of the same schedule; nothing was tuned here. The shipped priors were fitted "
        "to these series (not the alert, nor any cut), save abiraterone, which is read by the docetaxel prior. Under "
        "abiraterone the drug was switched on and off: a rise while it is off is no resistance, "
        "which no rule knows, and it can meet the PSA criterion. OAK has one lesion a patient. Never followed: the "
        "series ends without progression, which may have come later.",
        "",
    ]
    for name, schedule in SERIES:
        visits = real_series(name)
        courses = visits.group_by("patient_id").agg(pl.col("progression_day").first())
        lines += [
            f"### {name}",
            "",
            f"{courses.height} courses, {courses['progression_day'].count()} progressed.",
            "",
            "| asked | signal | alerts per 100 | before | with or after | never followed | before, % of progressed "
            "| alerted, % of never progressed | median lead where it led, days | mean lead of progressed, days |",
            "|" + " --- |" * 10,
            *(line for rate in RATES for line in real_rows(cuts[schedule], visits, rate)),
            "",
        ]
        print("\n".join(lines[-25:]), flush=True)
    return lines


def virtual(schedule: Schedule, courses: int, seed: int) -> pl.DataFrame:
    found = simulated(schedule, courses, seed)
    return signals(judged_courses(schedule, found, seed), found.readings)


def stamp(courses: int, seconds: float) -> str:
    return (
        f"{datetime.now(tz=UTC).date()}, commit {commit()}, {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, Turnpoint {tp.__version__}; {courses} courses a schedule, half to tune, "
        f"half to measure; {seconds:.0f} s in all."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--courses", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=77)  # choices were made on seed 5
    parser.add_argument("--out", type=Path, default=RESULTS)
    wanted = parser.parse_args()
    start = time.perf_counter()
    lines, coverage, reliability, history = ["## Virtual courses", ""], [], [], []
    cuts: dict[int, Cuts] = {}
    for index, schedule in enumerate(SCHEDULES):
        visits = virtual(schedule, wanted.courses, wanted.seed)
        followed = up_to_progression(visits)
        tuning = pl.col("patient_id").is_in(visits["patient_id"].unique().sort()[::2].implode())
        cuts[index] = chosen_cuts(followed.filter(tuning))
        measured = followed.filter(~tuning)
        lines += [f"### {schedule.name}", "", *alert_table(cuts[index], measured)]
        lines += verdict(cuts[index], measured)
        coverage += coverage_rows(schedule.name, visits)
        reliability += reliability_rows(schedule.name, visits)
        history += history_rows(schedule.name, measured, cuts[index])
        print("\n".join(lines[-40:]), flush=True)
    for schedule in PAUSED:
        reliability += reliability_rows(schedule.name, virtual(schedule, wanted.courses, wanted.seed))
    lines += [
        "## Coverage of the turning point's 90 % interval",
        "",
        "Shares in percent; truth before the interval (early) and after it (late). An interval that begins at day 0 "
        "cannot be missed from below, and some courses turn at day 0, so that all intervals together must cover more "
        "than 90 %; those with both ends inside (0, ten years), chosen by what is said and not by the truth, must "
        "cover 90 %.",
        "",
        "| schedule | turn at day 0 | last visit, all | last visit, two-ended | week 24, all | week 24, two-ended |",
        "|" + " --- |" * 6,
        *coverage,
        "",
        "## Causes and P(turned): said and true",
        "",
        "The truth of a cause at a visit is the share the course's own particle gives it, by the formula of "
        "`turning.state`: of each quantity read, floor if its last reading is at its limit, else the shares of "
        "resistant cells and of scar or healthy background in what is seen and does not shrink; quantities count "
        "alike. Resistant cells that would not visibly grow within half a year count as scar. Fifths of the visits "
        "after day 0 by what was said; mean said: mean true ± two standard errors (courses count as wholes), in "
        "percent.",
        "",
        "| schedule | said | lowest fifth | second | third | fourth | highest fifth |",
        "|" + " --- |" * 7,
        *reliability,
        "",
        "## Standing, withdrawn, raised again",
        "",
        "At the cut for five false alerts in a hundred. An alert is withdrawn when the odds of P(turned) fall so "
        "many times below what raises one, or growth that will show becomes improbable.",
        "",
        "| schedule | times | alerted, % of courses | withdrawn, % of alerted | false withdrawn before the turn, % "
        "| raised twice or more, % of courses |",
        "|" + " --- |" * 6,
        *history,
        "",
    ]
    lines += real_sections(cuts)
    text = ["# Lead time", "", __doc__.split("\n\n", 1)[1].strip(), ""]
    text += [stamp(wanted.courses, time.perf_counter() - start), "", *lines]
    wanted.out.parent.mkdir(parents=True, exist_ok=True)
    wanted.out.write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    main()
