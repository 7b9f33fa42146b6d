"""Survival at landmarks: `python benchmarks/survival.py`; the bias of a two-stage link: `--bias`.

FFCD 2000-05: metastatic colorectal cancer, chemotherapy, 90 patients of whom 76 died. At weeks 8, 16 and 24, from what
was known by then, of the patients alive: the chance to be alive 6 and 12 months later. Five folds by patient, four
times over; the population prior and every link but the published ones are fitted to the other folds; scores are the
mean over the four. AUC: cumulative/dynamic, of death by the horizon, patients compared within their fold; Brier score:
0 is best; both with inverse-probability-of-censoring weights (`lifetimes.scores`). Calibration: mean predicted survival
beside Kaplan and Meier's, each patient's predictions averaged. Intervals: 95 %, bootstrap over patients of the
predictions as they are, so that what another training set would change is not in them.

*Claret*, *Struemper*: published links, estimated in lung cancer (their patient covariates at the reference value, for
the study has none). *Landmark link*, *shared-parameter link*: `turnpoint fit --survival`. The rules of today, each a
log-normal model of its own at each landmark, fitted to the other folds: *baseline size*; *best response* (CR or PR by
then); *RECIST progression* by then, new lesions included; *early shrinkage*, the change of the sum from the baseline to
the last scan; *all four* together. *Kaplan-Meier* knows nothing of the patient.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
from provenance import commit
from survival_simulation import TRUE_COEFFICIENTS, TRUE_LOG_SCALE, simulated_trial

import turnpoint as tp
from turnpoint.errors import SurvivalLinkError
from turnpoint.lifetimes.families import FAMILIES
from turnpoint.lifetimes.fitting import FittedLink, Observed, fit_link
from turnpoint.lifetimes.follow_up import follow_up
from turnpoint.lifetimes.kaplan_meier import kaplan_meier
from turnpoint.lifetimes.link import Link, Term, design_of
from turnpoint.lifetimes.prediction import survival_ahead
from turnpoint.lifetimes.published import CLARET, STRUEMPER
from turnpoint.lifetimes.scores import auc, brier, calibration
from turnpoint.model.population import fit_population, starting_prior
from turnpoint.model.prior import Prior, shipped_priors
from turnpoint.model.series import parts_of, quantities_of, readings_of
from turnpoint.study.study import Study
from turnpoint.workflows.fit_survival import (
    FITTED_TERMS,
    LONGEST_TIME_TO_GROWTH_WEEKS,
    observed_rows,
    until_death,
)
from turnpoint.workflows.landmark_curves import Curves, curves, followed_at, known_by_day
from turnpoint.workflows.survival import HORIZON_DAYS, LANDMARK_WEEKS

DATA = Path(os.environ.get("TURNPOINT_DATA", Path(__file__).parents[2] / "shared" / "data"))
RESULTS = Path(__file__).parents[1] / "docs" / "results"
FOLDS = 5
BOOTSTRAPS = 500
KAPLAN_MEIER = "Kaplan-Meier"
LINKS = ("Claret", "Struemper", "landmark link", "shared-parameter link")
RULES = {
    "baseline size": ("log_baseline",),
    "best response": ("responded",),
    "RECIST progression": ("progressed",),
    "early shrinkage": ("change",),
    "all four": ("log_baseline", "responded", "progressed", "change"),
}
METHODS = (*LINKS, *RULES, KAPLAN_MEIER)
HORIZONS = np.array(list(HORIZON_DAYS.values()))
PLACES = [(week, name) for week in LANDMARK_WEEKS for name in HORIZON_DAYS]


def ffcd() -> Study:
    """FFCD 2000-05 with its deaths and ends of follow-up where a study folder has them."""
    study = tp.read(DATA / "ffcd2000-05-colorectal")
    last, died = pl.col("last_day").cast(pl.Int64), pl.col("died").cast(pl.Int64) == 1
    people = study.patients.with_columns(pl.when(died).then(last).alias("death_day"), last_alive_day=last)
    return replace(study, patients=people)


def population(study: Study, seed: int) -> Prior:
    """The prior of a training study: the filter's part of `turnpoint fit`."""
    start = starting_prior("train", quantities_of(readings_of(study)))
    return fit_population(parts_of(study), study.doses, start, seed=seed).prior


