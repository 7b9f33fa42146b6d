"""Make the priors that ship with the package: `python scripts/make_priors.py`.

Each is `turnpoint fit` on a study, with the words that choose it and its source written on the card. Two studies are
bundled; the others are read from the data folder of the benchmarks (`TURNPOINT_DATA`), and their priors hold nothing of
a single patient. Others are `turnpoint prior-from` a published model. The generic prior is what all of them, real
cohorts and published models, say of a disease that is none of theirs (`model.generic`).
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path
from statistics import median

import polars as pl

import turnpoint as tp
from turnpoint.model.error_features import joined, training_origins
from turnpoint.model.error_regression import ErrorRegression
from turnpoint.model.error_regression_fit import fit_error_regression
from turnpoint.model.generic import Source, generic_moments
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.population import starting_prior
from turnpoint.model.prior import ANY_MARKER, GENERIC, BelowLimit, Card, Prior, choose_prior, shipped_priors
from turnpoint.model.series import quantities_of
from turnpoint.study.study import Study
from turnpoint.turning.alerts import calibrated_thresholds, measured_alert
from turnpoint.virtual.published import PUBLISHED_MODELS, cohort_of
from turnpoint.workflows.fit import CALIBRATION_COURSES, with_alerts, with_error_regressions
from turnpoint.workflows.left_out import left_out_visits
from turnpoint.workflows.prior_from import fitted_to, read_by_people
from turnpoint.workflows.priors import usable_readings

# Neither bundled study records new lesions; the hazard of FFCD 2000-05 stands in for theirs, and their cards say so.
WITH_NEW_LESIONS = "chemotherapy-colorectal-ct"
BORROWED = "Its hazard of new lesions is borrowed from colorectal cancer (FFCD 2000-05)."

BUNDLED = Path(str(resources.files("turnpoint"))) / "datasets"
DATA = Path(os.environ.get("TURNPOINT_DATA", Path(__file__).parents[2] / "shared" / "data"))

EQUAL_WEIGHT = 0.5  # of filter and regression where neither has seen such a study
DISEASE = {
    "ffcd2000-05-colorectal": "colorectal",
    "oak-docetaxel": "nsclc",
    "oak-atezolizumab": "nsclc",
    "ascent2-docetaxel-psa": "prostate",
    "abiraterone-adaptive-psa": "prostate",
}

ALSO_CALIBRATES = ("abiraterone-adaptive-psa",)  # no prior is made of it but the generic one
SHIPPED = (
    (
        "ffcd2000-05-colorectal",
        "chemotherapy-colorectal-ct",
        ("colorectal", "colon", "rectal", "folfox", "folfiri", "fluorouracil", "oxaliplatin", "irinotecan"),
        "CT sum of diameters, metastatic colorectal cancer, FFCD 2000-05 (sequential or combined chemotherapy)",
        "GPL >= 2 (the data, which are not bundled)",
        "Ducreux et al. 2011, doi:10.1016/S1470-2045(11)70199-1; random subset in the R package frailtypack",
    ),
    (
        "oak-docetaxel",
        "docetaxel-nsclc-ct",
        ("nsclc", "lung", "docetaxel"),
        "CT, one target lesion a patient, previously treated NSCLC, docetaxel arm of OAK",
        "CC BY 4.0",
        "Ghaffari Laleh et al. 2022, doi:10.1371/journal.pcbi.1009822, S1 data, Study 4 arm 1",
    ),
    (
        "ascent2-docetaxel-psa",
        "docetaxel-prostate-psa",
        ("prostate", "docetaxel"),
        "PSA, androgen-independent prostate cancer, docetaxel control arm of ASCENT-2",
        "MIT",
        "sample data of the R package tumgr 0.0.4 (Project Data Sphere, Novacea)",
    ),
    (
        "oak-atezolizumab",
        "immunotherapy-nsclc-ct",
        (
            "nsclc",
            "lung",
            "atezolizumab",
            "pembrolizumab",
            "nivolumab",
            "durvalumab",
            "cemiplimab",
            "dostarlimab",
            "immunotherapy",
            "pd-1",
            "pd-l1",
        ),
        "CT, one target lesion a patient, previously treated NSCLC, atezolizumab arm of OAK",
        "CC BY 4.0",
        "Ghaffari Laleh et al. 2022, doi:10.1371/journal.pcbi.1009822, S1 data, Study 4 arm 2",
    ),
)


def main() -> None:
    """Fit and write them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args()
    folder = Path(str(resources.files("turnpoint"))) / "priors"
    pooled = pooled_regression()
    fitted = {name: fitted_prior(dataset, name, pooled, *card) for dataset, name, *card in SHIPPED}
    hazard = fitted[WITH_NEW_LESIONS].new_lesions_per_exposed_week
    for name, prior in fitted.items():
        if SUM_OF_DIAMETERS in prior.quantities and name != WITH_NEW_LESIONS:
            card = replace(prior.card, warnings=(*prior.card.warnings, BORROWED))
            fitted[name] = replace(prior, new_lesions_per_exposed_week=hazard, card=card)
    virtual = {name: fitted_to(model) for name, model in PUBLISHED_MODELS.items()}
    fitted[GENERIC] = generic_prior(sources(fitted, virtual), pooled, hazard)
    for name, prior in virtual.items():
        fitted[name] = read_by_people(prior, PUBLISHED_MODELS[name], fitted[GENERIC])
    save(fitted, folder)  # what follows asks for the shipped priors, these among them
    save(with_calibrated_alerts(fitted), folder)


