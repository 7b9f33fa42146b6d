"""A confirmed PR whose sum rises a little: SD by each time point, PR by the RECIST group's answer."""

import polars as pl
import pytest

from tests.criteria.tables import course, table
from turnpoint.criteria import CRITERIA
from turnpoint.criteria.protocol import ProtocolRules
from turnpoint.criteria.quality import compare
from turnpoint.criteria.recist.continuing_response import with_continuing_response
from turnpoint.errors import UsageError
from turnpoint.study.reading import read_frames

SCHEMA = {
    "patient_id": pl.String,
    "reader": pl.String,
    "day": pl.Int64,
    "target_response": pl.String,
    "overall_response": pl.String,
}
NO_THERAPY = pl.DataFrame(schema={"patient_id": pl.String, "new_therapy_day": pl.Int64})


def continued(*overall, therapy=NO_THERAPY, **rules):
    """What visits six weeks apart become by the group's answer."""
    rows = [("P1", None, 42 * place, label, label) for place, label in enumerate(overall, 1)]
    frame = pl.DataFrame([("P1", None, 0, None, None), *rows], schema=SCHEMA, orient="row")
    found = with_continuing_response(
        frame, therapy, ProtocolRules(**({"continuing_response": "group"} | rules))
    )
    assert found["target_response"].to_list() == found["overall_response"].to_list()
    return " ".join(found["overall_response"].drop_nulls())


# recist.eortc.org, "Managing PR when TP measurements change slightly over time": 100, 70, 70, 80, 80, 80 mm.
@pytest.mark.parametrize(
    ("criteria", "by_group", "by_time_point"),
    [
        ("recist-1.1", "PR PR PR PR PR", "PR PR SD SD SD"),
        ("irecist", "iPR iPR iPR iPR iPR", "iPR iPR iSD iSD iSD"),
    ],
)
def test_confirmed_pr_stays_pr_by_the_groups_answer_and_is_sd_by_each_time_point(
    criteria, by_group, by_time_point
):
    days = (0, 42, 84, 126, 168, 210)
    study = read_frames({"lesions": table(course(days, T1=(100, 70, 70, 80, 80, 80))).drop("source_row")})
    for rules, expected in (
        (ProtocolRules(continuing_response="group"), by_group),
        (ProtocolRules(), by_time_point),
    ):
        found = CRITERIA[criteria](study, NO_THERAPY, rules)
        assert " ".join(found.responses["overall_response"].drop_nulls()) == expected
        best = found.best_responses.row(0, named=True)
        assert best["best_response"] == best["confirmed_best_response"] == expected.split()[0]


@pytest.mark.parametrize(
    ("visits", "expected"),
    [
        ("PR SD PR PR SD", "PR SD PR PR PR"),  # the SD breaks the first confirmation
        ("PR SD SD", "PR SD SD"),  # never confirmed
        ("PR NE PR SD NE SD", "PR NE PR PR NE PR"),  # NE stays NE
        ("PR PR PD SD", "PR PR PD SD"),  # until progression
        ("SD PR PR", "SD PR PR"),
        ("iPR iPR iSD iUPD iSD", "iPR iPR iPR iUPD iSD"),  # iUPD ends it too
        ("iPR iPR iUPD iPR iPR iSD", "iPR iPR iUPD iPR iPR iPR"),  # and it may be confirmed anew
        ("iPR iUPD iPR iSD", "iPR iUPD iPR iSD"),
    ],
)
def test_response_goes_on_from_its_confirmation_to_progression(visits, expected):
    assert continued(*visits.split()) == expected


def test_confirmation_is_the_protocols():
    assert continued("PR", "PR", "SD", confirmation_days=42) == "PR PR PR"
    assert continued("PR", "PR", "SD", confirmation_days=43) == "PR PR SD"
    assert continued("PR", "SD", "PR", "SD", most_stable_between=1) == "PR SD PR PR"


@pytest.mark.parametrize(("day", "expected"), [(126, "PR PR PR"), (125, "PR PR SD")])
def test_a_new_therapy_ends_it(day, expected):
    therapy = pl.DataFrame({"patient_id": ["P1"], "new_therapy_day": [day]})
    assert continued("PR", "PR", "SD", therapy=therapy) == expected


def test_patients_and_readers_are_kept_apart():
    rows = [("P1", "R", 42, "PR"), ("P1", "R", 84, "PR"), ("P1", "S", 126, "SD"), ("P2", "R", 126, "SD")]
    frame = pl.DataFrame([(*row, row[-1]) for row in rows], schema=SCHEMA, orient="row")
    found = with_continuing_response(frame, None, ProtocolRules(continuing_response="group"))
    assert found["overall_response"].to_list() == ["PR", "PR", "SD", "SD"]


def test_unknown_choice_is_refused_with_those_there_are():
    with pytest.raises(UsageError, match="time-point, group"):
        ProtocolRules(continuing_response="paper")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("choice", "reported", "said"),
    [
        ("time-point", "PR", "a PR was confirmed before, which by the RECIST group's answer stays PR"),
        ("group", "SD", "by its own sum the visit is SD (time-point)"),
    ],
)
def test_comparison_with_reported_names_the_choice_that_explains_a_difference(choice, reported, said):
    lesions = table(course((0, 42, 84, 126), T1=(100, 70, 70, 80)))
    study = read_frames({"lesions": lesions.drop("source_row")})
    rules = ProtocolRules(continuing_response=choice)
    found = CRITERIA["recist-1.1"](study, NO_THERAPY, rules)
    told = pl.DataFrame(
        [
            ("P1", None, day, None, "overall_response", label)
            for day, label in ((42, "PR"), (84, "PR"), (126, reported))
        ],
        schema={
            name: pl.Int64 if name == "day" else pl.String
            for name in ("patient_id", "reader", "day", "visit", "item", "reported")
        },
        orient="row",
    )
    differences, _ = compare(found.responses, found.best_responses, study.lesions, told, rules=rules)
    (why,) = differences["why"]
    assert said in why
    # Where the choice explains nothing it is not named.
    other = told.with_columns(
        pl.when(pl.col("day") == 126).then(pl.lit("PD")).otherwise("reported").alias("reported")
    )
    differences, _ = compare(found.responses, found.best_responses, study.lesions, other, rules=rules)
    assert "--continuing-response" not in differences["why"][0]
