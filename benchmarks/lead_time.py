"""How early the alert comes, and at what cost: `python benchmarks/lead_time.py`.

Design section 7, item 2; on real series: `lead_time_real.py`. Virtual courses are drawn from the shipped priors and
read as the schedule says for
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

Ours: the chance of progression within 24 weeks where something stands above its smallest value beyond the usual error.
Two variants beside it, where the readings allow an alert: P(turned, and resistant cells will visibly grow within half
a year), and P(turned). Here an alert is *false* before the true turning point, which is not what it claims: it claims
that progression comes within 24 weeks.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from first_alerts import up_to_progression
from lead_time_courses import PAUSED, SCHEDULES, Schedule, judged_courses, signals, simulated
from lead_time_tables import (
    Cuts,
    alert_table,
    chosen_cuts,
    coverage_rows,
    history_rows,
    reliability_rows,
    verdict,
)
from provenance import commit

import turnpoint as tp

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "lead-time.md"


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
        "At the cut for five false alerts in a hundred. An alert is withdrawn when the odds of progression fall so "
        "many times below what raises one, or nothing stands above its smallest value any more.",
        "",
        "| schedule | times | alerted, % of courses | withdrawn, % of alerted | false withdrawn before the turn, % "
        "| raised twice or more, % of courses |",
        "|" + " --- |" * 6,
        *history,
        "",
    ]
    text = ["# Lead time", "", __doc__.split("\n\n", 1)[1].strip(), ""]
    text += [stamp(wanted.courses, time.perf_counter() - start), "", *lines]
    wanted.out.parent.mkdir(parents=True, exist_ok=True)
    wanted.out.write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    main()
