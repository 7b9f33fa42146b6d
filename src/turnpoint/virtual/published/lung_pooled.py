"""Lung cancer, 786 patients of seven trials: chemotherapy, immune therapy and both.

    TS(t) = TSb · [exp(kg·t) + exp(-ks·t) - 1]          TTG = max(0, ln(ks/kg) / (kg + ks))          t in weeks

kg and ks are typical of an arm. TSb rises by 28.8 % with each target lesion above three (falls below it). Where a PD-1
inhibitor is given, ks rises by 0.902 % with each point of PD-L1. The random effect of ln kg is Box-Cox transformed with
shape -0.3744 but for the trial of pembrolizumab alone. LDH, which scales kg, is at its centre here.

Source: Struemper et al. 2025, doi:10.1002/psp4.70002: Table 1 (patients of each arm), Table 2 (estimates), Table 3 with
its footnotes (covariates), caption of Figure 3 (medians). The numbers were read in a public transcription of the paper
(nlmixr2lib), not in the paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final

import numpy as np

from turnpoint.model.arrays import FloatArray
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.virtual.published.model import Individuals, PublishedModel, Summary
from turnpoint.virtual.readings import progression_index

HORIZON_DAYS = 728
SCAN_EVERY_DAYS = 42
CYCLE_DAYS = 21
BASE_MM = 86.07  # with three target lesions
PER_LESION = 0.288
PD_L1_PER_POINT = 0.00902
MEDIAN_PD_L1 = 15.0  # per cent; of all patients
KG_SHAPE = -0.3744
VARIANCE_ADDITIVE_MM2, VARIANCE_PROPORTIONAL = 6.324, 0.01276
# of ln TSb, ln kg, ln ks; Table 2 prints the covariance of the two rates as that of kg with itself
COVARIANCE: Final = np.array(
    [[0.2645, 0.01911, -0.06367], [0.01911, 0.8715, 0.1504], [-0.06367, 0.1504, 0.9174]]
)
FARTHEST_LOG = 6.0  # e⁶-fold: beyond it a size is no longer one


@dataclass(frozen=True, slots=True)
class Arm:
    """Typical rates of one arm.

    Attributes:
        patients: of the paper.
        growth_per_week, shrinkage_per_week: kg and ks.
        pd_l1_pct: where a PD-1 inhibitor is given; None without one.
        boxed: the random effect of kg is transformed.
    """

    patients: int
    growth_per_week: float
    shrinkage_per_week: float
    pd_l1_pct: float | None = MEDIAN_PD_L1
    boxed: bool = True


ARMS: Final[Mapping[str, Arm]] = MappingProxyType(
    {
        # the paper's own value for all of them: high expressers, of whom no single value was known
        "pembrolizumab": Arm(152, 0.00651, 0.01700, pd_l1_pct=70.0, boxed=False),
        "feladilimab": Arm(52, 0.01135, 3.396e-6, pd_l1_pct=None),
        "docetaxel": Arm(34, 0.01822, 0.03566, pd_l1_pct=None),
        "feladilimab, docetaxel": Arm(78, 0.01672, 0.02805, pd_l1_pct=None),
        "feladilimab, immune therapy": Arm(23, 0.01442, 0.007894, pd_l1_pct=None),
        "dostarlimab": Arm(67, 0.008105, 0.01615),
        "dostarlimab, chemotherapy": Arm(121, 0.008845, 0.03504),
        "pembrolizumab, chemotherapy": Arm(122, 0.01153, 0.03499),
        "cobolimab 100 mg, dostarlimab": Arm(14, 0.01372, 0.005006),
        "cobolimab 300 mg, dostarlimab": Arm(41, 0.01257, 0.01125),
        "cobolimab 900 mg, dostarlimab": Arm(29, 0.01603, 0.006273),
        "cobolimab 300 mg, dostarlimab, cohort D": Arm(53, 0.01267, 0.00448),
    }
)


def individuals(arm: Arm, patients: int, rng: np.random.Generator) -> Individuals:
    """TSb, kg and ks; two target lesions in one half and three in the other (the median is two)."""
    effect = rng.standard_normal((patients, 3)) @ np.linalg.cholesky(COVARIANCE).T
    if arm.boxed:
        effect[:, 1] = np.expm1(KG_SHAPE * effect[:, 1]) / KG_SHAPE
    lesions = 2.0 + (rng.random(patients) < 0.5)
    factor = np.exp(effect)
    shrinkage_per_week = arm.shrinkage_per_week * np.exp(PD_L1_PER_POINT * (arm.pd_l1_pct or 0.0))
    return {
        "base_mm": factor[:, 0] * BASE_MM * (1.0 + PER_LESION * (lesions - 3.0)),
        "growth_per_week": factor[:, 1] * arm.growth_per_week,
        "shrinkage_per_week": factor[:, 2] * shrinkage_per_week,
    }


def all_arms(patients: int, rng: np.random.Generator) -> Individuals:
    """The paper's patients of all arms together; `patients` as a multiple of the paper's 786, rounded up."""
    times = -(-patients // sum(arm.patients for arm in ARMS.values()))
    parts = [individuals(arm, times * arm.patients, rng) for arm in ARMS.values()]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def size_mm(own: Individuals, days: FloatArray) -> FloatArray:
    """Sum of diameters without error, shape (P, V)."""
    weeks = days / 7.0
    growth = np.exp(np.minimum(own["growth_per_week"][:, None] * weeks, FARTHEST_LOG))
    size: FloatArray = own["base_mm"][:, None] * (
        growth + np.expm1(-own["shrinkage_per_week"][:, None] * weeks)
    )
    return size


def growth_week(own: Individuals) -> FloatArray:
    """TTG: 0 where the tumour grows from the start; shape (P,)."""
    growth, shrinkage = own["growth_per_week"], own["shrinkage_per_week"]
    week: FloatArray = np.maximum(0.0, np.log(shrinkage / growth) / (growth + shrinkage))
    return week


def _written(size: FloatArray, rng: np.random.Generator) -> FloatArray:
    sd = np.sqrt(VARIANCE_ADDITIVE_MM2 + VARIANCE_PROPORTIONAL * size**2)
    read: FloatArray = size + sd * rng.standard_normal(size.shape)
    return read


def _at_progression(
    days: FloatArray, _own: Individuals, read: Mapping[str, FloatArray], _rng: np.random.Generator
) -> FloatArray:
    """Sizes end as treatment does: with the first that meets RECIST progression. The paper gives no other law."""
    met = progression_index(np.maximum(read[SUM_OF_DIAMETERS], 0.0))
    last: FloatArray = np.append(days, days[-1])[met]
    return last


def _rate(name: str, own: Individuals) -> FloatArray:
    return own[name]


# The twelve arms together are what the paper gives figures of.
_FIGURE_3 = "caption of Figure 3, of all arms"
POOLED = (
    Summary("size at the start, median, mm", 0.5, (74.0, 74.0), _FIGURE_3, partial(_rate, "base_mm")),
    Summary("TTG, median, weeks", 0.5, (14.0, 14.0), f"{_FIGURE_3}: a typical patient", growth_week),
    Summary(
        "kg, median, per week",
        0.5,
        (0.013, 0.013),
        f"{_FIGURE_3}: a typical patient; not said whether of estimates, nor of which LDH",
        partial(_rate, "growth_per_week"),
        compared=False,
    ),
)


def _of_table_2(arm: Arm) -> tuple[Summary, ...]:
    shrinkage = arm.shrinkage_per_week * float(np.exp(PD_L1_PER_POINT * (arm.pd_l1_pct or 0.0)))
    where = "Table 2: the typical value" + (f", at PD-L1 {arm.pd_l1_pct:g} %" if arm.pd_l1_pct else "")
    growth, shrinks = partial(_rate, "growth_per_week"), partial(_rate, "shrinkage_per_week")
    return (
        Summary("kg, median, per week", 0.5, (arm.growth_per_week, arm.growth_per_week), where, growth),
        Summary("ks, median, per week", 0.5, (shrinkage, shrinkage), where, shrinks),
    )


def _model(
    name: str,
    arm: str,
    data: str,
    drugs: tuple[str, ...],
    keywords: tuple[str, ...] = (),
    caveats: tuple[str, ...] = (),
) -> PublishedModel:
    days = np.arange(0.0, HORIZON_DAYS + 1.0, SCAN_EVERY_DAYS)
    return PublishedModel(
        name=name,
        data=f"CT sum of diameters, advanced lung cancer, {data}",
        source="Struemper et al. 2025, doi:10.1002/psp4.70002",
        patients=ARMS[arm].patients,
        horizon_days=HORIZON_DAYS,
        tumour_type="nsclc",
        drugs=drugs,
        keywords=keywords,
        estimated=True,
        dose_days=np.arange(0.0, HORIZON_DAYS + 1.0, CYCLE_DAYS),
        days={SUM_OF_DIAMETERS: days},
        individuals=partial(individuals, ARMS[arm]),
        curves={SUM_OF_DIAMETERS: size_mm},
        written={SUM_OF_DIAMETERS: _written},
        last_days=partial(_at_progression, days),
        summaries=_of_table_2(ARMS[arm]),
        caveats=caveats,
    )


_TYPICAL_PD_L1 = "PD-L1 of everybody is the median of all trials, 15 %: that of this arm is not given."
_CHEMOTHERAPY = ("carboplatin", "cisplatin", "platinum", "pemetrexed", "paclitaxel", "gemcitabine")
_IMMUNE_THERAPY = ("pembrolizumab", "nivolumab", "atezolizumab", "durvalumab", "cemiplimab")
MODELS = (
    _model("docetaxel-nsclc-ct-published", "docetaxel", "docetaxel (Entree Lung)", ("docetaxel",)),
    _model(
        "chemo-immunotherapy-nsclc-ct",
        "pembrolizumab, chemotherapy",
        "first line, chemotherapy with pembrolizumab (PERLA)",
        ("pembrolizumab", "carboplatin", "pemetrexed"),
        ("nsclc", "lung", *_IMMUNE_THERAPY, *_CHEMOTHERAPY),
        (_TYPICAL_PD_L1,),
    ),
    _model(
        "dostarlimab-chemotherapy-nsclc-ct",
        "dostarlimab, chemotherapy",
        "first line, chemotherapy with dostarlimab (PERLA)",
        ("dostarlimab", "carboplatin", "pemetrexed"),
        ("nsclc", "lung", "dostarlimab", *_CHEMOTHERAPY),
        (_TYPICAL_PD_L1,),
    ),
    _model(
        "pembrolizumab-nsclc-ct",
        "pembrolizumab",
        "first line, PD-L1 high, pembrolizumab alone (INTR@PID LUNG 037)",
        ("pembrolizumab",),
        caveats=("Patients with a high PD-L1 only.",),
    ),
)
