"""Does the verdict say what the tumour does? `python benchmarks/states.py [--courses N] [--seed S] [--write]`.

Design section 7, items 2 and 3. Virtual courses from a simulator that shares nothing with the package
(`independent_courses.py`, `independent_readings.py`), written as study folders and read by `tp.read` and `tp.assess`
with the prior a user gets; and the real series. Only visits with three or more values of one quantity count, save for
alerts, which count at every visit.

*Truth*: the trend s = d log B/dt of the true living burden on the day of the visit, on the volume scale and per week,
against δ = ln 2 / 26: shrinking s < -δ, growing s > δ, flat between. *In sight*: the readings without their error fall
faster than δ too (the living burden can go on falling behind a scar or a healthy background, where nothing can show
it). *Clearly*: s < -2δ. *Growing, read*: growing, and the reading without its error stands above its smallest value by
more than the error of two readings (the states of the design count a rise that has been read, whatever the trend:
therefore *flat, not risen* beside *flat*). Error of two readings: 1.645·√2 times the SD of one: of a sum, 3.5 % and
1 mm of each lesion in squares; of a marker, its published variation on the log scale. *Simplest rule*: the last two
readings of any quantity rose beyond it: regrowing; else fell: responding; else plateau.

*Turning point*: the day of the smallest living burden of the course as it was treated, treatment going on as it last
was. The 90 % interval is open at the top where it reaches ten years (3650 days). `p_turned` is compared by tenths with
what is true, and (*against later readings*) with "no later value is below the smallest so far by more than its error",
the only event that real series show. Where nothing ever turns, every alert is early. *A
ruler*: +10 % and 3 mm over the smallest sum, at every scan; on real series it has 5 unfollowed alerts in 100 patients,
as many as the alert is asked for (`lead_time_real.py`). Shares in percent with 95 % intervals: bootstrap over courses
where visits are counted, Wilson's where courses are.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from independent_courses import (
    COLORECTAL,
    DISEASES,
    LUNG,
    MOST_LESIONS,
    WORLDS,
    Courses,
    Disease,
    drawn,
    treated,
)
from independent_readings import SEEN, assessed, looked_at
from provenance import commit
from real_states import (
    DATA,
    LEFT_OUT,
    SERIES,
    UNSEEN,
    calibration_table,
    judged,
    judged_by_folds,
    next_table,
    together,
)
from states_sensitivity import limit, sensitivity
from states_statistics import table
from states_tables import (
    CAUSE_HEADER,
    DORMANT_HEADER,
    WORLD_HEADER,
    cause_row,
    confusion,
    dormant_rows,
    goal_table,
    state_calibration,
    truth_behind,
    world_row,
)

import turnpoint as tp

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "states.md"
MODEL = next(iter(WORLDS))
WEEKS = 60
# a world is seen as the clinic of lung cancer sees it, and as that of colorectal cancer does
LOOKS = ((LUNG, "CT"), (COLORECTAL, "CT"), (COLORECTAL, "marker"), (COLORECTAL, "both"))


def judged_courses(courses: Courses, ways: tuple[str, ...], seed: tuple[int, ...]) -> dict[str, pl.DataFrame]:
    """What is said at every visit beside the truth, for the ways of looking asked for."""
    seen = looked_at(courses, WEEKS, seed)
    name = "-".join(str(part) for part in seed)
    return {
        how: assessed(seen[how]).with_columns(
            pl.format("{} {}", pl.lit(name), "patient_id").alias("course"),
            pl.lit(courses.disease.name).alias("disease"),
        )
        for how in ways
    }


def states(number: int, seed: int) -> list[str]:
    """Six diseases, seen by CT, by the marker and by both."""
    found: dict[str, list[pl.DataFrame]] = {how: [] for how in SEEN}
    for index, disease in enumerate(DISEASES):
        rng = np.random.default_rng((seed, 0, index))
        courses = drawn(disease, MODEL, number, rng)
        for how, frame in judged_courses(courses, SEEN, (seed, 0, index)).items():
            found[how].append(frame)
    lines = ["## Verdict and true trend: six diseases", ""]
    frames = {how: pl.concat(parts, how="diagonal_relaxed") for how, parts in found.items()}
    for how, frame in frames.items():
        lines += [
            f"### Seen by {how}",
            "",
            *confusion(frame),
            "",
            *goal_table(frame),
            "",
            state_calibration(frame),
            "",
        ]
    lines += ["### All ways together: what is true behind a verdict", ""]
    return [*lines, *truth_behind(pl.concat(frames.values(), how="diagonal_relaxed")), ""]


def worlds(number: int, seed: int) -> list[str]:
    """Worlds that are not the model: the turning point, the chance to have passed it, alerts; dormant disease."""
    rows, dormant = [], []
    for index, world in enumerate(WORLDS):
        for disease in (LUNG, COLORECTAL):
            ways = tuple(how for other, how in LOOKS if other is disease)
            place = (seed, 1, index, DISEASES.index(disease))
            courses = drawn(disease, world, number, np.random.default_rng(place))
            for how, frame in judged_courses(courses, ways, place).items():
                rows.append(world_row(world, f"{disease.name.split(',')[0]}, {how}", frame))
                if world == "dormant":
                    dormant += dormant_rows(rows[-1][1], frame)
    return [
        "## Worlds that are not the model",
        "",
        "Goals: coverage near 90, alerts before the turn at most 10 in 100; where nothing turns, `p_turned` near 0.",
        "",
        *table(WORLD_HEADER, rows),
        "",
        "### Dormant disease: shrinks, then stays for good",
        "",
        "CT every 6 (lung) or 8 weeks, CEA every 3 weeks with 17 % variation, 60 weeks.",
        "",
        *table(DORMANT_HEADER, dormant),
        "",
    ]


def doses(number: int, seed: int) -> list[str]:
    """Recorded doses: steady ones, a pause of 6 to 16 weeks that begins in week 12 to 24, and 75 % from then on."""
    rows = []
    for index, kind in enumerate(("steady", "pause", "reduction")):
        for disease in (LUNG, COLORECTAL):
            ways: tuple[str, ...] = tuple(how for other, how in LOOKS if other is disease)
            place = (seed, 2, index, DISEASES.index(disease))
            rng = np.random.default_rng(place)
            courses = drawn(disease, MODEL, number, rng, treated(kind, disease, number, WEEKS, rng))
            for how, frame in judged_courses(courses, ways, place).items():
                rows.append(world_row(f"doses: {kind}", f"{disease.name.split(',')[0]}, {how}", frame))
    return [
        "## Recorded doses: steady, a pause, a reduction",
        "",
        "In a pause the sensitive part regrows (a doubling in 17 weeks, median); a course goes on until it is over. "
        "The truth is the smallest living burden of the course as it was treated: after a pause it may come later.",
        "",
        *table(WORLD_HEADER, rows),
        "",
    ]


def causes(number: int, seed: int) -> list[str]:
    """Plateaus of resistant cells or of scar, that look alike on a scan: 10 to 40 % of the volume stays."""
    both_kinds: dict[str, list[pl.DataFrame]] = {how: [] for how in SEEN}
    for index, resistant in enumerate((True, False)):
        rng = np.random.default_rng((seed, 3, index))
        scar = rng.uniform(0.1, 0.4, (number, MOST_LESIONS, 1)) * (not resistant)
        courses = drawn(of_cause(resistant=resistant), MODEL, number, rng, scar=scar)
        for how, frame in judged_courses(courses, SEEN, (seed, 3, index)).items():
            both_kinds[how].append(frame.with_columns(pl.lit(resistant).alias("resistant")))
    rows = [cause_row(how, pl.concat(parts, how="diagonal_relaxed")) for how, parts in both_kinds.items()]
    return [
        "## The cause of a plateau",
        "",
        "Two kinds of colorectal courses whose scans look alike: 25 % or so of the living cells resist and grow slowly "
        "(1.5 % a week), no scar; or hardly any do (0.1 %) and 10 to 40 % of the volume is scar. Over visits called "
        "plateau: AUC of p_resistant / (p_resistant + p_scar). Seen by the marker alone, `scar` is healthy background.",
        "",
        *table(CAUSE_HEADER, rows),
        "",
    ]


def of_cause(*, resistant: bool) -> Disease:
    """Colorectal cancer whose plateaus have one cause."""
    base = dict(vars(COLORECTAL))
    base |= {"regrowth": (0.015, 0.4), "resistant": (0.25, 0.4) if resistant else (0.001, 0.5)}
    return Disease(**base)


def real(_number: int, seed: int) -> list[str]:
    """What came after a verdict, and what `p_turned` was worth."""
    frames = {name: judged(name) for name in SERIES}
    folds = {name: judged_by_folds(name, seed) for name in LEFT_OUT}
    pooled = {
        "**CT, together**": together(frames, "CT"),
        "**PSA, together**": together(frames, "PSA"),
    }
    left_out = {f"{name}, left out": frame for name, frame in folds.items()}
    left_out["**CT, left out, together**"] = together(folds, "CT")
    return [
        "## Real series",
        "",
        f"The shipped priors were fitted to these same series (not out of fold), save {UNSEEN}, in which the drug was "
        "switched on and off, so that a rise is not always regrowth. *Left out*: five folds by patient, prior fitted "
        "to the other four. Visits with three or more values and a next one; OAK has one lesion a patient.",
        "",
        "### What the next reading did",
        "",
        "Beyond the error of two readings: 1.645·√2 times the SD of one (CT: 3.5 % and 1 mm in squares, of the "
        "whole sum in FFCD; PSA: 0.17 on the log scale).",
        "",
        *next_table(frames | left_out),
        "",
        "### `p_turned`: said, and seen (visits)",
        "",
        "Seen: no later value is below the smallest so far by more than the error of two readings. The fewer values "
        "follow, the easier that is. Goal: CT at most 0.07. Beside it the mean difference where a later value counts "
        "that is lower at all (noise alone makes one) or by one SD of one reading: the definition weighs as much as "
        "the model.",
        "",
        *calibration_table(frames | pooled | left_out),
        "",
    ]


SECTIONS: dict[str, Callable[[int, int], list[str]]] = {
    "states": states,
    "worlds": worlds,
    "doses": doses,
    "causes": causes,
    "real": real,
    "sensitivity": lambda number, seed: sensitivity(number, seed, WEEKS),
    "limit": lambda number, seed: limit(number, seed, WEEKS),
}


def stamp(number: int, seed: int, seconds: float) -> str:
    data = ", ".join(SERIES) if DATA.exists() else "no real series"
    return (
        f"{datetime.now(tz=UTC).date()}, commit {commit()}, {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, Turnpoint {tp.__version__}; {number} courses a cell, seed {seed}; "
        f"data: {data}; {seconds:.0f} s in all."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--courses", type=int, default=200, help="of each disease or world")
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--only", nargs="*", choices=list(SECTIONS), default=list(SECTIONS))
    parser.add_argument("--write", action="store_true", help="write the results page")
    parser.add_argument("--out", type=Path, default=RESULTS)
    wanted = parser.parse_args()
    start, lines = time.perf_counter(), []
    for name in wanted.only:
        begun = time.perf_counter()
        part = SECTIONS[name](wanted.courses, wanted.seed)
        print("\n".join(part), flush=True)
        print(f"[{name}: {time.perf_counter() - begun:.0f} s]\n", flush=True)
        lines += part
    stamped = stamp(wanted.courses, wanted.seed, time.perf_counter() - start)
    print(stamped)
    if wanted.write:
        text = ["# States", "", __doc__.split("\n\n", 1)[1].strip(), "", stamped, "", *lines]
        wanted.out.parent.mkdir(parents=True, exist_ok=True)
        wanted.out.write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    main()
