"""The shape of the tail of importance weights."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri

from tests.reference.pareto_reference import pareto_k_of
from turnpoint.model.pareto import TRUSTED_BELOW, pareto_k

# psislw of arviz-stats 0.8.0 (2026-11) on the quantiles at (i + 1/2)/K of: normal log weights with this SD, Pareto weights
# of this shape, and weights bounded like √uniform. K is chosen so that the tail has the same size whether it is
# rounded up (the papers) or down (arviz-stats).
ARVIZ_STATS = [
    (100, "normal", 0.5, 0.22143019106785536),
    (100, "normal", 4.0, 1.2737628050822336),
    (100, "pareto", 0.7, 0.6062891118970053),
    (100, "bounded", 0.5, -0.42940473538670126),
    (400, "normal", 1.0, 0.31399846795361874),
    (400, "normal", 4.0, 1.48870765058587),
    (400, "pareto", 1.2, 1.0598641582359996),
    (400, "bounded", 0.5, -0.756389573427465),
    (2500, "normal", 0.5, 0.09381839788520663),
    (2500, "normal", 2.0, 0.6377383931921182),
    (2500, "normal", 4.0, 1.3922568428567),
    (2500, "pareto", 0.3, 0.31537268486599646),
    (2500, "pareto", 0.7, 0.6804152016359267),
    (2500, "pareto", 1.2, 1.1367223634731265),
    (2500, "bounded", 0.5, -0.8826225979565205),
]


def quantile_weights(particles, family, scale):
    share = (np.arange(particles) + 0.5) / particles
    return {
        "normal": scale * ndtri(share),
        "pareto": -scale * np.log1p(-share),
        "bounded": scale * np.log(share),
    }[family]


@pytest.mark.parametrize(("particles", "family", "scale", "expected"), ARVIZ_STATS)
def test_pareto_k_is_that_of_arviz_stats_when_no_weights_are_tied(particles, family, scale, expected):
    log_weight = np.random.default_rng(0).permutation(quantile_weights(particles, family, scale))
    assert pareto_k(log_weight[None])[0] == pytest.approx(expected, abs=1e-10)


@given(st.integers(0, 2**32 - 1), st.sampled_from([30, 64, 257, 1024, 2048, 2051]), st.floats(0.05, 12.0))
@settings(max_examples=40, deadline=None)
def test_pareto_k_agrees_with_the_slow_reference(seed, particles, scale):
    log_weight = scale * np.random.default_rng(seed).standard_normal((2, particles))
    expected = [pareto_k_of(row.tolist()) for row in log_weight]
    assert pareto_k(log_weight) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("shape", [0.2, 0.5, 0.9, 1.5])
def test_pareto_k_recovers_the_shape_when_weights_are_pareto(shape):
    weights = np.random.default_rng(5).standard_exponential((400, 4096))
    found = pareto_k(shape * weights)
    # 192 weights in the tail and a prior worth 10 at 0.5: SD about (1 + k)/√202, mean drawn to 0.5 by a twentieth
    expected = (192 * shape + 10 * 0.5) / 202
    assert found.mean() == pytest.approx(expected, abs=0.03)
    assert found.std() == pytest.approx((1 + shape) / np.sqrt(202), rel=0.2)


def test_pareto_k_of_pareto_weights_lies_on_either_side_of_the_bound_when_the_shape_does():
    for shape, trusted in ((0.5, True), (0.95, False)):
        log_weight = quantile_weights(4096, "pareto", shape)
        assert bool(pareto_k(log_weight[None])[0] < TRUSTED_BELOW) is trusted


@given(st.floats(-600.0, 600.0))
def test_pareto_k_does_not_change_when_all_weights_are_scaled(shift):
    log_weight = np.random.default_rng(1).standard_normal((3, 500))
    assert pareto_k(log_weight + shift) == pytest.approx(pareto_k(log_weight), abs=1e-6)


def test_pareto_k_does_not_depend_on_other_rows_or_the_order_of_particles():
    rng = np.random.default_rng(2)
    log_weight = rng.standard_normal((70, 2048)) * rng.uniform(0.2, 6.0, (70, 1))
    together = pareto_k(log_weight)
    alone = [pareto_k(row[None])[0] for row in log_weight]
    assert together.tolist() == alone  # to the last digit: who else is in the batch changes nothing
    assert pareto_k(rng.permuted(log_weight, axis=1)) == pytest.approx(together, abs=1e-12)
    assert pareto_k(log_weight.reshape(7, 10, 2048)).ravel() == pytest.approx(together, abs=1e-12)


@pytest.mark.parametrize(("above", "expected"), [(0, -np.inf), (1, np.inf), (4, np.inf)])
def test_pareto_k_is_infinite_when_fewer_than_five_weights_rise_above_tied_ones(above, expected):
    log_weight = np.concatenate([np.zeros(2048 - above), np.arange(1.0, above + 1.0)])
    assert pareto_k(log_weight[None])[0] == expected


def test_pareto_k_is_finite_when_five_weights_rise_above_tied_ones():
    log_weight = np.concatenate([np.zeros(2043), np.arange(1.0, 6.0)])
    assert np.isfinite(pareto_k(log_weight[None])[0])


def test_pareto_k_is_minus_infinity_when_the_largest_weights_are_equal():
    assert pareto_k(np.repeat([0.0, -1.0], 1024)[None])[0] == -np.inf


def test_pareto_k_is_infinite_when_all_but_a_few_weights_vanish():
    log_weight = np.full(2048, -1e4)
    log_weight[:3] = [0.0, -1.0, -2.0]
    assert pareto_k(log_weight[None])[0] == np.inf


def test_pareto_k_is_finite_and_large_when_weights_span_hundreds_of_orders():
    spread = pareto_k(np.stack([-0.2 * np.arange(2048.0), -4.0 * np.arange(2048.0)]))
    assert np.isfinite(spread).all()
    assert (spread > 5.0).all()


def test_pareto_k_is_nan_only_in_the_row_without_usable_weights():
    log_weight = np.random.default_rng(3).standard_normal((4, 1024))
    expected = pareto_k(log_weight)
    broken = log_weight.copy()
    broken[1, 7] = np.nan
    broken[2] = -np.inf
    found = pareto_k(broken)
    assert np.isnan(found[[1, 2]]).all()
    assert found[[0, 3]] == pytest.approx(expected[[0, 3]])
