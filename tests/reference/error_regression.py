"""The regression of forecast errors, slow and obvious: one origin, one number at a time."""

import math
from itertools import pairwise
from statistics import median

CENTRE = (1.36, 3.23, 3.84, -0.24, -0.11, -2.32, 0.31, 0.37, 0.11)
SCALE = (0.55, 0.87, 0.256, 0.32, 0.33, 0.60, 0.19, 0.565, 0.175)


def logistic(x):
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def features(days, values, target_day, is_diameter):
    """The nine scaled features of a history of two readings or more."""
    changes = [math.log(b / a) for a, b in pairwise(values)]
    repeats = [abs(change) < 1e-9 for change in changes]
    run = 0
    for repeat in reversed(repeats):
        if not repeat:
            break
        run += 1
    gap = max(target_day - days[-1], 1)
    usual = max(median(b - a for a, b in pairwise(days)), 1)
    raw = (
        math.log(len(values)),
        math.log(values[-1]),
        math.log(gap),
        math.tanh(math.log(values[-1] / values[0])),
        math.tanh(3 * changes[-1]),
        math.log((sum(map(abs, changes)) + 0.2) / (len(changes) + 2)),
        (sum(repeats) + 0.6) / (len(changes) + 2),
        math.log(1 + run),
        min(max(math.log(usual / gap), 0), 1.2),
    )
    scaled = [max(-4, min(4, (x - c) / s)) for x, c, s in zip(raw, CENTRE, SCALE, strict=True)]
    if not is_diameter:
        scaled[1] = 0.0
    return scaled


def cdf(change, document, scaled, last):
    """P(log next - log last <= change), from the JSON document of a regression."""
    linear = {}
    for name, row in document["predictors"].items():
        terms = [1.0, *scaled]
        linear[name] = sum(weight * term for weight, term in zip(row.values(), terms, strict=True))
    constants = document["constants"]
    vanish = 0.0
    if document["is_diameter"]:
        vanish = logistic(constants["logit_vanish"] + constants["vanish_by_size"] * math.log(last / 25))
    repeat, narrow = logistic(linear["logit_repeat"]), logistic(linear["logit_narrow"])
    u = change / min(max(math.exp(linear["log_scale"]), 1e-3), 10)
    tail_scale = 1 + math.exp(constants["log_tail_excess"])
    inner = logistic(u - linear["location"])
    outer = logistic((u - linear["location"] - linear["tail_location"]) / tail_scale)
    continuous = narrow * inner + (1 - narrow) * outer
    return vanish + (1 - vanish) * (repeat * (change >= 0) + (1 - repeat) * continuous)


def crps(distribution, truth, edges):
    """The integral of (F(x) - [truth <= x])² over cells between the edges, each cell at its own point.

    Args:
        distribution: F.
        truth: what happened.
        edges: (low, high, point) of every cell.
    """
    return sum((distribution(x) - (truth <= x)) ** 2 * (high - low) for low, high, x in edges)


def pooled_cdf(x, draws, law_cdf, weight, spread):
    """The averaged and narrowed distribution function at x."""
    from scipy.stats import norm

    by_filter = sum(draw <= x for draw in draws) / len(draws)
    mean = weight * by_filter + (1 - weight) * law_cdf(x)
    return norm.cdf(norm.ppf(mean) / spread)
