"""How well could a verdict do? The posterior of one who knows the simulator, on the courses of `states.py`.

It knows the disease's distributions of rates, lesions, scar and marker, the world, and how readings are made
(`independent_courses.py`, `independent_readings.py`), and sees the readings that the verdict sees. By Bayes' rule no
verdict from these readings does better on the average over courses, whatever a miss costs. Particles are drawn around
the posterior of the visit before and aimed three times; every unknown is a standard normal under the simulator.
Rounding counts as noise. Its chances are calibrated to within what the courses can tell (the table says how far).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from independent_courses import SURGE_SHARE, Disease
from independent_readings import REPEATED, TOO_SMALL_MM, TREND, Seen
from scipy.special import logsumexp, ndtr

PARTICLES = 2500
AIMS, FIRST_AIMS = 3, 10
PRIOR_SHARE = 0.15  # of the particles come from the simulator, so that no weight is unbounded
WIDER = 1.15  # than the posterior aimed at
LESION = ("kill", "regrowth", "resistant", "scar", "first")
PATIENT = ("kill", "regrowth", "resistant", "healthy", "start", "surges", "surge", "spread")
ABSENT_MM = 1.5


@dataclass(frozen=True)
class Drawn:
    """What particles say of one course; shapes (K, 1, 1) of a patient, (K, lesions, 1) of lesions."""

    kill: np.ndarray
    regrowth: np.ndarray
    resistant: np.ndarray
    scar: np.ndarray
    first: np.ndarray
    healthy: np.ndarray
    start: np.ndarray
    surge: np.ndarray
    spread: np.ndarray

    @classmethod
    def of(cls, normals: np.ndarray, disease: Disease, lesions: int) -> Drawn:
        """From standard normals, shape (K, 8 + 5·lesions)."""
        patient = dict(zip(PATIENT, normals.T[: len(PATIENT), :, None, None], strict=True))
        each = normals[:, len(PATIENT) :].reshape(len(normals), len(LESION), lesions)
        lesion = {name: each[:, place, :, None] for place, name in enumerate(LESION)}

        def log_normal(name: str, pair: tuple[float, float]) -> np.ndarray:
            return pair[0] * np.exp(pair[1] * patient[name])

        odds = disease.resistant[0] / (1.0 - disease.resistant[0])
        odds = odds * np.exp(disease.resistant[1] * patient["resistant"] + 0.2 * lesion["resistant"])
        scar = np.log(disease.scar[0] / (1.0 - disease.scar[0])) + disease.scar[1] * lesion["scar"]
        surges = ndtr(patient["surges"]) > 1.0 - SURGE_SHARE
        return cls(
            kill=log_normal("kill", disease.kill) * np.exp(0.2 * lesion["kill"]),
            regrowth=log_normal("regrowth", disease.regrowth) * np.exp(0.2 * lesion["regrowth"]),
            resistant=odds / (1.0 + odds),
            scar=1.0 / (1.0 + np.exp(-scar)),
            first=np.clip(30.0 * np.exp(0.5 * lesion["first"]), 10.0, 120.0),
            healthy=log_normal("healthy", (disease.healthy, 0.35)),
            start=np.maximum(log_normal("start", disease.start), disease.upper_limit),
            surge=surges * (0.3 + 1.2 * ndtr(patient["surge"])),
            spread=0.04 + 0.02 * ndtr(patient["spread"]),
        )

    def living(self, day: np.ndarray) -> np.ndarray:
        """Of each lesion, shape (K, lesions, days)."""
        weeks = day / 7.0
        sensitive = (1.0 - self.resistant) * np.exp(-self.kill * weeks)
        return sensitive + self.resistant * np.exp(self.regrowth * weeks)

    def total(self, day: np.ndarray) -> np.ndarray:
        """Of all lesions, relative to the start, shape (K, days)."""
        volume = self.first**3 * (1.0 - self.scar)
        return (self.living(day) * volume / volume.sum(axis=1, keepdims=True)).sum(axis=1)

    def trend(self, day: int) -> np.ndarray:
        """Per week, shape (K,), over the day before and the day after as the truth is."""
        total = self.total(np.array([max(day - 1, 0), day + 1]))
        return 7.0 * np.log(total[:, 1] / total[:, 0]) / (day + 1 - max(day - 1, 0))


def log_of_scans(drawn: Drawn, day: np.ndarray, read: np.ndarray) -> np.ndarray:
    """Log likelihood of scans, shape (K,); `read` (lesions, visits), as `read_scans` writes them."""
    true = drawn.first * np.cbrt((1.0 - drawn.scar) * drawn.living(day) + drawn.scar)
    sd = np.sqrt((drawn.spread * true) ** 2 + 1.0 + 1.0 / 12.0)
    density = np.exp(-0.5 * ((read - true) / sd) ** 2) / (sd * np.sqrt(2.0 * np.pi))
    likelihood = np.where(read < TOO_SMALL_MM, ndtr((TOO_SMALL_MM - 0.5 - true) / sd), density)
    last = read[:, :-1]
    near = np.maximum(2.0, 0.1 * last)
    tempted = ndtr((last + near - true[:, :, 1:]) / sd[:, :, 1:]) - ndtr(
        (last - near - true[:, :, 1:]) / sd[:, :, 1:]
    )
    same, close = read[:, 1:] == last, np.abs(read[:, 1:] - last) <= near
    again = np.where(close, 1.0 - REPEATED, 1.0) * likelihood[:, :, 1:] + np.where(
        same, REPEATED * tempted, 0.0
    )
    likelihood[:, :, 1:] = np.where(last > 0, again, likelihood[:, :, 1:])
    gone = true < ABSENT_MM
    likelihood = np.where(read == 0, gone, likelihood * ~gone)
    return np.log(np.maximum(likelihood, 1e-30)).sum(axis=(1, 2))


def log_of_marker(drawn: Drawn, day: np.ndarray, value: np.ndarray, disease: Disease) -> np.ndarray:
    """Log likelihood of marker values, shape (K,); at the assay's limit they are that or lower."""
    bump = np.where(day < 70, np.sin(np.pi * day / 70.0) ** 2, 0.0)
    shown = drawn.healthy[:, 0] + drawn.start[:, 0] * drawn.total(day) * (1.0 + drawn.surge[:, 0] * bump)
    sd = np.sqrt(np.log1p(disease.marker_cv**2))
    apart = (np.log(value) - np.log(shown)) / sd
    below = np.log(np.maximum(ndtr(apart), 1e-30))
    return np.where(value <= disease.lowest, below, -0.5 * apart**2 - np.log(sd)).sum(axis=1)


