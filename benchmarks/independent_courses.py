"""Virtual courses that share nothing with the package: plain NumPy, written from the formulas.

Six diseases with rates of their own, eight worlds of which only one is the package's model, scans and markers as a
clinic reads them, and the truth. `benchmarks/states.py` reads them through the public doors only.

Volume scale, weeks. Rates fitted to diameters count three times. Lesions of a patient share their rates up to a
deviation; the living burden is the sum over the lesions, each with its share of the living volume at the start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

DAYS = 3650  # ten years: a smallest burden after that is "never"
MOST_LESIONS = 3
LESION_DEVIATION = 0.2  # SD of log rates between the lesions of a patient
SURGE_SHARE = 0.1  # CEA surge 10 in 89 (doi:10.1159/000091184), flare in 11.6 % of 670 under oxaliplatin
LOG_HALF = float(np.log(2.0))
# One reading of one lesion: 3.5 % within a reader, 1 mm from slices and callipers (Oxnard 2011: SD of a change 2.4 mm)
PROPORTIONAL_ERROR, MILLIMETRE_ERROR = 0.035, 1.0


@dataclass(frozen=True)
class Disease:
    """A disease under a drug. Pairs are (median, SD of the log; of the logit for shares)."""

    name: str
    tumour_type: str
    drug: str
    kill: tuple[float, float]
    regrowth: tuple[float, float]
    resistant: tuple[float, float]
    scan_weeks: int
    marker: str
    unit: str
    marker_cv: float
    start: tuple[float, float]
    healthy: float
    upper_limit: float
    lowest: float
    cycle_weeks: int
    scar: tuple[float, float] = (0.06, 1.2)


# Medians: net rates of the sources, turned into volume; they put the median turning point at 12 to 24 weeks.
DISEASES = (
    # Struemper 2025: 0.018 and 0.036 /week of diameter; Qi and Cao: 0.0013 and 0.0091 /day; wide resistant share
    Disease(
        "lung, docetaxel", "NSCLC", "docetaxel", (0.12, 0.6), (0.040, 0.7), (0.35, 1.3), 6,
        "CEA", "ng/mL", 0.17, (30.0, 1.0), 2.0, 5.0, 0.5, 3,
    ),
    # Claret 2009 (capecitabine) KL 0.021 /week; progression-free 8 to 9 months on FOLFOX: plain reason
    Disease(
        "colorectal, FOLFOX", "metastatic colorectal cancer", "FOLFOX", (0.16, 0.5), (0.030, 0.6), (0.12, 1.2), 8,
        "CEA", "ng/mL", 0.17, (60.0, 1.1), 2.0, 5.0, 0.5, 2,
    ),
    # Desmee 2015: falls 0.011 /day, grows 0.004 /day, escapes at 140 days: a share of 0.12
    Disease(
        "prostate, docetaxel", "prostate cancer", "docetaxel", (0.09, 0.6), (0.030, 0.6), (0.12, 1.2), 8,
        "PSA", "ng/mL", 0.17, (80.0, 0.9), 0.3, 4.0, 0.02, 3,
    ),
    # Wilbaux 2014: KELIM 0.037 /day; residual of CA-125 0.34 on the log scale at 100 U/mL; Tuxen 1999 35.5 %
    Disease(
        "ovary, carboplatin-paclitaxel", "ovarian cancer", "carboplatin paclitaxel", (0.24, 0.5), (0.035, 0.7),
        (0.03, 1.3), 8, "CA-125", "U/mL", 0.355, (400.0, 1.0), 14.0, 35.0, 1.0, 3,
    ),
    # plain reason: between colorectal and lung; CA 15-3 6.2 % in the healthy (Soletormos 1993), 2.5 times in patients
    Disease(
        "breast, paclitaxel", "breast cancer", "paclitaxel", (0.14, 0.6), (0.030, 0.7), (0.18, 1.2), 8,
        "CA 15-3", "U/mL", 0.155, (120.0, 0.8), 16.0, 30.0, 1.0, 3,
    ),
    # plain reason: the fastest regrowth, progression-free 5 to 6 months; CA 19-9 27.2 % (doi:10.1080/00365510701601699)
    Disease(
        "pancreas, gemcitabine", "pancreatic cancer", "gemcitabine nab-paclitaxel", (0.14, 0.6), (0.045, 0.6),
        (0.22, 1.2), 8, "CA 19-9", "U/mL", 0.272, (700.0, 1.2), 10.0, 37.0, 1.0, 4,
    ),
)  # fmt: skip
LUNG, COLORECTAL = DISEASES[0], DISEASES[1]


def log_normal(rng: np.random.Generator, wanted: tuple[float, float], shape: tuple[int, ...]) -> np.ndarray:
    return wanted[0] * np.exp(wanted[1] * rng.standard_normal(shape))


def logit_normal(rng: np.random.Generator, wanted: tuple[float, float], shape: tuple[int, ...]) -> np.ndarray:
    centre = np.log(wanted[0] / (1.0 - wanted[0]))
    return 1.0 / (1.0 + np.exp(-centre - wanted[1] * rng.standard_normal(shape)))


@dataclass(frozen=True)
class Rates:
    """Of each lesion, shape (courses, lesions, 1): rates a week, shares of the living burden or of the volume."""

    kill: np.ndarray
    regrowth: np.ndarray
    resistant: np.ndarray
    off_drug: np.ndarray
    scar: np.ndarray

    @classmethod
    def drawn(cls, disease: Disease, courses: int, rng: np.random.Generator) -> Rates:
        """Each patient's own, and each lesion's deviation from them."""
        patient, lesion = (courses, 1, 1), (courses, MOST_LESIONS, 1)

        def apart() -> np.ndarray:
            return np.exp(LESION_DEVIATION * rng.standard_normal(lesion))

        odds = logit_normal(rng, disease.resistant, patient)
        odds = odds / (1.0 - odds) * apart()
        return cls(
            kill=log_normal(rng, disease.kill, patient) * apart(),
            regrowth=log_normal(rng, disease.regrowth, patient) * apart(),
            resistant=odds / (1.0 + odds),
            off_drug=log_normal(rng, (0.04, 0.5), patient) * apart(),
            scar=logit_normal(rng, disease.scar, lesion),
        )


@dataclass(frozen=True)
class Weeks:
    """Time since the start, and how much of it was on and off the drug (a reduced dose counts in part)."""

    all: np.ndarray  # (days,)
    on: np.ndarray  # (courses, 1, days), or (days,) where nobody paused
    off: np.ndarray

    @classmethod
    def steady(cls) -> Weeks:
        """The full dose throughout."""
        weeks = np.arange(DAYS + 1) / 7.0
        return cls(weeks, weeks, np.zeros_like(weeks))

    @classmethod
    def treated(cls, intensity: np.ndarray) -> Weeks:
        """By the share of the full dose that works on each day, shape (courses, days); 0 is a pause."""
        before = np.concatenate([np.zeros((len(intensity), 1)), intensity[:, :-1]], axis=1)
        off = np.concatenate([np.zeros((len(intensity), 1)), intensity[:, :-1] == 0], axis=1)
        on, away = np.cumsum(before, axis=1) / 7.0, np.cumsum(off, axis=1) / 7.0
        return cls(np.arange(DAYS + 1) / 7.0, on[:, None, :], away[:, None, :])


Burden = tuple[
    np.ndarray, np.ndarray | float
]  # living, and dying cells that still show; relative to the start
World = Callable[[Rates, Weeks, np.random.Generator], Burden]


def regression_growth(rates: Rates, weeks: Weeks, _rng: np.random.Generator) -> Burden:
    """B = (1-φ)·exp(-d·on + r·off) + φ·exp(g·t): the package's own form."""
    sensitive = (1.0 - rates.resistant) * np.exp(rates.off_drug * weeks.off - rates.kill * weeks.on)
    return sensitive + rates.resistant * np.exp(rates.regrowth * weeks.all), 0.0


