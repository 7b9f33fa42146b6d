"""Prostate cancer, castration-resistant, PSA under chemotherapy until the tumour escapes it.

    dC/dt = [r·(1 - e(t)) - d]·C        dPSA/dt = p·C - δ·PSA        p·C(0) = δ·PSA(0)        t in days
    e(t) = ε up to T_esc, then 0

so that with a = r(1 - ε) - d before T_esc, and b = r - d after it, on either piece that begins at time 0 with
production P and value y

    PSA(t) = y·exp(-δt) + P·[exp(at) - exp(-δt)] / (a + δ),        production P·exp(at)

Death, the only way to leave: a Weibull hazard times exp(β·PSA).

Source: Desmée et al. 2015, doi:10.1208/s12248-015-9745-5: Table I (PSA), Table II (hazards), Methods (schedule). These
are values chosen for a simulation, after one arm of VENICE (docetaxel; Tannock 2013), not estimates. Read in a public
transcription of the paper (nlmixr2lib), not in the paper.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from turnpoint.model.arrays import FloatArray
from turnpoint.virtual.published.model import Individuals, PublishedModel, Summary

PSA = "PSA"
HORIZON_DAYS = 735
EVERY_DAYS = 21
DEATH_PER_DAY = 0.046
ELIMINATION_PER_DAY = 0.23
SD_READING = 0.36  # of ln(PSA + 1)
HIGHEST_NG_PER_ML = 1e5
# The scenario "low link" of Table II.
WEIBULL_SHAPE, WEIBULL_SCALE_DAYS, HAZARD_PER_NG_ML = 1.5, 765.0, 0.005


def individuals(patients: int, rng: np.random.Generator) -> Individuals:
    """r, PSA(0), ε and T_esc: log-normal, ε logit-normal, independent of each other."""
    log_r, log_start, logit, log_escape = rng.standard_normal((4, patients))
    return {
        "proliferation_per_day": 0.05 * np.exp(0.1 * log_r),
        "start_ng_per_ml": 80.0 * np.exp(0.6 * log_start),
        "effectiveness": 1.0 / (1.0 + np.exp(-(np.log(0.3 / 0.7) + 1.5 * logit))),
        "escape_day": 140.0 * np.exp(0.6 * log_escape),
    }


def psa_ng_per_ml(own: Individuals, days: FloatArray) -> FloatArray:
    """PSA without error, shape (P, V)."""
    start, escape = own["start_ng_per_ml"][:, None], own["escape_day"][:, None]
    before = (own["proliferation_per_day"] * (1.0 - own["effectiveness"]) - DEATH_PER_DAY)[:, None]
    after = (own["proliferation_per_day"] - DEATH_PER_DAY)[:, None]
    treated = np.minimum(days, escape)
    value, production = _piece(start, ELIMINATION_PER_DAY * start, before, treated)
    psa, _ = _piece(value, production, after, days - treated)
    return psa


def _piece(
    value: FloatArray, production: FloatArray, growth_per_day: FloatArray, days: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Value and production after so many days in which the cells grow at one rate."""
    grown, left = np.exp(growth_per_day * days), np.exp(-ELIMINATION_PER_DAY * days)
    psa = value * left + production * (grown - left) / (growth_per_day + ELIMINATION_PER_DAY)
    return psa, production * grown


def _written(psa: FloatArray, rng: np.random.Generator) -> FloatArray:
    read = np.expm1(np.log1p(psa) + SD_READING * rng.standard_normal(psa.shape))
    clipped: FloatArray = np.clip(read, 0.01, HIGHEST_NG_PER_ML)
    return clipped


def death_day(own: Individuals, rng: np.random.Generator) -> FloatArray:
    """When the cumulative hazard, day by day, passes a unit exponential; the horizon for who lives on; shape (P,)."""
    days = np.arange(0.0, HORIZON_DAYS + 1.0)
    middle = days[:-1] + 0.5
    baseline = WEIBULL_SHAPE / WEIBULL_SCALE_DAYS * (middle / WEIBULL_SCALE_DAYS) ** (WEIBULL_SHAPE - 1.0)
    hazard = baseline * np.exp(np.minimum(HAZARD_PER_NG_ML * psa_ng_per_ml(own, middle), 50.0))
    passed = np.cumsum(hazard, axis=1) >= rng.exponential(1.0, len(own["escape_day"]))[:, None]
    day: FloatArray = np.where(passed.any(axis=1), days[passed.argmax(axis=1)], float(HORIZON_DAYS))
    return day


def _last_days(own: Individuals, _read: Mapping[str, FloatArray], rng: np.random.Generator) -> FloatArray:
    """Until death, and two values at the least: who has one says nothing of change."""
    last: FloatArray = np.maximum(death_day(own, rng), float(EVERY_DAYS))
    return last


def _start(own: Individuals) -> FloatArray:
    return own["start_ng_per_ml"]


MODEL = PublishedModel(
    name="docetaxel-prostate-psa-published",
    data="PSA, castration-resistant prostate cancer, docetaxel (values of a simulation, after one arm of VENICE)",
    source="Desmée et al. 2015, doi:10.1208/s12248-015-9745-5",
    patients=500,
    horizon_days=HORIZON_DAYS,
    tumour_type="prostate",
    drugs=("docetaxel",),
    keywords=(),
    estimated=False,
    dose_days=np.arange(0.0, HORIZON_DAYS + 1.0, EVERY_DAYS),
    days={PSA: np.arange(0.0, HORIZON_DAYS + 1.0, EVERY_DAYS)},
    individuals=individuals,
    curves={PSA: psa_ng_per_ml},
    written={PSA: _written},
    last_days=_last_days,
    summaries=(Summary("PSA at the start, median, ng/mL", 0.5, (80.0, 80.0), "Table I", _start),),
    caveats=(
        "Its values were chosen for a simulation, not estimated; nobody was treated so long after escape.",
    ),
)
