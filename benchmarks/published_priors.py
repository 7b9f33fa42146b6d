"""Priors from published models, and the generic prior, on patients unseen: `python benchmarks/published_priors.py`.

1. Cohorts drawn from each published model against the paper's own figures: the mean over cohorts of the paper's size,
   and the SD from cohort to cohort, which is what its n allows. TTG and ratio of the first-line lung model once
   more as the paper has them, estimated from each patient's few sizes.
2. Real cohorts of the same setting, patients held out: the published prior beside the generic one (both without
   anything read in that disease), the published one with the reading that its own residual implies, the prior fitted to
   the other folds, and the mixture of published and fitted (one normal with the mean and covariance of an equal
   mixture; reading as fitted). The mixture wins where it is better by more than one standard error; it would be
   shipped where both are of one drug.
3. The generic prior with one disease left out at a time, beside the rule before it: half-way between one CT and one
   marker cohort, every SD times 1.5.

Scores of the next visit: CRPS on the log scale and coverage of the 80 % interval as `benchmarks/forecast.py`; the log
score is the log marginal likelihood of all a patient's readings under the filter alone, a patient. Differences with
standard errors over patients (bootstrap).
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from forecast import auc, crps, forecasts_by, within
from forecast_baselines import Task, task
from provenance import commit
from scipy.optimize import least_squares

import turnpoint as tp
from turnpoint.model.error_features import joined, training_origins
from turnpoint.model.error_regression_fit import fit_error_regression
from turnpoint.model.generic import Source, generic_moments, read_as
from turnpoint.model.parameters import DYNAMICS_NAMES, READING_NAMES, SUM_OF_DIAMETERS
from turnpoint.model.population import log_evidence, starting_prior
from turnpoint.model.prior import ANY_MARKER, GENERIC, Prior, choose_prior, shipped_priors
from turnpoint.model.series import parts_of
from turnpoint.study.study import Study
from turnpoint.virtual.published import PUBLISHED_MODELS, cohort_of, lung_first_line, lung_pooled
from turnpoint.virtual.published.model import Individuals, Summary
from turnpoint.workflows.left_out import folds_of
from turnpoint.workflows.prior_from import fitted_to
from turnpoint.workflows.priors import usable_readings

DATA = Path(os.environ.get("TURNPOINT_DATA", Path(__file__).parents[2] / "shared" / "data"))
RESULTS = Path(__file__).parents[1] / "docs" / "results" / "published-priors.md"
COHORTS = 6
FOLDS = 5
BOOTSTRAPS = 300
WIDER = 1.5  # of the rule before
DISEASE = {
    "oak-docetaxel": "nsclc",
    "oak-atezolizumab": "nsclc",
    "ffcd2000-05-colorectal": "colorectal",
    "ascent2-docetaxel-psa": "prostate",
    "abiraterone-adaptive-psa": "prostate",
}
SHIPPED_AS = {
    "oak-docetaxel": "docetaxel-nsclc-ct",
    "oak-atezolizumab": "immunotherapy-nsclc-ct",
    "ffcd2000-05-colorectal": "chemotherapy-colorectal-ct",
    "ascent2-docetaxel-psa": "docetaxel-prostate-psa",
}
IMAGING = ("oak-docetaxel", "oak-atezolizumab", "ffcd2000-05-colorectal")
SAME_SETTING = {
    "oak-docetaxel": ("docetaxel-nsclc-ct-published", "carboplatin-paclitaxel-nsclc-ct"),
    "oak-atezolizumab": ("pembrolizumab-nsclc-ct",),
    "ascent2-docetaxel-psa": ("docetaxel-prostate-psa-published",),
}
SAME_DRUG = ("docetaxel-nsclc-ct-published", "docetaxel-prostate-psa-published")
KEPT = len(DYNAMICS_NAMES) + 1  # dynamics and background: what a published model tells


@dataclass(frozen=True)
class Cohort:
    """A real cohort, its forecasts asked for, and what it is followed by."""

    study: Study
    task: Task
    quantity: str


def cohorts() -> dict[str, Cohort]:
    found = {}
    for name in DISEASE:
        study = tp.read(DATA / name)
        asked = task(study)
        found[name] = Cohort(study, asked, asked.keys["quantity"][0])
    return found


def all_sources(real: dict[str, Cohort]) -> list[Source]:
    """Every population, each by a prior fitted to it."""
    shipped = shipped_priors()
    people = [
        Source(
            shipped[SHIPPED_AS[name]]
            if name in SHIPPED_AS
            else tp.fit(real[name].study, name=name, courses=0),
            disease,
        )
        for name, disease in DISEASE.items()
    ]
    virtual = [
        Source(
            fitted_to(model),
            model.tumour_type,
            "estimated residual" if model.estimated else "chosen residual",
        )
        for model in PUBLISHED_MODELS.values()
    ]
    return [*people, *virtual]


class Generics:
    """Generic priors without one disease, by this rule and by the one before."""

    def __init__(self, sources: Sequence[Source], real: dict[str, Cohort]) -> None:
        """From all populations; what a prior may not have seen is left out when it is made."""
        self.sources, self.real = sources, real
        self.start = starting_prior(GENERIC, [SUM_OF_DIAMETERS, ANY_MARKER])
        self.origins = {
            name: training_origins(
                usable_readings(real[name].study), SUM_OF_DIAMETERS, real[name].study.doses
            )
            for name in IMAGING
        }

    def now(self, disease: str) -> Prior:
        """By `model.generic`."""
        mean, covariance = generic_moments(
            [own for own in self.sources if own.disease != disease], self.start
        )
        return self._with(disease, mean, covariance)

    def before(self, disease: str) -> Prior:
        """From docetaxel in lung and in prostate cancer; where one is left out, the colorectal cohort, or no marker."""
        shipped = shipped_priors()
        imaging = shipped["chemotherapy-colorectal-ct" if disease == "nsclc" else "docetaxel-nsclc-ct"]
        marker = None if disease == "prostate" else shipped["docetaxel-prostate-psa"]
        mean, variance = self.start.mean.copy(), np.diag(self.start.covariance).copy()
        dynamics, first = slice(0, len(DYNAMICS_NAMES)), len(DYNAMICS_NAMES)
        known = [own for own in (imaging, marker) if own is not None]
        means = np.stack([own.mean[dynamics] for own in known])
        mean[dynamics] = means.mean(axis=0)
        within_ = np.mean([np.diag(own.covariance)[dynamics] for own in known], axis=0)
        variance[dynamics] = WIDER**2 * (within_ + means.var(axis=0))
        for position, own in enumerate((imaging, marker)):
            if own is not None:
                here = slice(
                    first + position * len(READING_NAMES), first + (position + 1) * len(READING_NAMES)
                )
                there = slice(first, first + len(READING_NAMES))
                mean[here], variance[here] = own.mean[there], WIDER**2 * np.diag(own.covariance)[there]
        mean[-1], variance[-1] = self.start.mean[-1], self.start.covariance[-1, -1]
        return self._with(disease, mean, np.diag(variance))

    def _with(self, disease: str, mean: np.ndarray, covariance: np.ndarray) -> Prior:
        seen = joined([own for name, own in self.origins.items() if DISEASE[name] != disease])
        regression = fit_error_regression(seen, is_diameter=True)
        assert regression is not None
        return replace(
            shipped_priors()[GENERIC],
            mean=mean,
            covariance=covariance,
            error_regressions={SUM_OF_DIAMETERS: regression},
        )


@dataclass(frozen=True)
class Scores:
    """How one prior forecast one cohort."""

    crps: np.ndarray  # of each forecast
    patients: np.ndarray
    log_scores: np.ndarray  # of each patient
    coverage: float
    auc: float


def scored(parts: Sequence[tuple[Prior, Study]], quantity: str) -> Scores:
    """Forecasts of the patients of each part by its prior."""
    quantiles, truth, chances, events, patients, evidence = [], [], [], [], [], []
    for prior, study in parts:
        own, asked = choose_prior([quantity], "", prior), task(study)
        made = forecasts_by(own, study, asked)
        quantiles.append(made.log_quantiles)
        chances.append(made.p_progression)
        truth.append(asked.log_value)
        events.append(asked.progressed)
        patients.append(asked.keys["patient_id"].to_numpy())
        evidence.append(log_evidence(own, parts_of(study), study.doses))
    q, y = np.concatenate(quantiles), np.concatenate(truth)
    return Scores(
        crps(q, y),
        np.concatenate(patients),
        np.concatenate(evidence),
        within(q, y, 80),
        auc(np.concatenate(chances), np.concatenate(events)),
    )


def difference(ours: Scores, theirs: Scores) -> tuple[float, float]:
    """Of the mean CRPS, and its standard error."""
    _, patient = np.unique(ours.patients, return_inverse=True)
    total, count = np.bincount(patient, ours.crps - theirs.crps), np.bincount(patient)
    rng = np.random.default_rng(0)
    rows = rng.integers(len(count), size=(BOOTSTRAPS, len(count)))
    drawn = total[rows].sum(axis=1) / count[rows].sum(axis=1)
    return float(total.sum() / count.sum()), float(drawn.std())


def row(name: str, found: Scores, against: Scores) -> str:
    apart, error = difference(found, against)
    better = found.log_scores - against.log_scores
    se = better.std() / np.sqrt(len(better))
    return (
        f"| {name} | {found.crps.mean():.4f} | {apart:+.4f} ({error:.4f}) | {100 * found.coverage:.1f} | "
        f"{found.auc:.3f} | {better.mean():+.2f} ({se:.2f}) |"
    )


HEAD = (
    "| prior | CRPS | less generic (SE) | coverage 80 % | AUC | log score a patient, less generic (SE) |\n"
    "| --- | --- | --- | --- | --- | --- |"
)


def mixture(published: Prior, fitted: Prior) -> Prior:
    """One normal with the moments of an equal mixture of dynamics and background; the rest as fitted."""
    kept = slice(0, KEPT)
    mean, covariance = fitted.mean.copy(), fitted.covariance.copy()
    apart = (published.mean[kept] - fitted.mean[kept]) / 2.0
    mean[kept] = (published.mean[kept] + fitted.mean[kept]) / 2.0
    covariance[:KEPT, KEPT:], covariance[KEPT:, :KEPT] = 0.0, 0.0
    both = (published.covariance[kept, kept] + fitted.covariance[kept, kept]) / 2.0
    covariance[kept, kept] = both + np.outer(apart, apart)
    return replace(fitted, mean=mean, covariance=covariance)


def same_setting(real: dict[str, Cohort], sources: Sequence[Source], generics: Generics) -> list[str]:
    lines = []
    for name, models in SAME_SETTING.items():
        own = real[name]
        folds = folds_of(own.study, FOLDS)
        generic = generics.now(DISEASE[name])
        fits = [tp.fit(train, name="train", courses=0) for train, _ in folds]
        against = scored([(generic, test) for _, test in folds], own.quantity)
        lines += [f"### {name}", "", HEAD, row("generic, nothing of this disease", against, against)]
        fitted = scored(list(zip(fits, [test for _, test in folds], strict=True)), own.quantity)
        lines.append(row("fitted to the other folds", fitted, against))
        for model in models:
            (source,) = [one.prior for one in sources if one.prior.name == model]
            published = read_as(source, choose_prior([own.quantity], "", generic))
            alone = scored([(published, test) for _, test in folds], own.quantity)
            itself = replace(
                source, error_regressions=published.error_regressions, filter_weight=published.filter_weight
            )
            residual = scored([(itself, test) for _, test in folds], own.quantity)
            lines.append(row(f"published: {model}, read as its residual says", residual, against))
            mixed = [(mixture(published, fit), test) for fit, (_, test) in zip(fits, folds, strict=True)]
            both = scored(mixed, own.quantity)
            lines += [
                row(f"published: {model}", alone, against),
                row("mixture of it and the fitted", both, against),
            ]
            apart, error = difference(both, fitted)
            ruling = "the mixture wins" if apart < -error else "the mixture does not win"
            if model not in SAME_DRUG:
                ruling += "; another drug or line, so the fitted one stays"
            lines.append(f"| *mixture less fitted* | | {apart:+.4f} ({error:.4f}) | | | *{ruling}* |")
            say(lines[-1])
        lines.append("")
    return lines


def one_disease_left_out(real: dict[str, Cohort], generics: Generics) -> list[str]:
    lines = [
        "| left out: read | generic before: CRPS | coverage 80 % | now: CRPS | coverage 80 % | now less before (SE) | "
        "log score a patient, now less before (SE) |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, disease in DISEASE.items():
        own = real[name]
        before, now = (
            scored([(prior, own.study)], own.quantity)
            for prior in (generics.before(disease), generics.now(disease))
        )
        apart, error = difference(now, before)
        better = now.log_scores - before.log_scores
        lines.append(
            f"| {disease}: {name} | {before.crps.mean():.4f} | {100 * before.coverage:.1f} | {now.crps.mean():.4f} | "
            f"{100 * now.coverage:.1f} | {apart:+.4f} ({error:.4f}) | {better.mean():+.2f} "
            f"({better.std() / np.sqrt(len(better)):.2f}) |"
        )
        say(lines[-1])
    return lines


def against_the_papers() -> list[str]:
    lines = [
        "| model, n | figure | paper | ours (SD from cohort to cohort) | within what n allows | where |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for model in PUBLISHED_MODELS.values():
        drawn = [model.individuals(model.patients, np.random.default_rng(seed)) for seed in range(COHORTS)]
        lines += [_figure(f"{model.name}, {model.patients}", own, drawn) for own in model.summaries]
        say(lines[-1])
    pooled = [lung_pooled.all_arms(786, np.random.default_rng(seed)) for seed in range(COHORTS)]
    lines += [_figure("the twelve arms of Struemper 2025, 786", own, pooled) for own in lung_pooled.POOLED]
    lines += estimated()
    return lines


def _figure(name: str, summary: Summary, drawn: Sequence[Individuals]) -> str:
    values = [np.quantile(summary.of(own), summary.level) for own in drawn]
    low, high = summary.published
    mean, sd = float(np.mean(values)), float(np.std(values, ddof=1))
    inside = "yes" if low - 2 * sd <= mean <= high + 2 * sd else "no"
    paper = f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
    verdict = inside if summary.compared else "not compared"
    return f"| {name} | {summary.name} | {paper} | {mean:.4g} ({sd:.2g}) | {verdict} | {summary.where} |"


def estimated() -> list[str]:
    """TTG and ratio of each patient by the most probable parameters from their own sizes, as the paper's are."""
    model = PUBLISHED_MODELS["carboplatin-paclitaxel-nsclc-ct"]
    study = cohort_of(model).study
    sizes = study.lesions.filter(status="measured").sort("patient_id", "day")
    found = np.array(
        [
            _estimated(own["day"].to_numpy(), own["diameter_mm"].to_numpy())
            for _, own in sizes.group_by("patient_id")
        ]
    )
    published = {
        "TTG, days": ((-6.0, 28.0), (93.0, 125.0), (312.0, 399.0)),
        "size at week 8 over baseline": ((0.24, 0.27), (0.69, 0.77), (0.99, 1.25)),
    }
    lines = []
    for column, (figure, ends) in enumerate(published.items()):
        values = found[:, column]
        for level, (low, high) in zip((0.025, 0.5, 0.975), ends, strict=True):
            rng = np.random.default_rng(0)
            value = np.quantile(values, level)
            sd = np.std([np.quantile(rng.choice(values, len(values)), level) for _ in range(200)])
            inside = "yes" if low - 2 * sd <= value <= high + 2 * sd else "no"
            lines.append(
                f"| {model.name}, {model.patients} | {figure}, from each patient's sizes, {100 * level:g} % | "
                f"{low:g} to {high:g} | {value:.4g} ({sd:.2g}) | {inside} | Results, TS model: of the two arms |"
            )
    return lines


