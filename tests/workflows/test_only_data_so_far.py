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
    for gap in rng.choice([14, 21, 42, 56, 84], rng.integers(3, 8)):
        days.append(days[-1] + int(gap))
    lesions = _lesions(rng, days) if rng.random() < 0.8 else []
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
    readers = ("A", "B") if rng.random() < 0.5 else ("",)
    missing = rng.choice([0.0, 0.3], len(readers))
    for reader, left_out in zip(readers, missing, strict=True):
        begins = int(rng.choice(LATER)) if len(readers) > 1 else 0
        for lesion in ("T3", "T1", "T2")[: rng.integers(1, 4)]:
            first, mm = begins + int(rng.choice(LATER)), rng.uniform(8, 80)
            for day in days[first:]:
                mm *= np.exp(rng.normal(-0.1, 0.2))
                if rng.random() >= left_out:
                    rows.append((day, f"{lesion},target,liver,{_size(rng, mm)},{reader}"))
    if rng.random() < 0.2:
        rows.append((int(rng.choice(days)), "N1,new,brain,9,measured,"))
    return rows


def _size(rng: np.random.Generator, mm: float) -> str:
    seen = rng.random()
    if seen < 0.05:
        return ",not_evaluable"
    return ",absent" if seen < 0.08 else ",too_small" if mm < 6 else f"{mm:.0f},measured"


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


def tables_of(patients: dict[str, tuple[Course, int]]) -> dict[str, str]:
    """The study folder of courses, each known up to a day, and of somebody else."""
    tables = {name: [header] for name, header in HEADERS.items()}
    for name, (course, known) in (patients | {"anybody": (ANYBODY, 0)}).items():
        tables["patients"].append(f"{name},{course.tumour},{course.arm}")
        for table, rows in course.rows.items():
            tables[table] += [f"{name},{day},{row}" for day, row in rows if day <= known]
    return {name: "\n".join(rows) + "\n" for name, rows in tables.items() if len(rows) > 1}


def rows_of(patients: dict[str, tuple[Course, int]]) -> dict[str, pl.DataFrame]:
    """Frame and diagnostics of courses, each known up to a day, as one table by name."""
    found = tp.assess(study_of(**tables_of(patients)), particles=128)
    every = found.frame.hstack(found.diagnostics.drop("patient_id", "day"))
    return {name: every.filter(patient_id=name).drop("patient_id") for name in patients}


def check_law(courses: list[Course]) -> None:
    """Of every course, cut after each visit: the rows in one folder, and of the first course, cut midway, alone."""
    known = {
        f"{number} until {day}": (course, day)
        for number, course in enumerate(courses)
        for day in course.visits
    }
    together = rows_of(known)
    for number, course in enumerate(courses):
        whole = together[f"{number} until {course.visits[-1]}"]
        for day in course.visits:
            before = whole.filter(pl.col("day") <= day)
            assert_frame_equal(together[f"{number} until {day}"], before, check_exact=True)
    name = f"0 until {courses[0].visits[len(courses[0].visits) // 2]}"
    assert_frame_equal(rows_of({name: known[name]})[name], together[name], check_exact=True)


@pytest.mark.parametrize("seed", range(4))
def test_rows_of_a_visit_are_made_of_what_was_known_of_its_patient_on_its_day(seed):
    rng = np.random.default_rng(seed)
    check_law([drawn_course(rng) for _ in range(8)])


def sizes(lesion: str, *read: tuple[int, float], reader: str = "") -> list[tuple[int, str]]:
    return [(day, f"{lesion},target,liver,{mm},measured,{reader}") for day, mm in read]


def values(marker: str, *read: tuple[int, float]) -> list[tuple[int, str]]:
    return [(day, f"{marker},{value},{MARKERS[marker]}") for day, value in read]


def given(drug: str, *days: int) -> list[tuple[int, str]]:
    return [(day, f"{drug},given") for day in days]


TARGET = sizes("T2", (-7, 50), (42, 40), (84, 33), (126, 30), (168, 38))
SLOW = [(0, 40), (42, 44), (84, 45)]  # up beyond error in their sum only
LEAKS = {
    "marker first read late": {"lesions": TARGET, "markers": values("CEA", (100, 20), (126, 30), (168, 50))},
    "second lesion read late": {"lesions": TARGET + sizes("T1", (126, 20), (168, 26))},
    "fourth lesion read late": {
        "lesions": sizes("T1", *SLOW) + sizes("T2", *SLOW) + sizes("T3", *SLOW) + sizes("T0", (84, 10))
    },
    "second reader reads more": {
        "lesions": sizes("T2", (0, 40), (42, 35), reader="A")
        + sizes("T2", (0, 44), (42, 37), (84, 30), (126, 30), reader="B")
    },
    "PSA of 0 before a small one": {
        "markers": values("PSA", (0, 40), (42, 2), (84, 0), (126, 0), (168, 0.03))
    },
    "pause that ends late": {"lesions": TARGET, "doses": given("docetaxel", 0, 21, 42, 150)},
    "another drug later": {"lesions": TARGET, "doses": given("FOLFOX", 0, 14, 28) + given("docetaxel", 100)},
    "first dose after baseline": {"lesions": TARGET, "doses": given("FOLFOX", 3, 17, 31)},
    "new lesion late": {"lesions": [*TARGET, (168, "N1,new,brain,9,measured,")]},
}


@pytest.mark.parametrize("leak", LEAKS)
def test_rows_do_not_change_when_it_comes(leak):
    """Each of these has once changed the rows of visits before it, or might."""
    empty: dict[str, list[tuple[int, str]]] = {"lesions": [], "markers": [], "doses": [], "events": []}
    check_law([Course("", "", empty | LEAKS[leak])])


def forecasts_of(patients: dict[str, tuple[Course, int]]) -> dict[str, tuple[pl.DataFrame, pl.DataFrame]]:
    """`ahead` at every visit, and `forecast`, of courses each known up to a day."""
    study = study_of(**tables_of(patients))
    tables = (tp.ahead(study, every_visit=True, particles=128), tp.forecast(study, particles=128))
    ahead, forecasts = tables
    return {
        name: (
            ahead.filter(patient_id=name).drop("patient_id"),
            forecasts.filter(patient_id=name).drop("patient_id"),
        )
        for name in patients
    }


@pytest.mark.parametrize("leak", LEAKS)
def test_forecasts_do_not_change_when_it_comes(leak):
    empty: dict[str, list[tuple[int, str]]] = {"lesions": [], "markers": [], "doses": [], "events": []}
    course = Course("", "", empty | LEAKS[leak])
    found = forecasts_of({f"until {day}": (course, day) for day in course.visits})
    whole = found[f"until {course.visits[-1]}"]
    for day in course.visits:
        ahead, forecasts = found[f"until {day}"]
        assert_frame_equal(ahead, whole[0].filter(pl.col("day") <= day), check_exact=True)
        so_far = whole[1].filter(pl.col("target_day") <= day).drop("p_new_lesion")
        assert_frame_equal(forecasts.drop("p_new_lesion"), so_far, check_exact=True)
