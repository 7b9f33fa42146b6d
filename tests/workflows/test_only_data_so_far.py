"""The law of the visit: a row is made of what was known of its patient on its day, and of nothing else.

Every course is put into one folder as often as it has visits, cut after each of them. The rows of the whole and of the
cut courses must be equal to the last digit, which nobody else in the folder may change either.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import turnpoint as tp
from tests.workflows.studies import study_of

HEADERS = {
    "patients": "patient_id,tumour_type,arm",
    "lesions": "patient_id,day,lesion_id,role,site,diameter_mm,status,reader",
    "markers": "patient_id,day,marker,value,unit",
    "doses": "patient_id,day,drug,action",
    "events": "patient_id,day,term,grade",
}
MARKERS = {"PSA": "ng/mL", "CEA": "ng/mL", "CA-125": "U/mL"}
LATER = (0, 0, 0, 1, 2, 3)  # visits after the first at which something begins


@dataclass(frozen=True)
class Course:
    """All that was recorded of a patient: tumour and arm, and rows of the other tables by day."""

    tumour: str
    arm: str
    rows: dict[str, list[tuple[int, str]]]

    @property
    def visits(self) -> list[int]:
        """Days with something to be read."""
        return sorted({day for table in ("lesions", "markers") for day, _ in self.rows[table]})


# Without a single reading there is nothing to be assessed in a folder.
ANYBODY = Course("", "", {"lesions": [], "markers": [(0, "PSA,20,ng/mL")], "doses": [], "events": []})


def drawn_course(rng: np.random.Generator) -> Course:
    """Lesions and markers that begin late, two readers, zeros, a pause, another drug, a new lesion, events."""
    days = [int(rng.choice([-14, -3, 0]))]
    for gap in rng.choice([14, 21, 42, 56, 84], rng.integers(2, 7)):
        days.append(days[-1] + int(gap))
    lesions = _lesions(rng, days) if rng.random() < 0.7 else []
    markers = [
        (day, f"{marker},{_value(rng)},{MARKERS[marker]}")
        for marker in rng.permutation(list(MARKERS))[: rng.integers(0 if lesions else 1, 3)]
        for day in days[rng.choice(LATER) :]
        if rng.random() < 0.7
    ]
    return Course(
        str(rng.choice(["", "NSCLC", "prostate cancer", "metastatic colorectal cancer"])),
        str(rng.choice(["", "", "docetaxel"])),
        {
            "lesions": lesions,
            "markers": markers or [(days[0], "PSA,20,ng/mL")],
            "doses": _doses(rng, days[-1]),
            "events": [(day, "Nausea,2") for day in days if rng.random() < 0.3],
        },
    )


def _lesions(rng: np.random.Generator, days: list[int]) -> list[tuple[int, str]]:
    """Up to three targets by one reader or two, some begun late and some not read; perhaps a new lesion."""
    rows = []
    readers = ("A", "B") if rng.random() < 0.4 else ("",)
    for reader in readers:
        begins = int(rng.choice(LATER)) if len(readers) > 1 else 0
        for lesion in ("T3", "T1", "T2")[: rng.integers(1, 4)]:
            first, mm = begins + int(rng.choice(LATER)), rng.uniform(8, 80)
            for day in days[first:]:
                mm *= np.exp(rng.normal(0, 0.2))
                if rng.random() < 0.85:
                    rows.append((day, f"{lesion},target,liver,{_size(rng, mm)},{reader}"))
    if rng.random() < 0.2:
        rows.append((int(rng.choice(days)), "N1,new,brain,9,measured,"))
    return rows


def _size(rng: np.random.Generator, mm: float) -> str:
    seen = rng.random()
    if seen < 0.1:
        return ",not_evaluable"
    return ",absent" if seen < 0.15 else ",too_small" if mm < 6 else f"{mm:.0f},measured"


def _value(rng: np.random.Generator) -> str:
    return "0" if rng.random() < 0.2 else f"{np.exp(rng.normal(1, 2)):.2g}"


def _doses(rng: np.random.Generator, last: int) -> list[tuple[int, str]]:
    """None, or every three weeks or daily until a pause, and then of another drug."""
    first, second = rng.permutation(["docetaxel", "FOLFOX", "enzalutamide"])[:2]
    pause, again = 21 * int(rng.integers(1, 8)), 21 * int(rng.integers(9, 16))
    kind = rng.random()
    if kind < 0.3:
        return []
    if kind < 0.6:
        return [(0, f"{first},start"), (pause, f"{first},stop"), (again, f"{second},start")]
    before = [(day, f"{first},given") for day in range(0, pause, 21)]
    return before + [(day, f"{second},given") for day in range(again, last + 42, 21)]


def rows_of(patients: dict[str, tuple[Course, int]]) -> dict[str, pl.DataFrame]:
    """Frame and diagnostics of courses, each known up to a day, as one table by name."""
    tables = {name: [header] for name, header in HEADERS.items()}
    for name, (course, known) in (patients | {"anybody": (ANYBODY, 0)}).items():
        tables["patients"].append(f"{name},{course.tumour},{course.arm}")
        for table, rows in course.rows.items():
            tables[table] += [f"{name},{day},{row}" for day, row in rows if day <= known]
    found = tp.assess(
        study_of(**{name: "\n".join(rows) + "\n" for name, rows in tables.items() if len(rows) > 1}),
        particles=128,
    )
    rows = found.frame.hstack(found.diagnostics.drop("patient_id", "day"))
    return {name: rows.filter(patient_id=name).drop("patient_id") for name in patients}


@pytest.mark.parametrize("seed", range(6))
def test_rows_of_a_visit_are_made_of_what_was_known_of_its_patient_on_its_day(seed):
    rng = np.random.default_rng(seed)
    courses = [drawn_course(rng) for _ in range(6)]
    known = {
        f"{number} until {day}": (course, day)
        for number, course in enumerate(courses)
        for day in course.visits
    }
    together = rows_of(known)
    for number, course in enumerate(courses):
        whole = together[f"{number} until {course.visits[-1]}"]
        for day in course.visits:
            assert_frame_equal(
                together[f"{number} until {day}"], whole.filter(pl.col("day") <= day), check_exact=True
            )
    name = f"0 until {courses[0].visits[-1]}"
    assert_frame_equal(rows_of({name: known[name]})[name], together[name], check_exact=True)
