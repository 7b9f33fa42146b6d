"""What a forecast must bring to be judged: who makes it is not asked."""

from __future__ import annotations

from typing import Protocol

import polars as pl

from turnpoint.model.arrays import FloatArray


class Drawn(Protocol):
    """The forecasts of one quantity at R origins, as draws (`workflows.forecast_draws` makes them)."""

    @property
    def keys(self) -> pl.DataFrame:
        """`patient_id, origin_day, target_day, quantity`, R rows."""
        ...

    @property
    def draws(self) -> FloatArray:
        """Of the next reading as it would be written down, shape (R, D)."""
        ...

    @property
    def mass(self) -> FloatArray:
        """Of each draw, rows adding up to 1, shape (R, D)."""
        ...
