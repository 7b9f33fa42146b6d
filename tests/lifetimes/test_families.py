"""The two laws: their distribution by SciPy, their slopes by differences, their inverse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from turnpoint.lifetimes.families import FAMILIES

SCIPY = {"log-normal": stats.norm, "weibull": stats.gumbel_l}
LAWS = pytest.mark.parametrize("name", list(FAMILIES))
Z = st.floats(-6.0, 2.5)


@LAWS
@given(z=Z)
def test_density_and_survival_are_those_of_scipy(name, z):
    law, other = FAMILIES[name], SCIPY[name]
    assert law.log_survival(np.array(z)) == pytest.approx(other.logsf(z), rel=1e-9, abs=1e-12)
    assert law.log_density(np.array(z)) == pytest.approx(other.logpdf(z), rel=1e-9)


@LAWS
@given(z=Z)
def test_slopes_are_those_of_the_functions(name, z):
    law, step = FAMILIES[name], 1e-5
    around = np.array([z - step, z + step])
    for function, slope in (
        (law.log_survival, law.log_survival_slope),
        (law.log_density, law.log_density_slope),
    ):
        assert slope(np.array(z)) == pytest.approx(
            np.diff(function(around))[0] / 2 / step, rel=1e-4, abs=1e-6
        )


@LAWS
@given(z=Z)
def test_inverse_of_survival_is_the_z_it_came_from(name, z):
    law = FAMILIES[name]
    assert law.z_at(law.log_survival(np.array(z))) == pytest.approx(z, rel=1e-6, abs=1e-6)


@LAWS
def test_far_out_everything_is_finite(name):
    law = FAMILIES[name]
    for function in (law.log_survival, law.log_density, law.log_survival_slope, law.log_density_slope):
        assert np.isfinite(function(np.array([-1000.0, 1000.0]))).all()