def rules_at(study: Study, week: int, watched: pl.DataFrame) -> pl.DataFrame:
    """`patient_id` and what the rules of today go by, of those alive at the landmark."""
    part = known_by_day(study, 7 * week, followed_at(watched, 7 * week))
    best = tp.respond(part).best_responses
    sums = readings_of(part).sort("patient_id", "day").group_by("patient_id", maintain_order=True)
    sizes = sums.agg(
        pl.col("value").first().alias("first"),
        (pl.col("value").last() / pl.col("value").first() - 1).alias("change"),
    )
    return sizes.join(best, on="patient_id", how="left").select(
        "patient_id",
        pl.col("first").log().alias("log_baseline"),
        pl.col("best_response")
        .is_in(["CR", "PR"])
        .fill_null(value=False)
        .cast(pl.Float64)
        .alias("responded"),
        pl.col("progression_day").is_not_null().cast(pl.Float64).alias("progressed"),
        pl.col("change").clip(-1.0, 2.0),
    )


@dataclass(frozen=True)
class Ends:
    """Death or the end of follow-up of every patient, by identifier."""

    day: dict[str, float]
    died: dict[str, bool]

    @classmethod
    def of(cls, watched: pl.DataFrame) -> Ends:
        """From `follow_up`."""
        rows = list(watched.iter_rows())
        return cls({one: float(day) for one, day, _ in rows}, {one: died for one, _, died in rows})

    def arrays(self, ids: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Of these patients."""
        return np.array([self.day[one] for one in ids]), np.array([self.died[one] for one in ids])


def observed_of(ids: list[str], design: np.ndarray, week: int, ends: Ends) -> Observed:
    day, died = ends.arrays(ids)
    return Observed(design, day, died, np.full(len(ids), 7.0 * week), np.arange(len(ids)))


def link_of(fitted: FittedLink) -> Link:
    terms = zip(FITTED_TERMS, fitted.parameters, strict=False)
    return Link(
        "fitted",
        "log-normal",
        tuple(Term(term.name, float(own), term.reference) for term, own in terms),
        float(fitted.parameters[-1]),
        LONGEST_TIME_TO_GROWTH_WEEKS,
        fitted.covariance,
    )


def rows_of(found: Curves, ids: set[str]) -> np.ndarray:
    return np.array([row for row, one in enumerate(found.patient_ids) if one in ids])


def fitted_links(whole: Curves, at: dict[int, Curves], train: set[str], ends: Ends) -> dict[str, Link]:
    """The two links of the training patients."""

    def design(found: Curves, rows: np.ndarray) -> np.ndarray:
        return design_of(FITTED_TERMS, LONGEST_TIME_TO_GROWTH_WEEKS, found.curve)[rows]

    rows = rows_of(whole, train)
    shared = observed_of([whole.patient_ids[row] for row in rows], design(whole, rows), 0, ends)
    parts, number = [], {one: place for place, one in enumerate(sorted(train))}
    for week, found in at.items():
        rows = rows_of(found, train)
        ids = [found.patient_ids[row] for row in rows]
        parts.append(
            replace(
                observed_of(ids, design(found, rows), week, ends),
                patient=np.array([number[one] for one in ids]),
            )
        )
    stacked = Observed(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in Observed.__slots__)
    )
    found = {}
    for name, observed in (("shared-parameter link", shared), ("landmark link", stacked)):
        with suppress(SurvivalLinkError):  # a fit that is refused; counted on the page
            found[name] = link_of(fit_link(observed, "log-normal", is_clustered=observed is stacked))
    return found


def by_rule(
    rules: pl.DataFrame, names: tuple[str, ...], train: set[str], test: list[str], week: int, ends: Ends
) -> np.ndarray:
    """Survival of the test patients at the horizons by a log-normal model of some columns, shape (test, H)."""
    frame = rules.sort("patient_id")
    ids = frame["patient_id"].to_list()
    columns = np.column_stack([np.ones(len(ids)), *(frame[name].to_numpy() for name in names)])[:, None, :]
    is_train = np.array([one in train for one in ids])
    own = observed_of([one for one in ids if one in train], columns[is_train], week, ends)
    at = fit_link(own, "log-normal").parameters
    law, place = FAMILIES["log-normal"], [ids.index(one) for one in test]
    centre, scale = columns[place, 0] @ at[:-1], np.exp(at[-1])

    def log_survival(day: float) -> np.ndarray:
        return law.log_survival((np.log(day) - centre) / scale)

    return np.exp(
        np.stack([log_survival(7.0 * week + h) - log_survival(7.0 * week) for h in HORIZONS], axis=1)
    )


def by_kaplan_meier(train: list[str], week: int, ends: Ends) -> np.ndarray:
    day, died = ends.arrays(train)
    later = day > 7.0 * week
    return kaplan_meier(day[later] - 7.0 * week, died[later]).at(HORIZONS)


@dataclass(frozen=True)
class Predictions:
    """By method and landmark, each patient's survival at the horizons, shape (repeats, H); folds, shape (repeats,)."""

    survival: dict[tuple[str, int], dict[str, np.ndarray]]
    fold: dict[str, np.ndarray]
    refused: dict[str, int]


def predictions(study: Study, repeats: int) -> Predictions:
    """Of every patient out of fold."""
    watched = follow_up(study)
    ends, everybody = Ends.of(watched), study.patient_ids
    rules = {week: rules_at(study, week, watched) for week in LANDMARK_WEEKS}
    parts = {week: known_by_day(study, 7 * week, followed_at(watched, 7 * week)) for week in LANDMARK_WEEKS}
    total: dict[tuple[str, int], dict[str, np.ndarray]] = {
        (method, week): {} for method in METHODS for week in LANDMARK_WEEKS
    }
    folds = {one: np.zeros(repeats, np.int64) for one in everybody}
    refused = dict.fromkeys(LINKS, 0)
    for repeat in range(repeats):
        order = np.random.default_rng((7, repeat)).permutation(len(everybody))
        for fold in range(FOLDS):
            test = {everybody[place] for place in order[fold::FOLDS]}
            train = set(everybody) - test
            for one in test:
                folds[one][repeat] = fold
            prior = population(study.only(sorted(train)), seed=repeat)
            at = {week: curves(part, prior, seed=repeat) for week, part in parts.items()}
            links = {"Claret": CLARET, "Struemper": STRUEMPER} | fitted_links(
                curves(until_death(study, watched), prior, seed=repeat), at, train, ends
            )
            for name in LINKS:
                refused[name] += name not in links
            for week, found in at.items():
                rows = rows_of(found, test)
                ids = [found.patient_ids[row] for row in rows]
                own: dict[str, np.ndarray] = {}
                for name, link in links.items():
                    design = link.design(found.curve)[rows]
                    own[name] = survival_ahead(
                        link, design, np.full(len(rows), 7.0 * week), HORIZONS
                    ).survival
                none = np.tile(by_kaplan_meier(sorted(train), week, ends), (len(ids), 1))
                own[KAPLAN_MEIER] = none
                own |= dict.fromkeys(set(LINKS) - own.keys(), none)
                for name, columns in RULES.items():
                    try:
                        own[name] = by_rule(rules[week], columns, train, ids, week, ends)
                    except SurvivalLinkError:  # nobody of the training folds had progressed
                        own[name] = none
                for name, values in own.items():
                    for one, value in zip(ids, values, strict=True):
                        total[name, week].setdefault(one, np.zeros((repeats, len(HORIZONS))))[repeat] = value
            print(f"repeat {repeat + 1}, fold {fold + 1}", flush=True)
    return Predictions(total, folds, refused)


@dataclass(frozen=True)
class Landmark:
    """The patients alive at a landmark: days to their ends; folds (n, repeats); predictions (n, repeats, H)."""

    ids: list[str]
    day: np.ndarray
    died: np.ndarray
    fold: np.ndarray
    survival: dict[str, np.ndarray]

    def score(self, method: str, horizon: int, rows: np.ndarray | slice = slice(None)) -> tuple[float, float]:
        """AUC and Brier score, the mean over repeats."""
        own, day, died = self.survival[method][rows, :, horizon].T, self.day[rows], self.died[rows]
        folds, days = self.fold[rows].T, HORIZONS[horizon]
        areas = [auc(-values, day, died, days, fold) for values, fold in zip(own, folds, strict=True)]
        return float(np.mean(areas)), float(np.mean([brier(values, day, died, days) for values in own]))


def landmarks(study: Study, found: Predictions) -> dict[int, Landmark]:
    ends, out = Ends.of(follow_up(study)), {}
    for week in LANDMARK_WEEKS:
        ids = [one for one in sorted(found.survival[KAPLAN_MEIER, week]) if ends.day[one] > 7 * week]
        day, died = ends.arrays(ids)
        values = {method: np.array([found.survival[method, week][one] for one in ids]) for method in METHODS}
        fold = np.array([found.fold[one] for one in ids])
        out[week] = Landmark(ids, day - 7.0 * week, died, fold, values)
    return out


def pooled(at: dict[int, Landmark], counts: dict[str, int] | None = None) -> np.ndarray:
    """AUC and Brier score of each method, the mean over landmarks and horizons, shape (methods, 2)."""
    scores = []
    for own in at.values():
        rows = (
            np.arange(len(own.ids))
            if counts is None
            else np.repeat(np.arange(len(own.ids)), [counts.get(one, 0) for one in own.ids])
        )
        scores += [
            [own.score(method, horizon, rows) for method in METHODS] for horizon in range(len(HORIZONS))
        ]
    return np.nanmean(np.array(scores), axis=0)


def bootstrapped(at: dict[int, Landmark], patients: list[str]) -> np.ndarray:
    """`pooled` of patients drawn with replacement, shape (bootstraps, methods, 2)."""
    rng, again = np.random.default_rng(0), []
    for _ in range(BOOTSTRAPS):
        drawn = rng.choice(len(patients), len(patients))
        names, counts = np.unique(drawn, return_counts=True)
        again.append(
            pooled(at, {patients[name]: int(count) for name, count in zip(names, counts, strict=True)})
        )
    return np.array(again)


def scores_table(at: dict[int, Landmark], which: int, title: str) -> list[str]:
    heads = [f"week {week}, {name}" for week, name in PLACES]
    lines = [f"## {title}", "", f"| | {' | '.join(heads)} |", "|" + " --- |" * (len(heads) + 1)]
    for method in METHODS:
        cells = [
            f"{at[week].score(method, list(HORIZON_DAYS).index(name))[which]:.3f}" for week, name in PLACES
        ]
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return [*lines, ""]


def differences_table(at: dict[int, Landmark], patients: list[str]) -> list[str]:
    """Means over the six, and each difference to the rulers, with intervals."""
    own, again = pooled(at), bootstrapped(at, patients)
    rulers = (KAPLAN_MEIER, "baseline size", "RECIST progression")

    def cell(method: int, ruler: str, which: int) -> str:
        other = METHODS.index(ruler)
        if method == other:
            return "-"
        low, high = np.quantile(again[:, method, which] - again[:, other, which], [0.025, 0.975])
        return f"{own[method, which] - own[other, which]:+.3f} ({low:+.3f} to {high:+.3f})"

    lines = []
    for which, name in enumerate(("AUC", "Brier score")):
        lines += [
            f"## {name}, mean of the six, and its difference ({'higher' if which == 0 else 'lower'} is better)",
            "",
            f"| | {name} | {' | '.join(f'to {ruler}' for ruler in rulers)} |",
            "|" + " --- |" * (len(rulers) + 2),
        ]
        for index, method in enumerate(METHODS):
            cells = [cell(index, ruler, which) for ruler in rulers]
            lines.append(f"| {method} | {own[index, which]:.3f} | {' | '.join(cells)} |")
        lines.append("")
    return lines


def calibration_tables(at: dict[int, Landmark]) -> list[str]:
    heads = [f"week {week}, {name}" for week, name in PLACES]
    lines = [
        "## Calibration in the large: mean predicted survival, percent",
        "",
        f"| | {' | '.join(heads)} |",
        "|" + " --- |" * (len(heads) + 1),
    ]

    def whole(method: str, week: int, name: str, groups: int = 1) -> list:
        own, horizon = at[week], list(HORIZON_DAYS).index(name)
        return calibration(
            own.survival[method][:, :, horizon].mean(axis=1), own.day, own.died, HORIZONS[horizon], groups
        )

    observed = [f"{100 * whole(KAPLAN_MEIER, week, name)[0].observed:.0f}" for week, name in PLACES]
    lines.append(f"| *observed* | {' | '.join(observed)} |")
    for method in METHODS:
        cells = [f"{100 * whole(method, week, name)[0].predicted:.0f}" for week, name in PLACES]
        lines.append(f"| {method} | {' | '.join(cells)} |")
    lines += [
        "",
        "## Calibration by thirds: predicted / observed survival 12 months after week 16, percent",
        "",
        "| | lowest third | middle | highest |",
        "| --- | --- | --- | --- |",
    ]
    for method in METHODS[:-1]:
        cells = [
            f"{100 * own.predicted:.0f} / {100 * own.observed:.0f}" for own in whole(method, 16, "12m", 3)
        ]
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return [*lines, ""]


def two_stage(shared: Observed) -> Observed:
    """The same with the posterior mean of each term for its draws."""
    return replace(shared, design=shared.design.mean(axis=1, keepdims=True))


def bias_table(trials: int, patients: int, seed: int) -> list[str]:
    """Fitted coefficients against the truth, over trials."""
    prior = shipped_priors()["docetaxel-nsclc-ct"]
    names = (
        "known terms",
        "two-stage link",
        "landmark link",
        "shared-parameter link",
        "shared-parameter link, prior fitted to the trial",
    )
    truth = np.array([*TRUE_COEFFICIENTS, TRUE_LOG_SCALE])
    found: dict[str, list[np.ndarray]] = {name: [] for name in names}
    deaths, scans, early = 0, 0, 0
    for trial in range(trials):
        simulated = simulated_trial(prior, patients, np.random.default_rng((seed, trial)))
        deaths += int(simulated.truth.dead.sum())
        counts = simulated.study.lesions.group_by("patient_id").len()["len"]
        scans, early = scans + int(counts.sum()), early + int((counts <= 2).sum())
        shared, own = (
            observed_rows(simulated.study, (), prior=one)[0]
            for one in (prior, population(simulated.study, seed))
        )
        landmark = observed_rows(simulated.study, LANDMARK_WEEKS, prior=prior)[0]
        every = (
            (simulated.truth, False),
            (two_stage(shared), False),
            (landmark, True),
            (shared, False),
            (own, False),
        )
        for name, (observed, is_clustered) in zip(names, every, strict=True):
            fitted = fit_link(observed, "log-normal", is_clustered=is_clustered)
            error = np.sqrt(np.diag(fitted.covariance))
            found[name].append(np.stack([fitted.parameters, error]))
        print(f"trial {trial + 1}", flush=True)
    terms = [*(term.name for term in FITTED_TERMS), "log_scale"]
    lines = [
        f"{trials} trials of {patients} patients from the prior docetaxel-nsclc-ct: {deaths / trials:.0f} deaths, "
        f"{scans / trials / patients:.1f} scans a patient, {100 * early / trials / patients:.0f} % with two or fewer.",
        "",
        f"| | {' | '.join(terms)} |",
        "|" + " --- |" * (len(terms) + 1),
        f"| *truth* | {' | '.join(f'{value:g}' for value in truth)} |",
    ]
    for name, rows in found.items():
        own = np.array(rows)
        mean, noise = own[:, 0].mean(axis=0), own[:, 0].std(axis=0, ddof=1) / np.sqrt(trials)
        covered = (np.abs(own[:, 0] - truth) <= 1.96 * own[:, 1]).mean(axis=0)
        cells = [f"{m:.2f} ± {n:.2f}; {100 * c:.0f} %" for m, n, c in zip(mean, noise, covered, strict=True)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return [
        *lines,
        "",
        "Mean over the trials ± its Monte-Carlo error; share of 95 % intervals that hold the truth.",
        "",
    ]


BIAS_TEXT = """\
Trials with informative death (`benchmarks/survival_simulation.py`): patients drawn from a prior, scans every six weeks,
death log-normal in baseline size, time to growth and growth with known coefficients, scans until the first progression
by the sum or death. Each link is fitted as `turnpoint fit --survival` does, sizes read by the prior that the patients
were drawn from, and once by one fitted to the same trial. *Known terms*: the same model when the true terms are known.
*Two-stage*: each term's posterior mean from all scans, as if it were known."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bias", action="store_true", help="simulated trials with informative death instead")
    parser.add_argument("--repeats", type=int, default=4, help="of the five folds")
    parser.add_argument("--trials", type=int, default=30, help="with --bias")
    parser.add_argument("--patients", type=int, default=200, help="of a trial, with --bias")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--write", action="store_true", help="write the page in docs/results")
    chosen = parser.parse_args()
    start = time.perf_counter()
    if chosen.bias:
        page, title, text = "survival-bias.md", "The bias of a two-stage link", BIAS_TEXT
        body = bias_table(chosen.trials, chosen.patients, chosen.seed)
    else:
        page, title, text = "survival.md", "Survival at landmarks", __doc__.split("\n\n", 1)[1].strip()
        study = ffcd()
        found = predictions(study, chosen.repeats)
        at = landmarks(study, found)
        fits = ", ".join(f"{name} {found.refused[name]}" for name in LINKS[2:])
        counted = ", ".join(
            f"week {week} {len(own.ids)} patients, "
            + " and ".join(
                f"{int((own.died & (own.day <= h)).sum())} deaths by {n}" for n, h in HORIZON_DAYS.items()
            )
            for week, own in at.items()
        )
        refused = (
            f"Fits refused of {FOLDS * chosen.repeats}, Kaplan and Meier's estimate in their place: {fits}."
        )
        body = [f"Alive at {counted}. {refused}", ""]
        body += scores_table(at, 0, "AUC of death by the horizon") + scores_table(at, 1, "Brier score")
        body += differences_table(at, study.patient_ids) + calibration_tables(at)
    stamp = (
        f"{datetime.now(tz=UTC).date()}, commit {commit()}, {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, Turnpoint {tp.__version__}; `python benchmarks/survival.py"
        f"{' --bias' if chosen.bias else ''}`; {time.perf_counter() - start:.0f} s."
    )
    print("\n".join(body))
    if chosen.write:
        (RESULTS / page).write_text("\n".join([f"# {title}", "", text, "", stamp, "", *body]).rstrip() + "\n")


if __name__ == "__main__":
    main()
