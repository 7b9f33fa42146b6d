"""Judge the response at every visit, and the best response."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

import polars as pl

from turnpoint.criteria import CRITERIA, criterion
from turnpoint.criteria.called_progression import called_progressions
from turnpoint.criteria.protocol import ProtocolRules
from turnpoint.criteria.responses import Responses
from turnpoint.model.series import chosen_readers, of_reader
from turnpoint.study.new_therapy import new_therapy_days
from turnpoint.study.study import Study

__all__ = ["ProtocolRules", "Responses", "called", "new_therapy", "respond", "tables_needed"]


# What each set of criteria judges, beside the patients and their doses (for new therapy).
_JUDGED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "recist-1.1": ("lesions",),
        "irecist": ("lesions",),
        "gcig-ca-125": ("markers",),
        "gcig-combined": ("lesions", "markers"),
        "pcwg3-psa": ("markers",),
    }
)


def tables_needed(criteria: str) -> tuple[str, ...]:
    """The tables of a study without which these criteria cannot judge it.

    Raises:
        UsageError: unknown criteria.

    >>> tables_needed("psa")
    ('patients', 'doses', 'markers')
    """
    judge = criterion(criteria)
    name = next(known for known, judges in CRITERIA.items() if judges is judge)
    return ("patients", "doses", *_JUDGED[name])


def respond(study: Study, criteria: str = "recist-1.1", *, rules: ProtocolRules | None = None) -> Responses:
    """Judge every visit of a study.

    Args:
        study: with lesions; without any, both tables are empty.
        criteria: one of `turnpoint.criteria.CRITERIA`.
        rules: minimum duration of SD and confirmation; by default 42 and 28 days.

    Raises:
        UsageError: unknown criteria.
    """
    return criterion(criteria)(study, new_therapy(study), rules or ProtocolRules())


def new_therapy(study: Study) -> pl.DataFrame:
    """The first day of a new anti-cancer therapy (`study.new_therapy`).

    Returns:
        `patient_id, new_therapy_day`, for patients who had one after day 0.
    """
    return new_therapy_days(study.doses, study.patients)


def first_new_lesions(study: Study) -> pl.DataFrame:
    """`patient_id, new_lesion_day` of the patients with a certain new lesion, by any reader (RECIST 1.1)."""
    new = study.lesions.filter(pl.col("role") == "new")["patient_id"].unique().to_list()
    found = respond(study.only(new)).responses.filter("new_lesion")
    return found.group_by("patient_id").agg(pl.col("day").min().alias("new_lesion_day")).sort("patient_id")


def called(study: Study) -> pl.DataFrame:
    """The progressions that have been called, and by what (`criteria.called_progression`).

    Of several readers one counts, the same as everywhere in reports and forecasts (`model.series.chosen_readers`).
    """
    return called_progressions(replace(study, lesions=lesions_of_one_reader(study)), new_therapy(study))


def lesions_of_one_reader(study: Study) -> pl.DataFrame:
    """The lesions as one reader read them, where there are several (`model.series.chosen_readers`)."""
    lesions = study.lesions
    if lesions["reader"].drop_nulls().is_empty():
        return lesions
    return of_reader(lesions, chosen_readers(lesions))
