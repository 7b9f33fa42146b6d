from __future__ import annotations

import json

import polars as pl
import pytest

from turnpoint.charts import diagnostics, diagnostics_vpc, trial_curves
from turnpoint.charts.canvas import COHORT, COURSE, READING, Canvas
from turnpoint.charts.specification import channel, inline, layered, marks

_PHONE_PX = 358.0  # a phone of 390 px without the margins of the page
_ROWS = pl.DataFrame({"week": [1.0, float("nan")], "name": ["a\x00", "b"], "unseen": [1, 2]})


def test_inline_gives_null_when_a_number_is_not_finite() -> None:
    frame = pl.DataFrame({"x": [1.0, float("nan"), float("inf")]})
    assert inline(frame) == [{"x": 1.0}, {"x": None}, {"x": None}]


def test_inline_replaces_characters_that_xml_forbids() -> None:
    frame = pl.DataFrame({"text": ["a\x00b\x0bc\ufffed"]})
    assert inline(frame) == [{"text": "a\ufffdb\ufffdc\ufffdd"}]


def test_layered_holds_shared_rows_once_and_only_the_columns_that_are_shown() -> None:
    line = marks(_ROWS, "line").encode(x="week:Q", x2="week:Q")
    names = marks(_ROWS, "text").encode(x="week:Q", text="name:N", y={"value": 3})
    drawn = layered([line, names])
    assert drawn["datasets"] == {"rows0": [{"name": "a\ufffd", "week": 1.0}, {"name": "b", "week": None}]}
    assert [layer["data"] for layer in drawn["layer"]] == [{"name": "rows0"}] * 2
    assert drawn["layer"][0]["encoding"]["x"] == {"field": "week", "type": "quantitative"}
    assert drawn["layer"][0]["encoding"]["x2"] == {"field": "week"}
    assert drawn["layer"][1]["encoding"]["text"] == {"field": "name", "type": "nominal"}


def test_layered_keeps_a_row_for_each_mark_at_a_fixed_place() -> None:
    fixed = marks(_ROWS.head(1), "point").encode(x={"value": 1}, y={"value": 2})
    assert layered([fixed], "panel")["datasets"] == {"panelrows0": [{}]}


def test_encode_leaves_the_marks_it_starts_from_as_they_are() -> None:
    bare = marks(_ROWS, "rule", color="red")
    assert bare.encode(y=channel("week:Q", axis=None)).channels == {
        "y": {"field": "week", "type": "quantitative", "axis": None}
    }
    assert bare.channels == {}
    assert json.dumps(bare.mark) == '{"type": "rule", "color": "red"}'


@pytest.mark.parametrize(
    "canvas",
    [COURSE, READING, COHORT, trial_curves.CURVES, trial_curves.ROWS, diagnostics.HALF, diagnostics.LABELLED,
     diagnostics_vpc.CHECK],
)  # fmt: skip
def test_text_of_every_sheet_can_be_read_on_a_phone(canvas: Canvas) -> None:
    assert canvas.largest_px * _PHONE_PX / canvas.width_px >= 10.5
    assert canvas.font_px >= 13
