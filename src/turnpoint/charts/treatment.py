"""Two lanes below a course: what was given and when it paused, and adverse events by grade."""

from __future__ import annotations

import polars as pl

from turnpoint.charts import palette
from turnpoint.charts.canvas import Layer, at_x, at_y, sheet, text_width_px, words
from turnpoint.charts.language import Language
from turnpoint.charts.specification import Scale, Specification, channel, marks
from turnpoint.charts.week_axis import Panel
from turnpoint.model.treatment import off_intervals

MOST_EVENT_ROWS = 10
_ROW_PX = 48
_TICK_PX = 18.0


def doses(given: pl.DataFrame, last_day: float | None, panel: Panel) -> Specification:
    """One row a drug: a tick a dose, as tall as the dose against the drug's largest; bars for daily drugs.

    Args:
        given: `day, drug, dose, unit, action`.
        last_day: the last visit; pauses are shaded up to it.
        panel: what the chart is drawn on.
    """
    drugs = given["drug"].unique(maintain_order=True).to_list()
    height = _ROW_PX * len(drugs)
    rows = given.sort("day").with_columns(
        (pl.col("day") / 7.0).alias("week"),
        pl.col("drug").replace_strict(drugs, range(len(drugs)), return_dtype=pl.Float64).alias("row"),
        (pl.col("dose") / pl.col("dose").max().over("drug")).fill_nan(None).fill_null(1.0).alias("share"),
    )
    ticks = rows.filter(pl.col("action") == "given").with_columns(
        ((pl.col("row") + 0.95) * _ROW_PX).alias("y"),
        ((pl.col("row") + 0.95) * _ROW_PX - _TICK_PX * pl.col("share").clip(0.15, 1.0)).alias("y2"),
    )
    x = panel.x()
    scale = Scale(domain=[height, 0], nice=False)
    layers: list[Layer] = [
        *_pause_layers(given, last_day, panel),
        marks(ticks, "rule", color=palette.INK, strokeWidth=2).encode(
            x=x, y=channel("y:Q", scale=scale, axis=None), y2="y2:Q"
        ),
        marks(_daily(rows, panel), "rule", color=palette.INK, strokeWidth=6, opacity=0.7).encode(
            x=x, x2="end:Q", y=channel("y:Q", scale=scale, axis=None)
        ),
        *panel.now(),
        _row_names([str(drug) for drug in drugs], panel),
    ]
    return sheet(layers, panel.canvas, height)


def describe_doses(given: pl.DataFrame, last_day: float | None, language: Language) -> str:
    """The lane in words, with its numbers."""
    sentences = [
        language.text(
            "{drug}: {count}, weeks {first} to {last}.",
            drug=drug,
            count=language.plural("{count} entry", "{count} entries", count),
            first=language.week(first),
            last=language.week(last),
        )
        for drug, count, first, last in given.group_by("drug", maintain_order=True)
        .agg(pl.len(), pl.col("day").min().alias("first"), pl.col("day").max().alias("last"))
        .rows()
    ]
    for first, end in pauses(given, last_day):
        sentences.append(
            language.text(
                "Pause from week {first} to {last}.", first=language.week(first), last=language.week(end)
            )
        )
    return language.joined(sentences)


def pauses(given: pl.DataFrame, last_day: float | None) -> list[tuple[float, float]]:
    """Days without any drug, as the model sees them, up to the last visit."""
    if last_day is None or given.is_empty():
        return []
    course = given.with_columns(pl.lit("course").alias("patient_id"))
    found = off_intervals(course).get("course", ())
    return [(first, min(end, last_day)) for first, end in found if first < last_day]


