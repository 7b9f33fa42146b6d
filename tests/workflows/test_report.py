"""What a report is given: facts of real assessments of small patients, not views written by hand."""

import math
from functools import cache
from importlib import resources

import numpy as np
import polars as pl
import pytest

import turnpoint as tp
from tests.reports.patients import study
from tests.workflows.studies import study_of
from turnpoint.model.prior import shipped_priors
from turnpoint.turning.detectable import READING_SD_SHARE
from turnpoint.workflows.demo import _summary
from turnpoint.workflows.provenance import provenance
from turnpoint.workflows.report import cohort_view


def view_of(name):
    return tp.picture(study(name), name, particles=512)


def test_new_lesion_is_called_and_nothing_is_forecast():
    view = view_of("new-brain-lesion")
    assert [(own.kind, own.lesion_id, own.site, own.day) for own in view.called] == [
        ("new_lesion", "N1", "brain", 126)
    ]
    assert view.p_progression["p_progression"].drop_nulls().is_empty()
    assert view.settle.is_empty()
    assert view.week_regrowth_read == 18.0


def test_lesions_that_part_ways_are_in_the_view():
    view = view_of("mixed")
    assert view.parted is not None
    assert [own.lesion_id for own in view.parted.grew] == ["T2"]
    assert [(own.lesion_id, own.trend) for own in view.lesions] == [("T1", "fell"), ("T2", "rose")]
    assert view.called == ()


def test_error_of_each_sum_is_that_of_its_lesions():
    view = view_of("mixed")
    last = view.sums.sort("day").row(-1, named=True)
    share = READING_SD_SHARE
    # √[(share·14)² + 1 + (share·40)² + 1]
    assert last["reading_sd_mm"] == pytest.approx(math.sqrt((share * 14) ** 2 + (share * 40) ** 2 + 2))


@pytest.mark.parametrize(
    ("name", "is_prior"), [("tailing", True), ("marker-rises", False), ("gone", False), ("mixed", True)]
)
def test_cause_is_the_priors_where_sizes_are_alone(name, is_prior):
    assert view_of(name).cause_is_prior is is_prior


def test_target_without_a_baseline_has_no_change_and_no_forecast_of_the_sum():
    view = view_of("no-baseline")
    assert view.baseline_mm is None
    assert view.sums["change_from_baseline_pct"].drop_nulls().is_empty()
    own = view.p_progression.filter(pl.col("quantity") == "sum_of_diameters_mm")
    assert own["p_progression"].drop_nulls().is_empty()


def test_complete_response_with_a_normal_marker_is_nothing_left():
    view = view_of("gone")
    assert view.nothing_left is not None
    assert (view.nothing_left.day, view.nothing_left.normal) == (84, ("CEA",))


def test_pause_is_dated_on_the_last_dose_and_names_the_drug():
    (fact,) = [fact for fact in view_of("off-treatment").evidence if fact.code == "off_treatment"]
    assert (fact.numbers["since_week"], fact.labels["drug"].lower()) == (10.0, "folfox")


def test_cohort_calls_psa_progression_as_respond_does():
    rows = ["patient_id,day,marker,value,unit"]
    for name, values in {"flare": (40, 58, 44, 28, 17), "grew": (40, 20, 10, 15, 22, 30)}.items():
        rows += [f"{name},{21 * visit},PSA,{value},ng/mL" for visit, value in enumerate(values)]
    both = study_of(markers="\n".join(rows))
    view = cohort_view(tp.assess(both, particles=512))
    by_respond = tp.respond(both, "pcwg3-psa").best_responses.drop_nulls("progression_day")
    called = view.swimmer.drop_nulls("progression_day").select("patient_id", "progression_day")
    assert called.rows() == by_respond.select("patient_id", "progression_day").rows() == [("grew", 63)]
    assert view.counts["progressions"] == 1
    assert view.called.select("patient_id", "kind", "criterion").rows() == [("grew", "marker", "PCWG3")]


@pytest.mark.parametrize(
    ("prior", "tumour", "fit"),
    [
        ("docetaxel-nsclc-ct", "NSCLC", "like"),
        ("docetaxel-nsclc-ct", "breast cancer", "other_tumour"),
        ("docetaxel-nsclc-ct", None, "unknown"),
        ("generic", "breast cancer", "unmeasured"),
        ("generic", "a rare tumour", "unmeasured"),
        ("generic", "prostate cancer", "generic"),  # by sizes, which nobody measured in it
        ("generic", None, "generic"),
        ("platinum-ovarian-ct-ca-125", "ovarian cancer", "like"),
        ("pembrolizumab-nsclc-ct", "肺癌", "like"),
    ],
)
def test_prior_says_whether_its_patients_are_like_this_one(prior, tumour, fit):
    found = provenance(shipped_priors()[prior], tumour)
    assert (found.fit, found.parts) == (fit, (prior,))


def test_prior_of_several_priors_says_so():
    view = view_of("marker-rises")
    assert view.provenance.fit == "parts"
    assert view.provenance.parts == ("chemotherapy-colorectal-ct", "generic")


@cache
def cohort_of(dataset):
    with resources.as_file(resources.files("turnpoint") / "datasets" / dataset) as folder:
        whole = tp.read(folder)
    assessment = tp.assess(whole.only(whole.patient_ids[::5]), particles=512)
    return assessment, cohort_view(assessment)


