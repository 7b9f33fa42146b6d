"""Small patients whose clinical truth is plain: each asks something different of the words."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

import turnpoint as tp
from tests.workflows.studies import study_of


@dataclass(frozen=True)
class Patient:
    """Readings as a clinic would write them: sizes by lesion and visit, marker values, doses.

    Attributes:
        tumour, drug: as in `patients`.
        sizes: for each lesion its site and its diameters in mm, or statuses, six-weekly unless `every`.
        marker: name, unit and values, three-weekly.
        new: day, site and diameter of a new lesion.
        doses: days, of `amount` mg/m2 each where it is known.
        events: first and last day, term and grade of side effects.
    """

    tumour: str
    drug: str
    sizes: dict[str, tuple[str, tuple[float | str, ...]]] | None = None
    marker: tuple[str, str, tuple[float, ...]] | None = None
    new: tuple[int, str, float] | None = None
    doses: tuple[int, ...] = ()
    amount: float | None = None
    events: tuple[tuple[int, int | None, str, int], ...] = ()
    every: int = 42


_COLON, _LUNG = ("metastatic colorectal cancer", "FOLFOX"), ("NSCLC", "docetaxel")
_PSA = ("prostate cancer", "docetaxel")
PATIENTS = {
    "steady": Patient(*_LUNG, {"T1": ("lung", (60, 45, 34, 26, 20, 15))}),
    "steady-marker": Patient(
        "ovarian cancer", "carboplatin", marker=("CA-125", "U/mL", (850, 500, 290, 170, 98, 56))
    ),
    "tailing": Patient(*_COLON, {"T1": ("liver", (80, 50, 40, 38, 38, 38))}, every=56),
    "small": Patient(*_LUNG, {"T1": ("lung", (12, 10, 10, 10, 11, 11))}),
    "collapse": Patient(*_LUNG, {"T1": ("lung", (83, 51, 51, 5))}),
    "regrown": Patient(*_LUNG, {"T1": ("lung", (60, 42, 38, 38, 41, 46, 52))}),
    "marker-rises": Patient(
        *_COLON,
        {"T1": ("liver", (60, 40, 36, 36))},
        ("CEA", "ng/mL", (85, 40, 20, 10, 8, 10, 14, 20, 29)),
        every=56,
    ),
    "flare": Patient(*_PSA, marker=("PSA", "ng/mL", (40, 58, 44, 28, 17, 10, 6))),
    "psa-progression": Patient(*_PSA, marker=("PSA", "ng/mL", (40, 20, 12, 10, 15, 22, 30))),
    "psa-zero": Patient(*_PSA, marker=("PSA", "ng/mL", (20, 6, 1.2, 0, 0, 0))),
    "one-visit": Patient(*_LUNG, {"T1": ("lung", (55,))}),
    "late-dose": Patient(
        *_COLON, {"T1": ("liver", (60, 50, 42, 37, 33))}, doses=(0, 14, 28, 42, 56, 70, 84, 98, 112, 126, 147)
    ),
    "side-effects": Patient(
        "breast cancer",
        "doxorubicin",
        {"T1": ("liver", (64, 50, 41, 36))},
        doses=(0, 21, 42, 63, 84, 105, 126),
        amount=60,
        events=(
            (20, 34, "Neutropenia", 3),
            (60, None, "Peripheral sensory neuropathy", 2),
            (100, 104, "Nausea", 1),
        ),
    ),
    "off-treatment": Patient(*_COLON, {"T1": ("liver", (60, 45, 38, 37, 38))}, doses=(0, 14, 28, 42, 56, 70)),
    "new-brain-lesion": Patient(*_LUNG, {"T1": ("lung", (60, 48, 38, 32))}, new=(126, "brain", 11)),
    "mixed": Patient(
        "breast cancer", "paclitaxel", {"T1": ("liver", (50, 30, 20, 14)), "T2": ("lung", (20, 26, 33, 40))}
    ),
    "gone": Patient(
        *_COLON,
        {"T1": ("liver", (30, 12, "absent", "absent", "absent"))},
        ("CEA", "ng/mL", (40, 20, 9, 4, 2, 2, 2, 2)),
    ),
    "no-baseline": Patient(
        *_COLON, {"T1": ("liver", ("not_evaluable", 60, 61, 60)), "T2": ("lung", (20, 10, 5, 3))}
    ),
}


def study(name: str) -> tp.Study:
    """The patient's study."""
    return study_of(**tables(name))


def tables(name: str) -> dict[str, str]:
    """The patient's files as CSV, by name."""
    own = PATIENTS[name]
    lesions = ["patient_id,day,lesion_id,role,site,diameter_mm,status"]
    for lesion_id, (site, values) in (own.sizes or {}).items():
        for visit, value in enumerate(values):
            size, status = ("", value) if isinstance(value, str) else (value, "measured")
            lesions.append(f"{name},{visit * own.every},{lesion_id},target,{site},{size},{status}")
    if own.new is not None:
        day, site, size = own.new
        lesions.append(f"{name},{day},N1,new,{site},{size},measured")
    found = {"patients": f"patient_id,tumour_type,arm\n{name},{own.tumour},{own.drug}"}
    if own.sizes:
        found["lesions"] = "\n".join(lesions)
    if own.marker is not None:
        marker, unit, values = own.marker
        rows = [f"{name},{visit * 21},{marker},{value},{unit}" for visit, value in enumerate(values)]
        found["markers"] = "\n".join(["patient_id,day,marker,value,unit", *rows])
    if own.doses:
        dose = ",," if own.amount is None else f",{own.amount},mg/m2"
        rows = [f"{name},{day},{own.drug}{dose}" for day in own.doses]
        found["doses"] = "\n".join(["patient_id,day,drug,dose,unit", *rows])
    if own.events:
        rows = [
            f"{name},{day},{'' if end is None else end},{term},{grade}"
            for day, end, term, grade in own.events
        ]
        found["events"] = "\n".join(["patient_id,day,end_day,term,grade", *rows])
    return found


def together() -> tp.Study:
    """All of them in one folder."""
    every = [study(name) for name in PATIENTS]
    whole = {
        table: pl.concat([getattr(own, table) for own in every])
        for table in ("patients", "lesions", "markers", "doses", "events")
    }
    return tp.Study(name="mixed", **whole)
