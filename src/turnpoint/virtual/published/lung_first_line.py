"""Lung cancer, first line, carboplatin and paclitaxel with or without motesanib (MONET1).

    TS(t) = BASE · exp[KL·t - (KDE/λ)·(1 - exp(-λ·t))]          TTG = ln(KDE/KL) / λ          t in days

One fit for both arms, without a term for the arm: its patients are the two arms together. The supplement prints the
estimates of KDE and λ in each other's rows: only exchanged does the typical patient (TTG 117 days, week-8 ratio 0.75)
lie between the medians of the arms.

Source: Claret et al. 2014, doi:10.1038/clpt.2014.11: supplementary Table S1 (estimates, SD of the logs), Results "TS
model" (TTG and week-8 ratio of each arm; sizes a patient). The numbers were read in a public transcription of the paper
(nlmixr2lib), not in the paper.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from turnpoint.model.arrays import FloatArray
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.virtual.published.model import Individuals, PublishedModel, Summary

HORIZON_DAYS = 546
SCAN_EVERY_DAYS = 42
CYCLE_DAYS = 21
MOST_CYCLES = 6
SD_READING_MM = 7.849
FEWEST_SIZES, MEDIAN_SIZES = 2, 4  # a patient: median four, 2 to 27
WEEK_8_DAY = 56.0

MEDIAN = {"base_mm": 90.0, "growth_per_day": 0.00107, "kill_per_day": 0.0103, "decay_per_day": 0.0193}
SD_LOG = {"base_mm": 0.683, "growth_per_day": 1.18, "kill_per_day": 0.679, "decay_per_day": 0.797}


def individuals(patients: int, rng: np.random.Generator) -> Individuals:
    """BASE, KL, KDE and λ: log-normal, independent of each other."""
    return {
        name: median * np.exp(SD_LOG[name] * rng.standard_normal(patients)) for name, median in MEDIAN.items()
    }


def size_mm(own: Individuals, days: FloatArray) -> FloatArray:
    """Sum of diameters without error, shape (P, V)."""
    base, growth, kill, decay = (own[name][:, None] for name in MEDIAN)
    log_ratio = growth * days + kill / decay * np.expm1(-decay * days)
    size: FloatArray = base * np.exp(np.minimum(log_ratio, 50.0))
    return size


def growth_day(own: Individuals) -> FloatArray:
    """TTG, when the size is smallest: negative where the tumour grows from the start; shape (P,)."""
    day: FloatArray = np.log(own["kill_per_day"] / own["growth_per_day"]) / own["decay_per_day"]
    return day


def week_8_ratio(own: Individuals) -> FloatArray:
    """Size at week 8 over that at the start, shape (P,)."""
    ratio: FloatArray = size_mm(own, np.array([WEEK_8_DAY]))[:, 0] / own["base_mm"]
    return ratio


def _written(size: FloatArray, rng: np.random.Generator) -> FloatArray:
    read: FloatArray = size + SD_READING_MM * rng.standard_normal(size.shape)
    return read


def _last_days(own: Individuals, _read: Mapping[str, FloatArray], rng: np.random.Generator) -> FloatArray:
    """Left at a steady rate, by which half have four sizes; everybody has two."""
    half_by = (MEDIAN_SIZES - 0.5) * SCAN_EVERY_DAYS
    last = half_by * rng.exponential(1.0 / np.log(2.0), len(own["base_mm"]))
    stayed: FloatArray = np.maximum(last, (FEWEST_SIZES - 1.0) * SCAN_EVERY_DAYS)
    return stayed


_TS_MODEL = "Results, TS model: of the two arms"
_SHRUNK = "; of individual estimates from four sizes, which are drawn to the middle: ours are true values, and wider"
MODEL = PublishedModel(
    name="carboplatin-paclitaxel-nsclc-ct",
    data="CT sum of diameters, non-squamous lung cancer, first line, carboplatin and paclitaxel with or without "
    "motesanib (MONET1)",
    source="Claret et al. 2014, doi:10.1038/clpt.2014.11",
    patients=934,
    horizon_days=HORIZON_DAYS,
    tumour_type="nsclc",
    drugs=("carboplatin", "paclitaxel"),
    keywords=(
        "nsclc",
        "lung",
        "carboplatin",
        "cisplatin",
        "platinum",
        "paclitaxel",
        "pemetrexed",
        "gemcitabine",
    ),
    estimated=True,
    dose_days=CYCLE_DAYS * np.arange(MOST_CYCLES, dtype=np.float64),
    days={SUM_OF_DIAMETERS: np.arange(0.0, HORIZON_DAYS + 1.0, SCAN_EVERY_DAYS)},
    individuals=individuals,
    curves={SUM_OF_DIAMETERS: size_mm},
    written={SUM_OF_DIAMETERS: _written},
    last_days=_last_days,
    summaries=(
        Summary("TTG, median, days", 0.5, (93.0, 125.0), _TS_MODEL, growth_day),
        Summary("TTG, 2.5 %, days", 0.025, (-6.0, 28.0), _TS_MODEL + _SHRUNK, growth_day, compared=False),
        Summary("TTG, 97.5 %, days", 0.975, (312.0, 399.0), _TS_MODEL + _SHRUNK, growth_day, compared=False),
        Summary("size at week 8 over baseline, median", 0.5, (0.69, 0.77), _TS_MODEL, week_8_ratio),
        Summary("size at week 8 over baseline, 2.5 %", 0.025, (0.24, 0.27), _TS_MODEL, week_8_ratio),
        Summary(
            "size at week 8 over baseline, 97.5 %",
            0.975,
            (0.99, 1.25),
            _TS_MODEL + _SHRUNK,
            week_8_ratio,
            compared=False,
        ),
    ),
    caveats=("Half of its patients had an antiangiogenic drug besides; the model has no term for it.",),
)
