"""The filter against NUTS on the same model: `python benchmarks/nuts.py` (needs the extra `nuts`).

The density is written out in full, without the filter's shortcuts: every level is a latent variable of its own, a jump
is a mixture of two normals (the filter merges its branches into one normal after each reading), a value that stays at
the floor is a mixture (the filter keeps one normal), and no particle stands for the prior. Fifty real patients, chosen
by rule (every k-th identifier among those with four readings or more): OAK docetaxel, ASCENT-2 PSA, FFCD colorectal,
each with its shipped prior, at the last visit.

For every transformed parameter: |difference of means| and |difference of the 5 and 95 % bounds|, in posterior SDs.
NUTS has Monte-Carlo error of its own: 1/√ESS of an SD for a mean, about twice that for a bound. The time of NUTS is
that of warm-up and sampling, without compilation; of the filter, that of posterior and draws at every visit.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from provenance import commit
from scipy.special import logit

import turnpoint as tp
from turnpoint.model.filter import posteriors
from turnpoint.model.parameters import (
    DYNAMICS_NAMES,
    READING_NAMES,
    SUM_OF_DIAMETERS,
    dynamics_of,
    reading_of,
)
from turnpoint.model.prior import Prior, named_prior
from turnpoint.model.series import Series, batches, parts_of
from turnpoint.study.study import Study

try:
    import jax
    import numpyro
    from numpyro.diagnostics import effective_sample_size, split_gelman_rubin
    from numpyro.infer import MCMC, NUTS
    from nuts_density import log_density_terms, model_of
except ImportError:
    sys.exit("This benchmark needs NumPyro: pip install turnpoint[nuts]")

DATA = Path(os.environ.get("TURNPOINT_DATA", Path(__file__).parents[2] / "shared" / "data"))
RESULTS = Path(__file__).parents[1] / "docs" / "results" / "nuts.md"
SETS = (
    ("oak-docetaxel", "docetaxel-nsclc-ct", 25),
    ("ascent2-docetaxel-psa", "docetaxel-prostate-psa", 15),
    ("ffcd2000-05-colorectal", "chemotherapy-colorectal-ct", 10),
)
FEWEST_READINGS = 4
CHAINS, WARMUP, SAMPLES = 4, 1000, 1000
DRAWS = 8192
BANKS = (2048, 8192, 32768)
MEAN_GOAL, BOUND_GOAL = 0.1, 0.2
MIXED_ESS, MIXED_RHAT = 400, 1.01
RUNS_KEPT = 15
LONGEST = 16  # readings; longer series would be compiled for again


@dataclass(frozen=True)
class Patient:
    """One patient's only series."""

    study: Study
    prior: Prior
    series: Series


