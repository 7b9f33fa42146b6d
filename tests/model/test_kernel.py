"""The compiled loop says what the NumPy code says, within the rounding that float32 has anyway."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_ndtr

import turnpoint as tp
from tests.model.courses import batch_of, readings
from turnpoint.model import observation
from turnpoint.model.bank import DOUBLE, SINGLE, Bank
from turnpoint.model.observation import Filtered, Known, run_series
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.prior import shipped_priors
from turnpoint.model.series import Batch

kernel = pytest.importorskip("turnpoint.model.kernel")

STUDIES = [
    Path(tp.__file__).parent / "datasets" / name for name in ("oak-docetaxel", "ascent2-docetaxel-psa")
]
PRIORS = {
    SUM_OF_DIAMETERS: shipped_priors()["chemotherapy-colorectal-ct"],
    "PSA": shipped_priors()["docetaxel-prostate-psa"],
}


@st.composite
def courses(draw: st.DrawFn, quantity: str) -> Batch:
    """One to three patients: numbers, numbers again, values at a limit on either side, days apart or not."""
    frames = []
    for patient in range(draw(st.integers(1, 3))):
        count = draw(st.integers(1, 9))
        days = np.cumsum([0, *draw(st.lists(st.integers(1, 90), min_size=count - 1, max_size=count - 1))])
        values: list[float] = []
        censoring: list[int] = []
        for index in range(count):
            kind = draw(st.sampled_from(["number", "number", "number", "same", "below", "above"]))
            last = values[-1] if values else 40.0
            at_limit = {"below": 5.0, "above": 900.0}.get(kind)
            same = kind == "same" and index > 0 and censoring[-1] == 0
            number = last if same else round(draw(st.floats(5.0, 300.0)), draw(st.integers(0, 1)))
            values.append(number if at_limit is None else at_limit)
            censoring.append({"below": -1, "above": 1}.get(kind, 0))
        frames.append(
            readings(days.tolist(), values, quantity, censoring=censoring, patient_id=f"P{patient}")
        )
    return batch_of(pl.concat(frames), (quantity,))


def filtered(
    batch: Batch, quantity: str, bank: Bank, *, by_kernel: bool, known: Known | None = None
) -> Filtered:
    """The first part's series through the bank by the loop or by NumPy."""
    patch = pytest.MonkeyPatch()
    patch.setattr(observation, "has_kernel", lambda: by_kernel)
    series = batch.series[quantity][0]
    patient = np.arange(len(series.length))
    try:
        return run_series(
            series,
            bank.dynamics,
            bank.readings[quantity],
            PRIORS[quantity].floor_persistence[quantity],
            patient=patient,
            signals=bank.signals.get(quantity),
            known=known,
        )
    finally:
        patch.undo()


def assert_same(batch: Batch, quantity: str, particles: np.ndarray, **given_: Known | None) -> None:
    """The loop is no farther from float64 than NumPy is in float32, but for 1e-4 a reading."""
    banks = {kind: Bank.of(PRIORS[quantity], particles, precision=kind) for kind in (SINGLE, DOUBLE)}
    ours = filtered(batch, quantity, banks[SINGLE], by_kernel=True, **given_)
    numpy_ = filtered(batch, quantity, banks[SINGLE], by_kernel=False, **given_)
    exact = filtered(batch, quantity, banks[DOUBLE], by_kernel=False, **given_)
    width = max(batch.day.shape[1], 1)
    for name in Filtered.__slots__:
        one, two, true = (getattr(own, name) for own in (ours, numpy_, exact))
        assert one.dtype == np.float32
        scale = 1e-4 * width + 2e-6 * np.abs(true)
        assert (np.abs(one - true) <= 3.0 * np.abs(two - true).max(axis=-1, keepdims=True) + scale).all(), (
            name
        )