def test_waterfall_and_spider_show_the_changes_that_respond_gives():
    assessment, view = cohort_of("oak-docetaxel")
    derived = tp.respond(assessment.study)
    for patient_id, best, response in view.waterfall.rows():
        own = derived.responses.filter(patient_id=patient_id).sort("day")
        baseline = own["baseline_mm"].drop_nulls()[0]
        after = own.drop_nulls("nadir_mm")[
            "sum_of_diameters_mm"
        ].drop_nulls()  # at baseline there is no nadir yet
        assert best == pytest.approx(100 * (min(after) / baseline - 1))
        assert [response] == derived.best_responses.filter(patient_id=patient_id)["best_response"].to_list()
    changes = derived.responses.drop_nulls("change_from_baseline_pct").sort("patient_id", "day")
    assert view.spider.select("patient_id", "change_from_baseline_pct").equals(
        changes.select("patient_id", "change_from_baseline_pct")
    )
    assert view.spider["week"].to_list() == pytest.approx((changes["day"] / 7).to_list())
    assert view.waterfall["best_change_pct"].is_sorted(descending=True)


@pytest.mark.parametrize("dataset", ["oak-docetaxel", "ascent2-docetaxel-psa"])
def test_swimmer_alerts_and_counts_are_those_of_the_tables(dataset):
    assessment, view = cohort_of(dataset)
    frame = assessment.frame
    for row in view.swimmer.iter_rows(named=True):
        own = frame.filter(patient_id=row["patient_id"]).sort("day")
        alerts = own.filter("alert")["day"].to_list()
        assert row["last_day"] == own["day"][-1]
        assert row["alert_day"] == (alerts[0] if alerts else None)
    first = {row["patient_id"]: row for row in view.swimmer.iter_rows(named=True)}
    assert (
        view.counts["alerts"]
        == view.alerts.height
        == len([1 for row in first.values() if row["alert_day"] is not None])
    )
    for row in view.alerts.iter_rows(named=True):
        own = frame.filter(patient_id=row["patient_id"], day=row["alert_day"]).row(0, named=True)
        assert (row["verdict"], row["p_turned"]) == (own["verdict"], own["p_turned"])
        progression = first[row["patient_id"]]["progression_day"]
        assert row["progression_day"] == progression
        # positive when the alert came first
        assert row["lead_days"] == (None if progression is None else progression - row["alert_day"])
    ends = frame.sort("day").group_by("patient_id").last()["verdict"].value_counts(sort=True)
    assert dict(view.verdicts.rows()) == dict(ends.rows())
    responded = tp.respond(assessment.study).responses.filter(pl.col("overall_response").is_in(["PR", "CR"]))
    for patient_id, row in first.items():
        days = responded.filter(patient_id=patient_id)["day"].to_list()
        assert row["first_response_day"] == (min(days) if days else None)


def test_marker_spider_is_the_change_from_the_first_value():
    assessment, view = cohort_of("ascent2-docetaxel-psa")
    some = view.marker_spider.filter(patient_id=view.marker_spider["patient_id"][0])
    values = assessment.study.markers.filter(patient_id=some["patient_id"][0]).sort("day")["value"].to_list()
    assert some["change_from_first_pct"].to_list() == pytest.approx(
        [100 * (value / values[0] - 1) for value in values]
    )


def test_demo_counts_what_the_tables_hold():
    assessment, view = cohort_of("oak-docetaxel")
    lines = "\n".join(_summary("OAK", assessment, view))
    leads = [lead for lead in view.alerts["lead_days"] if lead is not None]
    before = [lead for lead in leads if lead > 0]
    assert f"{len(assessment.study.patient_ids)} patients, {assessment.frame.height} visits" in lines
    assert f"alerts in {view.alerts.height} patients: {len(before)} before progression" in lines
    assert (
        f"(median {np.median(before):.0f} days before), {len(leads) - len(before)} with or after it" in lines
    )
    last = dict(assessment.frame.group_by("patient_id").agg(pl.col("day").max()).rows())
    alone = view.alerts.filter(pl.col("progression_day").is_null())
    seen = [last[row["patient_id"]] - row["alert_day"] for row in alone.iter_rows(named=True)]
    assert (
        f"{alone.height} without progression so far, {sum(days >= 84 for days in seen)} of them seen" in lines
    )


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"audience": "nurse"}, "--audience nurse: not one of patient"),
        ({"lang": "tlh"}, "--lang tlh: not one of en"),
    ],
)
def test_report_for_nobody_is_refused_before_anything_is_computed(asked, said):
    with pytest.raises(tp.UsageError, match=said):
        tp.report(study("mixed"), "mixed", **asked)


def test_report_is_written_as_html_or_pdf_only(tmp_path):
    page = tp.report(tp.picture(study("one-visit"), "one-visit", particles=512), audience="patient")
    with pytest.raises(tp.UsageError, match=r"report is written as \.html or \.pdf"):
        page.save(tmp_path / "page.docx")
    assert page.save(tmp_path / "new" / "page.html").read_text(encoding="utf-8") == page.html
    assert page.save(tmp_path / "page.pdf").read_bytes()[:5] == b"%PDF-"


def test_report_of_a_study_an_assessment_and_a_picture_is_the_same_page():
    own = study("late-dose")
    pages = {
        tp.report(own, "late-dose", seed=2).html,
        tp.report(tp.assess(own, seed=2), "late-dose").html,
        tp.report(tp.picture(own, "late-dose", seed=2)).html,
    }
    assert len(pages) == 1
    assert tp.report(own, "late-dose", seed=3).html not in pages