def chosen_patients(dataset: str, prior_name: str, count: int) -> list[Patient]:
    study, prior = tp.read(DATA / dataset), named_prior(prior_name)
    readings = parts_of(study)
    lengths = readings.group_by("patient_id").len().sort("patient_id")
    able = lengths.filter((lengths["len"] >= FEWEST_READINGS) & (lengths["len"] <= LONGEST))["patient_id"]
    ids = able.to_list()[:: max(len(able) // count, 1)][:count]
    found = []
    for patient_id in ids:
        own = study.only([patient_id])
        (batch,) = batches(parts_of(own), own.doses, list(prior.quantities), 1)
        found.append(Patient(own, prior, batch.series[prior.quantities[0]][0]))
    return found


@dataclass(frozen=True)
class Draws:
    """Draws of each transformed parameter, shape (n, 12), of p_turned's indicator, and how good they are."""

    transformed: np.ndarray
    turning_week: np.ndarray
    resistant_share: np.ndarray
    ess: float = np.nan
    rhat: float = np.nan
    divergences: int = 0


def by_nuts(patients: list[Patient], seed: int) -> Iterator[tuple[Draws, float]]:
    """Draws of each patient and the seconds they took, after one run that compiles."""
    for index, patient in enumerate(patients):
        data = log_density_terms(patient.series, patient.prior, LONGEST)
        compiles = index % RUNS_KEPT == 0
        if compiles:
            jax.clear_caches()  # runs leave compiled code behind, until the kernel's table of mappings is full
            mcmc = _sampler(is_diameter=patient.prior.quantities[0] == SUM_OF_DIAMETERS)
        for _ in range(2 if compiles else 1):
            start = time.perf_counter()
            mcmc.run(jax.random.PRNGKey(seed + index), data, extra_fields=("diverging",))
            z = np.asarray(mcmc.get_samples(group_by_chain=True)["z"])
            seconds = time.perf_counter() - start
        root = np.linalg.cholesky(patient.prior.covariance)
        theta = patient.prior.mean + z @ root.T
        ess = min(float(effective_sample_size(theta[..., k])) for k in range(theta.shape[-1]))
        rhat = max(float(split_gelman_rubin(theta[..., k])) for k in range(theta.shape[-1]))
        divergences = int(np.asarray(mcmc.get_extra_fields()["diverging"]).sum())
        yield _draws(theta.reshape(-1, theta.shape[-1]), patient, ess, rhat, divergences), seconds


def _sampler(*, is_diameter: bool) -> MCMC:
    return MCMC(
        NUTS(model_of(is_diameter=is_diameter), target_accept_prob=0.95),
        num_warmup=WARMUP,
        num_samples=SAMPLES,
        num_chains=CHAINS,
        chain_method="vectorized",
        progress_bar=False,
        jit_model_args=True,
    )


def _draws(theta: np.ndarray, patient: Patient, ess: float, rhat: float, divergences: int) -> Draws:
    dynamics = dynamics_of(theta)
    reading = reading_of(theta, patient.prior.quantities[0], 0)
    theta = theta.copy()
    theta[:, len(DYNAMICS_NAMES) + READING_NAMES.index("log_repeat_window")] = np.log(reading.repeat_window)
    last = patient.series.length[0] - 1
    on, off = patient.series.on_weeks[0, last], patient.series.off_weeks[0, last]
    return Draws(
        theta,
        dynamics.turning_week(on, off),
        dynamics.resistant_share(on, off),
        ess,
        rhat,
        divergences,
    )


def by_filter(patient: Patient, particles: int) -> Draws:
    """The filter's draws at the last visit."""
    *_, posterior = posteriors(
        parts_of(patient.study), patient.study, patient.prior, particles=particles, draws=DRAWS
    )
    last = np.array([len(posterior.patient) - 1])
    here = posterior.at(last)
    d, quantity = here.dynamics, patient.prior.quantities[0]
    reading = here.quantities[quantity].reading
    background = logit(reading.background) if reading.is_diameter else np.log(reading.background)
    columns = [
        np.log(d.kill_per_week),
        np.log(d.regrowth_per_week),
        logit(d.resistant_fraction),
        np.log(d.off_growth_per_week),
        background,
        np.log(reading.sd_drift),
        np.log(reading.sd_reading),
        logit(reading.repeat),
        np.log(reading.repeat_window),
        logit(reading.jump),
        np.log(reading.sd_jump),
        np.log(reading.surge),
    ]
    on, off = here.on_weeks, here.off_weeks
    return Draws(np.concatenate(columns).T, d.turning_week(on, off)[0], d.resistant_share(on, off)[0])


def differences(nuts: Draws, own: Draws) -> np.ndarray:
    """|mean|, |5 %| and |95 %| differences of each parameter in SDs of NUTS, shape (12, 3)."""
    sd = nuts.transformed.std(axis=0)
    found = [np.abs(nuts.transformed.mean(axis=0) - own.transformed.mean(axis=0)) / sd]
    for level in (0.05, 0.95):
        apart = np.quantile(nuts.transformed, level, axis=0) - np.quantile(own.transformed, level, axis=0)
        found.append(np.abs(apart) / sd)
    return np.stack(found, axis=1)


@dataclass(frozen=True)
class Compared:
    """One patient's comparison: by bank size the differences (12, 3) and what people see (3,)."""

    dataset: str
    seconds: float
    quality: tuple[float, float, int]
    apart: dict[int, np.ndarray]
    seen: dict[int, tuple[float, float, float]]

    def to_json(self) -> str:
        """One line of the file of finished patients."""
        apart = {str(size): values.round(5).tolist() for size, values in self.apart.items()}
        seen = {str(size): values for size, values in self.seen.items()}
        return json.dumps([self.dataset, self.seconds, self.quality, apart, seen])

    @classmethod
    def from_json(cls, line: str) -> Compared:
        """What `to_json` wrote."""
        dataset, seconds, quality, apart, seen = json.loads(line)
        return cls(
            dataset,
            seconds,
            tuple(quality),
            {int(size): np.array(values) for size, values in apart.items()},
            {int(size): tuple(values) for size, values in seen.items()},
        )


def compared(dataset: str, patient: Patient, nuts: Draws, seconds: float) -> Compared:
    last = patient.series.length[0] - 1
    now = patient.series.on_weeks[0, last] + patient.series.off_weeks[0, last]
    apart, seen = {}, {}
    for particles in BANKS:
        own = by_filter(patient, particles)
        apart[particles] = differences(nuts, own)
        share_sd = max(float(nuts.resistant_share.std()), 1e-9)
        seen[particles] = (
            float(abs(nuts.resistant_share.mean() - own.resistant_share.mean()) / share_sd),
            float(abs(np.median(nuts.turning_week) - np.median(own.turning_week))),
            float(abs((nuts.turning_week <= now).mean() - (own.turning_week <= now).mean())),
        )
    return Compared(dataset, seconds, (nuts.ess, nuts.rhat, nuts.divergences), apart, seen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--sets", nargs="*", default=[dataset for dataset, *_ in SETS])
    parser.add_argument("--kept", type=Path, help="file of finished patients: read first, added to")
    chosen = parser.parse_args()
    done = []
    if chosen.kept is not None and chosen.kept.exists():
        done = [Compared.from_json(line) for line in chosen.kept.read_text(encoding="utf-8").splitlines()]
    for dataset, prior_name, count in SETS:
        if dataset not in chosen.sets:
            continue
        finished = sum(one.dataset == dataset for one in done)
        patients = chosen_patients(dataset, prior_name, count)[finished:]
        for patient, (nuts, seconds) in zip(patients, by_nuts(patients, seed=finished), strict=True):
            done.append(compared(dataset, patient, nuts, seconds))
            if chosen.kept is not None:
                with chosen.kept.open("a", encoding="utf-8") as file:
                    file.write(done[-1].to_json() + "\n")
            print(dataset, f"{seconds:.1f} s, ESS {nuts.ess:.0f}, R-hat {nuts.rhat:.3f}", flush=True)
    text = page(done)
    print(text)
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(text, encoding="utf-8")


def filter_seconds(dataset: str, prior_name: str) -> float:
    """Seconds a patient for draws at every visit of the whole study."""
    study = tp.read(DATA / dataset)
    start = time.perf_counter()
    for _ in posteriors(parts_of(study), study, named_prior(prior_name)):
        pass
    return (time.perf_counter() - start) / len(study.patient_ids)


def page(done: list[Compared]) -> str:
    """The results as Markdown."""
    names = [*DYNAMICS_NAMES, *READING_NAMES]
    quality = np.array([one.quality for one in done])
    apart = {particles: [one.apart[particles] for one in done] for particles in BANKS}
    mixed = (quality[:, 0] >= MIXED_ESS) & (quality[:, 1] <= MIXED_RHAT)
    people = {particles: [one.seen[particles] for one in done] for particles in BANKS}
    rows = [
        (
            dataset,
            sum(one.dataset == dataset for one in done),
            float(np.mean([one.seconds for one in done if one.dataset == dataset])),
            filter_seconds(dataset, prior_name),
        )
        for dataset, prior_name, _ in SETS
        if any(one.dataset == dataset for one in done)
    ]
    lines = [
        "# The filter against NUTS",
        "",
        (__doc__ or "").split("\n\n", 1)[1].strip(),
        "",
        f"{datetime.now(tz=UTC).date()}, commit {commit()}, {platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, NumPyro {numpyro.__version__}, JAX {jax.__version__}. {CHAINS} chains, {WARMUP} "
        f"warm-up steps and {SAMPLES} draws each, {len(quality)} patients. Smallest effective sample size of a "
        f"parameter: median {np.median(quality[:, 0]):.0f}, least {quality[:, 0].min():.0f}; largest R-hat "
        f"{quality[:, 1].max():.3f}; divergences {int(quality[:, 2].sum())} in "
        f"{len(quality) * CHAINS * SAMPLES} draws.",
        "",
        "## Differences in posterior SDs, over patients and parameters",
        "",
        f"Well mixed: the {int(mixed.sum())} patients whose chains have an effective size of {MIXED_ESS} or more and "
        f"an R-hat of {MIXED_RHAT} or less in every parameter; in the others NUTS itself is not sure to 0.05 SD.",
        "",
        "| patients | particles | mean: median | 90 % | largest | within 0.1 "
        "| bounds: median | 90 % | largest | within 0.2 |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    chosen = {"all": np.ones_like(mixed), "well mixed": mixed}
    for who, particles in [(who, particles) for who in chosen for particles in BANKS]:
        every = np.stack(apart[particles])[chosen[who]]
        cells = []
        for values, goal in ((every[..., 0], MEAN_GOAL), (every[..., 1:], BOUND_GOAL)):
            cells += [f"{np.median(values):.3f}", f"{np.quantile(values, 0.9):.3f}", f"{values.max():.3f}"]
            cells.append(f"{100 * (values <= goal).mean():.1f} %")
        lines.append(f"| {who} | {particles} | " + " | ".join(cells) + " |")
    default = np.stack(apart[BANKS[0]])
    lines += [
        "",
        f"## By parameter, {BANKS[0]} particles",
        "",
        "| parameter | mean: median | largest | within 0.1 | bounds: median | largest | within 0.2 |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for index, name in enumerate(names):
        mean, bounds = default[:, index, 0], default[:, index, 1:]
        lines.append(
            f"| {name} | {np.median(mean):.3f} | {mean.max():.3f} | {100 * (mean <= MEAN_GOAL).mean():.0f} % "
            f"| {np.median(bounds):.3f} | {bounds.max():.3f} | {100 * (bounds <= BOUND_GOAL).mean():.0f} % |"
        )
    lines += [
        "",
        "## What people see",
        "",
        "| particles | R(t), SDs: median | largest | turning week: median | largest | p_turned: median | largest |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for particles, seen in people.items():
        table = np.array(seen)
        cells = [f"{value:.3f}" for column in table.T for value in (np.median(column), column.max())]
        lines.append(f"| {particles} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "## Time",
        "",
        "| data | patients | NUTS, s a patient (last visit) | filter, s a patient (every visit) | ratio |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {dataset} | {count} | {nuts:.2f} | {own:.5f} | {nuts / own:,.0f} |"
        for dataset, count, nuts, own in rows
    ]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