def gompertz(rates: Rates, weeks: Weeks, rng: np.random.Generator) -> Burden:
    """The resistant part grows at 2g at first and slows towards a capacity K: log P = log K + log(φ/K)·exp(-a·t)."""
    capacity = np.maximum(log_normal(rng, (3.0, 0.5), (len(rates.kill), 1, 1)), 1.5)
    distance = np.log(rates.resistant / capacity)
    slowing = -2.0 * rates.regrowth / distance
    resistant = capacity * np.exp(distance * np.exp(-slowing * weeks.all))
    return (1.0 - rates.resistant) * np.exp(-rates.kill * weeks.on) + resistant, 0.0


def three_clones(rates: Rates, weeks: Weeks, rng: np.random.Generator) -> Burden:
    """Sensitive, half-resistant (shrinks at a fifth of the rate; 20 to 50 % of what is not resistant), resistant."""
    half = rng.uniform(0.2, 0.5, (len(rates.kill), 1, 1)) * (1.0 - rates.resistant)
    sensitive = (1.0 - rates.resistant - half) * np.exp(-rates.kill * weeks.on)
    slow = half * np.exp(-0.2 * rates.kill * weeks.on)
    return sensitive + slow + rates.resistant * np.exp(rates.regrowth * weeks.all), 0.0


