"""Posterior draws for ArviZ; most of it runs where the extra `arviz` is installed."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import turnpoint as tp
from tests.workflows.studies import both_study
from turnpoint.diagnostics.inference_tree import counting_alike
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.workflows import inference_data as workflow

needs_arviz = pytest.mark.skipif(find_spec("arviz_base") is None, reason="the extra `arviz` is not installed")
needs_netcdf = pytest.mark.skipif(find_spec("netCDF4") is None, reason="the extra `arviz` is not installed")


def test_inference_data_names_the_extra_when_arviz_is_missing(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(workflow, "import_module", missing)
    with pytest.raises(tp.MissingExtraError, match=r"pip install 'turnpoint\[arviz\]'"):
        tp.inference_data(both_study(with_marker=False), "P1")


class _Tree:
    """Data that cannot be written, for the reason given."""

    def __init__(self, reason: Exception) -> None:
        self.reason = reason

    def to_netcdf(self, *_args, **_options):
        raise self.reason


@pytest.mark.parametrize(
    "reason",
    [ImportError("No module named 'netCDF4'"), ValueError("unrecognized engine netcdf4 must be one of")],
)
def test_netcdf_names_the_extra_when_its_library_is_missing(tmp_path, reason):
    with pytest.raises(tp.MissingExtraError, match=r"pip install 'turnpoint\[arviz\]'"):
        workflow.save_netcdf(_Tree(reason), tmp_path / "draws.nc")


def test_netcdf_that_fails_for_another_reason_says_so(tmp_path):
    with pytest.raises(ValueError, match="conflicting sizes"):
        workflow.save_netcdf(_Tree(ValueError("conflicting sizes")), tmp_path / "draws.nc")


def test_counting_alike_gives_each_value_its_mass():
    values, mass = np.array([[1.0, 2.0, 5.0]]), np.array([[0.2, 0.5, 0.3]])
    draws = counting_alike(values, mass, 0)
    assert draws.shape == (1, 1000)
    counts = [int((draws == value).sum()) for value in (1.0, 2.0, 5.0)]
    assert counts == pytest.approx([200, 500, 300], abs=1)


@pytest.fixture(scope="module")
def one():
    return tp.inference_data(both_study(with_marker=True), "P1", seed=3)


@needs_arviz
def test_groups_are_those_of_arviz_with_one_chain(one):
    groups = {"posterior", "prior", "sample_stats", "posterior_predictive", "observed_data", "constant_data"}
    assert set(one.children) == groups
    assert dict(one["posterior"].sizes) == {"chain": 1, "draw": 1000}
    assert set(one["prior"].data_vars) < set(one["posterior"].data_vars)
    assert one.attrs["prior"]


@needs_arviz
def test_natural_parameters_are_the_transformed_ones_back(one):
    posterior = one["posterior"]
    assert np.allclose(np.exp(posterior["log_kill_per_week"]), posterior["kill_per_week"])
    share = 1 / (1 + np.exp(-posterior[f"{SUM_OF_DIAMETERS}_logit_scar_share"]))
    assert np.allclose(share, posterior[f"{SUM_OF_DIAMETERS}_background"])
    assert np.allclose(np.exp(posterior["CEA_log_sd_drift"]), posterior["CEA_sd_drift"])


@needs_arviz
def test_predictive_draws_give_the_quantiles_of_the_forecast_command(one):
    forecast = tp.forecast(both_study(with_marker=True), seed=3)
    predictive = one["posterior_predictive"]["next_reading"].values[0]
    assert predictive.shape == (1000, forecast.height)
    middle = np.quantile(predictive, 0.5, axis=0, method="inverted_cdf")
    assert middle == pytest.approx(forecast["q50"].to_numpy(), rel=0.01)
    days = one["constant_data"]["target_day"].values.tolist()
    assert days == forecast["target_day"].to_list()


@needs_arviz
def test_lp_differs_from_the_likelihood_by_the_prior_density(one):
    from scipy.stats import multivariate_normal

    from turnpoint.diagnostics.posterior_checks import transformed_names
    from turnpoint.workflows.priors import prior_of

    prior = prior_of(both_study(with_marker=True), "P1")
    names = [f"{quantity}_{name}" if quantity else name for quantity, name in transformed_names(prior)]
    particles = np.stack([one["posterior"][name].values[0] for name in names], axis=1)
    stats = one["sample_stats"]
    density = (stats["lp"] - stats["log_likelihood_of_readings"]).values[0]
    assert density == pytest.approx(
        multivariate_normal(prior.mean, prior.covariance).logpdf(particles), abs=1e-6
    )


@needs_arviz
def test_all_patients_have_a_dimension_and_each_the_draws_they_have_alone():
    study = both_study(with_marker=False)
    second = study.lesions.with_columns(pl.lit("P2").alias("patient_id"), pl.col("diameter_mm") * 1.5)
    from dataclasses import replace

    patients = pl.concat([study.patients, study.patients.with_columns(pl.lit("P2").alias("patient_id"))])
    two = replace(study, patients=patients, lesions=pl.concat([study.lesions, second]))
    both = tp.inference_data(two)
    assert both["posterior"]["patient_id"].values.tolist() == ["P1", "P2"]
    assert "patient_id" not in both["prior"].sizes
    alone = tp.inference_data(two, "P2")
    assert np.allclose(
        both["posterior"]["log_kill_per_week"].sel(patient_id="P2"), alone["posterior"]["log_kill_per_week"]
    )


@needs_arviz
def test_inference_data_refuses_a_patient_who_is_not_in_the_study():
    with pytest.raises(tp.UsageError, match="no such patient among the 1"):
        tp.inference_data(both_study(with_marker=False), "P9")


@needs_arviz
@needs_netcdf
def test_netcdf_file_gives_the_draws_back(one, tmp_path: Path):
    import xarray

    path = workflow.save_netcdf(one, tmp_path / "new" / "draws.nc")
    again = xarray.open_datatree(path)
    assert np.array_equal(again["posterior"]["turning_day"], one["posterior"]["turning_day"])
    assert np.array_equal(again["constant_data"]["quantity"], one["constant_data"]["quantity"])
