"""From a view to the pictures of its page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from turnpoint.charts import (
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
from turnpoint.charts.language import Language
from turnpoint.charts.specification import Specification
from turnpoint.charts.week_axis import Panel, WeekAxis
from turnpoint.pictures.patient import PatientPicture
from turnpoint.pictures.snapshot import SUM_OF_DIAMETERS, Snapshot
from turnpoint.reports.figure import Figure
from turnpoint.reports.views import CohortView

_PICTURE_WEEKS_AHEAD = 12.0  # a patient's picture looks to the next results, not to half a year


def patient_figures(view: PatientPicture, snap: Snapshot, language: Language) -> list[Figure]:
    """Every panel that the view has data for, on one week axis."""
    axis = WeekAxis.over(
        [view.sums, view.markers, view.doses, view.events, view.assessment, view.fan], snap.last_day
    )
    course = _Course(view, snap, axis, language)
    figures: list[Figure] = []
    if view.sums["sum_of_diameters_mm"].drop_nulls().len():
        figures.append(course.sums())
    known = view.markers.filter(pl.col("value").is_not_null())
    figures += [
        course.marker(str(name), index)
        for index, name in enumerate(known["marker"].unique(maintain_order=True))
    ]
    if view.assessment.height:
        figures.append(course.states())
        if snap.expects_dates:
            figures.append(course.dates())
    if view.doses.height:
        figures.append(course.doses())
    if view.events.height:
        figures.append(course.events())
    return figures


@dataclass(frozen=True, slots=True)
class _Course:
    """One patient's panels; each method draws one."""

    view: PatientPicture
    snap: Snapshot
    axis: WeekAxis
    language: Language

    def sums(self) -> Figure:
        view, text = self.view, self.language.text
        lines = sum_of_diameters.RecistLines(view.partial_response_line_mm, view.progression_line_mm)
        fan = view.fan.filter(pl.col("quantity") == SUM_OF_DIAMETERS)
        turning = self.snap.date("turning_day")
        return self._drawn(
            "sums",
            text("Sum of diameters, mm"),
            text(
                "Dots: measured sums; the bars hold 90% of repeated readings. Open triangles: part of the sum is too "
                "small to measure. Grey: fitted. Blue: forecast if the regimen goes on, 50% and 90%. Violet: turning "
                "point, median and 90% interval."
            ),
            sum_of_diameters.describe(view.sums, lines, self.language),
            lambda panel: sum_of_diameters.sum_of_diameters(view.sums, fan, lines, turning, panel),
        )

    def marker(self, name: str, index: int) -> Figure:
        text = self.language.text
        is_first = index == 0 and not self.snap.last_sum
        values = self.view.markers.filter(pl.col("marker") == name)
        fan = self.view.fan.filter(pl.col("quantity") == name)
        unit = str(values.sort("day")["unit"].fill_null("").item(-1))
        return self._drawn(
            f"marker{index}",
            text("{marker}, {unit}", marker=name, unit=unit),
            text(
                "Logarithmic axis: equal steps are equal ratios. Triangles point to where the true value lies when it "
                "is outside what the assay can measure."
            ),
            marker.describe(values, unit, self.language),
            lambda panel: marker.marker(values, fan, self.snap.date("turning_day"), panel, is_first=is_first),
        )

    def states(self) -> Figure:
        text = self.language.text
        return self._drawn(
            "states",
            text("State at each visit, from data up to that visit"),
            text("Pale bars with a question mark: the data do not allow a verdict. Black triangle: alert."),
            states.describe(self.view.assessment, self.language),
            lambda panel: states.states(self.view.assessment, panel),
        )

    def dates(self) -> Figure:
        # growth that has been read has its week in the table: no interval is drawn for it
        names = [
            name for name in date_names() if not (name == "regrowth_day" and not self.snap.regrowth_is_ahead)
        ]
        named = [(date_name(name, self.language), self.snap.date(name)) for name in names]
        said = [
            self.language.text(
                "{name}: {value}", name=name, value=dates.interval_text(interval, self.language)
            )
            for name, interval in named
        ]
        return self._drawn(
            "dates",
            self.language.text("Dates, as the last visit shows them"),
            self.language.text(
                "Bars: 90% intervals. Dots: medians. An arrow: the interval goes on beyond the axis."
            ),
            ". ".join(said) + ".",
            lambda panel: dates.three_dates(named, panel),
        )

    def doses(self) -> Figure:
        given, last_day = self.view.doses, self.snap.last_day
        return self._drawn(
            "doses",
            self.language.text("Treatment"),
            self.language.text("A tick a dose, as tall as the dose. Shaded: no drug was given."),
            treatment.describe_doses(given, last_day, self.language),
            lambda panel: treatment.doses(given, last_day, panel),
        )

    def events(self) -> Figure:
        return self._drawn(
            "events",
            self.language.text("Adverse events"),
            self.language.text("From first to last day; the number is the CTCAE grade."),
            treatment.describe_events(self.view.events, self.language),
            lambda panel: treatment.events(self.view.events, panel),
        )

    def _drawn(
        self,
        figure_id: str,
        heading: str,
        caption: str,
        description: str,
        draw: Callable[[Panel], Specification],
    ) -> Figure:
        panel = Panel(self.axis, COURSE, self.language)
        return Figure(figure_id, heading, caption, description, draw(panel))


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
