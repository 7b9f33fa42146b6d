"""Response labels as one Polars Enum, best first: a response is one byte, and compares by name."""

from __future__ import annotations

from typing import Final

import polars as pl

LABELS: Final = ("CR", "PR", "SD", "NON-CR/NON-PD", "PD", "NE")
LABEL: Final = pl.Enum(LABELS)


def label(name: str) -> pl.Expr:
    """A response as a literal."""
    return pl.lit(name, dtype=LABEL)
