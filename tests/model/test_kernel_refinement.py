"""The banks that the compiled loop fills are those of the NumPy code, but for float32."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.model.courses import batch_of, readings
from turnpoint.model import refinement
from turnpoint.model.bank import Bank
from turnpoint.model.filter import posterior_of
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.prior import shipped_priors
from turnpoint.model.refinement import Refiner

pytest.importorskip("turnpoint.model.kernel_refinement")
PRIOR = shipped_priors()["chemotherapy-colorectal-ct"]


def bank_of(refiner: Refiner, aims: refinement._Aims, normals: np.ndarray, *, by_kernel: bool) -> Bank:
    patch = pytest.MonkeyPatch()
    patch.setattr(refinement, "has_kernel", lambda: by_kernel)
    try:
        return refiner._own_bank(aims, normals)
    finally:
        patch.undo()


@given(seed=st.integers(0, 10**6), rows=st.integers(1, 4), refinements=st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_banks_of_the_loop_are_those_of_numpy(seed: int, rows: int, refinements: int) -> None:
    rng = np.random.default_rng(seed)
    refiner = Refiner.of(PRIOR, PRIOR.bank(512, 0), 0)
    spread = rng.normal(0, 0.3, (rows, PRIOR.dimensions, PRIOR.dimensions)) @ np.linalg.cholesky(
        PRIOR.covariance
    )
    covariance = np.swapaxes(spread, 1, 2) @ spread + 0.02 * PRIOR.covariance
    away = rng.normal(0, 2, (rows, PRIOR.dimensions)) * np.sqrt(np.diag(PRIOR.covariance))
    aims = refinement._Aims(PRIOR.mean + away, covariance)
    normals = refiner._normals_of(refinements)
    ours, reference = (bank_of(refiner, aims, normals, by_kernel=one) for one in (True, False))
    assert ours.size == reference.size
    np.testing.assert_allclose(ours.particles, reference.particles, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(ours.log_importance, reference.log_importance, rtol=1e-5, atol=2e-3)


def test_posterior_far_from_the_prior_is_the_same() -> None:
    batch = batch_of(readings([0, 42, 84, 126, 168, 210], [180, 60, 21, 8, 60, 300]))
    said = []
    for by_kernel in (True, False):
        patch = pytest.MonkeyPatch()
        patch.setattr(refinement, "has_kernel", lambda by_kernel=by_kernel: by_kernel)
        own = posterior_of(batch, Refiner.of(PRIOR, PRIOR.bank(2048, 0), 0), 4096)
        patch.undo()
        said.append(own.quantities[SUM_OF_DIAMETERS].parts[0].level_mean.mean(axis=1))
        said.append(np.log(own.dynamics.kill_per_week).mean(axis=1))
    np.testing.assert_allclose(said[0], said[2], atol=2e-2)
    np.testing.assert_allclose(said[1], said[3], atol=2e-2)
