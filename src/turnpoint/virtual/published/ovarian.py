"""Ovarian cancer, recurrent, platinum-sensitive: size and CA-125 together under platinum-based chemotherapy (CALYPSO).

    dA1/dt = -K·A1     dA2/dt = K·A1 - K·A2              one unit into A1 with each cycle
    dTS/dt = KPROL·A50/(A50 + A2) - KREDUC·TS            mm, days
    dCA/dt = KPROD1 + KPROD2·exp(K2·dTS/dt) - KELIM·CA   U/mL

After doses on days τ, A2(t) is the sum of K·(t-τ)·exp(-K·(t-τ)). Size and CA-125 are then linear equations with a
known input u(t), x' = u - k·x, and

    x(t+h) = x(t)·exp(-k·h) + ∫ u(t+s)·exp(-k·(h-s)) ds,     ln u taken as linear over the step h

Computed tomography and CA-125 are every three months until progression, and CA-125 with each cycle besides (the
protocol's cycles are three or four weeks, six of them; here three).

TS(0) lies below KPROL/KREDUC, what the size would come to without a drug, in every woman (Methods): who is drawn
otherwise is drawn again. So is who could not be a patient: the parameters vary by 64 to 226 % independently of each
other, and exp(K2·dTS/dt) takes many of them to sizes and CA-125 that nobody has (`LARGEST_MM`, `HIGHEST_U_PER_ML`).

Source: Wilbaux et al. 2014, doi:10.1038/bjc.2014.75: Table 2 (estimates, CV), Methods (horizon, residuals),
Discussion (half-life). Read in a public transcription of the paper (nlmixr2lib), not in the paper.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from turnpoint.model.arrays import BoolArray, FloatArray
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.virtual.published.model import Individuals, PublishedModel, Summary

CA_125 = "CA-125"
HORIZON_DAYS = 513  # half of the patients had left by then
CYCLE_DAYS = 21
CYCLES = 6
SCAN_EVERY_DAYS = 84  # every three months (Alexandre et al. 2012, Br J Cancer 106:633)
STEP_DAYS, COARSE_STEP_DAYS = 0.0625, 0.5
SD_LOG_SIZE = 0.273
SD_BOX_COX, BOX_COX = 0.165, -0.16
LARGEST_MM, HIGHEST_U_PER_ML = 500.0, 50_000.0

MEDIAN_AND_CV = {
    "drug_per_day": (0.019, 0.721),  # K
    "growth_mm_per_day": (0.869, 1.536),  # KPROL
    "half_effect": (0.162, 1.670),  # A50
    "loss_per_day": (0.013, 1.404),  # KREDUC
    "basal_u_per_ml_per_day": (0.452, 0.870),  # KPROD1
    "tumour_u_per_ml_per_day": (0.615, 2.258),  # KPROD2
    "day_per_mm": (21.4, 1.086),  # K2
    "elimination_per_day": (0.037, 0.636),  # KELIM
    "start_mm": (57.8, 0.756),  # TS(0)
    "start_u_per_ml": (167.0, 1.127),  # CA(0)
}
_HIGHEST_START = {"start_mm": LARGEST_MM / 2.0, "start_u_per_ml": HIGHEST_U_PER_ML / 5.0}
DOSE_DAYS = CYCLE_DAYS * np.arange(CYCLES, dtype=np.float64)


def individuals(patients: int, rng: np.random.Generator) -> Individuals:
    """The ten parameters: log-normal, independent of each other but for what is drawn again.

    Size and CA-125 at the start are kept as the paper has them; the others are drawn until they go with these.
    """
    start = np.stack([_start(name, patients, rng) for name in _HIGHEST_START])
    found = np.full((len(MEDIAN_AND_CV), patients), np.nan)
    missing = np.arange(patients)
    while len(missing):
        rates = [_drawn(name, len(missing), rng) for name in MEDIAN_AND_CV if name not in _HIGHEST_START]
        drawn = np.concatenate([np.stack(rates), start[:, missing]])
        kept = could_be_a_patient(dict(zip(MEDIAN_AND_CV, drawn, strict=True)))
        found[:, missing[kept]] = drawn[:, kept]
        missing = missing[~kept]
    return dict(zip(MEDIAN_AND_CV, found, strict=True))


def _drawn(name: str, patients: int, rng: np.random.Generator) -> FloatArray:
    median, cv = MEDIAN_AND_CV[name]
    values: FloatArray = median * np.exp(np.sqrt(np.log1p(cv**2)) * rng.standard_normal(patients))
    return values


def _start(name: str, patients: int, rng: np.random.Generator) -> FloatArray:
    """Drawn again where it is too high to have room for growth."""
    values = _drawn(name, patients, rng)
    while (high := values > _HIGHEST_START[name]).any():
        values[high] = _drawn(name, int(high.sum()), rng)
    return values


def could_be_a_patient(own: Individuals) -> BoolArray:
    """Whose tumour can grow without a drug, and whose size and CA-125 stay within what patients have; shape (P,)."""
    grows = own["start_mm"] < own["growth_mm_per_day"] / own["loss_per_day"]
    with np.errstate(over="ignore", invalid="ignore"):
        size, marker = curves(own, np.arange(0.0, HORIZON_DAYS + 1.0, CYCLE_DAYS), COARSE_STEP_DAYS)
    possible: BoolArray = grows & (size.max(axis=1) <= LARGEST_MM) & (marker.max(axis=1) <= HIGHEST_U_PER_ML)
    return possible


def drug_amount(drug_per_day: FloatArray, day: float) -> FloatArray:
    """A2 on a day, shape (P,)."""
    since = day - DOSE_DAYS[day >= DOSE_DAYS]
    amount: FloatArray = (drug_per_day[:, None] * since * np.exp(-drug_per_day[:, None] * since)).sum(axis=1)
    return amount


def curves(own: Individuals, days: FloatArray, step_days: float = STEP_DAYS) -> tuple[FloatArray, FloatArray]:
    """Size in mm and CA-125 in U/mL without error, shape (P, V) each; `days` are whole steps."""
    steps = np.rint(days / step_days).astype(np.int64)
    size, marker = own["start_mm"], own["start_u_per_ml"]
    basal = own["basal_u_per_ml_per_day"]
    sizes, markers = np.empty((len(size), len(days))), np.empty((len(size), len(days)))
    growth = _growth(own, 0.0)
    log_production = _log_production(own, growth, size)
    for step in range(int(steps[-1]) + 1):
        here = steps == step
        sizes[:, here], markers[:, here] = size[:, None], marker[:, None]
        next_growth = _growth(own, (step + 1) * step_days)
        size = _after(size, np.log(growth), np.log(next_growth), own["loss_per_day"], step_days)
        growth, next_production = next_growth, _log_production(own, next_growth, size)
        marker = _after(marker, log_production, next_production, own["elimination_per_day"], step_days)
        marker = (
            marker + basal * -np.expm1(-own["elimination_per_day"] * step_days) / own["elimination_per_day"]
        )
        log_production = next_production
    return sizes, markers


def _growth(own: Individuals, day: float) -> FloatArray:
    """KPROL·A50/(A50 + A2)."""
    half = own["half_effect"]
    growth: FloatArray = own["growth_mm_per_day"] * half / (half + drug_amount(own["drug_per_day"], day))
    return growth


def _log_production(own: Individuals, growth: FloatArray, size: FloatArray) -> FloatArray:
    """ln[KPROD2·exp(K2·dTS/dt)]."""
    change = growth - own["loss_per_day"] * size
    production: FloatArray = np.log(own["tumour_u_per_ml_per_day"]) + own["day_per_mm"] * change
    return production


def _after(
    value: FloatArray, log_now: FloatArray, log_then: FloatArray, rate: FloatArray, days: float
) -> FloatArray:
    """One step of x' = u - k·x with ln u linear from `log_now` to `log_then`."""
    slope = (log_then - log_now) / days
    together = (slope + rate) * days
    small = np.abs(together) < 1e-6
    share = np.where(small, 1.0 + together / 2.0, np.expm1(together) / np.where(small, 1.0, together))
    after: FloatArray = np.exp(-rate * days) * (value + days * np.exp(log_now) * share)
    return after


