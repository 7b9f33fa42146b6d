"""The law of the visit: a row is made of what was known of its patient on its day, and of nothing else.

Every course is put into one folder as often as it has visits, cut after each of them. The rows of the whole and of the
cut courses must be equal to the last digit, which nobody else in the folder may change either.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
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
SIZES = st.sampled_from([0, 4, 6, 9, 11, 14, 17, 20, 24, 28, 33, 40, 45, 50, 60, 72, 110])
VALUES = st.sampled_from([0, 0.02, 0.3, 1.1, 2, 3.4, 5, 8, 13, 21, 34, 55, 90, 400])
GAPS = st.sampled_from([14, 21, 42, 56, 84])
MARKERS = {"PSA": "ng/mL", "CEA": "ng/mL", "CA-125": "U/mL", "home-made": "kU/L"}


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


@st.composite
def courses(draw):
    """Lesions and markers that begin late, two readers, zeros, a pause, another drug, a new lesion, events."""
    days = [draw(st.sampled_from([-14, -3, 0]))]
    for gap in draw(st.lists(GAPS, min_size=1, max_size=6)):
        days.append(days[-1] + gap)
    later = st.sampled_from([0, 0, 0, 1, 2, 4])
    lesions = []
    # two readers begin together, or one after the other
    for reader in draw(st.sampled_from([("",), ("",), ("A", "B"), ("B", "A")])):
        begins = draw(later) if reader else 0
        for lesion in ("T2", "T1")[: draw(st.integers(0, 2))]:
            begins = begins or draw(later)
            lesions += [
                (day, f"{lesion},target,liver,{_size(draw(SIZES | st.none()))},{reader}")
                for day in days[begins:]
                if draw(st.integers(0, 6))
            ]
    if draw(st.booleans()):
        lesions.append((draw(st.sampled_from(days)), "N1,new,brain,9,measured,"))
    markers = []
    for marker in draw(st.lists(st.sampled_from(list(MARKERS)), max_size=2, unique=True)):
        values = VALUES.filter(bool) if marker == "home-made" else VALUES
        markers += [
            (day, f"{marker},{draw(values)},{MARKERS[marker]}")
            for day in days[draw(later) :]
            if draw(st.booleans())
        ]
    if not lesions and not markers:
        markers = [(days[0], "PSA,20,ng/mL")]
    return Course(
        draw(st.sampled_from(["", "NSCLC", "prostate cancer", "metastatic colorectal cancer"])),
        draw(st.sampled_from(["", "", "docetaxel"])),
        {
            "lesions": lesions,
            "markers": markers,
            "doses": _doses(draw, days[-1]),
            "events": [(day, "Nausea,2") for day in days if draw(st.booleans())],
        },
    )


def _size(mm):
    if mm is None:
        return ",not_evaluable"
    return {0: ",absent", 4: ",too_small"}.get(mm, f"{mm},measured")


def _doses(draw, last):
    """Every three weeks until a pause, perhaps for good, and then perhaps of another drug."""
    first, second = draw(st.permutations(["docetaxel", "FOLFOX", "enzalutamide"]))[:2]
    kind = draw(st.sampled_from(["none", "given", "daily"]))
    pause, again = draw(st.integers(1, 12)) * 21, draw(st.integers(13, 30)) * 21
    if kind == "none":
        return []
    if kind == "daily":
        return [(0, f"{first},start"), (pause, f"{first},stop"), (again, f"{second},start")]
    before = [(day, f"{first},given") for day in range(0, pause, 21)]
    return before + [(day, f"{second},given") for day in range(again, last + 42, 21)]


def folder(patients):
    """The study of courses by name, each up to a day."""
    tables = {name: [header] for name, header in HEADERS.items()}
    for name, (course, known) in patients.items():
        tables["patients"].append(f"{name},{course.tumour},{course.arm}")
        for table, rows in course.rows.items():
            tables[table] += [f"{name},{day},{row}" for day, row in rows if day <= known]
    return study_of(**{name: "\n".join(rows) + "\n" for name, rows in tables.items() if len(rows) > 1})


# Without a single reading there is nothing to be assessed in a folder.
ANYBODY = Course("", "", {"lesions": [], "markers": [(0, "PSA,20,ng/mL")], "doses": [], "events": []})


def rows_of(patients):
    """Frame and diagnostics as one table, by name."""
    found = tp.assess(folder(patients | {"anybody": (ANYBODY, 0)}), particles=128)
    rows = found.frame.hstack(found.diagnostics.drop("patient_id", "day"))
    return {name: rows.filter(patient_id=name).drop("patient_id") for name in patients}


# Shrinking what fails takes minutes, and a cut of a course is short as it is.
@given(st.lists(courses(), min_size=1, max_size=3))
@settings(
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_rows_of_a_visit_are_made_of_what_was_known_of_its_patient_on_its_day(drawn):
    patients = {
        f"{number} until {place}": (course, known)
        for number, course in enumerate(drawn)
        for place, known in enumerate(course.visits)
    }
    together = rows_of(patients)
    for number, course in enumerate(drawn):
        whole = together[f"{number} until {len(course.visits) - 1}"]
        for place, day in enumerate(course.visits):
            cut = together[f"{number} until {place}"]
            assert_frame_equal(cut, whole.filter(pl.col("day") <= day), check_exact=True)
    for name in (next(iter(patients)), list(patients)[-1]):
        assert_frame_equal(rows_of({name: patients[name]})[name], together[name], check_exact=True)
