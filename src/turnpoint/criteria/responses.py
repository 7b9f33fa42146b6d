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
        problems: warnings about lesions that the criteria would not have allowed; nothing is dropped.
    """

    responses: pl.DataFrame
    best_responses: pl.DataFrame
    problems: tuple[Problem, ...] = ()
