"""The patient's page: the same answer in plain words, one simple picture, questions for the doctor."""

from __future__ import annotations

from turnpoint.charts.dates import is_beyond
from turnpoint.charts.language import Language
from turnpoint.charts.marker import censored_value
from turnpoint.pictures.patient import PatientPicture
from turnpoint.pictures.snapshot import SUM_OF_DIAMETERS, NextValue, Snapshot, snapshot
from turnpoint.reports.called_text import patient_new_spots
from turnpoint.reports.evidence_text import patient_sentence
from turnpoint.reports.figure import Figure
from turnpoint.reports.figures import simple_picture
from turnpoint.reports.harm_plain import patient_harm
from turnpoint.reports.page import Into, page
from turnpoint.reports.provenance_text import compared_with, not_a_device, provenance_lines
from turnpoint.reports.settle_text import settle_questions
from turnpoint.reports.verdict_text import (
    PATIENT_WORDS,
    QUESTIONS_FOR_ANY_VISIT,
    STATE_IN_PLAIN_WORDS,
    chance_in_ten,
    patient_alert,
    patient_headline,
    patient_sentences,
    tenths,
)
from turnpoint.turning.evidence import Evidence
from turnpoint.turning.series_facts import at_floor_mm

_MOST_FACTS = 4
_CHANCE_WITHIN_WEEKS = 12.0
_NO_CHANCES = ("mixed", "undetermined", "nothing_left", "off_treatment")


def patient_page(view: PatientPicture, language: Language, into: Into = page) -> str:
    """The page as HTML."""
    snap = snapshot(view)
    plain = None if view.harm is None else patient_harm(view.harm, language)
    return into(
        "patient.html",
        language,
        title=language.text("Your results"),
        patient_id=view.patient_id,
        headline=patient_headline(view, snap, language),
        sentences=patient_sentences(view, snap, language),
        alert=patient_alert(view, snap, language),
        picture=simple_picture(view, snap, language),
        now=[*patient_new_spots(view, language), *_values_now(snap, language)],
        facts=[patient_sentence(fact, language) for fact in _facts(view, snap)],
        chances=_chances(snap, language),
        ahead=_ahead(view, snap, language),
        unknown=_unknown(view, snap, language),
        harm=plain,
        questions=patient_questions(view, language),
        terms=_terms(view, language),
        small_print=provenance_lines(view.provenance, language),
        disclaimer=not_a_device(language),
    )


def patient_questions(view: PatientPicture, language: Language) -> list[str]:
    """What to ask the doctor about these results, the most telling first."""
    snap = snapshot(view)
    plain = None if view.harm is None else patient_harm(view.harm, language)
    return [
        *settle_questions(view, snap, language),
        *map(language.text, PATIENT_WORDS[snap.headline].questions),
        *(plain.questions if plain else []),
    ]


def questions_for_any_visit(language: Language) -> list[str]:
    """What may be asked whatever the results are, so that it says nothing about them."""
    return [language.text(question) for question in QUESTIONS_FOR_ANY_VISIT]


def plain_figures(view: PatientPicture, language: Language) -> list[Figure]:
    """The page's picture, if it has one."""
    picture = simple_picture(view, snapshot(view), language)
    return [] if picture is None else [picture]


def _facts(view: PatientPicture, snap: Snapshot) -> list[Evidence]:
    """The first few facts; not again what the headline and its sentences have said."""
    is_said = snap.progressed is not None or view.parted is not None
    facts = [
        fact
        for fact in view.evidence
        if not (is_said and fact.is_limit)
        and not (fact.code == "size_floor" and snap.last_sum.get("censored"))
        and not (view.parted is not None and fact.code == "size_level" and not fact.labels["lesion"])
    ]
    return facts[:_MOST_FACTS]


def _chances(snap: Snapshot, language: Language) -> list[tuple[str, str, int]]:
    """Each state in plain words, its chance in words, and how many dots of ten are full.

    None where progression has been called, lesions part ways or nothing is left, for one state says less than that; and
    none where it is too early, for then they are other people's, or where no treatment is given.
    """
    if snap.progressed is not None or snap.situation in _NO_CHANCES:
        return []
    known = {
        state: snap.last[f"p_{state}"]
        for state in STATE_IN_PLAIN_WORDS
        if snap.last.get(f"p_{state}") is not None
    }
    counts = tenths(list(known.values()))
    return [
        (language.text(STATE_IN_PLAIN_WORDS[state]), chance_in_ten(chance, language, count), count)
        for (state, chance), count in zip(known.items(), counts, strict=True)
    ]


def _values_now(snap: Snapshot, language: Language) -> list[str]:
    """The newest values, as they stand on the laboratory's or the radiologist's paper."""
    sentences = [_size_now(snap, language)] if snap.last_sum else []
    sentences += [
        language.text(
            "Last {marker}: {value} {unit} (week {week}).",
            marker=row["marker"],
            value=censored_value(row["value"], row["censoring"], language),
            unit=row["unit"] or "",
            week=language.week(row["day"]),
        )
        for row in snap.last_markers
    ]
    return sentences


def _size_now(snap: Snapshot, language: Language) -> str:
    size, week = snap.last_sum["sum_of_diameters_mm"], language.week(snap.last_sum["day"])
    if size <= 0:
        return language.text("On the last scan (week {week}) nothing could be measured any more.", week=week)
    if snap.last_sum["censored"]:
        return language.text("On the last scan (week {week}) the spots were too small to measure.", week=week)
    return language.text(
        "Size on the last scan: {size} mm (week {week}).", size=language.number(size, 1), week=week
    )


