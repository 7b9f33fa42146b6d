"""The page for experts: is the model right about this study, and where not? English only."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from turnpoint.charts.language import Language
from turnpoint.model.pareto import TRUSTED_BELOW
from turnpoint.model.weighing import SMALLEST_EFFECTIVE_SIZE
from turnpoint.pictures.patient import Provenance
from turnpoint.pictures.snapshot import SUM_OF_DIAMETERS
from turnpoint.reports.catalogue import language
from turnpoint.reports.diagnostics_figures import (
    coverage_figure,
    ecdf_figure,
    ecdf_words,
    histogram_figure,
    predictive_check_figure,
    reliability_figure,
    shrinkage_figure,
)
from turnpoint.reports.figure import Figure
from turnpoint.reports.page import page
from turnpoint.reports.provenance_text import not_a_device, provenance_lines

NOMINAL_SHOWN = 0.8


@dataclass(frozen=True, slots=True)
class DiagnosticsView:
    """What the page shows; the frames are those of `workflows.diagnose.Diagnostics`.

    Attributes:
        study_name: for the title.
        forecasts: how many were judged.
        replicates: simulated studies of the visual predictive check.
        most_patients: how many patients it looks at, at most.
        provenance: the small print.
    """

    study_name: str
    forecasts: int
    replicates: int
    most_patients: int
    provenance: Provenance
    pit_histogram: pl.DataFrame
    pit_ecdf: pl.DataFrame
    coverage: pl.DataFrame
    reliability: pl.DataFrame
    visual_predictive_check: pl.DataFrame
    shrinkage: pl.DataFrame
    patients: pl.DataFrame


@dataclass(frozen=True, slots=True)
class _Calibration:
    """The section of one quantity.

    Attributes:
        quantity: its name in words.
        finding: what the pictures say, one sentence.
        figures: in pairs.
    """

    quantity: str
    finding: str
    figures: list[Figure]


def diagnostics_page(view: DiagnosticsView) -> str:
    """The page as HTML."""
    english = language("en")
    provenance = view.provenance
    return page(
        "diagnostics.html",
        english,
        title=f"Diagnostics of {view.study_name}",
        counts=_counts(view, english),
        calibration=[
            _calibration(view, quantity, index) for index, quantity in enumerate(_quantities(view.coverage))
        ],
        checks=[
            predictive_check_figure(
                view.visual_predictive_check.filter(pl.col("quantity") == quantity),
                _in_words(quantity),
                view.replicates,
                f"check{index}",
            )
            for index, quantity in enumerate(_quantities(view.visual_predictive_check))
        ],
        most_patients=english.number(view.most_patients),
        shrinkage=shrinkage_figure(view.shrinkage) if view.patients.height > 1 else None,
        particles=_particles(view.patients, english),
        prior_name=provenance.prior_name,
        prior_data=provenance.prior_data.rstrip("."),
        small_print=provenance_lines(provenance, english),
        disclaimer=not_a_device(english),
    )


def _quantities(rows: pl.DataFrame) -> list[str]:
    """The quantities of a table, the sum of diameters first."""
    found = rows["quantity"].unique(maintain_order=True).to_list()
    return sorted(found, key=lambda quantity: quantity != SUM_OF_DIAMETERS)


def _in_words(quantity: str) -> str:
    return "Sum of diameters" if quantity == SUM_OF_DIAMETERS else quantity


def _counts(view: DiagnosticsView, english: Language) -> list[tuple[str, str]]:
    shown = view.coverage.filter((pl.col("nominal") - NOMINAL_SHOWN).abs() < 1e-9)
    several = shown.height > 1
    return [
        (english.number(view.patients.height), "patient" if view.patients.height == 1 else "patients"),
        (english.number(view.forecasts), "forecast judged" if view.forecasts == 1 else "forecasts judged"),
        *(
            (
                english.percent(row["coverage"], 1),
                "of readings in the 80% interval" + (f", {_in_words(row['quantity'])}" if several else ""),
            )
            for quantity in _quantities(shown)
            for row in shown.filter(pl.col("quantity") == quantity).iter_rows(named=True)
        ),
    ]


def _calibration(view: DiagnosticsView, quantity: str, index: int) -> _Calibration:
    own = pl.col("quantity") == quantity
    curve = view.pit_ecdf.filter(own)
    chances = [
        reliability_figure(rows, f"reliability{index}-{event}")
        for event in ("progression", "new_lesion")
        if (rows := view.reliability.filter(own & (pl.col("event") == event))).height
    ]
    return _Calibration(
        _in_words(quantity),
        ecdf_words(curve),
        [
            histogram_figure(view.pit_histogram.filter(own), f"histogram{index}"),
            ecdf_figure(curve, f"ecdf{index}"),
            coverage_figure(view.coverage.filter(own), f"coverage{index}"),
            *chances,
        ],
    )


def _particles(patients: pl.DataFrame, english: Language) -> str:
    """How well the particles stand for the patients, in a sentence or two."""
    few = patients.filter(pl.col("effective_size") < SMALLEST_EFFECTIVE_SIZE).height
    heavy = patients.filter(pl.col("pareto_k") > TRUSTED_BELOW).height
    smallest = patients.sort("effective_size").head(1)
    found = (
        f"Effective sample size: median {english.number(_median(patients['effective_size']))}, smallest "
        f"{english.number(smallest['effective_size'][0])}; below {SMALLEST_EFFECTIVE_SIZE:.0f} in "
        f"{english.number(few)} of {english.number(patients.height)} patients. Pareto k above "
        f"{TRUSTED_BELOW:g} in {english.number(heavy)}. The filter has added particles where there were too few."
    )
    advice = " Read those patients' posteriors with care (table patients)." if few or heavy else ""
    return found + advice


def _median(column: pl.Series) -> float | None:
    found = column.median()
    return float(found) if isinstance(found, int | float) else None
