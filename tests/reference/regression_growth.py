"""The g-d family the slow, obvious way: one series, one model and one start after the other, by scipy's curve_fit."""

import warnings
from itertools import product

import numpy as np
from scipy.optimize import curve_fit
from scipy.stats import t as student

RATES = (0.01, 0.035, 0.1, 0.3)
SHARES = (0.1, 0.5)


def gd(t, d, g):
    return np.exp(-d * t) + np.exp(g * t) - 1


def growth(t, g):
    return np.exp(g * t)


def decline(t, d):
    return np.exp(-d * t)


def gdphi(t, d, g, phi):
    return (1 - phi) * np.exp(-d * t) + phi * np.exp(g * t)


# Name, curve, names of the parameters, upper bounds (a rate of 1 a day is 7 a week), starts.
MODELS = (
    ("gd", gd, "d g", (7, 7), tuple(product(RATES, RATES))),
    ("g", growth, "g", (7,), tuple((rate,) for rate in RATES)),
    ("d", decline, "d", (7,), tuple((rate,) for rate in RATES)),
    ("gdphi", gdphi, "d g phi", (7, 7, 1), tuple(product(RATES, RATES, SHARES))),
)


def best_fit(curve, upper, starts, week, size):
    """Parameters, their covariance and the sum of squares of the best fit within bounds; None when there is none."""
    best = None
    for start in starts:
        try:
            values, covariance = curve_fit(curve, week, size, start, maxfev=2000)
        except RuntimeError:  # did not converge
            continue
        squares = float(np.sum((curve(week, *values) - size) ** 2))
        inside = (values > 0).all() and (values < upper).all() and np.isfinite(covariance).all()
        if inside and (best is None or squares < best[2]):
            best = values, covariance, squares
    return best


def fit(days, values):
    """The chosen model as a dict of its name, parameters and standard errors; None when none passes."""
    week, size = (np.asarray(days) - days[0]) / 7.0, np.asarray(values) / values[0]
    passing = []
    for name, curve, names, upper, starts in MODELS:
        parameters = names.split()
        freedom = size.size - len(parameters)
        if freedom <= 0:
            continue
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            found = best_fit(curve, upper, starts, week, size)
        if found is None:
            continue
        estimates, covariance, squares = found
        errors = np.sqrt(np.diag(covariance))
        with np.errstate(divide="ignore"):  # a curve through every reading has no error
            if not (2 * student.sf(estimates / errors, freedom) < 0.1).all():
                continue
        # Two curves through every reading are equally good; the shorter one then wins.
        aic = size.size * np.log(max(squares / size.size, 1e-12)) + 2 * len(parameters)
        passing.append((aic, name, dict(zip(parameters, estimates, strict=True)), errors))
    if not passing:
        return None
    _, name, estimates, errors = min(passing, key=lambda one: one[0])
    return {"model": name, **estimates, "errors": errors}
