import polars as pl
import pytest
import typer
from typer.testing import CliRunner

import turnpoint as tp
from tests.workflows.studies import study_of
from turnpoint.cli.failures import GuardedGroup
from turnpoint.cli.harm_command import HARM_TABLES
from turnpoint.cli.harm_command import harm as command
from turnpoint.errors import StudyError, UsageError
from turnpoint.reports.catalogue import language
from turnpoint.reports.harm_plain import patient_harm
from turnpoint.reports.harm_section import clinician_harm
from turnpoint.workflows.harm import NEXT_CYCLE_SCHEMA, harm
from turnpoint.workflows.harm_picture import harm_shown

LESIONS = "patient_id,day,lesion_id,role,diameter_mm,status\n" + "".join(
    f"{patient},{day},T1,target,{mm},measured\n"
    for patient in ("P1", "P2")
    for day, mm in ((-5, 60), (42, 44), (84, 38), (126, 37))
)
DOSES = "patient_id,day,drug,dose,unit\n" + "".join(
    f"P1,{day},cisplatin,{dose},mg/m2\n" for day, dose in ((0, 75), (21, 75), (42, 60))
)
SITE = """
[[drug]]
name = "cisplatin"
highest_single_dose = 150
unit = "mg/m2"
[[limit]]
drug = "cisplatin"
limit = 123
unit = "mg/m2"
kind = "ototoxicity"
source = "our house"
"""
EVENTS = "patient_id,day,end_day,term,grade\nP1,30,,Peripheral sensory neuropathy,2\n"


@pytest.fixture(scope="module")
def study():
    return study_of(lesions=LESIONS, doses=DOSES, events=EVENTS)


@pytest.fixture(scope="module")
def result(study):
    return harm(study, particles=256)


def test_tables_are_there_for_every_patient_with_data(result):
    assert tuple(result.tables()) == HARM_TABLES
    assert result.ledger["patient_id"].unique().to_list() == ["P1"]
    assert result.next_cycle["patient_id"].to_list() == ["P1", "P1", "P2", "P2"]
    assert result.next_cycle.schema == pl.Schema(NEXT_CYCLE_SCHEMA)
    for frame in result.tables().values():
        assert not any(frame.select(pl.selectors.float().is_nan().any()).row(0))


def test_next_cycle_begins_at_the_last_visit_when_the_last_cycle_is_over(result):
    row = result.next_cycle.row(0, named=True)
    assert (row["last_visit_day"], row["from_day"], row["to_day"]) == (126, 126.0, 147.0)


def test_next_cycle_begins_where_the_last_one_ends_when_it_is_running():
    doses = "patient_id,day,drug,dose,unit\nP1,105,cisplatin,75,mg/m2\nP1,126,cisplatin,75,mg/m2\n"
    found = harm(study_of(lesions=LESIONS, doses=doses), particles=256).next_cycle
    assert found.filter(pl.col("patient_id") == "P1")["from_day"].to_list() == [147.0, 147.0]


def test_pause_leaves_more_living_tumour_and_the_same_resistant_part(result):
    on, off = (result.next_cycle.row(index, named=True) for index in (0, 1))
    assert (on["scenario"], off["scenario"]) == ("continue", "pause")
    assert off["living_change_pct_q50"] > on["living_change_pct_q50"]
    assert off["resistant_change_pct_q50"] == pytest.approx(on["resistant_change_pct_q50"])


def test_course_is_continuous_where_the_past_ends_and_begins_at_100_percent(result):
    course = result.course.filter(pl.col("patient_id") == "P1")
    assert course["living_pct_q50"][0] == pytest.approx(100.0)
    past, ahead = (course.filter(pl.col("kind") == kind) for kind in ("past", "next"))
    assert past.row(-1)[3:] == pytest.approx(ahead.row(0)[3:])
    assert (course["resistant_pct_q50"] <= course["living_pct_q50"]).all()


def test_resistant_part_never_shrinks_along_the_course_and_the_next_cycle(result):
    """The drugs do not act on it in the model: at every level it is no smaller later."""
    for (_,), own in result.course.group_by("patient_id"):
        assert own["day"].is_sorted()
        assert set(own["kind"]) == {"past", "next"}
        for level in ("q05", "q50", "q95"):
            steps = own[f"resistant_pct_{level}"].diff().drop_nulls()
            assert (steps >= -1e-9).all(), level
            assert steps.tail(3).max() > 0  # in the next cycle too


def test_result_is_the_same_when_the_patient_is_alone(study, result):
    alone = harm(study.only(["P1"]), particles=256)
    assert alone.ledger.equals(result.ledger)


