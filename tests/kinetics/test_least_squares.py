"""Least squares of many problems at once: known answers, no influence between problems, giving up."""

import numpy as np
import pytest

from turnpoint.kinetics.least_squares import least_squares

X = np.linspace(0.0, 3.0, 7)


def lines(y):
    """Residuals of y against a straight line: the answer is that of linear regression."""

    def residuals(values, numbers):
        slopes = np.broadcast_to(np.stack([np.ones_like(X), X]), (len(numbers), 2, X.size))
        return values[:, :1] + values[:, 1:] * X - y[numbers], slopes

    return residuals


def exponentials(y):
    def residuals(values, numbers):
        curve = values[:, :1] * np.exp(-values[:, 1:] * X)
        return curve - y[numbers], np.stack([curve / values[:, :1], -X * curve], axis=1)

    return residuals


def test_line_is_that_of_linear_regression():
    y = np.random.default_rng(0).normal(size=(5, X.size))
    found = least_squares(lines(y), np.zeros((5, 2)))
    assert found.converged.all()
    np.testing.assert_allclose(found.values[:, ::-1], np.polyfit(X, y.T, 1).T, rtol=1e-6)
    np.testing.assert_allclose(found.squares, np.polyfit(X, y.T, 1, full=True)[1], rtol=1e-9)


def test_exact_curve_is_found_from_afar():
    truth = np.array([[2.0, 0.3], [0.5, 1.5]])
    found = least_squares(exponentials(truth[:, :1] * np.exp(-truth[:, 1:] * X)), np.ones((2, 2)))
    assert found.converged.all()
    np.testing.assert_allclose(found.values, truth, rtol=1e-8)


def test_problems_do_not_touch_one_another():
    rng = np.random.default_rng(1)
    y = 2 * np.exp(-0.4 * X) + rng.normal(0, 0.1, (6, X.size))
    together = least_squares(exponentials(y), np.ones((6, 2)))
    for number in range(6):
        alone = least_squares(exponentials(y[[number]]), np.ones((1, 2)))
        np.testing.assert_array_equal(alone.values[0], together.values[number])


@pytest.mark.parametrize(("farthest", "converged"), [(3.0, False), (30.0, True)])
def test_problem_is_given_up_when_a_parameter_runs_away(farthest, converged):
    y = 5.0 * np.exp(-0.3 * X)[None]
    assert least_squares(exponentials(y), np.ones((1, 2)), farthest).converged.tolist() == [converged]


def test_parameter_that_moves_nothing_is_not_found():
    def residuals(values, numbers):
        slopes = np.zeros((len(numbers), 2, X.size))
        slopes[:, 0] = 1.0
        return values[:, :1] - np.tile(X, (len(numbers), 1)), slopes

    found = least_squares(residuals, np.zeros((1, 2)))
    assert found.values[0, 0] == pytest.approx(X.mean())
    assert not found.converged[0]
