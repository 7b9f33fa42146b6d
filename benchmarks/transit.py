"""Do dying cells stay visible on real CT? `python benchmarks/transit.py [--studies NAME ...]`.

The model sees what lives: S + P. Were killed cells to show until they are cleared at rate λ (`slow_death` in
`independent_courses.py`; 44 days are λ = 7/44 per week), scans would see S + P + D with dD/dt = d·S - λ·D, D(0) = 0:

    D(t) = d·(1-φ)·[exp(-d·t) - exp(-λ·t)] / (λ-d)

Population priors are fitted, with λ fixed and without it, to four fifths of the patients, five times; the score is the
log predictive density of all readings of the patients left out, paired by patient. Weeks off treatment
count as weeks on. Needs `../shared/data`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import product

import numpy as np
from provenance import commit
from real_states import DATA, FOLDS, LEFT_OUT
from scipy.special import logsumexp
from states_statistics import table

import turnpoint as tp
from turnpoint import Study
from turnpoint.model.bank import SINGLE, Bank
from turnpoint.model.dynamics import Dynamics
from turnpoint.model.population import fit_population, starting_prior
from turnpoint.model.prior import Prior
from turnpoint.model.series import batches, parts_of
from turnpoint.model.weighing import final_visits, weigh

DAYS_VISIBLE = (22.0, 44.0, 88.0)
PARTICLES = 8192  # of the bank that scores: the evidence of a long series needs more than an assessment does


def dying(dynamics: Dynamics, weeks: np.ndarray, gone_per_week: float) -> np.ndarray:
    """D(t): killed and not yet cleared, relative to the living burden at the start."""
    kill = dynamics.kill_per_week
    apart = np.maximum(np.abs(gone_per_week - kill) * weeks, 1e-6)
    slower = np.exp(-np.minimum(kill, gone_per_week) * weeks)
    shown: np.ndarray = (
        kill * (1.0 - dynamics.resistant_fraction) * weeks * slower * -np.expm1(-apart) / apart
    )
    return shown


@contextmanager
def visible_for(days: float) -> Iterator[None]:
    """Within it a reading sees dying cells too; 0 days leave the model as it is."""
    kept = Dynamics.log_burden

    def log_burden(self: Dynamics, on_weeks: np.ndarray, off_weeks: np.ndarray) -> np.ndarray:
        living = np.exp(kept(self, on_weeks, off_weeks))
        return np.log(living + dying(self, on_weeks + off_weeks, 7.0 / days)).astype(living.dtype)

    if days:
        Dynamics.log_burden = log_burden  # type: ignore[method-assign]
    try:
        yield
    finally:
        Dynamics.log_burden = kept  # type: ignore[method-assign]


def fitted(study: Study, seed: int) -> Prior:
    start = starting_prior("others", ["sum_of_diameters_mm"])
    return fit_population(parts_of(study), study.doses, start, seed=seed).prior


def log_scores(study: Study, prior: Prior, seed: int) -> dict[str, float]:
    """Log predictive density of everything that was read of each patient."""
    bank = Bank.of(prior, prior.bank(PARTICLES, seed), precision=SINGLE)
    scores = {}
    for part in map(final_visits, batches(parts_of(study), study.doses, list(prior.quantities), 32)):
        weight = weigh(part, prior, bank, levels=False).log_weight[:, 0].astype(np.float64)
        scores |= dict(zip(part.patient_ids, logsumexp(weight, axis=1) - np.log(PARTICLES), strict=True))
    return scores


def left_out(name: str, seed: int) -> dict[float, dict[str, float]]:
    """The scores of all patients of a study, each left out of the fit that scores it, by days visible."""
    study = tp.read(DATA / name)
    ids = np.array(sorted(study.patient_ids))
    fold = np.random.default_rng((seed, 5)).permutation(len(ids)) % FOLDS
    found: dict[float, dict[str, float]] = {days: {} for days in (0.0, *DAYS_VISIBLE)}
    for days, one in product(found, range(FOLDS)):
        with visible_for(days):
            prior = fitted(study.only(ids[fold != one].tolist()), seed)
            found[days] |= log_scores(study.only(ids[fold == one].tolist()), prior, seed + 1000)
    return found


def rows(name: str, seed: int) -> list[list[object]]:
    """The gain of each variant over the model, a patient and in all, with its standard error over patients."""
    found = left_out(name, seed)
    plain = found.pop(0.0)
    out: list[list[object]] = []
    for days, scores in found.items():
        gain = np.array([scores[patient] - plain[patient] for patient in plain])
        error = gain.std(ddof=1) / np.sqrt(len(gain))
        total, total_error = gain.sum(), error * len(gain)
        better = f"{(gain > 0).mean():.0%}"
        out.append(
            [name, f"{days:g}", len(gain), f"{sum(plain.values()):.1f}", f"{total:+.1f} ± {total_error:.1f}",
             f"{gain.mean():+.4f} ± {error:.4f}", better]
        )  # fmt: skip
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", nargs="*", choices=LEFT_OUT, default=LEFT_OUT)
    parser.add_argument("--seed", type=int, default=13)
    wanted = parser.parse_args()
    header = [
        "study",
        "days visible",
        "patients",
        "log score without",
        "gain in all ± SE",
        "a patient",
        "patients better",
    ]
    print("\n".join(table(header, [])), flush=True)
    for name in wanted.studies:
        print("\n".join(table(header, rows(name, wanted.seed))[2:]), flush=True)
    print(f"{datetime.now(tz=UTC).date()}, commit {commit()}, seed {wanted.seed}.")


if __name__ == "__main__":
    main()