def chances(seen: Seen, course: int, days: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """P(shrinks, stays, grows) at these days from the readings up to each, shape (days, 3)."""
    disease = seen.courses.disease
    lesions = int((seen.courses.diameters[course, :, 0] > 0).sum())
    scans, marker = seen.quantities.get("scan"), seen.quantities.get("marker")
    size = len(PATIENT) + len(LESION) * lesions
    mean, root = np.zeros(size), np.eye(size)
    if scans is not None:  # the first sizes are known to a few percent
        first = len(PATIENT) + LESION.index("first") * lesions
        mean[first:size] = np.log(np.maximum(scans.parts[course, :lesions, 0], 5.0) / 30.0) / 0.5
        root[range(first, size), range(first, size)] = 0.15
    there = np.flatnonzero(seen.courses.diameters[course, :, 0] > 0)

    def log_target(normals: np.ndarray, day: int) -> tuple[np.ndarray, Drawn]:
        drawn = Drawn.of(normals, disease, lesions)
        log = -0.5 * (normals**2).sum(axis=1)
        if scans is not None:
            until = scans.day[course] <= day
            log = log + log_of_scans(drawn, scans.day[course][until], scans.parts[course][there][:, until])
        if marker is not None:
            until = marker.day[course] <= day
            log = log + log_of_marker(drawn, marker.day[course][until], marker.value[course][until], disease)
        return log, drawn

    found = []
    for day in days:
        for _ in range(AIMS if found else FIRST_AIMS):
            own = rng.random(PARTICLES) > PRIOR_SHARE
            normals = rng.standard_normal((PARTICLES, size))
            normals[own] = mean + normals[own] @ root.T * WIDER
            log, drawn = log_target(normals, int(day))
            back = np.linalg.solve(root * WIDER, (normals - mean).T).T
            aimed = -0.5 * (back**2).sum(axis=1) - np.log(np.diag(root) * WIDER).sum()
            plain = -0.5 * (normals**2).sum(axis=1)
            log -= np.logaddexp(np.log(1.0 - PRIOR_SHARE) + aimed, np.log(PRIOR_SHARE) + plain)
            weight = np.exp(log - logsumexp(log))
            mean = weight @ normals
            apart = normals - mean
            # few effective particles say too little of so many dimensions: the spread keeps some of the old one
            trust = min(1.0, 1.0 / (weight**2).sum() / (5.0 * size))
            covariance = trust * (apart * weight[:, None]).T @ apart + (1.0 - trust) * root @ root.T
            root = np.linalg.cholesky(covariance + 1e-6 * np.eye(size))
        trend = drawn.trend(int(day))
        shrinks, grows = weight[trend < -TREND].sum(), weight[trend > TREND].sum()
        found.append((shrinks, 1.0 - shrinks - grows, grows, 1.0 / (weight**2).sum()))
    return np.array(found)


def oracle(seen: Seen, visits: pl.DataFrame, seed: tuple[int, ...]) -> pl.DataFrame:
    """`visits` (patient_id, day) with `oracle_shrinking, oracle_flat, oracle_growing, oracle_size`."""
    parts = []
    for (patient,), own in visits.group_by("patient_id", maintain_order=True):
        course = int(str(patient)[1:])
        rng = np.random.default_rng((*seed, 7, course))
        p = chances(seen, course, own["day"].to_numpy(), rng)
        names = ("oracle_shrinking", "oracle_flat", "oracle_growing", "oracle_size")
        parts.append(own.with_columns(pl.Series(name, p[:, i]) for i, name in enumerate(names)))
    return pl.concat(parts)
