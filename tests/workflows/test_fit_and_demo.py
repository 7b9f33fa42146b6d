"""`fit` with new lesions and alerts, and the demo, on a few patients of the bundled studies."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from pathlib import Path

import polars as pl
import pytest

import turnpoint as tp
from tests.workflows.studies import both_study
from turnpoint.model.population import Fit
from turnpoint.model.prior import GENERIC, choose_prior, shipped_priors
from turnpoint.model.series import readings_of
from turnpoint.study.reading import read
from turnpoint.study.study import Study
from turnpoint.workflows import demo as workflow
from turnpoint.workflows.fit import _card, new_lesion_hazard, with_alerts, with_error_regressions
from turnpoint.workflows.report import cohort_view


def few(dataset: str, patients: int) -> Study:
    with resources.as_file(resources.files("turnpoint") / "datasets" / dataset) as folder:
        whole = tp.read(folder)
    return whole.only(whole.patient_ids[:patients])


def test_fitted_prior_has_the_shipped_thresholds_and_its_own_simulated_rates() -> None:
    study = few("oak-docetaxel", 40)
    prior = tp.fit(study, name="few", courses=40)
    shipped = shipped_priors()[GENERIC].alert_calibration
    assert {rate: own.threshold for rate, own in prior.alert_calibration.items()} == {
        rate: own.threshold for rate, own in shipped.items()
    }
    rates = [own.early_per_100 for _, own in sorted(prior.alert_calibration.items())]
    assert all(rate is not None and 0 <= rate <= 100 for rate in rates)
    assert rates == sorted(rates)  # a lower threshold, more early alerts
    assert {own.courses for own in prior.alert_calibration.values()} == {40}
    assert prior.alert == prior.alert_calibration[5.0]
    assert "docetaxel" in " ".join(prior.keywords)
    assert with_alerts(prior, shipped, readings_of(study), study, courses=40, seed=0).alert == prior.alert


def test_hazard_of_new_lesions_is_events_by_exposure_and_none_where_none_is_recorded() -> None:
    study, prior = few("oak-docetaxel", 20), shipped_priors()["docetaxel-nsclc-ct"]
    assert new_lesion_hazard(study, prior) is None
    last = study.lesions.group_by("patient_id").agg(pl.col("day").max()).sort("patient_id")
    rows = [
        dict.fromkeys(study.lesions.columns)
        | {
            "patient_id": patient_id,
            "day": day,
            "lesion_id": "N1",
            "role": "new",
            "status": "measured",
            "diameter_mm": 12.0,
        }
        for patient_id, day in last.head(5).rows()
    ]
    new = pl.DataFrame(rows, schema=study.lesions.schema)
    some = new_lesion_hazard(_with(study, new), prior)
    more = new_lesion_hazard(_with(study, pl.concat([new, _shifted(study, last, new)])), prior)
    assert some is not None
    assert more is not None
    assert 0 < some < more


def test_card_says_what_the_last_five_iterations_gained() -> None:
    prior = shipped_priors()["docetaxel-nsclc-ct"]
    climbed = (-900.0, -500.0, -400.0, -350.0, -330.0, -320.0, -318.0, -317.5)
    card = _card(few("oak-docetaxel", 2), Fit(prior, 40, 200, climbed, 321.04))
    assert card.diagnostics["log_likelihood_gained_in_last_five_iterations"] == 400.0 - 317.5
    assert card.diagnostics["log_likelihood_per_reading"] == round(-317.5 / 200, 4)
    assert card.diagnostics["smallest_effective_size"] == 321.0
    assert (card.patients, card.readings, card.warnings) == (40, 200, ())


@pytest.mark.parametrize(("patients", "warned"), [(29, True), (30, False)])
def test_card_of_few_patients_warns(patients: int, *, warned: bool) -> None:
    prior = shipped_priors()["docetaxel-nsclc-ct"]
    card = _card(few("oak-docetaxel", 2), Fit(prior, patients, 200, (-1.0,) * 8, 300.0))
    assert (f"Fitted to {patients} patients only" in " ".join(card.warnings)) == warned


@pytest.mark.parametrize("is_diameter", [True, False])
def test_regression_is_lent_as_a_centre_to_its_own_kind_of_quantity_only(
    monkeypatch: pytest.MonkeyPatch, *, is_diameter: bool
) -> None:
    study, lent = both_study(with_marker=True), {}
    shipped = shipped_priors()["docetaxel-nsclc-ct"].error_regressions["sum_of_diameters_mm"]
    centre = replace(shipped, is_diameter=is_diameter)

    def fitted(_: object, *, is_diameter: bool, centre: object) -> None:
        lent[is_diameter] = centre

    monkeypatch.setattr("turnpoint.workflows.fit.fit_error_regression", fitted)
    prior = choose_prior(["sum_of_diameters_mm", "CEA"], "", shipped_priors()[GENERIC])
    found = with_error_regressions(prior, readings_of(study), study, centre=centre)
    assert lent == {is_diameter: centre, not is_diameter: None}
    assert not found.error_regressions
    assert not found.filter_weight  # none could be fitted: none is kept


def _with(study: Study, new: pl.DataFrame) -> Study:
    return replace(study, lesions=pl.concat([study.lesions, new]))


def _shifted(study: Study, last: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """The same new lesions in five other patients."""
    others = last.slice(5, 5)
    return new.with_columns(others["patient_id"], others["day"])


def test_demo_writes_one_report_of_both_studies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def some(folder: Path) -> Study:
        whole = read(folder)
        return whole.only(whole.patient_ids[:14])

    monkeypatch.setattr(workflow, "read", some)
    found = workflow.demo(tmp_path)
    page = found.report_path.read_text(encoding="utf-8")
    assert found.report_path == tmp_path / workflow.REPORT_NAME
    for _, title in workflow.STUDIES:
        assert page.count(title) >= 1
        assert title in found.summary
    alerted = tp.assess(few("oak-docetaxel", 14)).frame.filter("alert")
    leads = alerted.group_by("patient_id").agg(pl.col("day").min())
    assert any(f"alerts in {leads.height} patients" in line for line in found.summary)
    shown = workflow._example(cohort_view(tp.assess(few("oak-docetaxel", 14))))
    assert shown in set(leads["patient_id"])
    assert shown in page
    assert "for the oncologist" in page
    assert "the same, for the patient" in page