def elimination_per_day(own: Individuals) -> FloatArray:
    """KELIM, shape (P,)."""
    return own["elimination_per_day"]


def _start_mm(own: Individuals) -> FloatArray:
    return own["start_mm"]


def _start_u_per_ml(own: Individuals) -> FloatArray:
    return own["start_u_per_ml"]


def half_life_days(own: Individuals) -> FloatArray:
    """Days in which CA-125 halves under treatment: by its fall between the first dose and day 105; shape (P,)."""
    _, marker = curves(own, np.array([0.0, DOSE_DAYS[-1]]))
    fall = np.log(marker[:, 0] / marker[:, 1])
    days: FloatArray = np.where(fall > 0.0, np.log(2.0) * DOSE_DAYS[-1] / np.maximum(fall, 1e-9), np.inf)
    return days


def _size(own: Individuals, days: FloatArray) -> FloatArray:
    return curves(own, days)[0]


def _marker(own: Individuals, days: FloatArray) -> FloatArray:
    return curves(own, days)[1]


def _written_size(size: FloatArray, rng: np.random.Generator) -> FloatArray:
    read: FloatArray = size * np.exp(SD_LOG_SIZE * rng.standard_normal(size.shape))
    return read


def _written_marker(marker: FloatArray, rng: np.random.Generator) -> FloatArray:
    """The error is added to (CA^λ - 1)/λ, which for λ below 0 stays below -1/λ."""
    read = (marker**BOX_COX - 1.0) / BOX_COX + SD_BOX_COX * rng.standard_normal(marker.shape)
    inner = np.maximum(BOX_COX * read + 1.0, HIGHEST_U_PER_ML**BOX_COX)
    written: FloatArray = inner ** (1.0 / BOX_COX)
    return written


