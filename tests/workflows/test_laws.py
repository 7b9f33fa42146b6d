"""Laws of an assessment: what must not change its rows, whatever the patients are.

Equal means equal to the last digit, in every column of the frame and of the diagnostics.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import turnpoint as tp
from tests.workflows.made_up_patients import Patient, drawn_patients, sizes, study_with
from turnpoint.criteria.called_progression import MARKER_CRITERIA

CT, MARKER = {"scans": True}, {"scans": False, "marker": True}
KINDS = {
    "CT": CT,
    "CT and doses": CT | {"doses": True},
    "marker": MARKER,
    "CT and marker": CT | {"marker": True},
    "CT and marker and doses": CT | {"marker": True, "doses": True},
}


def assessed(patients, order=None):
    """Frame and diagnostics of an assessment as one table, a row a patient and visit."""
    found = tp.assess(study_with(patients, order), particles=512)
    return found.frame.hstack(found.diagnostics.drop("patient_id", "day"))


def of(rows, names):
    return rows.filter(pl.col("patient_id").is_in(list(names)))


@pytest.fixture(scope="module")
def mixed():
    """Patients of every kind in one folder, with their assessment."""
    patients: dict[str, Patient] = {}
    for seed, (kind, flags) in enumerate(KINDS.items()):
        patients |= {f"{kind} {name}": own for name, own in drawn_patients(seed, 5, **flags).items()}
    return patients, assessed(patients)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_the_same_when_each_patients_last_visit_is_removed(mixed, kind):
    patients, rows = mixed
    own = {name: one for name, one in patients.items() if name.startswith(f"{kind} P")}
    again = assessed({name: one.up_to(one.days[-2]) for name, one in own.items()})
    assert again.height == sum(len(one.days) - 1 for one in own.values())
    assert_frame_equal(
        again,
        of(rows, own).join(again.select("patient_id", "day"), on=["patient_id", "day"]),
        check_exact=True,
    )


def test_rows_are_the_same_at_every_visit_a_course_is_cut_at(mixed):
    patients, rows = mixed
    name, own = max(
        ((name, one) for name, one in patients.items() if name.startswith("CT and marker and doses")),
        key=lambda item: len(item[1].days),
    )
    for day in own.days[:-1]:
        known = assessed({name: own.up_to(day)})
        assert_frame_equal(known, of(rows, [name]).filter(pl.col("day") <= day), check_exact=True)


def test_rows_of_a_patient_are_the_same_alone_and_in_a_mixed_folder(mixed):
    patients, rows = mixed
    for name, own in list(patients.items())[::2]:
        assert_frame_equal(assessed({name: own}), of(rows, [name]), check_exact=True)


def test_rows_are_the_same_whatever_the_order_of_the_rows(mixed):
    patients, rows = mixed
    names = list(np.random.default_rng(1).permutation(list(patients)))
    assert_frame_equal(assessed(patients, names), rows, check_exact=True)


def test_rows_are_the_same_whatever_the_patients_are_called(mixed):
    """With other names they come in another order, and into other batches of the filter."""
    patients, rows = mixed
    order = np.random.default_rng(2).permutation(len(patients))
    called = {name: f"X{place:03d}" for name, place in zip(patients, order, strict=True)}
    again = assessed({called[name]: own for name, own in patients.items()})
    expected = rows.with_columns(pl.col("patient_id").replace_strict(called)).sort("patient_id", "day")
    assert_frame_equal(again, expected, check_exact=True)


def test_rows_of_others_are_the_same_when_one_patients_days_are_shifted(mixed):
    patients, rows = mixed
    name = next(iter(patients))
    late = Patient(
        patients[name].tumour,
        patients[name].drug,
        {key: tuple((day + 9, mm) for day, mm in own) for key, own in patients[name].lesions.items()},
    )
    again = assessed(patients | {name: late})
    others = [other for other in patients if other != name]
    assert_frame_equal(of(again, others), of(rows, others), check_exact=True)
    assert not of(again, [name]).equals(of(rows, [name]))


@pytest.mark.parametrize("scale", [0.02, 1000.0])
def test_states_are_the_same_when_the_unit_of_a_marker_is_another(mixed, scale):
    patients, rows = mixed
    own = {name: one for name, one in patients.items() if one.marker is not None}
    scaled = {
        name: replace(
            one, marker=(*one.marker[:2], tuple((day, scale * value) for day, value in one.marker[2]))
        )
        for name, one in own.items()
    }
    again, before = assessed(scaled), of(rows, own)
    assert again["verdict"].to_list() == before["verdict"].to_list()
    # the criteria of PSA and CA-125 know their unit: 2 ng/mL, 35 U/mL
    knows_no_unit = [name for name, one in own.items() if one.marker[0] not in MARKER_CRITERIA]
    assert of(again, knows_no_unit)["alert"].to_list() == of(before, knows_no_unit)["alert"].to_list()
    for name in ("p_responding", "p_plateau", "p_regrowing", "p_turned", "p_never_turns"):
        np.testing.assert_allclose(again[name], before[name], atol=2e-3, err_msg=name)


@pytest.fixture(scope="module")
def many(mixed):
    """Rows of many patients, for laws that hold at every visit."""
    more = {
        f"{kind} Q{name}": own
        for kind, flags in KINDS.items()
        for name, own in drawn_patients(50, 20, **flags).items()
    }
    return pl.concat([mixed[1], assessed(more)])


def test_nothing_is_called_regrowing_while_nothing_has_risen_and_the_trend_is_not_up(many):
    regrowing = many.filter(verdict="regrowing")
    assert regrowing.height > 20
    assert regrowing.filter(~pl.col("risen") & (pl.col("p_growing") < 0.5)).is_empty()


def test_nothing_is_called_responding_while_something_has_risen(many):
    assert many.filter(pl.col("verdict") == "responding", "risen").is_empty()


def test_no_alert_stands_while_nothing_stands_above_its_smallest_value(many):
    assert many["alert"].sum() > 20
    assert many.filter(pl.col("alert"), ~pl.col("higher"), ~pl.col("met")).is_empty()


def test_no_alert_stands_at_a_new_lowest_value_of_the_one_thing_that_is_read():
    patients = drawn_patients(70, 60, scans=False, marker=True)
    for name, own in drawn_patients(71, 60).items():
        first = next(iter(own.lesions))
        patients[f"CT {name}"] = replace(own, lesions={first: own.lesions[first]}, new=())
    rows = assessed(patients)
    assert rows.filter("new_lowest").height > 50
    assert rows["alert"].sum() > 20
    assert rows.filter(pl.col("alert"), "new_lowest").is_empty()


def test_probabilities_sum_to_one(many):
    for names in (("responding", "plateau", "regrowing"), ("resistant", "scar", "floor", "pause")):
        np.testing.assert_allclose(many.select(f"p_{name}" for name in names).sum_horizontal(), 1.0)


def test_off_treatment_nothing_is_called_regrowing_before_it_has_risen():
    """Off for six weeks, and read no larger than before."""
    patient = Patient(
        "metastatic colorectal cancer",
        "FOLFOX",
        {("T1", "liver"): sizes(60, 50, 42, 37, 37)},
        doses=(0, 14, 28, 42, 56, 70, 84, 98),
    )
    last = assessed({"P": patient}).row(-1, named=True)
    assert last["off_treatment"]
    assert last["verdict"] != "regrowing"
    assert not last["alert"]