def _estimated(days: np.ndarray, sizes: np.ndarray) -> tuple[float, float]:
    """TTG and the ratio at week 8."""
    median = np.log(list(lung_first_line.MEDIAN.values()))
    sd = np.array(list(lung_first_line.SD_LOG.values()))

    def residuals(standard: np.ndarray) -> np.ndarray:
        own = dict(zip(lung_first_line.MEDIAN, np.exp(median + sd * standard)[:, None], strict=True))
        curve = lung_first_line.size_mm(own, days.astype(float))[0]
        return np.concatenate([(sizes - curve) / lung_first_line.SD_READING_MM, standard])

    found = least_squares(residuals, np.zeros(4))
    own = dict(zip(lung_first_line.MEDIAN, np.exp(median + sd * found.x)[:, None], strict=True))
    return float(lung_first_line.growth_day(own)[0]), float(lung_first_line.week_8_ratio(own)[0])


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    real = cohorts()
    papers = against_the_papers()
    sources = all_sources(real)
    say("fitted")
    generics = Generics(sources, real)
    left_out = one_disease_left_out(real, generics)
    settings = same_setting(real, sources, generics)
    where = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    page = [
        "# Priors from published models, and the generic prior",
        "",
        (__doc__ or "").split("`.\n\n", 1)[1].strip(),
        "",
        f"{datetime.now(tz=UTC).date()}, commit {commit()}, {where}, Turnpoint {tp.__version__}. Data: the cohorts of "
        "`docs/results/forecast.md`.",
        "",
        "## Cohorts against the papers' own figures",
        "",
        *papers,
        "",
        "## Real cohorts of the same setting, patients held out",
        "",
        *settings,
        "## The generic prior, one disease left out",
        "",
        *left_out,
        "",
    ]
    RESULTS.write_text("\n".join(page), encoding="utf-8")
    print("\n".join(page))


if __name__ == "__main__":
    main()
