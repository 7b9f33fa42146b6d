"""Speed of `assess`: `python benchmarks/assess.py` (some minutes; `--patients 10000` for a smaller largest study).

Virtual patients: courses drawn from the shipped prior docetaxel-nsclc-ct with the model's own simulator
(`model.simulate`, seed 0), eight sums of diameters six weeks apart, first sums drawn from those of OAK docetaxel; one
sum in 200 is cut off at 500 mm, the largest a study may have. Each line is one fresh process that reads the study (not
counted), assesses three patients (imports and threads are not what is measured) and then the whole study, with this
prior and the default particles unless said otherwise. Memory is the peak of that process, its study among it, plus the
peak of each worker process it started. CPU seconds are those of all of them: with nothing else on the machine about
twice the seconds.

Courses of the prior are what it is best at; those *from elsewhere* come from sensitive and resistant cells whose rates
have SDs of 1 (log), shares of 1.5 (logit), reading errors of 6 %, and most patients then get particles of their own.

The bound: the filter's arithmetic for numbers as a plain C loop (`benchmarks/filter_loop.c`, compiled where there is a
`cc`), one thread, as many particle-visits. `assess` says more than the filter does: states, dates, causes, and draws of
the next half year at every visit.

Beside it, in the same run: one least-squares regression-growth fit (g, d, φ) for each patient with SciPy, at the last
visit only, as a pharmacometrician would do it; and NUTS on the same model at the last visit (`benchmarks/nuts.py`),
where NumPyro is installed. `assess` answers at every visit, so the fair ratio is that of visits; that of patients is
beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import numpy as np
import polars as pl
from provenance import commit
from scipy.optimize import OptimizeWarning, curve_fit

import turnpoint as tp
from turnpoint.model.filter import DEFAULT_PARTICLES
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.pareto import TRUSTED_BELOW, pareto_k
from turnpoint.model.prior import named_prior
from turnpoint.model.series import batches, parts_of, readings_of
from turnpoint.model.simulate import simulate_courses
from turnpoint.model.weighing import LARGEST_TRUSTED_WEIGHT, weigh

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "assess.md"
OAK = Path(str(resources.files("turnpoint"))) / "datasets" / "oak-docetaxel"
PRIOR = "docetaxel-nsclc-ct"
PATIENTS, VISITS, WEEKS_APART = 100_000, 8, 6
SMALLEST_MM, LARGEST_MM = 5.0, 500.0
C_LOOP, C_SERIES = Path(__file__).with_name("filter_loop.c"), 10_000
LEAST_SQUARES_PATIENTS = 1_000
ACCURACY_PATIENTS, REFERENCE_PARTICLES = 300, 2**16
NUTS_PATIENTS = 3


@dataclass(frozen=True)
class Measured:
    """One run of `assess`."""

    patients: int
    visits: int
    particles: int
    seconds: float
    cpu_seconds: float
    mebibytes: float
    workers: int

    @property
    def per_second(self) -> float:
        """Patients a second."""
        return self.patients / self.seconds


def write_study(folder: Path, patients: int, visits: int) -> None:
    """A study folder of virtual patients with one target lesion each."""
    days = [7 * WEEKS_APART * index for index in range(visits)]
    schedule = pl.DataFrame(
        {"patient_id": ["D"] * visits, "quantity": [SUM_OF_DIAMETERS] * visits, "day": days}
    )
    first = readings_of(tp.read(OAK)).sort("day").group_by("patient_id").agg(pl.col("value").first())
    start = {SUM_OF_DIAMETERS: first["value"].sort().to_numpy()}
    rng = np.random.default_rng(0)
    courses = simulate_courses(named_prior(PRIOR), schedule, start, rng, patients)
    small = pl.col("censoring") < 0
    folder.mkdir(parents=True)
    courses.readings.select(
        "patient_id",
        "day",
        pl.lit("T1").alias("lesion_id"),
        pl.lit("target").alias("role"),
        pl.when(~small).then(pl.col("value").clip(upper_bound=LARGEST_MM)).alias("diameter_mm"),
        pl.when(small).then(pl.lit("too_small")).otherwise(pl.lit("measured")).alias("status"),
    ).write_parquet(folder / "lesions.parquet")


def write_elsewhere(folder: Path, patients: int) -> None:
    """Courses that the prior did not make: two exponentials with wider rates, read to 6 % and whole millimetres."""
    rng, week = np.random.default_rng(1), WEEKS_APART * np.arange(VISITS)
    kill, regrowth = np.exp(rng.normal(np.log([0.04, 0.01]), 1.0, (patients, 2))).T[:, :, None]
    resistant = 1.0 / (1.0 + np.exp(-rng.normal(-1.0, 1.5, (patients, 1))))
    first = np.exp(rng.normal(np.log(50.0), 0.5, (patients, 1))).clip(10.0, 150.0)
    burden = (1.0 - resistant) * np.exp(-kill * week) + resistant * np.exp(regrowth * week)
    size = first * np.cbrt(burden) * np.exp(rng.normal(0.0, 0.06, burden.shape))
    size = np.round(size.clip(1.0, LARGEST_MM)).ravel()
    small = pl.col("diameter_mm") < SMALLEST_MM
    folder.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(
        {
            "patient_id": np.repeat([f"P{index:06d}" for index in range(patients)], VISITS),
            "day": np.tile(7 * week, patients),
            "diameter_mm": size,
        }
    ).with_columns(
        pl.lit("T1").alias("lesion_id"),
        pl.lit("target").alias("role"),
        pl.when(~small).then(pl.col("diameter_mm")).alias("diameter_mm"),
        pl.when(small).then(pl.lit("too_small")).otherwise(pl.lit("measured")).alias("status"),
    ).write_parquet(folder / "lesions.parquet")


def c_loop_per_second() -> float | None:
    """Million particle-visits a second of the C loop on one core, the best of three; None without a compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    with TemporaryDirectory() as temporary:
        program = Path(temporary) / "loop"
        options = ["-O3", "-march=native", "-ffast-math", str(C_LOOP), "-o", str(program), "-lm"]
        subprocess.run([compiler, *options], check=True)
        command = [str(program), str(C_SERIES), str(VISITS), str(DEFAULT_PARTICLES)]
        seconds = min(float(subprocess.check_output(command, text=True).split()[0]) for _ in range(3))
    return C_SERIES * VISITS * DEFAULT_PARTICLES / seconds / 1e6


