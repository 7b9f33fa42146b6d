"""Two lanes below a course: what was given and when it paused, and adverse events by grade."""

from __future__ import annotations

import polars as pl

from turnpoint.charts import palette
from turnpoint.charts.canvas import Layer, at_x, fitting, text_width_px, words
from turnpoint.charts.lane import Lane, Place, Readings
from turnpoint.charts.language import NOTHING, Language, mark
from turnpoint.charts.specification import Scale, channel, marks
from turnpoint.charts.week_axis import Panel
from turnpoint.model.treatment import off_intervals

MOST_EVENT_ROWS = 10
_ROW_PX = 48
_TICK_PX = 20.0
_CHANGED_SHARE = 0.05  # doses by weight differ by less from cycle to cycle
_ACTIONS = {"start": mark("start"), "stop": mark("end")}


def doses_lane(given: pl.DataFrame, last_day: float | None, language: Language) -> Lane:
    """One row a drug: a tick a dose, as tall as the dose against the drug's largest; bars for daily drugs.

    Args:
        given: `day, drug, dose, unit, action`.
        last_day: the last visit; pauses are shaded up to it.
        language: of its words.
    """
    drugs = given["drug"].unique(maintain_order=True).to_list()
    rows = given.sort("day").with_columns(
        (pl.col("day") / 7.0).alias("week"),
        pl.col("drug").replace_strict(drugs, range(len(drugs)), return_dtype=pl.Float64).alias("row"),
        (pl.col("dose") / pl.col("dose").max().over("drug")).fill_nan(None).fill_null(1.0).alias("share"),
    )

    def draw(place: Place, panel: Panel) -> list[Layer]:
        return _dose_layers(rows, [str(drug) for drug in drugs], pauses(given, last_day), place, panel)

    captions = [language.text("A tick a dose, as tall as the dose; the thin line is the largest.")]
    if pauses(given, last_day):
        captions.append(language.text("Shaded: no drug was given."))
    return Lane(
        title=language.text("Treatment"),
        caption=language.joined(captions),
        description=describe_doses(given, last_day, language),
        above_px=0.0,
        height_px=float(_ROW_PX * len(drugs)),
        draw=draw,
        readings=_listed_by_day(
            [
                (
                    day,
                    f"{drug} {'' if dose is None else language.measured(dose)} {unit or ''}".strip()
                    if action == "given"
                    else f"{drug} {language.text(_ACTIONS.get(action, action))}",
                )
                for day, drug, dose, unit, action in rows.select(
                    "day", "drug", "dose", "unit", "action"
                ).rows()
            ],
            language,
        ),
    )


def _dose_layers(
    rows: pl.DataFrame, drugs: list[str], paused: list[tuple[float, float]], place: Place, panel: Panel
) -> list[Layer]:
    foot = (pl.col("row") + 0.95) * _ROW_PX
    ticks = rows.filter(pl.col("action") == "given").with_columns(
        foot.alias("y"), (foot - _TICK_PX * pl.col("share").clip(0.15, 1.0)).alias("y2")
    )
    full = ticks.group_by("drug", maintain_order=True).agg(
        pl.col("week").min(), pl.col("week").max().alias("end"), (pl.col("y").first() - _TICK_PX).alias("y")
    )
    x, y = panel.x(), channel("y:Q", scale=place.rows(), axis=None)
    return [
        *_pause_layers(paused, place, panel),
        marks(full, "rule", color=palette.FITTED, strokeWidth=0.8).encode(x=x, x2="end:Q", y=y),
        marks(ticks, "rule", color=palette.INK, strokeWidth=2).encode(x=x, y=y, y2="y2:Q"),
        marks(_daily(rows, panel), "rule", color=palette.INK, strokeWidth=6, opacity=0.7).encode(
            x=x, x2="end:Q", y=y
        ),
        _row_names([_with_reductions(drug, rows, panel.language) for drug in drugs], place, panel),
    ]


def _with_reductions(drug: str, rows: pl.DataFrame, language: Language) -> str:
    """The drug's name, and where its dose changed the share of the largest one: `docetaxel: 80% from week 15`."""
    own = rows.filter((pl.col("drug") == drug) & (pl.col("action") == "given"))
    changed = own.filter(
        ((pl.col("share") - pl.col("share").shift(1)).abs() >= _CHANGED_SHARE).fill_null(
            pl.col("share") <= 1.0 - _CHANGED_SHARE
        )
    )
    said = [
        language.text("{share} from week {week}", share=language.percent(share), week=language.week(day))
        for share, day in changed.select("share", "day").rows()
    ]
    return language.text("{name}: {value}", name=drug, value=language.listed(said)) if said else drug