def _next_size(value: NextValue, language: Language) -> str:
    """What size the next scan may show; below what can be measured it is said in words."""
    weeks, low = language.weeks(value.weeks_ahead), language.number(value.q05)
    high = language.number(value.q95)
    if at_floor_mm(value.q95):
        return language.text(
            "On the next scan, in {weeks}, it may still be too small to measure.", weeks=weeks
        )
    if at_floor_mm(value.q05):
        return language.text(
            "On the next scan, in {weeks}, it may be too small to measure, or up to {high} mm.",
            weeks=weeks,
            high=high,
        )
    if low == high:
        return language.text(
            "On the next scan, in {weeks}, a size of about {high} mm would be no surprise.",
            weeks=weeks,
            high=high,
        )
    return language.text(
        "If the next scan is in {weeks}, a size between {low} and {high} mm would be no surprise.",
        weeks=weeks,
        low=low,
        high=high,
    )


def _next_marker(value: NextValue, unit: str, language: Language) -> str:
    low, high = (
        language.number(own) if own >= 10 else language.measured(own) for own in (value.q05, value.q95)
    )
    said = {"marker": value.quantity, "unit": unit, "weeks": language.weeks(value.weeks_ahead), "high": high}
    if low in (high, language.number(0)):
        return language.text(
            "If the next {marker} test is in {weeks}, a value up to {high} {unit} would be no surprise.",
            **said,
        )
    return language.text(
        "If the next {marker} test is in {weeks}, a value between {low} and {high} {unit} would be no surprise.",
        low=low,
        **said,
    )


def _ahead(view: PatientPicture, snap: Snapshot, language: Language) -> list[str]:
    """What the next results may be, and the chance of growth that doctors count."""
    if snap.progressed is not None:
        return []
    units = {row["marker"]: row["unit"] or "" for row in snap.last_markers}
    sentences = [
        _next_size(value, language)
        if value.quantity == SUM_OF_DIAMETERS
        else _next_marker(value, units.get(value.quantity, ""), language)
        for value in snap.next_values
    ]
    chance = _chance_of_growth(view)
    if chance is not None:
        weeks, probability = chance
        sentences.append(
            language.text(
                "If everything goes on as it is, the chance that growth is clearly measured within {weeks} is "
                "{chance}.",
                weeks=language.weeks(weeks),
                chance=chance_in_ten(probability, language),
            )
        )
    return sentences


def _chance_of_growth(view: PatientPicture) -> tuple[float, float] | None:
    """The first quantity's chance at the horizon nearest to 12 weeks; the sum comes first where there is one."""
    rows = [row for row in view.p_progression.iter_rows(named=True) if row["p_progression"] is not None]
    if not rows:
        return None
    rows.sort(key=lambda row: (row["quantity"] != SUM_OF_DIAMETERS, abs(row["weeks"] - _CHANCE_WITHIN_WEEKS)))
    return float(rows[0]["weeks"]), float(rows[0]["p_progression"])


def _unknown(view: PatientPicture, snap: Snapshot, language: Language) -> list[str]:
    """What is not known, and what would help to know it."""
    if snap.progressed is not None:
        return [language.text("What comes next depends on many things that this page does not know.")]
    sentences = [*_turning_point(snap, language), *compared_with(view.provenance, language)]
    if snap.situation == "plateau_scar":
        sentences.append(language.text("A further test can sometimes tell scar from cancer."))
    sentences.append(language.text("The next scan or blood test will help most."))
    return sentences


def _turning_point(snap: Snapshot, language: Language) -> list[str]:
    """When the cancer was or will be smallest, or that it cannot be said."""
    if not snap.last:
        return []
    if snap.situation == "nothing_left":
        return [language.text("Whether it will come back, and when, nobody can say from these results.")]
    return [*_smallest_when(snap, language), *_perhaps_never(snap, language)]


def _perhaps_never(snap: Snapshot, language: Language) -> list[str]:
    if snap.p_never is None:
        return []
    return [
        language.text(
            "It is also possible that it does not grow again within ten years: the chance is {chance}.",
            chance=chance_in_ten(snap.p_never, language),
        )
    ]


def _smallest_when(snap: Snapshot, language: Language) -> list[str]:
    interval = snap.date("turning_day")
    bounds = interval.bounds
    if snap.situation == "responding":
        return [
            language.text(
                "How long it will go on getting smaller is not known. The chance that it gets no smaller than now is "
                "{chance}.",
                chance=chance_in_ten(snap.last["p_turned"], language),
            )
        ]
    if bounds is None or is_beyond(bounds[1]):
        return [language.text("We cannot yet say when the cancer is at its smallest.")]
    low, _, high = bounds
    span = {"low": language.number(low), "high": language.number(high)}
    if is_beyond(high):
        return [language.text("The cancer is probably at its smallest in week {low} or later.", **span)]
    if high <= interval.last_week:
        return [
            language.text(
                "The cancer was probably at its smallest between week {low} and week {high}.", **span
            )
        ]
    if low >= interval.last_week:
        return [
            language.text(
                "The cancer will probably be at its smallest between week {low} and week {high}.", **span
            )
        ]
    return [
        language.text(
            "The cancer is probably at its smallest some time between week {low} and week {high}. That may be past or "
            "still ahead.",
            **span,
        )
    ]


def _terms(view: PatientPicture, language: Language) -> list[tuple[str, str]]:
    """The few words that need explaining, only those used."""
    terms = []
    if view.sums.height:
        terms.append(
            (
                language.text("Size on the scans"),
                language.text("Doctors measure a few spots across their widest part and add the numbers up."),
            )
        )
    meaning = language.text("A substance in the blood that often goes up and down with the cancer.")
    terms += [(str(marker), meaning) for marker in view.markers["marker"].unique(maintain_order=True)]
    terms.append(
        (
            language.text("Week"),
            language.text("Weeks are counted from the first day of this treatment."),
        )
    )
    return terms
