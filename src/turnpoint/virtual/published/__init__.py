"""Population models that were published as numbers, and cohorts of virtual patients drawn from them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from turnpoint.virtual.published import lung_first_line, lung_pooled, ovarian, prostate
from turnpoint.virtual.published.model import PublishedModel, cohort_of

PUBLISHED_MODELS: Final[Mapping[str, PublishedModel]] = MappingProxyType(
    {
        model.name: model
        for model in (ovarian.MODEL, lung_first_line.MODEL, *lung_pooled.MODELS, prostate.MODEL)
    }
)

__all__ = ["PUBLISHED_MODELS", "PublishedModel", "cohort_of"]
