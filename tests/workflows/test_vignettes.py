"""Patients whose clinical truth is plain, each with what may be said of them at their last visit.

The first table holds the eighteen that the states were asked to be right about; the second patients of the same kinds,
made up afterwards with other tumours, sizes and intervals. What may be said was written down before it was looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import turnpoint as tp
from tests.workflows.made_up_patients import Patient, sizes, study_with

LUNG, COLON = ("NSCLC", "docetaxel"), ("metastatic colorectal cancer", "FOLFOX")
OVARY, PROSTATE = ("ovarian cancer", "carboplatin paclitaxel"), ("prostate cancer", "docetaxel")
BREAST = ("breast cancer", "paclitaxel")
T1, T2 = ("T1", "liver"), ("T2", "lung")
ANY = {"responding", "plateau", "regrowing", "undetermined"}


@dataclass(frozen=True)
class May:
    """What the last row may say: verdicts, whether an alert stands (None: either), bounds of `p_turned`, facts."""

    verdict: set[str] = field(default_factory=lambda: ANY)
    alert: bool | None = None
    turned: tuple[float, float] = (0.0, 1.0)
    facts: tuple[str, ...] = ()


def patient(who, ct=None, marker=None, doses=(), new=(), every=42):
    """A patient; `ct` are the sizes of one lesion or a mapping of lesions, `marker` is name, unit, days and values."""
    if ct is not None and not isinstance(ct, dict):
        ct = {T1: ct}
    lesions = {name: sizes(*values, every=every) for name, values in (ct or {}).items()}
    tumour, drug = who
    return Patient(tumour, drug, lesions, marker, tuple(doses), tuple(new))


def marker(name, unit, *values, every=21):
    return (name, unit, sizes(*values, every=every))


SHRINKS = {"responding"}

GIVEN = {
    "steady CT lung": (patient(LUNG, (60, 45, 34, 26, 20, 15)), May(SHRINKS, alert=False, turned=(0, 0.5))),
    "steady CT colon": (
        patient(COLON, (80, 64, 52, 42, 33), every=56),
        May(SHRINKS, alert=False, turned=(0, 0.35)),
    ),
    "steady CA-125": (
        patient(OVARY, marker=marker("CA-125", "U/mL", 850, 500, 290, 170, 98, 56)),
        May(SHRINKS, alert=False, turned=(0, 0.2)),
    ),
    "steady CEA": (
        patient(COLON, marker=marker("CEA", "ng/mL", 85, 60, 40, 25, 16, 10)),
        May(SHRINKS, alert=False, turned=(0, 0.2)),
    ),
    "steady CT and CEA": (
        patient(COLON, (60, 45, 34, 26), marker("CEA", "ng/mL", 85, 60, 40, 25, 16, 10, 7, 5.2, 4), every=56),
        May(SHRINKS, alert=False, turned=(0, 0.2)),
    ),
    "tailing CT": (
        patient(COLON, (80, 50, 40, 38, 38, 38), every=56),
        May({"plateau"}, turned=(0.1, 0.95)),
    ),
    "plateau then growth": (
        patient(LUNG, (60, 42, 38, 38, 41, 46, 52)),
        May({"regrowing"}, alert=True, turned=(0.9, 1)),
    ),
    "CEA rises under flat CT": (
        patient(COLON, (60, 40, 36, 36), marker("CEA", "ng/mL", 85, 40, 20, 10, 8, 10, 14, 20, 29), every=56),
        May({"regrowing", "plateau"}, alert=True, turned=(0.85, 1)),
    ),
    "flare then fall": (
        patient(PROSTATE, marker=marker("PSA", "ng/mL", 40, 58, 44, 28, 17, 10, 6)),
        May(SHRINKS, alert=False, turned=(0, 0.35)),
    ),
    "small and noisy": (
        patient(LUNG, (12, 10, 10, 10, 11, 11)),
        May({"plateau", "undetermined"}, alert=False),
    ),
    "collapse": (patient(LUNG, (83, 51, 51, 5)), May({"responding", "undetermined"}, alert=False)),
    "one visit": (patient(LUNG, (55,)), May({"undetermined"}, alert=False)),
    "late dose": (
        patient(COLON, (60, 50, 42, 37, 33), doses=[*range(0, 127, 14), 147]),
        May(SHRINKS, alert=False),
    ),
    "only first dose": (
        patient(COLON, (60, 45, 36, 30), doses=[0]),
        May({"responding", "plateau", "undetermined"}, alert=False),
    ),
    "long plateau": (
        patient(COLON, (60, 34, 30, 30, 31, 30, 29, 30, 30, 31), every=56),
        May({"plateau"}, alert=False),
    ),
    "new brain lesion": (
        patient(LUNG, (60, 48, 38, 32), new=[(126, "brain", 11)]),
        May(facts=("risen", "size_risen")),
    ),
    "mixed response": (
        patient(BREAST, {T1: (50, 30, 20, 14), T2: (20, 26, 33, 40)}),
        May(facts=("risen", "size_risen", "fallen")),
    ),
    "PSA falls to zero": (
        patient(PROSTATE, marker=marker("PSA", "ng/mL", 20, 6, 1.2, 0, 0, 0)),
        May({"plateau", "responding"}, alert=False, turned=(0, 0.5)),
    ),
}

MADE_UP = {
    "steady CT breast": (
        patient(BREAST, (92, 71, 55, 43, 34), every=63),
        May(SHRINKS, alert=False, turned=(0, 0.4)),
    ),
    "steady CT of two lesions": (
        patient(OVARY, {T1: (45, 36, 29, 24, 19), T2: (30, 25, 20, 17, 14)}),
        May(SHRINKS, alert=False, turned=(0, 0.4)),
    ),
    "steady CA 15-3": (
        patient(BREAST, marker=marker("CA 15-3", "U/mL", 310, 220, 150, 105, 74, 52, every=28)),
        May(SHRINKS, alert=False, turned=(0, 0.25)),
    ),
    "steady PSA": (
        patient(PROSTATE, marker=marker("PSA", "ng/mL", 180, 120, 85, 60, 41, 29, 20)),
        May(SHRINKS, alert=False, turned=(0, 0.25)),
    ),
    "steady CT and CA-125": (
        patient(
            OVARY,
            (75, 58, 44, 34),
            marker("CA-125", "U/mL", 900, 560, 350, 220, 140, 88, 55, 35, 24, 16),
            every=63,
        ),
        May(SHRINKS, alert=False, turned=(0, 0.2)),
    ),
    "slow steady shrinkage": (
        patient(BREAST, (60, 54, 49, 44, 40), every=84),
        May({"responding", "plateau"}, alert=False, turned=(0, 0.5)),
    ),
    "tailing CT lung": (
        patient(LUNG, (70, 50, 42, 39, 39, 38, 39)),
        May({"plateau"}, alert=False, turned=(0.1, 0.97)),
    ),
    "growth of two lesions after a plateau": (
        patient(BREAST, {T1: (50, 36, 30, 30, 34, 40), T2: (25, 18, 16, 16, 18, 21)}, every=56),
        May({"regrowing"}, alert=True, turned=(0.9, 1)),
    ),
    "slow growth after a response": (
        patient(LUNG, (55, 38, 30, 28, 31, 35, 40, 46)),
        May({"regrowing"}, alert=True, turned=(0.9, 1)),
    ),
    "growth from the start": (
        patient(LUNG, (40, 48, 58, 70)),
        May({"regrowing"}, alert=True, turned=(0.9, 1)),
    ),
    "PSA rises after its lowest": (
        patient(PROSTATE, marker=marker("PSA", "ng/mL", 120, 60, 25, 12, 9, 11, 16, 24, 38)),
        May({"regrowing"}, alert=True, turned=(0.85, 1)),
    ),
    "CA-125 rises under flat CT": (
        patient(
            OVARY,
            (64, 42, 37, 36),
            marker("CA-125", "U/mL", 700, 260, 110, 60, 42, 48, 66, 95, 140, 210),
            every=63,
        ),
        May({"regrowing", "plateau"}, alert=True, turned=(0.85, 1)),
    ),
    "CEA flare then fall": (
        patient(COLON, marker=marker("CEA", "ng/mL", 60, 88, 70, 45, 28, 18, 12)),
        May(SHRINKS, alert=False, turned=(0, 0.35)),
    ),
    "small lesion": (
        patient(COLON, (14, 12, 11, 12, 12, 11, 12), every=56),
        May({"plateau", "undetermined"}, alert=False),
    ),
    "two small lesions": (
        patient(BREAST, {T1: (11, 10, 9, 10, 10), T2: (13, 12, 12, 11, 12)}),
        May({"plateau", "undetermined"}, alert=False),
    ),
    "collapse colon": (
        patient(COLON, (95, 80, 72, 9), every=56),
        May({"responding", "undetermined"}, alert=False),
    ),
    "one large reading on the way down": (
        patient(LUNG, (60, 45, 34, 40, 27)),
        May({"responding", "undetermined"}, alert=False),
    ),
    "two visits": (patient(OVARY, (60, 48)), May({"undetermined"}, alert=False)),
    "late dose lung": (
        patient(LUNG, (72, 60, 50, 44, 39), doses=(0, 21, 42, 63, 94, 115, 136, 157)),
        May(SHRINKS, alert=False),
    ),
    "only first dose breast": (
        patient(BREAST, (55, 44, 36, 30), doses=[0], every=63),
        May({"responding", "plateau", "undetermined"}, alert=False),
    ),
    "flat after treatment was stopped": (
        patient(COLON, (70, 50, 40, 36, 36, 37), doses=range(0, 113, 14), every=56),
        May({"plateau", "undetermined"}, alert=False),
    ),
    "long plateau lung": (
        patient(LUNG, (45, 33, 30, 30, 30, 31, 30, 30, 29, 30, 31, 30)),
        May({"plateau"}, alert=False),
    ),
    "long plateau of CEA": (
        patient(
            COLON,
            marker=marker(
                "CEA",
                "ng/mL",
                *(48, 21, 9.5, 5.2, 4.6, 4.9, 4.3, 5.1, 4.7, 4.4, 5.3, 4.8, 4.5, 5.0),
                every=28,
            ),
        ),
        May({"plateau"}, alert=False),
    ),
    "new liver lesion": (
        patient(BREAST, {T2: (48, 40, 33, 28)}, new=[(189, "liver", 14)], every=63),
        May({"regrowing", "undetermined"}, facts=("risen", "size_risen")),
    ),
    "mixed response lung": (
        patient(LUNG, {T2: (40, 28, 20, 15), T1: (18, 23, 30, 37)}),
        May({"regrowing", "undetermined"}, facts=("risen", "size_risen", "fallen")),
    ),
    "PSA no longer measurable": (
        patient(PROSTATE, marker=marker("PSA", "ng/mL", 35, 8, 1.1, 0.2, 0, 0, every=28)),
        May({"plateau", "responding"}, alert=False, turned=(0, 0.5)),
    ),
}


def assessed(patients):
    found = tp.assess(study_with(patients))
    return found.frame.hstack(found.diagnostics.drop("patient_id", "day"))


@pytest.fixture(scope="module")
def mixed():
    """All of them in one folder."""
    return assessed({name: own for name, (own, _) in (GIVEN | MADE_UP).items()})


@pytest.mark.parametrize("name", GIVEN | MADE_UP)
def test_last_row_says_what_may_be_said(mixed, name):
    _, may = (GIVEN | MADE_UP)[name]
    last = mixed.filter(patient_id=name).row(-1, named=True)
    assert last["verdict"] in may.verdict
    assert may.alert is None or last["alert"] is may.alert
    assert may.turned[0] <= last["p_turned"] <= may.turned[1]
    assert all(last[fact] for fact in may.facts)


@pytest.mark.parametrize("name", GIVEN | MADE_UP)
def test_rows_are_the_same_alone_and_in_the_mixed_folder(mixed, name):
    own, _ = (GIVEN | MADE_UP)[name]
    assert_frame_equal(assessed({name: own}), mixed.filter(pl.col("patient_id") == name), check_exact=True)
