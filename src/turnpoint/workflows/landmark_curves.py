"""The curves of tumour size of a study's patients as they were known at a landmark, as draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from turnpoint.criteria.recist import TOO_SMALL_MM
from turnpoint.engine.progress import Progress, part_of_progress
from turnpoint.lifetimes.size_curve import SizeCurve, size_curves
from turnpoint.model.arrays import FloatArray
from turnpoint.model.filter import DEFAULT_PARTICLES, Posterior, posteriors
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.prior import Prior
from turnpoint.model.series import parts_of
from turnpoint.model.streams import Stream, generator
from turnpoint.study.study import Study
from turnpoint.workflows.priors import by_prior

DRAWS = 500


@dataclass(frozen=True, slots=True)
class Curves:
    """R patients, D draws.

    Attributes:
        patient_ids: in order.
        visit_day: of the last visit that counts, shape (R,).
        prior: its name, of each patient.
        curve: shape (R, D).
    """

    patient_ids: list[str]
    visit_day: FloatArray
    prior: list[str]
    curve: SizeCurve


def followed_at(follow_up: pl.DataFrame, landmark_day: int) -> list[str]:
    """The patients known to be alive on the day: who died on it is not, whose follow-up ends on it is."""
    day = pl.col("follow_up_day")
    alive = (day > landmark_day) | ((day == landmark_day) & ~pl.col("died"))
    return follow_up.filter(alive)["patient_id"].to_list()


def known_by_day(study: Study, day: int, patient_ids: Sequence[str]) -> Study:
    """These patients with what had been recorded by the day."""
    own = study.only(patient_ids)
    kept = {
        name: getattr(own, name).filter(pl.col("day") <= day)
        for name in ("lesions", "markers", "doses", "events")
    }
    return replace(own, **kept)


def curves(
    study: Study,
    prior: str | Path | Prior | None = None,
    *,
    draws: int = DRAWS,
    particles: int = DEFAULT_PARTICLES,
    seed: int = 0,
    progress: Progress | None = None,
) -> Curves:
    """The curve of every patient whose sum of diameters was read, from all data of the study.

    Equal-weight draws of the filter's posterior at the last visit. The baseline is the sum on the last day up to day 0
    with a reading, or else on the first; each draw has its own reading error around it.

    Args:
        study: cut at a landmark (`known_by_day`), or whole.
        prior: a prior, the name of a shipped one, or a file; by default the shipped one that fits best.
        draws: for each patient.
        particles: size of the bank.
        seed: the same seed gives the same numbers.
        progress: called with patients done and patients in all.
    """
    baselines = _baselines(study)
    read = study.only(baselines["patient_id"].to_list())
    groups = by_prior(read, prior) if baselines.height else []
    known = {row[0]: row[1:] for row in baselines.iter_rows()}
    noise = generator(seed, Stream.SURVIVAL_BASELINE).standard_normal(draws)
    found: list[tuple[list[str], FloatArray, str, SizeCurve]] = []
    done = 0
    for chosen, part in groups:
        here = None if progress is None else part_of_progress(progress, done, baselines.height)
        for posterior in posteriors(
            parts_of(part), part, chosen, particles=particles, draws=draws, seed=seed, progress=here
        ):
            last = posterior.at(np.flatnonzero(np.diff(posterior.patient, append=-1) != 0))
            ids = [last.batch.patient_ids[row] for row in last.patient]
            found.append((ids, last.day, chosen.name, _curve(last, [known[one] for one in ids], noise)))
        done += len(part.patient_ids)
    return _joined(found, draws)


def _baselines(study: Study) -> pl.DataFrame:
    """`patient_id, baseline_mm, error_share`: the last is the SD of the sum's log over that of one lesion's."""
    read = parts_of(study).filter(pl.col("quantity") == SUM_OF_DIAMETERS)
    day, value = pl.col("day"), pl.col("value").clip(TOO_SMALL_MM)
    before = day.filter(day <= 0).max()
    return (
        read.filter(day == pl.coalesce(before, day.min()).over("patient_id"))
        .group_by("patient_id")
        .agg(value.sum().alias("baseline_mm"), ((value**2).sum().sqrt() / value.sum()).alias("error_share"))
        .sort("patient_id")
    )


def _curve(last: Posterior, baselines: Sequence[tuple[float, float]], noise: FloatArray) -> SizeCurve:
    reading = last.quantities[SUM_OF_DIAMETERS].reading
    baseline_mm, error_share = np.array(baselines, dtype=np.float64).T[:, :, None]
    return size_curves(
        last.dynamics, reading.background, baseline_mm * np.exp(error_share * reading.sd_reading * noise)
    )


def _joined(found: list[tuple[list[str], FloatArray, str, SizeCurve]], draws: int) -> Curves:
    """All patients, in order."""
    ids = [one for part in found for one in part[0]]
    order = np.argsort(ids) if ids else np.zeros(0, dtype=np.int64)
    days = np.concatenate([np.zeros(0), *(part[1] for part in found)])
    names = [part[2] for part in found for _ in part[0]]
    fields = (
        np.concatenate([np.zeros((0, draws)), *(getattr(part[3], name) for part in found)])[order]
        for name in SizeCurve.__slots__
    )
    return Curves([ids[row] for row in order], days[order], [names[row] for row in order], SizeCurve(*fields))
