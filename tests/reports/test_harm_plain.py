"""What one more cycle may do, in plain words: which sentence an interval gets, on both sides of each bound."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from scripts.golden_pages import GOLDEN
from turnpoint.pictures.document import from_json
from turnpoint.reports.catalogue import language
from turnpoint.reports.harm_plain import patient_harm

SHRINK, LARGER = "will probably shrink further", "will probably be larger"
SAME, MAY_SHRINK, MAY_GROW = "stay about the same", "may shrink a little", "may grow a little"


@pytest.mark.parametrize(
    ("low", "middle", "high", "said"),
    [
        (-40.0, -20.0, -5.1, SHRINK),
        (-40.0, -20.0, -5.0, MAY_SHRINK),
        (-40.0, -5.1, 10.0, MAY_SHRINK),
        (-40.0, -5.0, 10.0, SAME),
        (-10.0, 5.0, 30.0, SAME),
        (-10.0, 5.1, 30.0, MAY_GROW),
        (5.0, 20.0, 60.0, MAY_GROW),
        (5.1, 20.0, 60.0, LARGER),
    ],
)
def test_expected_change_is_said_as_surely_as_its_interval_allows(
    low: float, middle: float, high: float, said: str
) -> None:
    view = from_json((GOLDEN / "side-effects.json").read_bytes()).harm
    going_on = pl.col("scenario") == "continue"
    # a pause is for contrast on the clinician's page, and its numbers are not the patient's
    changed = view.next_cycle.with_columns(
        pl.when(going_on).then(value).otherwise(99.0).alias(f"living_change_pct_{level}")
        for level, value in (("q05", low), ("q50", middle), ("q95", high))
    )
    first, *rest = patient_harm(replace(view, next_cycle=changed), language("en")).sentences
    assert said in first
    assert not any(other in " ".join(rest) for other in (SHRINK, LARGER, SAME, MAY_SHRINK, MAY_GROW))