def _last_days(own: Individuals, _read: Mapping[str, FloatArray], rng: np.random.Generator) -> FloatArray:
    """Left at a steady rate, by which half have left at the horizon (Methods); two scans at the least."""
    last = HORIZON_DAYS * rng.exponential(1.0 / np.log(2.0), len(own["start_mm"]))
    stayed: FloatArray = np.maximum(last, float(SCAN_EVERY_DAYS))
    return stayed


_TABLE_2 = "Table 2: the typical value; ours are without those that cannot be patients"
MODEL = PublishedModel(
    name="platinum-ovarian-ct-ca-125",
    data="CT sum of diameters and CA-125, recurrent platinum-sensitive ovarian cancer, carboplatin with paclitaxel or "
    "liposomal doxorubicin (CALYPSO)",
    source="Wilbaux et al. 2014, doi:10.1038/bjc.2014.75",
    patients=357,
    horizon_days=HORIZON_DAYS,
    tumour_type="ovarian",
    drugs=("carboplatin", "paclitaxel"),
    keywords=("ovarian", "carboplatin", "cisplatin", "platinum", "paclitaxel", "doxorubicin"),
    estimated=True,
    dose_days=DOSE_DAYS,
    days={
        SUM_OF_DIAMETERS: np.arange(0.0, HORIZON_DAYS + 1.0, SCAN_EVERY_DAYS),
        CA_125: np.arange(0.0, HORIZON_DAYS + 1.0, CYCLE_DAYS),
    },
    individuals=individuals,
    curves={SUM_OF_DIAMETERS: _size, CA_125: _marker},
    written={SUM_OF_DIAMETERS: _written_size, CA_125: _written_marker},
    last_days=_last_days,
    summaries=(
        Summary("KELIM, median, per day", 0.5, (0.037, 0.037), _TABLE_2, elimination_per_day),
        Summary("size at the start, median, mm", 0.5, (57.8, 57.8), _TABLE_2, _start_mm),
        Summary("CA-125 at the start, median, U/mL", 0.5, (167.0, 167.0), _TABLE_2, _start_u_per_ml),
        Summary(
            "CA-125 half-life under treatment, median, days",
            0.5,
            (52.5, 52.5),
            "Discussion; what it is of is not said (ln 2/KELIM would be 18.7)",
            half_life_days,
            compared=False,
        ),
    ),
    caveats=(
        "Its parameters vary so widely and independently that four of five draws are of nobody who could be a patient "
        "(a size over 500 mm, CA-125 over 50,000 U/mL, or a tumour that could not grow); these are left out.",
        "No progression was read in these courses: half of the women leave by the horizon, whatever their tumour does.",
    ),
)
