"""The site's pictures, drawn when it is built, by the package's own charts from the data that come along."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from shutil import copy
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
from sphinx.application import Sphinx

import turnpoint as tp
from turnpoint.charts import palette
from turnpoint.charts.canvas import FONT, Canvas, Layer, at_y, sheet, words
from turnpoint.charts.specification import Axis, Scale, channel, marks
from turnpoint.charts.svg import svg
from turnpoint.charts.week_axis import Panel, WeekAxis
from turnpoint.pictures.snapshot import snapshot
from turnpoint.reports.catalogue import language
from turnpoint.reports.figures import course_figure

DOCS = Path(__file__).parents[1]
TARGET = DOCS / "_generated"
BUNDLED = Path(str(resources.files("turnpoint"))) / "datasets"
COURSE = Canvas(width_px=430, left_px=40, right_px=22, font_px=14, largest_px=15)
_HEIGHT_PX, _TOP_PX = 190, 46
_SAYINGS: dict[str, dict[str, Any]] = {
    "en": {
        "alert": "alert",
        "progression": "progression",
        "bar": "RECIST's bar",
        "size": "{size} mm",
        "title": "{patient}: size of one lesion by week",
        "point": "Week {week}: {size} mm.",
        "raised": "Alert in week {week}.",
        "called": "Progression by RECIST 1.1 in week {week}.",
        "never": "No progression.",
        "none": "No alert before it.",
        "led": ("{n} progressions on CT", "alert before", "no alert before"),
        "followed": ("{n} alerts on CT", "followed within 24 weeks", "not"),
    },
    "zh": {
        "alert": "预警",
        "progression": "进展",
        "bar": "RECIST 进展界限",
        "size": "{size} mm",
        "title": "{patient}：一个病灶的大小（按周）",
        "point": "第 {week} 周：{size} mm。",
        "raised": "第 {week} 周出现预警。",
        "called": "第 {week} 周按 RECIST 1.1 判为进展。",
        "never": "未见进展。",
        "none": "此前没有预警。",
        "led": ("{n} 次 CT 进展", "此前有预警", "此前没有预警"),
        "followed": ("{n} 次 CT 预警", "24 周内进展", "未进展"),
    },
}


@dataclass(frozen=True, slots=True)
class Example:
    """A patient of the start page."""

    name: str
    patient_id: str


EXAMPLES = (
    Example("start-led", "OAKD-082"),
    Example("start-unseen", "OAKD-228"),
    Example("start-unfollowed", "OAKD-301"),
)
# what a clinic's table of a tutorial leaves open, as the tutorial answers it
ANSWERS = {
    "en": ("clinic.csv", ("Liver lesion (mm)", "Lung lesion (mm)")),
    "zh": ("clinic-zh.csv", ("肝病灶（mm）", "肺病灶（mm）")),
}


def start_page() -> None:
    """Three real courses, in both languages."""
    study = tp.read(BUNDLED / "oak-docetaxel").only([own.patient_id for own in EXAMPLES])
    responses, found = tp.respond(study), tp.assess(study).frame
    for own in EXAMPLES:
        mine = pl.col("patient_id") == own.patient_id
        sums = responses.responses.filter(mine).drop_nulls("sum_of_diameters_mm").sort("day")
        progression = responses.best_responses.filter(mine)["progression_day"].item()
        alert = found.filter(mine & pl.col("alert"))["day"].min()
        alert = None if progression is not None and alert is not None and alert >= progression else alert
        if progression is not None:
            sums = sums.filter(pl.col("day") <= progression)
        for lang, said in _SAYINGS.items():
            _write(f"{own.name}-{lang}", _course(own, sums, (alert, progression), lang, said))


def _course(
    own: Example,
    sums: pl.DataFrame,
    days: tuple[float | None, float | None],
    lang: str,
    said: Mapping[str, Any],
) -> str:
    """Sizes, the size from which RECIST would have called progression, and the two days."""
    alert, progression = days
    sizes = sums.select(
        pl.col("day"),
        (pl.col("day") / 7).alias("week"),
        pl.col("sum_of_diameters_mm").alias("mm"),
        # RECIST 1.1, 4.3.1: 20 % and 5 mm over the smallest sum before
        pl.max_horizontal(1.2 * pl.col("nadir_mm"), pl.col("nadir_mm") + 5).alias("bar"),
    )
    last = float(sizes["day"].to_list()[-1])
    panel = Panel(WeekAxis.over([sizes], last), COURSE, language(lang))
    top = 1.1 * max(float(value) for column in ("mm", "bar") for value in sizes[column].drop_nulls())
    y_axis = Axis(tickCount=4, grid=True, ticks=False, title=None)
    scale = Scale(domain=[0, top], nice=False)
    x = panel.x()

    def y(column: str) -> dict[str, Any]:
        return channel(f"{column}:Q", scale=scale, axis=y_axis)

    bars = sizes.drop_nulls("bar")
    layers: list[Layer] = [
        marks(bars, "line", color=palette.STATES["regrowing"], strokeWidth=1.4, strokeDash=[5, 3],
              interpolate="step-before").encode(x=x, y=y("bar")),
        marks(sizes, "line", color=palette.INK, strokeWidth=2).encode(x=x, y=y("mm")),
        marks(sizes, "point", filled=True, color=palette.INK, size=55, opacity=1).encode(x=x, y=y("mm")),
    ]  # fmt: skip
    for day, word, y_px, colour, shape in (
        (alert, said["alert"], -32.0, palette.ALERT, "triangle-up"),
        (progression, said["progression"], -12.0, palette.STATES["regrowing"], "square"),
    ):
        if day is None:
            continue
        at = pl.DataFrame({"week": [day / 7], "text": [word]})
        near_end = panel.pixel(day / 7) > 0.6 * COURSE.plot_width_px
        layers += [
            marks(at, "rule", color=colour, strokeWidth=1).encode(x=x, y=at_y(y_px), y2=at_y(_HEIGHT_PX)),
            marks(at, "point", filled=True, color=colour, size=70, opacity=1, shape=shape).encode(x=x, y=at_y(y_px)),
            words(at, x, at_y(y_px), size_px=14, colour=colour, bold=True,
                  align="right" if near_end else "left", dx=-10 if near_end else 10),
        ]  # fmt: skip
    named = bars.head(1).with_columns(pl.lit(said["bar"]).alias("text"), pl.col("bar") + 0.06 * top)
    layers.append(words(named, x, y("bar"), size_px=13, colour=palette.STATES["regrowing"]))
    spoken = [
        said["point"].format(week=f"{week:.0f}", size=f"{mm:g}")
        for week, mm in sizes.select("week", "mm").rows()
    ]
    spoken.append(said["none"] if alert is None else said["raised"].format(week=f"{alert / 7:.0f}"))
    spoken.append(
        said["never"] if progression is None else said["called"].format(week=f"{progression / 7:.0f}")
    )
    return svg(
        sheet(layers, COURSE, _HEIGHT_PX, top_px=_TOP_PX, bottom_px=30),
        figure_id=f"{own.name}-{lang}",
        title=said["title"].format(patient=own.patient_id),
        description=" ".join(spoken),
    )


def counted() -> dict[str, tuple[int, int]]:
    """Part and whole, as counted in patients left out of the fit, at the alert that is the default."""
    page = (DOCS / "results" / "lead-time-real.md").read_text(encoding="utf-8")
    ct = page[page.index("## CT") : page.index("## PSA")]
    progressions = re.search(r"(\d+) progressions", ct)
    row = re.search(r"^\| 5 \| [^|]+\| (\d+) of (\d+) [^|]*\| (\d+) \|", ct, re.MULTILINE)
    if progressions is None or row is None:
        raise ValueError("results/lead-time-real.md: no row of alerts that are unfollowed in 5 of 100")
    return {"led": (int(row[3]), int(progressions[1])), "followed": (int(row[1]), int(row[2]))}


def counts() -> None:
    """How many, as two bars in both languages."""
    width, apart = COURSE.width_px, 106
    for lang, said in _SAYINGS.items():
        bars, spoken = [], []
        for number, (name, (part, whole)) in enumerate(counted().items()):
            title, first, second = said[name]
            top, edge = number * apart, 12 + round((width - 24) * part / whole)
            spoken.append(f"{title.format(n=whole)}: {part} {first}, {whole - part} {second}")
            bars.append(
                f'<text x="12" y="{top + 20}" fill="{palette.INK}" font-weight="600">{title.format(n=whole)}</text>'
                f'<rect x="12" y="{top + 30}" width="{edge - 13}" height="34" fill="{palette.FORECAST}"/>'
                f'<rect x="{edge + 1}" y="{top + 30}" width="{width - 13 - edge}" height="34" fill="{palette.BAR}"/>'
                f'<text x="20" y="{top + 52}" fill="{palette.PAPER}" font-weight="600">{part}</text>'
                f'<text x="{edge + 9}" y="{top + 52}" fill="{palette.INK}" font-weight="600">{whole - part}</text>'
                f'<text x="12" y="{top + 84}" fill="{palette.FORECAST}">{first}</text>'
                f'<text x="{width - 12}" y="{top + 84}" fill="{palette.QUIET}" text-anchor="end">{second}</text>'
            )
        _write(
            f"start-counts-{lang}",
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {2 * apart - 10}" role="img" '
            f'font-family="{FONT}" font-size="14"><title>{". ".join(spoken)}</title>{"".join(bars)}</svg>',
        )


def tutorials() -> None:
    """The courses of reports that tutorials show."""
    _course_of("tutorial-statistician", tp.read(DOCS / "tutorials" / "data" / "sdtm"), "V0006", "en")
    for lang, (table, lesions) in ANSWERS.items():
        with TemporaryDirectory() as folder:
            place = Path(copy(DOCS / "tutorials" / "data" / table, folder))
            answers = [part for own in lesions for part in ("--answer", f"lesions.{own}.role=target")]
            guess = [sys.executable, "-m", "turnpoint", "map", "guess", str(place), "--yes", *answers]
            source = os.pathsep.join([str(DOCS.parent / "src"), os.environ.get("PYTHONPATH", "")])
            subprocess.run(guess, check=True, capture_output=True, env=os.environ | {"PYTHONPATH": source})
            _course_of("tutorial-oncologist", tp.read(place), "101", lang)


def _course_of(name: str, study: tp.Study, patient: str, lang: str) -> None:
    """The course on the clinician's page on the patient."""
    view = tp.picture(study, patient)
    figure = course_figure(view, snapshot(view), language(lang))
    if figure is None:
        raise ValueError(f"{name}: nothing was read of the patient")
    _write(f"{name}-{lang}", figure.drawing)


def _write(name: str, drawing: str) -> None:
    """On paper of its own, so that it can be read in the dark too; only when it has changed."""
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawing)
    if size is None:
        raise ValueError(f"{name}: no viewBox")
    paper = f'<rect width="{size[1]}" height="{size[2]}" fill="{palette.PAPER}"/>'
    text = re.sub(r"(<svg[^>]*>)", rf"\1{paper}", drawing, count=1) + "\n"
    target = TARGET / f"{name}.svg"
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        target.write_text(text, encoding="utf-8")


def draw(_app: Sphinx) -> None:
    """Every picture; the NumPy filter, whose first picture needs no compiling."""
    TARGET.mkdir(exist_ok=True)
    os.environ.setdefault("TURNPOINT_KERNEL", "off")
    start_page()
    counts()
    tutorials()


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("builder-inited", draw)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
