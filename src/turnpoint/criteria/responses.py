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

    def tables(self) -> dict[str, pl.DataFrame]:
        """The tables there are, by the names of their files; an adjudication without any row is left out."""
        frames = {
            "responses": self.responses,
            "best_responses": self.best_responses,
            "progression_free_survival": self.progression_free,
            "adjudication": self.adjudication,
        }
        optional = ("adjudication",)
        return {
            name: frame
            for name, frame in frames.items()
            if frame is not None and not (name in optional and frame.is_empty())
        }
