"""Equal-weight draws by the compiled loop and by NumPy are the same, and those of a plain walk."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnpoint.model import filter as filter_module
from turnpoint.model.filter import systematic_draws

pytest.importorskip("turnpoint.model.kernel_weights")


def drawn(log_weight: np.ndarray, draws: int, *, by_kernel: bool) -> np.ndarray:
    patch = pytest.MonkeyPatch()
    patch.setattr(filter_module, "has_kernel", lambda: by_kernel)
    try:
        return systematic_draws(log_weight, draws, seed=2)
    finally:
        patch.undo()


@given(st.integers(1, 200), st.integers(1, 5), st.integers(1, 300), st.integers(0, 2**32 - 1))
@settings(max_examples=80, deadline=None)
def test_draws_of_the_loop_are_those_of_numpy(particles: int, rows: int, draws: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    log_weight = np.log(rng.gamma(0.3, size=(rows, particles)) + 1e-30).astype(np.float32)
    ours, reference = (drawn(log_weight, draws, by_kernel=one) for one in (True, False))
    np.testing.assert_array_equal(ours, reference)


def test_each_particle_is_drawn_as_often_as_it_weighs() -> None:
    weight = np.array([[0.5, 0.0, 0.125, 0.375]])
    found = drawn(np.log(np.maximum(weight, 1e-300)), 16, by_kernel=True)
    np.testing.assert_array_equal(np.bincount(found[0], minlength=4), [8, 0, 2, 6])
    assert (np.diff(found[0]) < 0).any()  # in no order of the particles
