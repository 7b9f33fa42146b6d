"""Make the priors that ship with the package: `python scripts/make_priors.py`.

Each is `turnpoint fit` on a study, with the words that choose it and its source written on the card. Two studies are
bundled; the others are read from the data folder of the benchmarks (`TURNPOINT_DATA`), and their priors hold nothing of
a single patient. The generic prior is the two bundled fits, widened, without correlation between dynamics and reading.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import polars as pl

import turnpoint as tp
from turnpoint.model.error_features import joined, training_origins
from turnpoint.model.error_regression import ErrorRegression
from turnpoint.model.error_regression_fit import fit_error_regression
from turnpoint.model.parameters import DYNAMICS_NAMES, READING_NAMES, SUM_OF_DIAMETERS
from turnpoint.model.population import starting_prior
from turnpoint.model.prior import ANY_MARKER, GENERIC, Card, Prior, choose_prior, shipped_priors
from turnpoint.model.series import quantities_of
from turnpoint.study.study import Study
from turnpoint.turning.alerts import calibrated_thresholds, measured_alert
from turnpoint.workflows.fit import CALIBRATION_COURSES, with_alerts, with_error_regressions
from turnpoint.workflows.left_out import left_out_visits
from turnpoint.workflows.priors import usable_readings

# Neither bundled study records new lesions; the hazard of FFCD 2000-05 stands in for theirs, and their cards say so.
WITH_NEW_LESIONS = "chemotherapy-colorectal-ct"
BORROWED = "Its hazard of new lesions is borrowed from colorectal cancer (FFCD 2000-05)."

BUNDLED = Path(str(resources.files("turnpoint"))) / "datasets"
DATA = Path(os.environ.get("TURNPOINT_DATA", Path(__file__).parents[2] / "shared" / "data"))

EQUAL_WEIGHT = 0.5  # of filter and regression where neither has seen such a study
WIDER = 1.5  # SDs of the generic prior, relative to the fits it is made of

ALSO_CALIBRATES = ("abiraterone-adaptive-psa",)  # no prior is made of it
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
    """Fit, widen and write them all, or those named."""
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
    fitted[GENERIC] = widened(pooled, fitted["docetaxel-nsclc-ct"], fitted["docetaxel-prostate-psa"])
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
    everywhere. What followed an alert is counted in each prior's own cohort, and in all of them for the generic one.
    """
    left_out = {}
    for dataset in (*(dataset for dataset, *_ in SHIPPED), *ALSO_CALIBRATES):
        visits = left_out_visits(study_of(dataset), lambda train: tp.fit(train, name="train", courses=0))
        patient_id = pl.lit(f"{dataset}:") + pl.col("patient_id")
        left_out[dataset] = visits.with_columns(patient_id.alias("patient_id"))
    together = pl.concat(left_out.values(), how="vertical_relaxed")
    calibration = calibrated_thresholds(together)
    counted_in = {name: left_out[dataset] for dataset, name, *_ in SHIPPED} | {GENERIC: together}
    found = {}
    for name, prior in fitted.items():
        own = {
            rate: replace(measured_alert(counted_in[name], alert.threshold), data=name)
            for rate, alert in calibration.items()
        }
        dataset = next((dataset for dataset, of, *_ in SHIPPED if of == name), "oak-docetaxel")
        study = study_of(dataset)
        imaging = prior if name != GENERIC else choose_prior([SUM_OF_DIAMETERS], "", prior)
        alerts = with_alerts(imaging, own, usable_readings(study), study, courses=CALIBRATION_COURSES, seed=0)
        found[name] = replace(prior, alert=alerts.alert, alert_calibration=alerts.alert_calibration)
    return found


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


def widened(pooled: ErrorRegression, imaging: Prior, marker: Prior) -> Prior:
    """The generic prior: dynamics half-way between the two, every SD wider, blocks uncorrelated."""
    dynamics = slice(0, len(DYNAMICS_NAMES))
    block = slice(len(DYNAMICS_NAMES), len(DYNAMICS_NAMES) + len(READING_NAMES))
    between = (imaging.mean[dynamics] + marker.mean[dynamics]) / 2.0
    apart = (imaging.mean[dynamics] - marker.mean[dynamics]) / 2.0
    variance = (np.diag(imaging.covariance)[dynamics] + np.diag(marker.covariance)[dynamics]) / 2.0 + apart**2
    mean = np.concatenate([between, imaging.mean[block], marker.mean[block]])
    spread = np.concatenate([variance, np.diag(imaging.covariance)[block], np.diag(marker.covariance)[block]])
    # PSA surges more than other markers do: the surge keeps its wide start from the literature.
    start, surge = (
        starting_prior(GENERIC, [ANY_MARKER]),
        len(DYNAMICS_NAMES) + READING_NAMES.index("log_surge"),
    )
    mean[-1], spread[-1] = start.mean[surge], start.covariance[surge, surge] / WIDER**2
    (psa,) = marker.quantities
    return Prior(
        name=GENERIC,
        quantities=(SUM_OF_DIAMETERS, ANY_MARKER),
        mean=mean,
        covariance=np.diag(WIDER**2 * spread),
        floor_persistence={
            SUM_OF_DIAMETERS: imaging.floor_persistence[SUM_OF_DIAMETERS],
            ANY_MARKER: marker.floor_persistence[psa],
        },
        visit_gap_weeks={
            SUM_OF_DIAMETERS: imaging.visit_gap_weeks[SUM_OF_DIAMETERS],
            ANY_MARKER: marker.visit_gap_weeks[psa],
        },
        below_limit=imaging.below_limit,
        error_regressions={SUM_OF_DIAMETERS: pooled},
        filter_weight={SUM_OF_DIAMETERS: EQUAL_WEIGHT},
        new_lesions_per_exposed_week=imaging.new_lesions_per_exposed_week,
        card=Card(
            data=f"{imaging.name} and {marker.name}, SDs widened by {WIDER}",
            patients=imaging.card.patients + marker.card.patients,
            readings=imaging.card.readings + marker.card.readings,
            created=imaging.card.created,
            version=imaging.card.version,
            warnings=(
                "For tumours and drugs that no shipped prior knows: wide on purpose.",
                "What followed its alerts was counted in patients with priors of their own, not with this one.",
                BORROWED,
            ),
        ),
    )


if __name__ == "__main__":
    main()
