"""The ranked list of next measurements, as a report or the command line asks for it."""

import re

import polars as pl
import pytest

from tests.workflows.studies import both_study, study_of
from turnpoint.errors import UsageError
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.workflows.settle import SETTLE_SCHEMA, ctdna_plans, plans_after, settle

PSA = "patient_id,day,marker,value,unit\n" + "\n".join(
    f"P1,{day},PSA,{value},ng/mL" for day, value in ((0, 80), (21, 60), (42, 50), (63, 47))
)


@pytest.fixture(scope="module")
def found():
    return settle(both_study(with_marker=True), "P1", particles=1024)


def test_list_is_ranked_by_what_is_known_and_how_long(found):
    assert dict(found.schema) == SETTLE_SCHEMA
    assert found["rank"].to_list() == list(range(1, found.height + 1))
    assert found["information_bit_weeks"].is_sorted(descending=True)
    assert found["plan"].n_unique() == found.height


def test_list_shows_what_each_plan_costs(found):
    by_plan = {row["plan"]: row for row in found.iter_rows(named=True)}
    costs = {
        name: tuple(by_plan[name][key] for key in ("visits", "scans", "blood_tests")) for name in by_plan
    }
    assert costs["scan in 6 weeks"] == (1, 1, 0)
    assert costs["scan every 6 weeks"] == (2, 2, 0)
    assert costs["CEA every 3 weeks"] == (4, 0, 4)
    assert costs["scan in 6 weeks and CEA every 3 weeks"] == (4, 1, 4)
    assert costs["ctDNA now and every 3 weeks"] == (5, 0, 5)
    assert by_plan["scan in 6 weeks"]["days"] == "210"  # the last visit is on day 168
    assert by_plan["ctDNA now and every 3 weeks"]["days"].startswith("168, 189")


def test_only_ctdna_that_was_never_read_is_an_assumption(found):
    assumed = found.filter("is_assumed")
    assert set(assumed["quantity"]) == {"ctDNA"}
    with_ctdna = PSA.replace("PSA", "ctDNA").replace("ng/mL", "%")
    own = settle(study_of(markers=with_ctdna), "P1", particles=512)
    assert not own["is_assumed"].any()
    assert set(own["plan"]) == {"ctDNA every 2 weeks", "ctDNA every 3 weeks"}


def test_patient_without_scans_is_offered_none():
    own = settle(study_of(markers=PSA), "P1", particles=512, with_ctdna=False)
    assert set(own["quantity"]) == {"PSA"}
    assert own["scans"].to_list() == [0, 0]


def test_every_plan_tells_something_and_none_more_than_there_is_to_know(found):
    assert (found["expected_information_bits"] > 0).all()
    assert (found["expected_information_bits"] <= 1).all()
    assert (
        found.select(pl.col("p_decided").is_between(0, 1) & pl.col("weeks").is_between(0, 24))
        .to_series()
        .all()
    )


def test_same_seed_gives_the_same_list(found):
    assert settle(both_study(with_marker=True), "P1", particles=1024).equals(found)


def test_other_patients_of_the_study_do_not_change_the_list():
    one = study_of(markers=PSA)
    two = study_of(markers=PSA + "\n" + PSA.split("\n", 1)[1].replace("P1,", "P2,"))
    assert settle(one, "P1", particles=512).equals(settle(two, "P1", particles=512))


def test_later_values_of_the_study_are_not_needed_when_the_last_visit_is_the_first():
    lone = study_of(markers="\n".join(PSA.split("\n")[:2]))
    own = settle(lone, "P1", particles=512)
    assert (own["day"] == 0).all()


def test_patient_that_is_not_in_the_study_is_refused_without_being_named():
    with pytest.raises(UsageError, match="no such patient among the 1") as error:
        settle(study_of(markers=PSA), "SECRET")
    assert "SECRET" not in str(error.value)


@pytest.mark.parametrize("bound", [0.5, 1.0])
def test_bound_that_is_none_is_refused(bound):
    with pytest.raises(UsageError, match="not between"):
        settle(study_of(markers=PSA), "P1", decided_above=bound)


@pytest.mark.parametrize("bound", [0.501, 0.999])
def test_bound_just_inside_is_taken(bound):
    assert settle(study_of(markers=PSA), "P1", decided_above=bound, particles=512).height > 0


def test_nothing_is_left_to_settle_once_progression_has_been_called():
    rows = ["patient_id,day,lesion_id,role,diameter_mm,status"]
    rows += [f"P1,{42 * visit},T1,target,{mm},measured" for visit, mm in enumerate((60, 40, 42, 55))]
    found = settle(study_of(lesions="\n".join(rows)), "P1", particles=512)
    assert found.is_empty()
    assert dict(found.schema) == SETTLE_SCHEMA


def test_plans_are_measured_when_their_names_say():
    week = re.compile(r"(\d+) weeks")
    for plan in [*plans_after([SUM_OF_DIAMETERS, "CEA"]), *ctdna_plans()]:
        for quantity, weeks in plan.weeks.items():
            part = plan.name.split(" and ")[-1 if quantity != SUM_OF_DIAMETERS else 0]
            every = float(week.search(part)[1])
            once = part.startswith("scan in")
            assert weeks == (
                (every,) if once else tuple(every * step for step in range(1, int(12 // every) + 1))
            )
