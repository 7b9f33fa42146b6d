"""Draws of the next reading: what is written below the limit, repeats, sums over lesions."""

import numpy as np
import polars as pl
import pytest

from tests.model.courses import batch_of, readings
from turnpoint.model.filter import posteriors_of_batch
from turnpoint.model.forecast import readings_ahead
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.population import starting_prior
from turnpoint.model.prior import BelowLimit

DAYS = [0, 42, 84, 126]


def draws_after(frame, prior=None, day=168.0, quantity=SUM_OF_DIAMETERS):
    """Draws at one later day for the last visit of the frame's only patient."""
    prior = prior or starting_prior("start", [quantity])
    (posterior,) = posteriors_of_batch(batch_of(frame, (quantity,)), prior, prior.bank(4096, 0))
    last = posterior.at(np.array([len(posterior.patient) - 1]))
    exposure = (np.array([[day / 7]]), np.zeros((1, 1)))
    return readings_ahead(last, prior, quantity, np.array([[day]]), exposure, 0)


def lesion(values, name, censoring=None):
    return readings(DAYS, values, censoring=censoring).with_columns(pl.lit(name).alias("part"))


def test_reader_who_measures_below_5_mm_goes_on_doing_so():
    value = draws_after(readings(DAYS, [4, 4, 4, 4]))
    assert (value == 4).mean() > 0.4
    assert ((value > 1) & (value < 4)).any()


@pytest.mark.parametrize("shares", [BelowLimit(1.0, 0.0), BelowLimit(0.0, 1.0), BelowLimit(0.0, 0.0)])
def test_lesion_that_falls_below_5_mm_is_written_as_the_readers_of_the_prior_do(shares):
    from dataclasses import replace

    prior = replace(starting_prior("start", [SUM_OF_DIAMETERS]), below_limit=shares)
    value = draws_after(readings(DAYS, [30, 18, 11, 6]), prior)
    small = value[value < 6]
    if shares.absent == 1.0:
        assert set(small[small < 5]) == {1.0}  # a sum of 0 mm is given as 1 mm
    elif shares.too_small == 1.0:
        assert set(small) == {5.0}
    else:
        assert len(set(small)) > 2


def test_lesion_too_small_stays_so_with_the_persistence_of_the_prior():
    value = draws_after(readings(DAYS, [20, 9, 5, 5], censoring=[0, 0, -1, -1]))
    assert (value == 5).mean() >= 0.85


def test_sum_is_forecast_as_the_sum_of_its_lesions():
    one, two = [40, 36, 34, 33], [20, 18, 17, 17]
    both = draws_after(pl.concat([lesion(one, "T1"), lesion(two, "T2")]))
    whole = draws_after(readings(DAYS, [60, 54, 51, 50]))
    assert np.median(both) == pytest.approx(np.median(whole), rel=0.05)
    # drift and noise of two lesions average out in their sum, so it is known better than one lesion of that size
    assert np.subtract(*np.quantile(both, (0.9, 0.1))) < np.subtract(*np.quantile(whole, (0.9, 0.1)))


def test_sum_does_not_depend_on_the_names_of_its_lesions():
    one, two = [40, 36, 34, 33], [20, 25, 30, 33]
    straight = draws_after(pl.concat([lesion(one, "T1"), lesion(two, "T2")]))
    swapped = draws_after(pl.concat([lesion(one, "T2"), lesion(two, "T1")]))
    np.testing.assert_allclose(
        np.quantile(straight, (0.1, 0.5, 0.9)), np.quantile(swapped, (0.1, 0.5, 0.9)), rtol=0.05
    )


def test_lesion_that_is_gone_adds_nothing_to_the_sum():
    gone = lesion([10, 0, 0, 0], "T2", censoring=[0, -1, -1, -1])
    both = draws_after(pl.concat([lesion([40, 36, 34, 33], "T1"), gone]))
    alone = draws_after(lesion([40, 36, 34, 33], "T1"))
    assert np.median(both) == pytest.approx(np.median(alone), rel=0.05)


def test_lesion_that_grows_beside_one_that_shrinks_is_not_hidden_by_it():
    one, two = [40, 30, 22, 16], [10, 14, 20, 28]
    both = draws_after(pl.concat([lesion(one, "T1"), lesion(two, "T2")]), day=252.0)
    flat = draws_after(readings(DAYS, [50, 44, 42, 44]), day=252.0)
    assert np.median(both) > np.median(flat)


def test_marker_at_its_limit_is_given_as_the_limit():
    frame = readings(DAYS, [5.0, 0.5, 0.1, 0.1], "PSA", censoring=[0, 0, -1, -1])
    frame = frame.with_columns(pl.when(pl.col("censoring") < 0).then(0.1).otherwise(0.0).alias("limit"))
    value = draws_after(frame, quantity="PSA")
    assert value.min() == pytest.approx(0.1)
    assert (value == value.min()).mean() > 0.5
