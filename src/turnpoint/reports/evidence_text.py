"""Each fact behind a verdict as a sentence, once for clinicians with its numbers, once in plain words.

A sentence says what the readings did, or why there is no verdict; never what the tumour is doing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from turnpoint.charts.language import Language, mark
from turnpoint.charts.states import STATE_NAMES
from turnpoint.pictures.snapshot import SUM_OF_DIAMETERS
from turnpoint.reports.places import lesion_name, site_name
from turnpoint.turning.evidence import Evidence, EvidenceCode

Sentence = Callable[[Evidence, Language], str]


def quantity_name(quantity: str, language: Language) -> str:
    """What people call a quantity; markers keep their name."""
    return language.text("sum of diameters") if quantity == SUM_OF_DIAMETERS else quantity


def clinician_sentence(evidence: Evidence, language: Language) -> str:
    """The fact with every number behind it."""
    said = _CLINICIAN[evidence.code](evidence, language)
    return said[:1].upper() + said[1:]


def patient_sentence(evidence: Evidence, language: Language) -> str:
    """The fact in plain words."""
    return _PATIENT[evidence.code](evidence, language)


def _what(evidence: Evidence, language: Language) -> str:
    """The lesion, or the sum of several."""
    lesion = evidence.labels.get("lesion", "")
    if not lesion:
        return language.text("the sum of diameters")
    return lesion_name(lesion, evidence.labels.get("site"), language)


def _mm(evidence: Evidence, name: str, language: Language) -> str:
    return language.number(evidence.numbers[name], 1)


def _percent(evidence: Evidence, name: str, language: Language) -> str:
    """The size of a percentage, without its sign."""
    return language.percent(abs(evidence.numbers[name]) / 100.0)


def _sizes(evidence: Evidence, language: Language) -> dict[str, str]:
    return {
        "what": _what(evidence, language),
        "before": _mm(evidence, "from_mm", language),
        "after": _mm(evidence, "to_mm", language),
        "weeks": language.weeks(evidence.numbers["weeks"]),
        "error": _mm(evidence, "error_mm", language),
    }


def _size_risen(evidence: Evidence, language: Language) -> str:
    return language.text(
        "{what} rose from {before} to {after} mm in {weeks}; readings of this size differ by up to {error} mm by "
        "chance.",
        **_sizes(evidence, language),
    )


def _size_fallen(evidence: Evidence, language: Language) -> str:
    return language.text(
        "{what} fell from {before} to {after} mm in {weeks}; readings of this size differ by up to {error} mm by "
        "chance.",
        **_sizes(evidence, language),
    )


def _size_slow_fall(evidence: Evidence, language: Language) -> str:
    return language.text(
        "{what} fell slowly from {before} to {after} mm in {weeks}: more than readings of this size differ by chance "
        "({error} mm), but less than half of the volume in half a year.",
        **_sizes(evidence, language),
    )


def _size_level(evidence: Evidence, language: Language) -> str:
    low, high = _mm(evidence, "low_mm", language), _mm(evidence, "high_mm", language)
    values = {
        "what": _what(evidence, language),
        "count": language.number(evidence.numbers["readings"]),
        "weeks": language.weeks(evidence.numbers["weeks"]),
        "error": _mm(evidence, "error_mm", language),
    }
    if low == high:
        return language.text(
            "{what}: the last {count} readings are all {size} mm, over {weeks}; they differ by up to {error} mm by "
            "chance.",
            size=low,
            **values,
        )
    return language.text(
        "{what}: the last {count} readings lie between {low} and {high} mm, over {weeks}; they differ by up to {error} "
        "mm by chance.",
        low=low,
        high=high,
        **values,
    )


def _size_floor(evidence: Evidence, language: Language) -> str:
    what = _what(evidence, language)
    if evidence.numbers["value_mm"] <= 0:
        return language.text("{what}: nothing is left that can be seen.", what=what)
    return language.text("{what}: too small to measure, no further fall can be seen.", what=what)


def _marker_values(evidence: Evidence, language: Language) -> dict[str, str]:
    return {
        "quantity": evidence.labels["quantity"],
        "before": language.measured(evidence.numbers["from"]),
        "after": language.measured(evidence.numbers["to"]),
        "change": _percent(evidence, "change_pct", language),
        "weeks": language.weeks(evidence.numbers["weeks"]),
    }


def _marker_risen(evidence: Evidence, language: Language) -> str:
    return language.text(
        "{quantity} rose from {before} to {after} in {weeks} (by {change}); values differ by up to {error} by chance.",
        error=_percent(evidence, "error_pct", language),
        **_marker_values(evidence, language),
    )


def _marker_early_rise(evidence: Evidence, language: Language) -> str:
    return language.text(
        "{quantity} rose by {change} until week {week}. In the first 8 weeks that may be a surge, and is not counted "
        "as growth.",
        week=language.number(evidence.numbers["week"]),
        quantity=evidence.labels["quantity"],
        change=_percent(evidence, "change_pct", language),
    )


def _marker_fallen(evidence: Evidence, language: Language) -> str:
    return language.text(
        "{quantity} fell from {before} to {after} in {weeks}, by {rate} a week.",
        rate=language.percent(abs(evidence.numbers["pct_per_week"]) / 100.0, 1),
        **_marker_values(evidence, language),
    )


def _marker_slow_fall(evidence: Evidence, language: Language) -> str:
    return language.text(
        "{quantity} fell slowly from {before} to {after} in {weeks}, by {rate} a week: less than half in half a year.",
        rate=language.percent(abs(evidence.numbers["pct_per_week"]) / 100.0, 1),
        **_marker_values(evidence, language),
    )


def _marker_level(evidence: Evidence, language: Language) -> str:
    return language.text(
        "{quantity}: the last {count} values lie between {low} and {high}, over {weeks}; they differ by up to {error} "
        "by chance.",
        quantity=evidence.labels["quantity"],
        count=language.number(evidence.numbers["readings"]),
        low=language.measured(evidence.numbers["low"]),
        high=language.measured(evidence.numbers["high"]),
        weeks=language.weeks(evidence.numbers["weeks"]),
        error=_percent(evidence, "error_pct", language),
    )


def _marker_floor(evidence: Evidence, language: Language) -> str:
    return language.text(
        "{quantity} is at the limit of its assay: no further fall can be seen.",
        quantity=evidence.labels["quantity"],
    )


def _off_treatment(evidence: Evidence, language: Language) -> str:
    week, drug = language.number(evidence.numbers["since_week"]), evidence.labels["drug"]
    if not drug:
        return language.text(
            "No dose since week {week}: treatment is paused or stopped. A rise without treatment is no evidence of "
            "resistance.",
            week=week,
        )
    return language.text(
        "No dose of {drug} since week {week}: treatment is paused or stopped. A rise without treatment is no evidence "
        "of resistance.",
        drug=drug,
        week=week,
    )


def _few_values(evidence: Evidence, language: Language) -> str:
    return language.plural(
        "No verdict: there is {count} value so far, and a verdict needs three.",
        "No verdict: there are {count} values so far, and a verdict needs three.",
        round(evidence.numbers["informative_values"]),
    )


def _near_prior(evidence: Evidence, language: Language) -> str:
    return language.text(
        "No verdict: this patient's data have narrowed the population prior by only {shrinkage}.",
        shrinkage=_percent(evidence, "shrinkage_pct", language),
    )


def _contrary_readings(evidence: Evidence, language: Language) -> str:
    risen = evidence.labels["risen"]
    if not risen:
        return language.text(
            "No verdict: there is a new lesion, while {fallen} fell, beyond the error of its readings. No one state "
            "describes both.",
            fallen=evidence.labels["fallen"] or language.text("the rest"),
        )
    return language.text(
        "No verdict: {risen} rose while {fallen} fell, each beyond the error of its readings. No one state describes "
        "both.",
        risen=risen,
        fallen=evidence.labels["fallen"] or language.text("the rest"),
    )


def _contrary_state(evidence: Evidence, language: Language) -> str:
    likely = evidence.labels["state"]
    state = language.text(STATE_NAMES[likely])
    if "risen" in evidence.labels:
        return language.text(
            "No verdict: by the model most likely {state}, but {risen} stands above its smallest value, beyond the "
            "error of its readings.",
            state=state,
            risen=evidence.labels["risen"] or language.text("something read"),
        )
    return language.text(
        "No verdict: by the model most likely {state}, but {fallen} fell, beyond the error of its readings.",
        state=state,
        fallen=evidence.labels["fallen"] or language.text("something read"),
    )


def _no_state_likely(evidence: Evidence, language: Language) -> str:
    return language.text(
        "No verdict: no state is more likely than not; the likeliest has {chance}.",
        chance=_percent(evidence, "chance_pct", language),
    )


def _off_nothing_risen(evidence: Evidence, language: Language) -> str:  # noqa: ARG001 - one shape for all sentences
    return language.text(
        "No verdict: without treatment the model expects growth, but nothing read has risen."
    )


def _place(evidence: Evidence, language: Language) -> str:
    return site_name(evidence.labels.get("site"), language) if evidence.labels.get("lesion") else ""


def _plain_size(evidence: Evidence, language: Language, with_place: str, without: str) -> str:
    """One of two messages: of a spot whose place is known, or of the whole."""
    place, weeks = _place(evidence, language), language.weeks(evidence.numbers["weeks"])
    return (
        language.text(with_place, place=place, weeks=weeks) if place else language.text(without, weeks=weeks)
    )


def _plain_size_risen(evidence: Evidence, language: Language) -> str:
    return _plain_size(
        evidence,
        language,
        mark(
            "On the scans, the spot ({place}) became larger within {weeks}. It is more than a measuring error."
        ),
        mark(
            "On the scans, the measured size became larger within {weeks}. It is more than a measuring error."
        ),
    )


def _plain_size_fallen(evidence: Evidence, language: Language) -> str:
    return _plain_size(
        evidence,
        language,
        mark(
            "On the scans, the spot ({place}) became smaller within {weeks}. It is more than a measuring error."
        ),
        mark(
            "On the scans, the measured size became smaller within {weeks}. It is more than a measuring error."
        ),
    )


def _plain_size_slow_fall(evidence: Evidence, language: Language) -> str:
    return _plain_size(
        evidence,
        language,
        mark("On the scans, the spot ({place}) became a little smaller within {weeks}, slowly."),
        mark("On the scans, the measured size became a little smaller within {weeks}, slowly."),
    )


def _plain_size_level(evidence: Evidence, language: Language) -> str:
    place, count = _place(evidence, language), language.number(evidence.numbers["readings"])
    if place:
        return language.text(
            "On the last {count} scans, the spot ({place}) looks about the same. Small differences are measuring "
            "error.",
            count=count,
            place=place,
        )
    return language.text(
        "The last {count} scans look about the same. Small differences are measuring error.", count=count
    )


def _plain_size_floor(evidence: Evidence, language: Language) -> str:
    if evidence.numbers["value_mm"] <= 0:
        return language.text("On the last scan, nothing is left to see where the measured spots were.")
    return language.text("The spots on the scan are too small to measure well.")


def _plain_marker_risen(evidence: Evidence, language: Language) -> str:
    return language.text(
        "The blood value {quantity} has gone up by more than its normal ups and downs.",
        quantity=evidence.labels["quantity"],
    )


def _plain_marker_early_rise(evidence: Evidence, language: Language) -> str:
    return language.text(
        "The blood value {quantity} went up early on. In the first weeks this often passes, so we do not count it as "
        "growth.",
        quantity=evidence.labels["quantity"],
    )


def _plain_marker_fallen(evidence: Evidence, language: Language) -> str:
    return language.text("The blood value {quantity} has gone down.", quantity=evidence.labels["quantity"])


def _plain_marker_slow_fall(evidence: Evidence, language: Language) -> str:
    return language.text(
        "The blood value {quantity} has gone down a little, slowly.", quantity=evidence.labels["quantity"]
    )


def _plain_marker_level(evidence: Evidence, language: Language) -> str:
    return language.text(
        "The last values of {quantity} in the blood are about the same. Small moves are normal.",
        quantity=evidence.labels["quantity"],
    )


def _plain_marker_floor(evidence: Evidence, language: Language) -> str:
    return language.text(
        "The blood value {quantity} is so low that the test cannot show a further fall.",
        quantity=evidence.labels["quantity"],
    )


def _plain_off_treatment(evidence: Evidence, language: Language) -> str:
    return language.text(
        "No dose is on record since week {week}. A rise during a break does not mean that the treatment no longer "
        "works.",
        week=language.number(evidence.numbers["since_week"]),
    )


def _plain_few_values(evidence: Evidence, language: Language) -> str:
    return language.plural(
        "There is only {count} result so far. We need at least three to see a direction.",
        "There are only {count} results so far. We need at least three to see a direction.",
        round(evidence.numbers["informative_values"]),
    )


def _plain_near_prior(evidence: Evidence, language: Language) -> str:  # noqa: ARG001 - one shape for all sentences
    return language.text(
        "So far the answer rests more on what happened to other people than on your own results."
    )


def _plain_contrary_readings(evidence: Evidence, language: Language) -> str:
    if not evidence.labels["risen"]:
        return language.text("There is a new spot, while other results became smaller.")
    return language.text("Some of your results went up, while others went down.")


def _plain_contrary_state(evidence: Evidence, language: Language) -> str:
    if "risen" in evidence.labels:
        return language.text("One of your results went up, but taken together they do not point to growth.")
    return language.text("One of your results went down, but taken together they do not show why.")


def _plain_no_state_likely(evidence: Evidence, language: Language) -> str:  # noqa: ARG001 - one shape for all sentences
    return language.text("Several answers are about equally likely.")


def _plain_off_nothing_risen(evidence: Evidence, language: Language) -> str:  # noqa: ARG001 - one shape for all sentences
    return language.text("None of your results has gone up since then.")


_CLINICIAN: Mapping[EvidenceCode, Sentence] = MappingProxyType(
    {
        "few_values": _few_values,
        "near_prior": _near_prior,
        "contrary_readings": _contrary_readings,
        "contrary_state": _contrary_state,
        "no_state_likely": _no_state_likely,
        "off_nothing_risen": _off_nothing_risen,
        "off_treatment": _off_treatment,
        "size_risen": _size_risen,
        "size_fallen": _size_fallen,
        "size_slow_fall": _size_slow_fall,
        "size_level": _size_level,
        "size_floor": _size_floor,
        "marker_risen": _marker_risen,
        "marker_early_rise": _marker_early_rise,
        "marker_fallen": _marker_fallen,
        "marker_slow_fall": _marker_slow_fall,
        "marker_level": _marker_level,
        "marker_floor": _marker_floor,
    }
)
_PATIENT: Mapping[EvidenceCode, Sentence] = MappingProxyType(
    {
        "few_values": _plain_few_values,
        "near_prior": _plain_near_prior,
        "contrary_readings": _plain_contrary_readings,
        "contrary_state": _plain_contrary_state,
        "no_state_likely": _plain_no_state_likely,
        "off_nothing_risen": _plain_off_nothing_risen,
        "off_treatment": _plain_off_treatment,
        "size_risen": _plain_size_risen,
        "size_fallen": _plain_size_fallen,
        "size_slow_fall": _plain_size_slow_fall,
        "size_level": _plain_size_level,
        "size_floor": _plain_size_floor,
        "marker_risen": _plain_marker_risen,
        "marker_early_rise": _plain_marker_early_rise,
        "marker_fallen": _plain_marker_fallen,
        "marker_slow_fall": _plain_marker_slow_fall,
        "marker_level": _plain_marker_level,
        "marker_floor": _plain_marker_floor,
    }
)