def fitted_prior(
    dataset: str,
    name: str,
    pooled: ErrorRegression,
    keywords: tuple[str, ...],
    data: str,
    licence: str,
    source: str,
) -> Prior:
    """A prior fitted to one data set, without an alert."""
    study = study_of(dataset)
    prior = tp.fit(study, name=name, courses=0)
    if SUM_OF_DIAMETERS in prior.quantities:
        prior = with_error_regressions(prior, usable_readings(study), study, centre=pooled)
    card = replace(prior.card, data=data, licence=licence, source=source)
    return replace(prior, keywords=keywords, card=card)


def study_of(dataset: str) -> Study:
    """A bundled study, or one from the data folder."""
    return tp.read((BUNDLED if (BUNDLED / dataset).is_dir() else DATA) / dataset)


def save(priors: Mapping[str, Prior], folder: Path) -> None:
    """Write them where the package reads them."""
    for prior in priors.values():
        print(prior.save(folder / f"{prior.name}.json").name, prior.alert)
    shipped_priors.cache_clear()


def with_calibrated_alerts(fitted: Mapping[str, Prior]) -> dict[str, Prior]:
    """The priors with thresholds from real patients, each judged by a prior fitted without them.

    One threshold for all of them, from all cohorts together: what it is compared with is a chance, and means the same
    everywhere. What followed an alert is counted in each prior's own cohort, and in all of them for the others.
    """
    left_out = {}
    for dataset in (*(dataset for dataset, *_ in SHIPPED), *ALSO_CALIBRATES):
        visits = left_out_visits(study_of(dataset), lambda train: tp.fit(train, name="train", courses=0))
        patient_id = pl.lit(f"{dataset}:") + pl.col("patient_id")
        left_out[dataset] = visits.with_columns(patient_id.alias("patient_id"))
    together = pl.concat(left_out.values(), how="vertical_relaxed")
    calibration = calibrated_thresholds(together)
    counted_in = {name: left_out[dataset] for dataset, name, *_ in SHIPPED}
    found = {}
    for name, prior in fitted.items():
        judged, whose = (counted_in[name], name) if name in counted_in else (together, GENERIC)
        own = {
            rate: replace(measured_alert(judged, alert.threshold), data=whose)
            for rate, alert in calibration.items()
        }
        study = seen_by(name)
        imaging = prior if name != GENERIC else choose_prior([SUM_OF_DIAMETERS], "", prior)
        alerts = with_alerts(imaging, own, usable_readings(study), study, courses=CALIBRATION_COURSES, seed=0)
        found[name] = replace(prior, alert=alerts.alert, alert_calibration=alerts.alert_calibration)
    return found


