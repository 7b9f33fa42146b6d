"""The clinician's page: the answer on the first screen, then the pictures, then every visit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from turnpoint.charts.dates import is_beyond, week_or_never
from turnpoint.charts.language import NOTHING, Language, mark
from turnpoint.charts.marker import censored_value
from turnpoint.charts.states import STATE_NAMES
from turnpoint.criteria.called_progression import RECIST
from turnpoint.criteria.recist import NothingLeft
from turnpoint.pictures.patient import PatientPicture
from turnpoint.pictures.snapshot import CAUSES, SUM_OF_DIAMETERS, Snapshot, snapshot
from turnpoint.reports.called_text import called_already, called_sentences
from turnpoint.reports.course_tables import doses_table, events_table, percent_change, visits_table
from turnpoint.reports.evidence_text import clinician_sentence, quantity_name
from turnpoint.reports.figure import Figure
from turnpoint.reports.figures import course_figure, date_name, date_names
from turnpoint.reports.harm_section import clinician_harm, next_cycle_figure
from turnpoint.reports.lesion_text import lesions_table, parted_sentence
from turnpoint.reports.page import Into, page
from turnpoint.reports.provenance_text import fit_sentence, not_a_device, provenance_lines
from turnpoint.reports.settle_text import settle_table, what_would_help
from turnpoint.reports.tables import Table, table
from turnpoint.reports.verdict_text import CLINICIAN_HEADLINES, clinician_alert, clinician_alert_rate
from turnpoint.turning.series_facts import at_floor_mm

CAUSE_NAMES = {
    "resistant": mark("resistant cells"),
    "scar": mark("scar, resting tissue or healthy background"),
    "floor": mark("floor of measurement"),
    "pause": mark("treatment pause"),
}
_STATES = ("responding", "plateau", "regrowing")
_NO_CAUSE_ASKED = ("responding", "nothing_left", "not_assessed", "undetermined")


def clinician_page(
    view: PatientPicture, language: Language, into: Into = page, whole: PatientPicture | None = None
) -> str:
    """The page as HTML; `whole` as in `course_figure`."""
    snap = snapshot(view)
    provenance = view.provenance
    return into(
        "clinician.html",
        language,
        title=language.text("Patient {patient}", patient=view.patient_id),
        context=course_line(view, snap, language),
        **headlines(view, snap, language),
        states=[
            (
                state,
                language.text(STATE_NAMES[state]),
                language.chance(snap.last[f"p_{state}"]),
                snap.last[f"p_{state}"],
            )
            for state in _STATES
            if snap.last.get(f"p_{state}") is not None
        ],
        certainty=_certainty(view, snap, language) if snap.expects_dates else [],
        alert=snap.alert,
        alert_text=clinician_alert(snap, language),
        alert_rate=clinician_alert_rate(provenance, language, unlike=snap.unlike_the_prior),
        changed=changes(view, snap, language),
        evidence=[clinician_sentence(fact, language) for fact in view.evidence],
        lesions=lesions_table(view, language),
        settle=what_would_help(view, snap, language),
        settle_table=settle_table(view, language),
        next_values=next_values(snap, language),
        progression=progression_table(view, language),
        gap=gap_sentences(view, language),
        gap_heading=language.text("Progression by RECIST")
        if view.called
        else language.text("What RECIST still waits for"),
        dates=_dates_table(snap, language) if snap.expects_dates else None,
        causes=_causes_table(view, snap, language),
        cause_unknown=cause_sentences(view, snap, language),
        course=course_figure(view, snap, language, whole),
        harm=None if view.harm is None else clinician_harm(view.harm, language),
        visits=visits_table(view, language),
        doses=doses_table(view, language),
        events=events_table(view, language),
        small_print=[*provenance_lines(provenance, language), *fit_sentence(provenance, language)],
        disclaimer=not_a_device(language),
    )


def clinician_figures(
    view: PatientPicture, language: Language, whole: PatientPicture | None = None
) -> list[Figure]:
    """Every picture of the page, in its order; `whole` as in `course_figure`."""
    found = (
        course_figure(view, snapshot(view), language, whole),
        None if view.harm is None else next_cycle_figure(view.harm, language),
    )
    return [own for own in found if own is not None]


def headlines(view: PatientPicture, snap: Snapshot, language: Language) -> dict[str, object]:
    """What is said first: what called progression, else the state; then the state, and lesions that part ways."""
    state = language.text(CLINICIAN_HEADLINES[snap.situation])
    called = called_sentences(view, language)
    under = [*called[1:]]
    if called:
        under.append(language.text("At the last visit: {state}.", state=state))
    if view.parted is not None:
        under.append(parted_sentence(view.parted, language))
    if snap.situation == "nothing_left" and view.nothing_left is not None:
        under += _nothing_left(view.nothing_left, language)
    return {"headline": called[0] if called else state, "under": under}


def _nothing_left(found: NothingLeft, language: Language) -> list[str]:
    """What a complete response means and what it does not."""
    said = [
        language.text(
            "Complete response since week {week}: every target is gone or, if a node, of normal size. It does not show "
            "that no living cell is left; what is below the limit of a scan cannot be seen.",
            week=language.week(found.day),
        )
    ]
    if found.normal:
        said.append(language.text("Normal: {markers}.", markers=language.listed(list(found.normal))))
    if found.unknown:
        said.append(
            language.text("No reference range: {markers}.", markers=language.listed(list(found.unknown)))
        )
    return said


def course_line(view: PatientPicture, snap: Snapshot, language: Language) -> str:
    """Who, what, how long: one line under the title."""
    parts = [part for part in (view.tumour_type, view.regimen) if part]
    if snap.last_day is not None:
        visits = language.plural("{count} visit", "{count} visits", snap.visits)
        parts.append(
            language.text("{visits} until week {week}", visits=visits, week=language.week(snap.last_day))
        )
    parts.append(language.text("study {study}", study=view.study_name))
    return " · ".join(parts)


def _certainty(view: PatientPicture, snap: Snapshot, language: Language) -> list[str]:
    """The chance that the turning point is past, and the resistant share."""
    sentences = []
    if snap.last.get("p_turned") is not None:
        chance = language.chance(snap.last["p_turned"])
        sentences.append(
            language.text("Expected: the chance that it gets no smaller than now is {chance}.", chance=chance)
            if snap.last.get("verdict") == "responding"
            else language.text("Turning point already passed: {chance}.", chance=chance)
        )
    if snap.p_never is not None:
        sentences.append(
            language.text(
                "Turning point not within ten years: {chance}.", chance=language.chance(snap.p_never)
            )
        )
    if view.cause_is_prior or snap.situation in _NO_CAUSE_ASKED:
        return sentences
    if snap.last.get("resistant_fraction_q50") is not None:
        low, middle, high = (
            language.chance(snap.last[f"resistant_fraction_{q}"]) for q in ("q05", "q50", "q95")
        )
        sentences.append(
            language.text(
                "Living cells that the treatment does not shrink: {middle} (90% interval {low} to {high}).",
                low=low,
                middle=middle,
                high=high,
            )
        )
    return sentences


def changes(view: PatientPicture, snap: Snapshot, language: Language) -> list[str]:
    """What changed: the last sum and the last value of each marker, against what they were."""
    sentences = []
    if snap.last_sum:
        sentences.append(_sum_sentence(view, snap, language))
    return sentences + [_marker_sentence(row, language) for row in snap.last_markers]


def _sum_sentence(view: PatientPicture, snap: Snapshot, language: Language) -> str:
    row, before = snap.last_sum, snap.sum_before
    size, week = language.number(row["sum_of_diameters_mm"], 1), language.week(row["day"])
    said = language.text("Sum of diameters {size} mm at week {week}.", size=size, week=week)
    if before and row["change_from_baseline_pct"] is not None:
        values = {
            "size": size,
            "week": week,
            "from_baseline": percent_change(row["change_from_baseline_pct"], language),
            "baseline": language.number(view.baseline_mm, 1),
            "earlier": language.number(before["sum_of_diameters_mm"], 1),
        }
        said = language.text(
            "Sum of diameters {size} mm at week {week}, the smallest so far: {from_baseline} from baseline "
            "({baseline} mm), {earlier} mm at the scan before.",
            **values,
        )
        if view.nadir_mm is not None and row["sum_of_diameters_mm"] > view.nadir_mm:
            said = language.text(
                "Sum of diameters {size} mm at week {week}: {from_baseline} from baseline ({baseline} mm), "
                "{from_nadir} from the nadir ({nadir} mm), {earlier} mm at the scan before.",
                from_nadir=percent_change(row["change_from_nadir_pct"], language),
                nadir=language.number(view.nadir_mm, 1),
                **values,
            )
    sentences = [said]
    if view.baseline_mm is None:
        sentences.append(
            language.text("A target was not measured at baseline: there is no baseline sum to compare with.")
        )
    if row["censored"]:
        sentences.append(
            language.text("Every target is too small to measure.")
            if row["sum_of_diameters_mm"] > 0
            else language.text("Every target is gone.")
        )
    if row["overall_response"]:
        sentences.append(language.text("Overall response {response}.", response=row["overall_response"]))
    return language.joined(sentences)


def _marker_sentence(row: Mapping[str, Any], language: Language) -> str:
    values = {
        "marker": row["marker"],
        "value": censored_value(row["value"], row["censoring"], language),
        "unit": row["unit"] or "",
        "week": language.week(row["day"]),
    }
    said = language.text("{marker} {value} {unit} at week {week}.", **values)
    if row["before"] is not None:
        said = language.text(
            "{marker} {value} {unit} at week {week}, {before} at the value before.",
            before=language.measured(row["before"]),
            **values,
        )
    if row["upper_limit"] is None:
        return said
    limit = language.text("Upper limit {limit}.", limit=language.measured(row["upper_limit"]))
    return language.joined([said, limit])


def next_values(snap: Snapshot, language: Language) -> list[str]:
    """What is likely at the next visit, a quantity each."""
    units = {row["marker"]: row["unit"] or "" for row in snap.last_markers}
    sentences = []
    for value in snap.next_values:
        is_sum = value.quantity == SUM_OF_DIAMETERS
        unit = units.get(value.quantity, "")
        low, middle, high = (
            size_text(number, language) if is_sum else f"{language.measured(number)} {unit}".strip()
            for number in (value.q05, value.q50, value.q95)
        )
        said = {
            "quantity": capital(quantity_name(value.quantity, language)),
            "weeks": language.weeks(value.weeks_ahead),
            "week": language.week(value.day),
            "middle": middle,
        }
        sentences.append(
            language.text("{quantity} in {weeks} (week {week}): {middle}.", **said)
            if low == high
            else language.text(
                "{quantity} in {weeks} (week {week}): {middle}, 90% interval {low} to {high}.",
                low=low,
                high=high,
                **said,
            )
        )
    return sentences


def size_text(size_mm: float, language: Language) -> str:
    """A size in mm; below what can be measured in words."""
    if at_floor_mm(size_mm):
        return language.text("too small to measure")
    return language.text("{size} mm", size=language.number(size_mm, 1))


def progression_table(view: PatientPicture, language: Language) -> Table | None:
    """Chance of progression: a row a quantity, a column a horizon."""
    # null where progression has been called already
    known = view.p_progression.filter(pl.col("p_progression").is_not_null())
    if known.is_empty():
        return None
    weeks = known["weeks"].unique().sort().to_list()
    chances = {
        (quantity, week): chance
        for quantity, week, chance in known.select("quantity", "weeks", "p_progression").rows()
    }
    rows = [
        [capital(quantity_name(str(quantity), language))]
        + [language.chance(chances.get((quantity, week))) for week in weeks]
        + [_progression_weeks(view, str(quantity), language)]
        for quantity in known["quantity"].unique(maintain_order=True)
    ]
    columns = [(language.text("Criterion met within"), False)]
    columns += [(language.weeks(week), True) for week in weeks]
    columns += [(language.text("Week, 90% interval"), True)]
    return table(language.text("Chance of progression if the regimen stays as it is"), columns, rows)


def _progression_weeks(view: PatientPicture, quantity: str, language: Language) -> str:
    """The median week in which the criterion would be met, and its interval; open where it is over two years away."""
    found = view.progression_days.filter(pl.col("quantity") == quantity)
    if found.is_empty() or found["q05"][0] is None:
        return language.text("over two years")
    low, middle, high = (found[name][0] for name in ("q05", "q50", "q95"))
    if middle is None:
        return language.text("{week} or later", week=language.week(low))
    if high is None:
        return language.text(
            "{middle} ({low} or later)", middle=language.week(middle), low=language.week(low)
        )
    return language.text(
        "{middle} ({low} to {high})",
        middle=language.week(middle),
        low=language.week(low),
        high=language.week(high),
    )


def gap_sentences(view: PatientPicture, language: Language) -> list[str]:
    """What RECIST still waits for: millimetres, volume, doublings."""
    if any(own.criterion == RECIST for own in view.called):
        return [called_already(view, language)]
    gap = view.progression_gap
    if view.nothing_left is not None:
        return [
            language.text("After a complete response any lesion that is back is progression, at any size.")
        ]
    if gap is None:
        return []
    target = language.number(gap.progression_sum_mm, 1)
    if gap.to_go_mm <= 0:
        return [language.text("The sum has reached the progression threshold ({target} mm).", target=target)]
    sentences = [
        language.text(
            "Progression is called at {target} mm: {to_go} mm more than now.",
            target=target,
            to_go=language.number(gap.to_go_mm, 1),
        )
    ]
    for message, ratio, doublings in (
        (
            mark("That is {ratio} times the volume now ({doublings} doublings)."),
            gap.volume_ratio,
            gap.doublings,
        ),
        (
            mark("From the nadir it is {ratio} times the volume ({doublings} doublings)."),
            gap.volume_ratio_from_nadir,
            gap.doublings_from_nadir,
        ),
    ):
        if ratio is not None:
            said = {"ratio": language.number(ratio, 2), "doublings": language.number(doublings, 2)}
            sentences.append(language.text(message, **said))
    return sentences


def _dates_table(snap: Snapshot, language: Language) -> Table | None:
    if not snap.last:
        return None
    rows = [[date_name(name, language), *_date_cells(name, snap, language)] for name in date_names()]
    columns = [
        (language.text("Date"), False),
        (language.text("Week"), True),
        (language.text("90% interval"), True),
    ]
    return table(language.text("Three dates, in weeks since the start"), columns, rows)


def _date_cells(name: str, snap: Snapshot, language: Language) -> list[str]:
    """Median and interval; what has been read is no longer expected."""
    interval = snap.date(name)
    if name == "regrowth_day" and snap.week_regrowth_read is not None:
        week = language.number(snap.week_regrowth_read)
        return [language.text("read in week {week}", week=week), NOTHING]
    low, middle, high = (week_or_never(week, language) for week in (interval.q05, interval.q50, interval.q95))
    span = language.text("{low} to {high}", low=low, high=high)
    if is_beyond(interval.q95):
        span = language.text("{week} or later", week=low)
    if name == "regrowth_day" and not snap.regrowth_is_ahead:
        # by the model it should show by now; it has not been read
        return [language.text("not read so far"), NOTHING]
    if interval.bounds is None:
        middle = language.text("not yet determined")
    if name == "turning_day" and snap.p_never is not None:
        never = language.text("not within ten years: {chance}", chance=language.chance(snap.p_never))
        span = language.text("{span}; {never}", span=span, never=never)
    return [middle, NOTHING if interval.q05 is None else span]


def cause_sentences(view: PatientPicture, snap: Snapshot, language: Language) -> list[str]:
    """That scans alone cannot tell the cause, and which test could; nothing where the data tell it."""
    if not view.cause_is_prior or snap.progressed is not None or snap.situation in _NO_CAUSE_ASKED:
        return []
    if not view.sums.height:
        return [
            language.text(
                "The data do not tell why it does not shrink: what the model says of it is the prior's, and is not "
                "shown."
            )
        ]
    return [
        language.text(
            "Sizes alone cannot tell resistant cells from scar or resting tissue: what the model says of the cause is "
            "the prior's, and is not shown."
        ),
        language.text("What could tell: a marker, if one is raised; ctDNA; PET; a biopsy."),
    ]


def _causes_table(view: PatientPicture, snap: Snapshot, language: Language) -> list[tuple[str, str, float]]:
    """Each cause of a plateau with its chance, most likely first; nothing where it is asked of no plateau."""
    if view.cause_is_prior or snap.situation in _NO_CAUSE_ASKED:
        return []
    known = [(cause, snap.last.get(f"p_{cause}")) for cause in CAUSES]
    ranked = sorted(
        ((cause, chance) for cause, chance in known if chance is not None), key=lambda pair: -pair[1]
    )
    return [(language.text(CAUSE_NAMES[cause]), language.chance(chance), chance) for cause, chance in ranked]


def capital(text: str) -> str:
    """The text with a capital first letter; Chinese stays as it is."""
    return text[:1].upper() + text[1:]
