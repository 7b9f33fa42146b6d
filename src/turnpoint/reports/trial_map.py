"""The map of a virtual trial in pictures, words and a table: where a change of drug wins, and where it loses."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import polars as pl

from turnpoint.charts.language import Language
from turnpoint.charts.trial_map import ALONE, NOTHING_TO_SPEAK_OF_WEEKS, Grid, gain_map
from turnpoint.reports.figure import Figure
from turnpoint.reports.tables import Table, table
from turnpoint.reports.trial_page import OUTCOMES
from turnpoint.virtual.declaration import Declaration

MAP_SCHEMA: Mapping[str, type[pl.DataType]] = MappingProxyType(
    {
        "cross_resistance": pl.Float64,
        "strength": pl.Float64,
        "arm": pl.String,
        "outcome": pl.String,
        "gained_weeks": pl.Float64,
        "gained_weeks_low": pl.Float64,
        "gained_weeks_high": pl.Float64,
        "better_share": pl.Float64,
        "worse_share": pl.Float64,
    }
)
_DARKEST_WEEKS = 20.0


def map_figures(cells: pl.DataFrame, declared: Declaration, arm: str, language: Language) -> list[Figure]:
    """One grid for each outcome, with how many of its cells gain, lose, and show neither.

    Args:
        cells: columns `MAP_SCHEMA`.
        declared: the trial whose own cell is outlined.
        arm: that is shown against the first one.
        language: of the words.
    """
    own = cells.filter(pl.col("arm") == arm)
    return [_figure(own, outcome, declared, language) for outcome in OUTCOMES]


def _figure(cells: pl.DataFrame, outcome: str, declared: Declaration, language: Language) -> Figure:
    own = cells.filter(pl.col("outcome") == outcome)
    of = {(row["strength"], row["cross_resistance"]): row for row in own.iter_rows(named=True)}
    rows = sorted(own["strength"].unique().to_list(), reverse=True)
    columns = sorted(own["cross_resistance"].unique().to_list())
    grid = Grid(
        title=language.text("↓ strength of the second drug"),
        across=language.text("cross-resistance"),
        up="",
        columns=tuple(language.number(across, 2) for across in columns),
        rows=tuple(language.number(up, 2) for up in rows),
        gained_weeks=tuple(tuple(of[up, across]["gained_weeks"] for across in columns) for up in rows),
        within_weeks=tuple(tuple(_within(of[up, across]) for across in columns) for up in rows),
        here=(rows.index(declared.strength), columns.index(declared.cross_resistance)),
    )
    later = own.filter(pl.col("gained_weeks") > 0, _is_shown()).height
    earlier = own.filter(pl.col("gained_weeks") < 0, _is_shown()).height
    said = language.text(
        "Of {count} cells, later in {later}, earlier in {earlier}, no difference shown in {neither}.",
        count=own.height,
        later=later,
        earlier=earlier,
        neither=own.height - later - earlier,
    )
    heading = language.text(OUTCOMES[outcome][0])
    return Figure(
        f"map_{outcome}", heading, said, f"{heading}. {said}", gain_map([[grid]], _DARKEST_WEEKS, ALONE)
    )


def _within(row: Mapping[str, float]) -> float:
    return 0.5 * (row["gained_weeks_high"] - row["gained_weeks_low"])


def _is_shown() -> pl.Expr:
    """The interval does not hold 0, nor is the number shown as 0: the cell has a colour."""
    within = 0.5 * (pl.col("gained_weeks_high") - pl.col("gained_weeks_low"))
    return pl.col("gained_weeks").abs() > pl.max_horizontal(within, NOTHING_TO_SPEAK_OF_WEEKS)


def map_table(cells: pl.DataFrame, declared: Declaration, arm: str, language: Language) -> Table:
    """Every cell with its interval, and the share of patients who gain or lose; arguments as `map_figures`."""
    margin = language.number(declared.margin_weeks, 1)
    columns = [
        (language.text("Outcome"), False),
        (language.text("Second drug's strength"), True),
        (language.text("Cross-resistance"), True),
        (language.text("Gained, weeks"), True),
        (language.text("Later by {margin} weeks", margin=margin), True),
        (language.text("Earlier by {margin} weeks", margin=margin), True),
    ]
    rows = [
        [
            language.text(OUTCOMES[outcome][0]),
            language.number(row["strength"], 2),
            language.number(row["cross_resistance"], 2),
            language.text(
                "{mean} ({low} to {high})",
                mean=language.signed(row["gained_weeks"], 1),
                low=language.signed(row["gained_weeks_low"], 1),
                high=language.signed(row["gained_weeks_high"], 1),
            ),
            language.percent(row["better_share"]),
            language.percent(row["worse_share"]),
        ]
        for outcome in OUTCOMES
        for row in cells.filter(pl.col("arm") == arm, pl.col("outcome") == outcome).iter_rows(named=True)
    ]
    return table(language.text("Every cell of the map, with its 95% interval"), columns, rows)
