"""What every set of response criteria gives back."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from turnpoint.errors import Problem


@dataclass(frozen=True, slots=True)
class Responses:
    """Responses by one set of criteria.

    Attributes:
        responses: one row a patient, reader and visit (design section 4).
        best_responses: one row a patient and reader.
        problems: warnings about lesions or values that the criteria would not have allowed; nothing is dropped.
        adjudication: one row a patient whom several readers judged; None where the criteria have no readers.
        progression_free: one row a patient and reader, days until progression, death or censoring; None where the
            criteria define none.
    """

    responses: pl.DataFrame
    best_responses: pl.DataFrame
    problems: tuple[Problem, ...] = ()
    adjudication: pl.DataFrame | None = None
    progression_free: pl.DataFrame | None = None