def _listed_by_day(entries: list[tuple[float, str]], language: Language) -> Readings:
    """What happened on the same day, in one line."""
    by_day: dict[float, list[str]] = {}
    for day, text in entries:
        by_day.setdefault(day, []).append(text)
    return tuple((day, language.listed(texts)) for day, texts in by_day.items())


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


def events_lane(adverse: pl.DataFrame, language: Language) -> Lane:
    """One row a term: a bar from its first to its last day, darker for a higher grade, the grade written on it.

    Args:
        adverse: `day, end_day, term, grade`; without `end_day` the bar is a dot.
        language: of its words.
    """
    terms, every = worst_terms(adverse), adverse["term"].n_unique()
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
    captions = [language.text("From first to last day; the number is the CTCAE grade.")]
    if len(terms) < every:
        shown = {"shown": language.number(len(terms)), "count": language.number(every)}
        captions.append(
            language.text("{shown} of {count} terms are drawn, those of the highest grades.", **shown)
        )
    return Lane(
        title=language.text("Adverse events"),
        caption=language.joined(captions),
        description=describe_events(adverse, language),
        above_px=0.0,
        height_px=float(_ROW_PX * len(terms)),
        draw=lambda place, panel: _event_layers(rows, terms, place, panel),
        readings=_listed_by_day(
            [
                (day, language.text("{term}, grade {grade}", term=term, grade=grade or NOTHING))
                for day, term, grade in adverse.sort("day").select("day", "term", "grade").rows()
            ],
            language,
        ),
    )


def _event_layers(rows: pl.DataFrame, terms: list[str], place: Place, panel: Panel) -> list[Layer]:
    x = panel.x()
    y = channel("y:Q", scale=place.rows(), axis=None)
    colour = channel("grade:Q", scale=Scale(domain=[1, 2, 3, 4, 5], range=list(palette.GRADES)), legend=None)
    grades = marks(
        rows,
        "text",
        color=palette.PAPER,
        fontSize=panel.canvas.font_px - 2,
        fontWeight=700,
        baseline="middle",
    )
    return [
        marks(rows, "rule", strokeWidth=16, strokeCap="round").encode(x=x, x2="end:Q", y=y, color=colour),
        marks(rows, "point", filled=True, size=380, opacity=1).encode(x=x, y=y, color=colour),
        grades.encode(x=x, y=y, text="text:N"),
        _row_names(terms, place, panel),
    ]


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


def _pause_layers(found: list[tuple[float, float]], place: Place, panel: Panel) -> list[Layer]:
    if not found:
        return []
    rows = pl.DataFrame(
        {
            "week": [first / 7.0 for first, _ in found],
            "end": [end / 7.0 for _, end in found],
            "middle": [(first + end) / 14.0 for first, end in found],
            "top": [0.0] * len(found),
            "bottom": [place.height_px] * len(found),
            "text": [panel.language.text("pause")] * len(found),
        },
        schema={"week": pl.Float64, "end": pl.Float64, "middle": pl.Float64, "top": pl.Float64,
                "bottom": pl.Float64, "text": pl.String},
    )  # fmt: skip
    word_px = text_width_px(panel.language.text("pause"), panel.canvas.largest_px)
    room = [panel.pixel(end / 7.0) - panel.pixel(first / 7.0) > word_px for first, end in found]
    band = marks(rows, "rect", color=palette.PAUSE_TINT)
    return [
        band.encode(
            x=panel.x(), x2="end:Q", y=channel("top:Q", scale=place.rows(), axis=None), y2="bottom:Q"
        ),
        words(
            rows.filter(pl.Series(room)),
            panel.x("middle"),
            place.at_y(_ROW_PX * 0.3),
            size_px=panel.canvas.font_px - 2,
            colour=palette.QUIET,
            align="center",
        ),
    ]


def _row_names(names: list[str], place: Place, panel: Panel) -> Layer:
    """Each row's name above its marks, at the left."""
    largest_px, width_px = panel.canvas.largest_px, panel.canvas.width_px - panel.canvas.left_px
    names = [fitting(name, width_px, largest_px) for name in names]
    rows = pl.DataFrame(
        {"text": names, "y": [(index + 0.26) * _ROW_PX for index in range(len(names))]},
        schema={"text": pl.String, "y": pl.Float64},
    )
    y = channel("y:Q", scale=place.rows(), axis=None)
    return words(rows, at_x(0), y, size_px=panel.canvas.font_px - 1)
