"""Scores of survival predictions and the likelihood of a link the slow way: loops over patients, pairs and draws."""

import math


def stays(time, dead, day, *, before):
    """G: the chance to stay in follow-up past a day, or up to just before it."""
    chance = 1.0
    for u in sorted({t for t, d in zip(time, dead, strict=True) if not d}):
        if u < day or (u == day and not before):
            at_risk = sum(t > u or (t == u and not d) for t, d in zip(time, dead, strict=True))
            censored = sum(t == u and not d for t, d in zip(time, dead, strict=True))
            chance *= 1.0 - censored / at_risk
    return chance


def survives(time, dead, day):
    """S: Kaplan and Meier."""
    chance = 1.0
    for u in sorted({t for t, d in zip(time, dead, strict=True) if d}):
        if u <= day:
            at_risk = sum(t >= u for t in time)
            chance *= 1.0 - sum(t == u and d for t, d in zip(time, dead, strict=True)) / at_risk
    return chance


def auc(risk, time, dead, horizon, stratum=None):
    """Pair by pair."""
    above = below = 0.0
    stratum = stratum or [0] * len(time)
    for r, t, d, s in zip(risk, time, dead, stratum, strict=True):
        if not (d and t <= horizon):
            continue
        weight = 1.0 / stays(time, dead, t, before=True)
        for other, u, own in zip(risk, time, stratum, strict=True):
            if u > horizon and own == s:
                below += weight
                above += weight * (1.0 if r > other else 0.5 if r == other else 0.0)
    return above / below if below else math.nan


def brier(survival, time, dead, horizon):
    """Patient by patient."""
    total = 0.0
    for s, t, d in zip(survival, time, dead, strict=True):
        if t > horizon:
            total += (1.0 - s) ** 2 / stays(time, dead, horizon, before=False)
        elif d:
            total += s**2 / stays(time, dead, t, before=True)
    return total / len(time)


def log_likelihood(rows, coefficients, log_scale):
    """Of log-normal death times; a row is (draws of terms, day, dead, entry day)."""
    total, scale = 0.0, math.exp(log_scale)
    for draws, day, dead, entry in rows:
        chance = known = 0.0
        for terms in draws:
            centre = sum(x * b for x, b in zip(terms, coefficients, strict=True))
            z = (math.log(day) - centre) / scale
            density = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi) / scale / day
            chance += density if dead else 0.5 * math.erfc(z / math.sqrt(2.0))
            known += 0.5 * math.erfc((math.log(entry) - centre) / scale / math.sqrt(2.0)) if entry else 1.0
        total += math.log(chance / known)
    return total
