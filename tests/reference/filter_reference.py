"""A slow, obvious filter: the patient's level on a grid, every integral a sum. One series, no shortcuts.

The fast filter (`turnpoint.model.observation`) integrates the level in closed form and merges the two branches
of a jump into one Gaussian; this one does neither.
"""

import numpy as np
from scipy.stats import norm

GRID_STEP = 0.01


def log_burden(week, d, g, fraction):
    return np.log((1 - fraction) * np.exp(-d * week) + fraction * np.exp(g * week))


def log_signal(week, p, is_diameter):
    burden = np.exp(log_burden(week, p["d"], p["g"], p["fraction"]))
    if is_diameter:
        return np.log((1 - p["background"]) * burden + p["background"]) / 3
    return np.log(burden + p["background"])


def log_surge(week, p):
    return p["surge"] * (week / 3) * np.exp(1 - week / 3)


def reading_likelihood(true_log, y, last, step, p):
    """Probability of writing down y (in a cell `step` wide) when the true log value is `true_log`."""
    sd = np.hypot(p["sd_reading"], step / np.sqrt(12))  # reading error and rounding
    density = norm.pdf(y, true_log, sd) * step
    if y != last:
        return density * (1 - p["repeat"] * np.exp(-((y - last) ** 2) / (2 * p["window"] ** 2)))
    z = np.linspace(-6, 6, 241) * sd
    fresh = true_log[:, None] + z
    repeats = p["repeat"] * np.exp(-((fresh - last) ** 2) / (2 * p["window"] ** 2))
    repeated = (repeats * norm.pdf(z, 0, sd)).sum(axis=1) * (z[1] - z[0])
    return repeated + density * (1 - p["repeat"])


def after_last_reading(p, log_values, i):
    """The parameters for reading i of a lesion: what the reading before it says about drift and repeats."""
    size = min(max(log_values[i - 1] - np.log(25), -2), 2)
    logit = np.log(p["repeat"] / (1 - p["repeat"])) - 0.3 * size
    if i > 1 and log_values[i - 1] == log_values[i - 2]:
        logit += 0.6
    return p | {"sd_drift": p["sd_drift"] * np.exp(-0.2 * size), "repeat": 1 / (1 + np.exp(-logit))}


def log_likelihoods(weeks, log_values, steps, p, is_diameter=True):
    """Cumulative log-likelihood after each reading (0 after the first) and posterior mean of the level."""
    signal = np.array([log_signal(week, p, is_diameter) + log_surge(week, p) for week in weeks])
    centre = log_values - signal
    grid = np.arange(centre.min() - 1.2, centre.max() + 1.2, GRID_STEP)
    belief = norm.pdf(grid, centre[0], np.hypot(p["sd_reading"], steps[0] / np.sqrt(12)))
    belief /= belief.sum()
    total, history, means = 0.0, [0.0], [(grid * belief).sum()]
    for i in range(1, len(weeks)):
        now = after_last_reading(p, log_values, i) if is_diameter else p
        drift = now["sd_drift"] * np.sqrt(weeks[i] - weeks[i - 1])
        apart = grid[:, None] - grid[None, :]
        calm = norm.pdf(apart, 0, drift)
        jumped = norm.pdf(apart, 0, np.hypot(drift, p["sd_jump"]))
        belief = ((1 - p["jump"]) * calm + p["jump"] * jumped) * GRID_STEP @ belief
        belief *= reading_likelihood(grid + signal[i], log_values[i], log_values[i - 1], steps[i], now)
        total += np.log(belief.sum())
        belief /= belief.sum()
        history.append(total)
        means.append((grid * belief).sum())
    return np.array(history), np.array(means)
