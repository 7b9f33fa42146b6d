"""From a view to the pictures of its page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from turnpoint.charts import (
    course,
    dates,
    marker,
    patient_picture,
    spider,
    states,
    sum_of_diameters,
    swimmer,
    treatment,
    waterfall,
)
from turnpoint.charts.canvas import COHORT, COURSE, READING
from turnpoint.charts.lane import Lane
from turnpoint.charts.language import Language
from turnpoint.charts.week_axis import Panel, WeekAxis
from turnpoint.pictures.patient import PatientPicture
from turnpoint.pictures.snapshot import SUM_OF_DIAMETERS, Snapshot
from turnpoint.reports.figure import Figure, FigurePart
from turnpoint.reports.places import lesion_name
from turnpoint.reports.views import CohortView

_PICTURE_WEEKS_AHEAD = 12.0  # a patient's picture looks to the next results, not to half a year


def course_figure(
    view: PatientPicture, snap: Snapshot, language: Language, whole: PatientPicture | None = None
) -> Figure | None:
    """The patient's whole course on one time axis; None where nothing was read.

    Args:
        view: what is shown.
        snap: of the same.
        language: of its words.
        whole: what is known now, where `view` looks back: its weeks are the axis, so that a look back moves nothing.
    """
    lanes = _lanes(view, language, snap)
    if not lanes:
        return None
    turning = snap.date("turning_day") if snap.expects_dates and view.assessment.height else None
    forecast = view.fan.filter(pl.col("kind") == "forecast")
    panel = Panel(_axis_of(view, whole, snap), COURSE, language)
    captions = [language.text("Grey: fitted. Blue: forecast if the regimen goes on, 50% and 90%.")]
    if turning is not None and turning.bounds is not None:
        captions.append(language.text("Violet: turning point, median and 90% interval."))
    parts = tuple(FigurePart(lane.title, lane.caption, lane.description) for lane in lanes)
    said = [language.text("{name}: {value}", name=part.title, value=part.description) for part in parts]
    if turning is not None:
        interval = dates.interval_text(turning, language)
        said.insert(0, language.text("Turning point: {interval}.", interval=interval))
    return Figure(
        "course",
        language.text("The course, by week since the start"),
        language.joined(captions),
        language.joined(said),
        course.course(lanes, turning, panel, has_forecast=forecast.height > 0),
        parts,
    )


def _axis_of(view: PatientPicture, whole: PatientPicture | None, snap: Snapshot) -> WeekAxis:
    """Of everything that is shown, and of what is known now where the view looks back."""
    shown = [view] if whole is None else [view, whole]
    frames = [
        frame
        for own in shown
        for frame in (own.sums, own.markers, own.doses, own.events, own.assessment, own.fan)
    ]
    return WeekAxis.over(frames, snap.last_day)


def _lanes(view: PatientPicture, language: Language, snap: Snapshot) -> list[Lane]:
    """What the view has data for, from the top to the bottom."""
    found: list[Lane] = []
    if view.assessment.height:
        found.append(states.states_lane(view.assessment, language))
    if view.sums["sum_of_diameters_mm"].drop_nulls().len():
        lines = sum_of_diameters.RecistLines(
            view.partial_response_line_mm, view.progression_line_mm, view.baseline_mm
        )
        fan = view.fan.filter(pl.col("quantity") == SUM_OF_DIAMETERS)
        lesions = [(lesion_name(own.lesion_id, own.site, language), own) for own in view.lesions]
        found.append(sum_of_diameters.sum_lane(view.sums, lesions, fan, lines, language))
    known = view.markers.filter(pl.col("value").is_not_null())
    for name in known["marker"].unique(maintain_order=True):
        values = view.markers.filter(pl.col("marker") == name)
        fan = view.fan.filter(pl.col("quantity") == name)
        found.append(marker.marker_lane(str(name), values, fan, language))
    if view.doses.height:
        found.append(treatment.doses_lane(view.doses, snap.last_day, language))
    if view.events.height:
        found.append(treatment.events_lane(view.events, language))
    return found


def _marker_to_show(view: PatientPicture, snap: Snapshot, *, has_sum: bool) -> Mapping[str, Any] | None:
    """The marker that has risen while no size has, or the first one where there is no size; else None."""
    codes = {fact.code for fact in view.evidence}
    risen = {fact.labels["quantity"] for fact in view.evidence if fact.code == "marker_risen"}
    if has_sum and not (risen and "size_risen" not in codes and not view.called):
        return None
    return next((row for row in snap.last_markers if row["marker"] in risen or not has_sum), None)


def _picture_caption(view: PatientPicture, fan: pl.DataFrame, language: Language) -> str:
    """What the dots and the soft area are; the area is named only where it can be seen."""
    said = [language.text("Each dot is one result.")]
    if any(own.kind == "new_lesion" for own in view.called):
        said.append(language.text("The picture shows the spots measured from the start, not the new one."))
    ahead = fan.filter(pl.col("kind") == "forecast").drop_nulls(["q05", "q95"])
    if ahead.filter(pl.col("q95") > 1.02 * pl.col("q05")).height:
        said.append(language.text("The next results will probably fall inside the blue area."))
    return language.joined(said)


def simple_picture(view: PatientPicture, snap: Snapshot, language: Language) -> Figure | None:
    """The patient's one picture: the sum; a marker where there is no sum, or where it alone has risen."""
    rows = view.sums.filter(pl.col("sum_of_diameters_mm").is_not_null())
    shown = _marker_to_show(view, snap, has_sum=rows.height > 0)
    if shown is not None:
        quantity = str(shown["marker"])
        own = view.markers.filter((pl.col("marker") == quantity) & pl.col("value").is_not_null())
        values = own.select("day", "value")
        unit = str(shown["unit"] or "")
        heading = language.text("Blood value {marker}, in {unit}", marker=quantity, unit=unit)
    elif rows.height:
        values = rows.select("day", pl.col("sum_of_diameters_mm").alias("value"))
        quantity, heading = SUM_OF_DIAMETERS, language.text("Size on the scans, in mm")
    else:
        return None
    until = (snap.last_day or 0.0) + 7.0 * _PICTURE_WEEKS_AHEAD
    fan = view.fan.filter((pl.col("quantity") == quantity) & (pl.col("day") <= until))
    if view.called:
        fan = fan.filter(pl.col("kind") != "forecast")
    caption = _picture_caption(view, fan, language)
    axis = WeekAxis.over([values, fan.filter(pl.col("kind") == "forecast")], snap.last_day)
    said = [
        language.text("Week {week}: {value}.", week=language.week(day), value=language.measured(value))
        for day, value in values.sort("day").rows()
    ]
    return Figure(
        "picture",
        heading,
        caption,
        " ".join(said if len(said) <= 40 else [said[0], said[-1]]),
        patient_picture.patient_picture(values, fan, Panel(axis, READING, language)),
    )