def events(adverse: pl.DataFrame, panel: Panel) -> Specification:
    """One row a term: a bar from its first to its last day, darker for a higher grade, the grade written on it.

    Args:
        adverse: `day, end_day, term, grade`; without `end_day` the bar is a dot.
        panel: what the chart is drawn on.
    """
    terms = worst_terms(adverse)
    height = _ROW_PX * len(terms)
    rows = (
        adverse.filter(pl.col("term").is_in(terms))
        .sort("day")
        .with_columns(
            (pl.col("day") / 7.0).alias("week"),
            (pl.coalesce("end_day", "day") / 7.0).alias("end"),
            pl.col("term").replace_strict(terms, range(len(terms)), return_dtype=pl.Float64).alias("row"),
            pl.col("grade").cast(pl.String).alias("text"),
        )
        .with_columns(((pl.col("row") + 0.76) * _ROW_PX).alias("y"))
    )
    x = panel.x()
    y = channel("y:Q", scale=Scale(domain=[height, 0], nice=False), axis=None)
    colour = channel("grade:Q", scale=Scale(domain=[1, 2, 3, 4, 5], range=list(palette.GRADES)), legend=None)
    base = rows
    grades = marks(
        base,
        "text",
        color=palette.PAPER,
        fontSize=panel.canvas.font_px - 2,
        fontWeight=700,
        baseline="middle",
    )
    layers: list[Layer] = [
        marks(base, "rule", strokeWidth=16, strokeCap="round").encode(x=x, x2="end:Q", y=y, color=colour),
        marks(base, "point", filled=True, size=380, opacity=1).encode(x=x, y=y, color=colour),
        grades.encode(x=x, y=y, text="text:N"),
        *panel.now(),
        _row_names(terms, panel),
    ]
    return sheet(layers, panel.canvas, height)


def describe_events(adverse: pl.DataFrame, language: Language) -> str:
    """The lane in words, with its numbers."""
    return " ".join(
        language.text(
            "{term}, grade {grade}, week {week}.", term=term, grade=grade or "–", week=language.week(day)
        )
        for term, grade, day in adverse.sort("day").select("term", "grade", "day").head(40).rows()
    )


def worst_terms(adverse: pl.DataFrame) -> list[str]:
    """The terms shown: at most ten, those of the highest grades, by first day."""
    ranked = (
        adverse.group_by("term", maintain_order=True)
        .agg(pl.col("grade").max(), pl.col("day").min())
        .sort("grade", "day", descending=[True, False], nulls_last=True)
        .head(MOST_EVENT_ROWS)
        .sort("day")
    )
    return [str(term) for term in ranked["term"]]


def _daily(rows: pl.DataFrame, panel: Panel) -> pl.DataFrame:
    """From each `start` to the next `stop` of the drug, or to the last visit: `week, end, y`."""
    open_end = panel.axis.last_week if panel.axis.last_visit_week is None else panel.axis.last_visit_week
    return (
        rows.filter(pl.col("action").is_in(["start", "stop"]))
        .sort("drug", "day", maintain_order=True)
        .with_columns(
            pl.col("week").shift(-1).over("drug").fill_null(open_end).alias("end"),
            ((pl.col("row") + 0.76) * _ROW_PX).alias("y"),
        )
        .filter(pl.col("action") == "start")
    )


def _pause_layers(given: pl.DataFrame, last_day: float | None, panel: Panel) -> list[Layer]:
    found = pauses(given, last_day)
    if not found:
        return []
    rows = pl.DataFrame(
        {
            "week": [first / 7.0 for first, _ in found],
            "end": [end / 7.0 for _, end in found],
            "middle": [(first + end) / 14.0 for first, end in found],
            "text": [panel.language.text("pause")] * len(found),
        },
        schema={"week": pl.Float64, "end": pl.Float64, "middle": pl.Float64, "text": pl.String},
    )
    word_px = text_width_px(panel.language.text("pause"), panel.canvas.largest_px)
    room = [panel.pixel(end / 7.0) - panel.pixel(first / 7.0) > word_px for first, end in found]
    band = marks(rows, "rect", color=palette.PAUSE_TINT)
    return [
        band.encode(x=panel.x(), x2="end:Q"),
        words(
            rows.filter(pl.Series(room)),
            panel.x("middle"),
            at_y(_ROW_PX * 0.3),
            size_px=panel.canvas.font_px - 2,
            colour=palette.QUIET,
            align="center",
        ),
    ]


def _row_names(names: list[str], panel: Panel) -> Layer:
    """Each row's name above its marks, at the left."""
    height = _ROW_PX * len(names)
    rows = pl.DataFrame(
        {"text": names, "y": [(index + 0.26) * _ROW_PX for index in range(len(names))]},
        schema={"text": pl.String, "y": pl.Float64},
    )
    y = channel("y:Q", scale=Scale(domain=[height, 0], nice=False), axis=None)
    return words(rows, at_x(0), y, size_px=panel.canvas.font_px - 1)