@pytest.mark.parametrize("quantity", [SUM_OF_DIAMETERS, "PSA"])
@pytest.mark.parametrize("own", [False, True], ids=["one bank for all", "a bank for each patient"])
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_loop_is_as_near_to_float64_as_numpy_is(quantity: str, own: bool, data: st.DataObject) -> None:
    batch = data.draw(courses(quantity))
    particles = PRIORS[quantity].bank(64, data.draw(st.integers(0, 5)))
    if own:
        particles = np.stack([particles + 0.01 * row for row in range(len(batch.visits))])
    assert_same(batch, quantity, particles)


def test_more_particles_than_a_block_holds() -> None:
    batch = batch_of(readings([0, 42, 84, 126], [60, 50, 50, 5], censoring=[0, 0, 0, -1]))
    particles = PRIORS[SUM_OF_DIAMETERS].bank(4 * kernel.BLOCK, 0)[: 2 * kernel.BLOCK + 37]
    assert_same(batch, SUM_OF_DIAMETERS, particles)


def test_what_is_known_of_the_level_is_begun_with() -> None:
    batch = batch_of(readings([0, 42, 84, 126], [60, 50, 44, 40]))
    particles = PRIORS[SUM_OF_DIAMETERS].bank(256, 0)
    bank = Bank.of(PRIORS[SUM_OF_DIAMETERS], particles, precision=SINGLE)
    whole = filtered(batch, SUM_OF_DIAMETERS, bank, by_kernel=True)
    known = Known(1, whole.level_mean[0, 1], whole.level_variance[0, 1])
    rest = filtered(batch, SUM_OF_DIAMETERS, bank, by_kernel=True, known=known)
    np.testing.assert_allclose(
        rest.log_likelihood[0, 4], whole.log_likelihood[0, 4] - whole.log_likelihood[0, 2], atol=1e-4
    )
    assert_same(batch, SUM_OF_DIAMETERS, particles, known=known)


def test_numpy_serves_where_the_loop_is_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    observation.has_kernel.cache_clear()
    monkeypatch.setitem(os.environ, "TURNPOINT_KERNEL", "off")
    try:
        assert not observation.has_kernel()
    finally:
        observation.has_kernel.cache_clear()


@pytest.mark.slow  # compiles
def test_answer_of_the_process_that_compiled_is_that_of_those_that_load_the_code(tmp_path: Path) -> None:
    script = (
        "import hashlib\nfrom pathlib import Path\nimport turnpoint as tp\n"
        f"for name in {[str(study) for study in STUDIES]!r}:\n"
        "    study = tp.read(Path(name))\n"
        "    said = tp.assess(study.only(study.patient_ids[:20])).frame\n"
        "    print(hashlib.sha256(said.write_json().encode()).hexdigest())\n"
    )
    given = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    said = [
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=given)
        for _ in range(2)
    ]
    assert len(said[0].stdout.split()) == len(STUDIES)
    assert said[0].stdout == said[1].stdout
    # one signature each for signals worked out and looked up: whoever waits for the compiler waits once
    assert len(list(tmp_path.rglob("kernel.filter_series*.nbc"))) == 1


def test_exponential_and_logarithm_of_float32() -> None:
    x = np.linspace(-86, 80, 2001, dtype=np.float32)
    found = np.array([kernel.exp32(one) for one in x])
    np.testing.assert_allclose(found, np.exp(x.astype(np.float64)), rtol=2e-7)
    assert 0 < kernel.exp32(np.float32(-500.0)) < 1e-37
    y = np.exp(x[x > -85].astype(np.float64)).astype(np.float32)
    found = np.array([kernel.log32(one) for one in y])
    np.testing.assert_allclose(found, np.log(y.astype(np.float64)), rtol=2e-7, atol=5e-7)
    assert kernel.log32(np.float32(0.0)) == kernel.log32(np.float32(1e-37))


def test_normal_tail_is_that_of_scipy() -> None:
    z = np.concatenate(
        [-np.geomspace(1e4, 1e-3, 2000), np.geomspace(1e-3, 8, 200), [-25.0, np.nextafter(-25.0, 0)]]
    )
    found = np.array([kernel.log_ndtr(one) for one in z])
    np.testing.assert_allclose(found, log_ndtr(z), rtol=1e-8, atol=1e-16)
