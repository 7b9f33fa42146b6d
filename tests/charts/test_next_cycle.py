import polars as pl
import pytest

from turnpoint.charts.canvas import COURSE
from turnpoint.charts.next_cycle import _share_axis, describe, next_cycle
from turnpoint.charts.svg import svg
from turnpoint.charts.week_axis import Panel, WeekAxis

LEVELS = ("q05", "q50", "q95")
BURDEN = pl.DataFrame(
    {
        "day": [0.0, 21.0, 42.0, 42.0, 63.0],
        "kind": ["past"] * 3 + ["next"] * 2,
        **{
            f"living_pct_{level}": [100.0, 60.0 + i, 40.0 + i, 40.0 + i, 38.0 + i]
            for i, level in enumerate(LEVELS)
        },
        **{
            f"resistant_pct_{level}": [5.0 + i, 6.0 + i, 7.0 + i, 7.0 + i, 8.0 + i]
            for i, level in enumerate(LEVELS)
        },
    }
)
CYCLES = pl.DataFrame({"cycle": [1, 2, 3], "day": [0.0, 21.0, 42.0], "end_day": [21.0, 42.0, 63.0]})
SHARES = pl.DataFrame(
    {
        "drug": ["cisplatin"] * 5,
        "day": [0.0, 0.0, 21.0, 42.0, 63.0],
        "share": [0.0, 0.25, 0.5, 0.75, 0.75],
        "kind": ["past", "past", "past", "next", "end"],
    }
)


@pytest.fixture
def sized(english):
    return Panel(WeekAxis.over([BURDEN], 42.0), COURSE, english)


def drawn(course, cycles, shares, panel):
    return svg(next_cycle(course, cycles, shares, panel), figure_id="n", title="t", description="d")


def test_chart_names_both_lines_the_drug_and_the_next_cycle(sized):
    picture = drawn(BURDEN, CYCLES, SHARES, sized)
    for word in ("living tumour", "resistant part", "cisplatin", "next cycle", "100%"):
        assert word in picture


def test_chart_has_no_lower_panel_when_no_drug_has_a_share(sized):
    picture = drawn(BURDEN, CYCLES, SHARES.clear(), sized)
    assert "Cumulative dose" not in picture
    assert "living tumour" in picture


def test_chart_is_drawn_when_burden_is_next_to_nothing_or_explodes(sized):
    for factor in (1e-9, 1e6):
        extreme = BURDEN.with_columns(pl.selectors.contains("pct") * factor)
        assert "NaN" not in drawn(extreme, CYCLES, SHARES, sized)


def test_chart_leaves_out_cycle_numbers_that_have_no_room(sized):
    many = pl.DataFrame(
        {
            "cycle": list(range(1, 102)),
            "day": [float(day) for day in range(0, 707, 7)],
            "end_day": [float(day + 7) for day in range(0, 707, 7)],
        }
    )
    course = BURDEN.with_columns(pl.col("day") * 11)
    panel = Panel(WeekAxis.over([course], 42.0 * 11), sized.canvas, sized.language)
    assert drawn(course, many, SHARES, panel).count("<text") < 120


def test_description_gives_the_numbers_before_and_after(english):
    said = describe(BURDEN, SHARES, english)
    assert "living tumour 41% of the start" in said
    assert "cisplatin: 50% of the limit, 75% after one more cycle." in said


def test_share_axis_reaches_the_dose_however_far_over_its_limit_it_is() -> None:
    axis = _share_axis(pl.DataFrame({"share": [0.5, 2.83]}))
    assert axis.high > 2.83
    assert axis.ticks == (0.0, 1.0, 2.0)
    assert _share_axis(pl.DataFrame({"share": [0.2]})).ticks == (0.0, 0.5, 1.0)