def seen_by(name: str) -> Study:
    """The study whose schedule and starting values a prior's simulated courses have."""
    if name in PUBLISHED_MODELS:
        return cohort_of(PUBLISHED_MODELS[name]).study
    return study_of(next((dataset for dataset, of, *_ in SHIPPED if of == name), "oak-docetaxel"))


def pooled_regression() -> ErrorRegression:
    """One regression of errors for all three CT studies: what the own ones are drawn to, and the generic one."""
    origins = []
    for name, *_ in SHIPPED:
        study = tp.read((BUNDLED if (BUNDLED / name).is_dir() else DATA) / name)
        readings = usable_readings(study)
        if SUM_OF_DIAMETERS in quantities_of(readings):
            origins.append(training_origins(readings, SUM_OF_DIAMETERS, study.doses))
    found = fit_error_regression(joined(origins), is_diameter=True)
    if found is None:
        raise RuntimeError("too few readings for a regression of errors")
    return found


def sources(fitted: Mapping[str, Prior], virtual: Mapping[str, Prior]) -> list[Source]:
    """Every population that the generic prior learns from: read by people, or drawn from a published model."""
    also = {name: tp.fit(study_of(name), name=name, courses=0) for name in ALSO_CALIBRATES}
    read = [Source(fitted[name], DISEASE[dataset]) for dataset, name, *_ in SHIPPED]
    read += [Source(prior, DISEASE[name]) for name, prior in also.items()]
    drawn = [
        Source(prior, model.tumour_type, "estimated residual" if model.estimated else "chosen residual")
        for prior, model in ((virtual[name], model) for name, model in PUBLISHED_MODELS.items())
    ]
    return [*read, *drawn]


def generic_prior(known: Sequence[Source], pooled: ErrorRegression, hazard: float | None) -> Prior:
    """The generic prior (`model.generic`), without an alert."""
    start = starting_prior(GENERIC, [SUM_OF_DIAMETERS, ANY_MARKER])
    mean, covariance = generic_moments(known, start)
    read = [own.prior for own in known if own.read_by == "people"]
    imaging = [prior for prior in read if SUM_OF_DIAMETERS in prior.quantities]
    markers = [(prior, name) for prior in read for name in prior.quantities if name != SUM_OF_DIAMETERS]
    diseases = len({own.disease for own in known})
    virtual = sum(own.prior.card.patients for own in known if own.read_by != "people")
    return replace(
        start,
        mean=mean,
        covariance=covariance,
        floor_persistence={
            SUM_OF_DIAMETERS: median(own.floor_persistence[SUM_OF_DIAMETERS] for own in imaging),
            ANY_MARKER: median(own.floor_persistence[name] for own, name in markers),
        },
        visit_gap_weeks={
            SUM_OF_DIAMETERS: median(own.visit_gap_weeks[SUM_OF_DIAMETERS] for own in imaging),
            ANY_MARKER: median(own.visit_gap_weeks[name] for own, name in markers),
        },
        below_limit=BelowLimit(
            median(own.below_limit.absent for own in imaging),
            median(own.below_limit.too_small for own in imaging),
        ),
        error_regressions={SUM_OF_DIAMETERS: pooled},
        filter_weight={SUM_OF_DIAMETERS: EQUAL_WEIGHT},
        new_lesions_per_exposed_week=hazard,
        card=Card(
            data=f"{diseases} diseases in {len(read)} cohorts and {len(known) - len(read)} published models; how much "
            "diseases differ is estimated from them",
            patients=sum(prior.card.patients for prior in read),
            readings=sum(prior.card.readings for prior in read),
            created=read[0].card.created,
            version=read[0].card.version,
            warnings=(
                "For tumours and drugs that no other prior is of, of any class, and for any marker: wide, as diseases "
                f"differ. {virtual} virtual patients of published models count besides.",
                "What followed its alerts was counted in patients with priors of their own, not with this one.",
                BORROWED,
            ),
        ),
    )


if __name__ == "__main__":
    main()