def measure_here(folder: Path, patients: int, particles: int, workers: int) -> dict[str, float]:
    """Assess the first patients of a study in this process, with so many workers."""
    os.cpu_count = lambda: workers  # type: ignore[method-assign]  # what decides how many there are
    study = tp.read(folder)
    study = study.only(study.patient_ids[:patients])
    tp.assess(study.only(study.patient_ids[:3]), PRIOR)
    peaks: dict[str, float] = {}
    watch = Thread(target=watch_memory, args=(peaks,), daemon=True)
    watch.start()
    before, start = _cpu_seconds(), time.perf_counter()
    frame = tp.assess(study, PRIOR, particles=particles).frame
    seconds, cpu_seconds = time.perf_counter() - start, _cpu_seconds() - before
    visits = frame.height / len(study.patient_ids)
    return {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "visits": visits,
        "mebibytes": sum(peaks.values()),
    }


def _cpu_seconds() -> float:
    """Of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def watch_memory(peaks: dict[str, float]) -> None:
    """Peak memory (MiB) of this process and its children by process, as Linux keeps it (`VmHWM`)."""
    while True:
        children = (child.read_text().split() for child in Path("/proc/self/task").glob("*/children"))
        for process in ("self", *(child for found in children for child in found)):
            try:
                status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
            except OSError:
                continue
            peak = next((line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")), None)
            if peak is not None:
                peaks[process] = int(peak) / 1024
        time.sleep(0.1)


def measured(
    folder: Path, patients: int, particles: int = DEFAULT_PARTICLES, workers: int = os.cpu_count() or 1
) -> Measured:
    """The same in a process of its own, so that each has its own peak of memory."""
    numbers = [str(number) for number in (patients, particles, workers)]
    command = [sys.executable, __file__, "--measure", str(folder), *numbers]
    answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    found = json.loads(answer.strip().splitlines()[-1])
    one = Measured(
        patients,
        round(found["visits"]),
        particles,
        found["seconds"],
        found["cpu_seconds"],
        found["mebibytes"],
        workers,
    )
    print(
        f"  {patients} x {one.visits}, {particles}: {one.seconds:.1f} s, CPU {one.cpu_seconds:.1f} s, "
        f"{one.mebibytes:.0f} MiB",
        flush=True,
    )
    return one


def regression_growth(week: np.ndarray, d: float, g: float, fraction: float) -> np.ndarray:
    """Size relative to the first: (1-φ)·exp(-d·t) + φ·exp(g·t)."""
    return (1 - fraction) * np.exp(-d * week) + fraction * np.exp(g * week)


def least_squares_per_second(readings: pl.DataFrame) -> tuple[int, float]:
    """Fits every patient with four readings; how many converged, and how many a second."""
    converged = 0
    start = time.perf_counter()
    for _, own in readings.sort("day").group_by("patient_id", maintain_order=True):
        if own.height < 4:
            continue
        week = np.maximum(own["day"].to_numpy(), 0) / 7.0
        size = own["value"].to_numpy() / own["value"][0]
        try:
            curve_fit(regression_growth, week, size, (0.05, 0.02, 0.3), bounds=([0, 0, 0], [1, 1, 1]))
        except (RuntimeError, ValueError, OptimizeWarning):
            continue
        converged += 1
    return converged, converged / (time.perf_counter() - start)


def nuts_seconds_per_patient() -> float | None:
    """NUTS at the last visit of three OAK patients, without compilation; None where it is not installed."""
    try:
        from nuts import by_nuts, chosen_patients  # noqa: PLC0415  (it ends the process without NumPyro)
    except (ImportError, SystemExit):
        return None
    return float(
        np.mean([seconds for _, seconds in by_nuts(chosen_patients(OAK.name, PRIOR, NUTS_PATIENTS), 0)])
    )


def fit_seconds() -> float:
    """`tp.fit` of OAK docetaxel, the calibration of its alert among it; a second time, so without imports."""
    study = tp.read(OAK)
    for _ in range(2):
        start = time.perf_counter()
        tp.fit(study)
    return time.perf_counter() - start


def accuracy(folder: Path) -> Iterator[str]:
    """Root mean square differences from a bank of 65,536, over the visits after the first."""
    study = tp.read(folder)
    study = study.only(study.patient_ids[:ACCURACY_PATIENTS])
    exact = tp.assess(study, PRIOR, particles=REFERENCE_PARTICLES, seed=1).frame
    later = exact.select(pl.col("day") > 0).to_series().to_numpy()
    yield "| particles | p_responding | p_regrowing | p_turned | resistant_fraction_q50 | smallest effective size |"
    yield "| --- " * 6 + "|"
    for particles in (1024, DEFAULT_PARTICLES, 4096):
        found = tp.assess(study, PRIOR, particles=particles)
        names = ("p_responding", "p_regrowing", "p_turned", "resistant_fraction_q50")
        apart = (found.frame.select(names).to_numpy() - exact.select(names).to_numpy())[later]
        cells = " | ".join(f"{value:.4f}" for value in np.sqrt((apart**2).mean(axis=0)))
        yield f"| {particles} | {cells} | {found.diagnostics['effective_size'].min():.0f} |"


def heavy_tails(folder: Path) -> str:
    """How often Pareto k is above its bound where `assess` does not look, before any refinement."""
    prior, study = named_prior(PRIOR), tp.read(folder)
    study = study.only(study.patient_ids[:ACCURACY_PATIENTS])
    bank, (batch,) = (
        prior.bank(DEFAULT_PARTICLES, 0),
        batches(parts_of(study), study.doses, [SUM_OF_DIAMETERS], 10**6),
    )
    log_weight = weigh(batch, prior, bank, levels=False).log_weight[:, 1:].reshape(-1, len(bank))
    heavy = pareto_k(log_weight) > TRUSTED_BELOW
    heaviest = 1.0 / np.exp(log_weight - log_weight.max(axis=1, keepdims=True)).sum(axis=1)
    unseen = (heavy & (heaviest <= LARGEST_TRUSTED_WEIGHT)).sum()
    return (
        f"Pareto k is above {TRUSTED_BELOW} at {heavy.sum()} of {len(heavy)} visits, before refinement; it is not "
        f"looked at where no particle has over {100 * LARGEST_TRUSTED_WEIGHT:.1f} % of the weight, which misses "
        f"{unseen} of them."
    )


def page(
    main: Measured,
    elsewhere: Measured,
    bound: float | None,
    growth: dict[str, list[Measured]],
    oak: Measured,
    fits: tuple[int, float],
    nuts: float | None,
) -> Iterator[str]:
    """The results as Markdown."""
    yield from ("# Speed of assess", "", (__doc__ or "").split("\n\n", 1)[1].strip(), "")
    yield (
        f"{datetime.now(tz=UTC).date()}, commit {commit()}, {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, NumPy {np.__version__}."
    )
    yield from (
        "",
        f"Load of the machine before: {os.getloadavg()[1]:.1f}. Goal: 100,000 x 8 in 15 s and 25 s.",
        "",
    )
    yield "| courses | patients | visits | seconds | CPU seconds | as long as the C loop |"
    yield "| --- " * 6 + "|"
    for courses, run in (("of the prior", main), ("from elsewhere", elsewhere)):
        alone = None if bound is None else run.patients * run.visits * DEFAULT_PARTICLES / bound / 1e6
        ratio = (
            "no compiler" if alone is None else f"{run.cpu_seconds / alone:.0f} x ({alone:.1f} s on one core)"
        )
        cells = (
            courses,
            run.patients,
            run.patients * run.visits,
            f"{run.seconds:.1f}",
            f"{run.cpu_seconds:.1f}",
        )
        yield f"| {' | '.join(str(cell) for cell in cells)} | {ratio} |"
    if bound is not None:
        yield from ("", f"The C loop: {bound:.0f} million particle-visits a second.")
    converged, rate = fits
    yield from (
        "",
        "| what | patients | visits | seconds | visits a second | assess is faster by visits | by patients |",
    )
    yield "| --- " * 7 + "|"
    visits = main.patients * main.visits
    per_visit = visits / main.seconds
    yield (
        f"| `turnpoint.assess`, every visit | {main.patients} | {visits} | {main.seconds:.1f} | {per_visit:.0f} "
        "| 1 | 1 |"
    )
    yield (
        f"| least squares, last visit only | {converged} | {converged} | {converged / rate:.1f} | {rate:.0f} | "
        f"{per_visit / rate:.0f} x | {main.per_second / rate:.0f} x |"
    )
    if nuts is None:
        yield "| NUTS, last visit only | | | not installed | | | |"
    else:
        yield (
            f"| NUTS, last visit only | {NUTS_PATIENTS} | {NUTS_PATIENTS} | {nuts * NUTS_PATIENTS:.1f} | "
            f"{1 / nuts:.3f} | {per_visit * nuts:,.0f} x | {main.per_second * nuts:,.0f} x |"
        )
    yield ""
    for title, runs in growth.items():
        yield from (f"## Growth with {title}", "")
        yield "| patients | visits each | particles | workers | seconds | ms a patient | CPU seconds | MiB |"
        yield "| --- " * 8 + "|"
        for run in runs:
            yield (
                f"| {run.patients} | {run.visits} | {run.particles} | {run.workers} | {run.seconds:.1f} | "
                f"{1e3 * run.seconds / run.patients:.2f} | {run.cpu_seconds:.1f} | {run.mebibytes:.0f} |"
            )
        yield ""
    yield from ("## The bundled OAK docetaxel arm", "")
    yield f"{oak.patients} patients, {oak.seconds:.2f} s, {oak.per_second:.0f} patients a second."
    yield ""


def run_all(patients: int) -> list[str]:
    """Measure everything."""
    with TemporaryDirectory() as temporary:
        folders = {visits: Path(temporary) / str(visits) for visits in (4, VISITS, 16)}
        fewer = min(10_000, patients)
        for visits, folder in folders.items():
            write_study(folder, patients if visits == VISITS else fewer, visits)
        own, other = folders[VISITS], Path(temporary) / "elsewhere"
        write_elsewhere(other, patients)
        bound = c_loop_per_second()
        main, elsewhere = measured(own, patients), measured(other, patients)
        middle = measured(own, fewer)
        growth = {
            "patients": [measured(own, min(1_000, patients)), middle, main],
            "visits": [measured(folders[4], fewer), middle, measured(folders[16], fewer)],
            "particles": [measured(own, fewer, 1024), middle, measured(own, fewer, 4096)],
            "workers": [measured(own, fewer, workers=1), middle],
        }
        study = tp.read(own)
        fits = least_squares_per_second(readings_of(study.only(study.patient_ids[:LEAST_SQUARES_PATIENTS])))
        exact = ["## What the particles buy", "", *accuracy(own), "", heavy_tails(own), ""]
    oak = measured(OAK, len(tp.read(OAK).patient_ids))
    lines = [*page(main, elsewhere, bound, growth, oak, fits, nuts_seconds_per_patient()), *exact]
    return [
        *lines,
        "## `fit`",
        "",
        f"OAK docetaxel, the calibration of its alert among it: {fit_seconds():.1f} s.",
        "",
    ]


def main() -> None:
    """Measure, print and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--patients", type=int, default=PATIENTS)
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.measure:
        folder, *numbers = chosen.measure
        print(json.dumps(measure_here(Path(folder), *(int(number) for number in numbers))))
        return
    lines = run_all(chosen.patients)
    print("\n".join(lines))
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