def test_no_balance_without_weights_and_its_arithmetic_with_them(study, result):
    assert "balance" not in result.next_cycle.columns
    weighed = harm(study, weights="benefit=1,toxicity=0.5", particles=256).next_cycle
    row = weighed.row(0, named=True)
    assert row["toxicity_pct"] == pytest.approx(20.0)  # 60 of 300 mg/m2
    assert row["balance"] == pytest.approx(-row["living_change_pct_q50"] - 10.0)
    assert row["arithmetic"].endswith(f"= {row['balance']:.2f}".replace("-", "−"))
    assert weighed.filter(pl.col("scenario") == "pause")["balance"].null_count() == 2


def test_study_with_impossible_doses_raises_every_one():
    doses = DOSES.replace(",75,mg/m2", ",750,mg/m2")
    with pytest.raises(StudyError) as error:
        harm(study_of(lesions=LESIONS, doses=doses), particles=256)
    assert [problem.row for problem in error.value.problems] == [2, 3]


def test_study_without_doses_has_a_next_cycle_and_an_empty_ledger():
    found = harm(study_of(lesions=LESIONS), particles=256)
    assert found.ledger.is_empty()
    assert (found.next_cycle["to_day"] - found.next_cycle["from_day"]).unique().to_list() == [21.0]


def test_study_without_a_reading_has_its_ledger_and_no_next_cycle():
    unread = "patient_id,day,lesion_id,role,diameter_mm,status\nP1,0,T1,target,,not_evaluable\n"
    found = harm(study_of(lesions=unread, doses=DOSES), particles=256)
    assert found.ledger.filter(drug="cisplatin")["cumulative"][0] == 75 + 75 + 60
    for name, frame in (("next_cycle", found.next_cycle), ("course", found.course)):
        assert frame.is_empty(), name
    assert found.next_cycle.schema == pl.Schema(NEXT_CYCLE_SCHEMA)
    assert found.priors == {}


def test_limits_of_a_site_go_before_those_that_come_along(study, tmp_path):
    own = tmp_path / "site.toml"
    own.write_text(SITE, encoding="utf-8")
    ledger = harm(study, limits=own, particles=256).ledger.filter(drug="cisplatin")
    assert ledger["limit"].to_list() == [123.0]
    assert ledger["share"].to_list() == [pytest.approx(210 / 123)]


def test_missing_limits_file_is_a_usage_error(study, tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        harm(study, limits=tmp_path / "none.toml")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_sections_say_what_is_added_and_flagged(result, lang):
    view = harm_shown(result, "P1")
    clinician, patient = clinician_harm(view, language(lang)), patient_harm(view, language(lang))
    assert clinician.figure is not None
    assert clinician.ledger is not None
    assert len(clinician.ledger.rows) == 1
    assert "70%" in " ".join(clinician.expected)  # 210 of 300 mg/m2
    assert len(clinician.unresolved) == 1
    assert "90%" in " ".join(patient.sentences)  # 270 of 300 mg/m2 after one more
    assert len(patient.questions) == 3


def test_patient_is_not_shown_a_limit_that_was_not_checked():
    doses = DOSES.replace("cisplatin", "oxaliplatin")
    view = harm_shown(harm(study_of(lesions=LESIONS, doses=doses), particles=256), "P1")
    assert not any("oxaliplatin" in sentence for sentence in patient_harm(view, language("en")).sentences)
    assert any("not verified" in sentence for sentence in clinician_harm(view, language("en")).expected)


def test_section_gives_the_reasons_instead_of_a_ledger_when_doses_cannot_be():
    doses = DOSES.replace(",75,mg/m2", ",750,mg/m2")
    view = tp.picture(study_of(lesions=LESIONS, doses=doses), "P1", particles=256).harm
    assert view is not None
    section = clinician_harm(view, language("en"))
    assert section.ledger is None
    assert len(section.problems) == 3
    assert section.figure is not None


def _run(*arguments):
    app = typer.Typer(cls=GuardedGroup)
    app.command("harm")(command)
    app.command("other")(lambda: None)
    return CliRunner().invoke(app, ["harm", *map(str, arguments)])


def test_command_writes_every_table(tmp_path):
    folder = tmp_path / "study"
    folder.mkdir()
    for name, text in (("lesions", LESIONS), ("doses", DOSES), ("events", EVENTS)):
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    found = _run(folder, "--patient", "P1", "--out", tmp_path / "out")
    assert found.exit_code == 0, found.output
    assert {path.stem for path in (tmp_path / "out").iterdir()} == set(HARM_TABLES)
    shown = _run(folder, "--weights", "benefit=1,toxicity=1")
    assert "Dose ledger" in shown.stdout
    assert _run(folder, "--weights", "benefit=1").exit_code == 2