def waning(rates: Rates, weeks: Weeks, rng: np.random.Generator) -> Burden:
    """One kind of cell; the kill wears off: B = exp(g·t - ((d+g)/λ)·(1 - exp(-λt))), λ about that of Claret 2014."""
    loss = log_normal(rng, (0.1, 0.5), (len(rates.kill), 1, 1))
    killed = (rates.kill + rates.regrowth) / loss * (1.0 - np.exp(-loss * weeks.all))
    return np.exp(rates.regrowth * weeks.all - killed), 0.0


def dormant(rates: Rates, weeks: Weeks, rng: np.random.Generator) -> Burden:
    """Shrinks, then stays for good: a quarter or so of the cells rests."""
    resting = logit_normal(rng, (0.25, 0.7), (len(rates.kill), 1, 1))
    return (1.0 - resting) * np.exp(-np.maximum(rates.kill, 0.08) * weeks.on) + resting, 0.0


def only_scar(rates: Rates, weeks: Weeks, _rng: np.random.Generator) -> Burden:
    """Every living cell is killed in time; a good part of the volume stays as scar (see `scar_of`)."""
    return np.exp(-np.maximum(rates.kill, 0.08) * weeks.on) + np.zeros_like(rates.kill), 0.0


def slow_shrinkage(rates: Rates, weeks: Weeks, rng: np.random.Generator) -> Burden:
    """Steady and slow for good: the volume halves in 14 to 40 weeks."""
    kill = log_normal(rng, (0.03, 0.3), (len(rates.kill), 1, 1))
    return np.exp(-kill * weeks.on) + np.zeros_like(rates.kill), 0.0


def slow_death(rates: Rates, weeks: Weeks, rng: np.random.Generator) -> Burden:
    """As `regression_growth`, but a killed cell shows for some 44 days: dD/dt = d·S - D/τ; a marker sees the living."""
    gone = 7.0 / 44.0
    kill = np.where(
        np.abs(gone - rates.kill) < 1e-3, gone - 1e-3, rates.kill
    )  # the formula divides by gone - kill
    shown = np.exp(-kill * weeks.on) - np.exp(-gone * weeks.all)
    dying = (1.0 - rates.resistant) * kill * shown / (gone - kill)
    return regression_growth(rates, weeks, rng)[0], np.maximum(dying, 0.0)


WORLDS: dict[str, World] = {
    "regression-growth (the model)": regression_growth,
    "Gompertz regrowth": gompertz,
    "three clones": three_clones,
    "an effect that wanes": waning,
    "dying cells stay visible": slow_death,
    "dormant": dormant,
    "only scar": only_scar,
    "slow steady shrinkage": slow_shrinkage,
}
NEVER_TURNS = ("dormant", "only scar", "slow steady shrinkage")


@dataclass(frozen=True)
class Treatment:
    """What was given: doses as rows of (course, day, share of the full dose), and what it did by day."""

    weeks: Weeks
    doses: list[tuple[int, int, float]]
    resumed: np.ndarray  # day from which the criterion counts again; 0 without a pause