def cohort_figures(view: CohortView, language: Language) -> list[Figure]:
    """Waterfall, spider and swimmer, and the same for markers, where there are data."""
    figures: list[Figure] = []
    lines = (waterfall.PARTIAL_RESPONSE_PCT, waterfall.PROGRESSION_PCT)
    if view.waterfall["best_change_pct"].drop_nulls().len():
        figures.append(
            Figure(
                "waterfall",
                language.text("Waterfall: best change of the sum of diameters from baseline, %"),
                language.text(
                    "One bar a patient; growth over 100% is cut there. Below: which bars have which best response, "
                    "and how many."
                ),
                waterfall.describe(view.waterfall, language),
                waterfall.waterfall(view.waterfall, lines, COHORT, language),
            )
        )
    if spider.has_lines(view.spider, "change_from_baseline_pct"):
        figures.append(
            Figure(
                "spider",
                language.text("Spider: change of the sum of diameters from baseline by week, %"),
                language.text("One line a patient, by best response. Dashed: −30% and +20%."),
                spider.describe(view.spider, "change_from_baseline_pct", language),
                spider.spider(view.spider, COHORT, language),
            )
        )
    if view.swimmer.height:
        figures.append(_swimmer(view, language))
    return figures + _marker_figures(view, language)


def _swimmer(view: CohortView, language: Language) -> Figure:
    shown = swimmer.shown_rows(view.swimmer).height
    caption = language.text(
        "One bar a patient, longest first, in weeks. An arrow: no progression at the last visit."
    )
    if shown < view.swimmer.height:
        caption += " " + language.text(
            "{shown} of {count} patients are drawn, evenly spaced.",
            shown=language.number(shown),
            count=language.number(view.swimmer.height),
        )
    return Figure(
        "swimmer",
        language.text("Swimmer: time on study"),
        caption,
        swimmer.describe(view.swimmer, language),
        swimmer.swimmer(view.swimmer, COHORT, language),
    )


def _marker_figures(view: CohortView, language: Language) -> list[Figure]:
    figures: list[Figure] = []
    if not spider.has_lines(view.marker_spider, "change_from_first_pct"):
        return figures
    for index, name in enumerate(view.marker_spider["marker"].unique(maintain_order=True)):
        best = _best_marker_change(view.marker_spider.filter(pl.col("marker") == name))
        figures.append(
            Figure(
                f"marker-waterfall{index}",
                language.text("{marker}: best change from the first value, %", marker=name),
                language.text("One bar a patient; a rise over 100% is cut there. Dashed: a fall by half."),
                waterfall.describe(best, language),
                waterfall.waterfall(best, (waterfall.MARKER_RESPONSE_PCT,), COHORT, language),
            )
        )
    figures.append(
        Figure(
            "marker-spider",
            language.text("Markers: ratio to the first value by week"),
            language.text("One line a patient, logarithmic axis. Dashed: a fall by half."),
            spider.describe(view.marker_spider, "change_from_first_pct", language),
            spider.marker_spider(view.marker_spider, COHORT, language),
        )
    )
    return figures


def _best_marker_change(changes: pl.DataFrame) -> pl.DataFrame:
    """The lowest value after the first, a patient each."""
    later = changes.sort("week").filter(pl.int_range(pl.len()).over("patient_id") > 0)
    return later.group_by("patient_id", maintain_order=True).agg(
        pl.col("change_from_first_pct").min().alias("best_change_pct")
    )


def date_names() -> tuple[str, ...]:
    """The three dates in the order in which they happen."""
    return ("dominance_day", "turning_day", "regrowth_day")


def date_name(column: str, language: Language) -> str:
    """What a date is called."""
    return {
        "dominance_day": language.text("Dominance of resistant cells"),
        "turning_day": language.text("Turning point"),
        "regrowth_day": language.text("Detectable regrowth"),
    }[column]