def untouched() -> Treatment:
    """The full dose throughout, and no table of doses."""
    return Treatment(Weeks.steady(), [], np.zeros(1))


def treated(kind: str, disease: Disease, courses: int, weeks: int, rng: np.random.Generator) -> Treatment:
    """`steady`, `pause` (two to five cycles left out) or `reduction` (to 75 %), with a table of doses."""
    every = 7 * disease.cycle_weeks
    cycles = DAYS // every + 1
    share = np.ones((courses, cycles))
    first = (rng.integers(12, 25, courses) * 7) // every
    number = np.arange(cycles)[None, :] - first[:, None]
    resumed = np.zeros(courses)
    if kind == "pause":
        left_out = np.ceil(rng.uniform(6, 16, courses) / disease.cycle_weeks)
        share = np.where((number >= 0) & (number < left_out[:, None]), 0.0, 1.0)
        resumed = (first + left_out) * every
    elif kind == "reduction":
        share = np.where(number >= 0, 0.75, 1.0)
    intensity = np.repeat(share, every, axis=1)[:, : DAYS + 1]
    given = [
        (course, cycle * every, float(share[course, cycle]))
        for course in range(courses)
        for cycle in range(7 * weeks // every + 1)
        if share[course, cycle] > 0
    ]
    return Treatment(Weeks.treated(intensity), given, resumed)


@dataclass(frozen=True)
class Courses:
    """The truth by day, (courses, days), and where the living burden is smallest (inf: never within ten years)."""

    disease: Disease
    treatment: Treatment
    living: np.ndarray
    diameters: np.ndarray  # (courses, lesions, days), without error; 0 where there is no such lesion
    marker: np.ndarray  # without error
    turning_day: np.ndarray


def drawn(
    disease: Disease,
    world: str,
    courses: int,
    rng: np.random.Generator,
    treatment: Treatment | None = None,
    scar: np.ndarray | None = None,
) -> Courses:
    """Draw courses; `scar` (courses, lesions, 1) replaces the disease's own share."""
    given = treatment or untouched()
    rates = Rates.drawn(disease, courses, rng)
    living, dying = WORLDS[world](rates, given.weeks, rng)
    share = rates.scar if scar is None else scar
    if world == "only scar" and scar is None:
        share = logit_normal(rng, (0.25, 0.7), rates.scar.shape)
    return _seen(disease, given, (living, dying), share, rng, turns=world not in NEVER_TURNS)


def _seen(
    disease: Disease,
    given: Treatment,
    burden: Burden,
    scar: np.ndarray,
    rng: np.random.Generator,
    *,
    turns: bool,
) -> Courses:
    """What scans and blood would show without error, and the turning point of the sum over the lesions."""
    living, dying = burden
    courses = len(living)
    number = rng.choice([1, 2, 3], courses, p=[0.3, 0.4, 0.3])
    there = np.arange(MOST_LESIONS)[None, :] < number[:, None]
    first = np.clip(log_normal(rng, (30.0, 0.5), there.shape), 10.0, 120.0) * there
    volume = first[:, :, None] ** 3 * (1.0 - scar)
    total = (living * volume / volume.sum(axis=1, keepdims=True)).sum(axis=1)
    diameters = first[:, :, None] * np.cbrt((1.0 - scar) * (living + dying) + scar)
    healthy = log_normal(rng, (disease.healthy, 0.35), (courses, 1))
    from_tumour = np.maximum(log_normal(rng, disease.start, (courses, 1)), disease.upper_limit)
    days = np.arange(DAYS + 1)
    bump = np.where(days < 70, np.sin(np.pi * days / 70.0) ** 2, 0.0)
    surge = np.where(rng.random((courses, 1)) < SURGE_SHARE, rng.uniform(0.3, 1.5, (courses, 1)), 0.0) * bump
    marker = healthy + from_tumour * total * (1.0 + surge)
    lowest = total.argmin(axis=1).astype(float)
    turning = np.where((lowest < DAYS) & turns, lowest, np.inf)
    return Courses(disease, given, total, diameters, marker, turning)
