"""Each fact behind a verdict as a sentence, once for clinicians with its numbers, once in plain words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from turnpoint.charts.language import Language
from turnpoint.reports.snapshot import SUM_OF_DIAMETERS
from turnpoint.turning.evidence import Evidence, EvidenceCode

_LEVEL_PCT_PER_WEEK = 1.0  # slower than this a week is level to the eye

Sentence = Callable[[Evidence, Language], str]


def quantity_name(quantity: str, language: Language) -> str:
    """What people call a quantity; markers keep their name."""
    return language.text("sum of diameters") if quantity == SUM_OF_DIAMETERS else quantity


def clinician_sentence(evidence: Evidence, language: Language) -> str:
    """The fact with every number behind it."""
    return _CLINICIAN[evidence.code](evidence, language)


def patient_sentence(evidence: Evidence, language: Language) -> str:
    """The fact in plain words."""
    return _PATIENT[evidence.code](evidence, language)


def _name(evidence: Evidence, language: Language) -> str:
    return quantity_name(evidence.labels.get("quantity", SUM_OF_DIAMETERS), language)


def _is_sum(evidence: Evidence) -> bool:
    return evidence.labels.get("quantity", SUM_OF_DIAMETERS) == SUM_OF_DIAMETERS


def _percent(evidence: Evidence, name: str, language: Language) -> str:
    """The size of a percentage, without its sign."""
    return language.percent(abs(evidence.numbers[name]) / 100.0)


def _rate(evidence: Evidence, name: str, language: Language) -> str:
    """A weekly rate with its sign and one decimal, because 1 % a week is much."""
    return language.signed_percent(evidence.numbers[name] / 100.0, 1)


def _sum_change(evidence: Evidence, language: Language) -> str:
    values = {
        "change": _percent(evidence, "change_pct", language),
        "weeks": language.weeks(evidence.numbers["weeks"]),
        "error": _percent(evidence, "error_pct", language),
    }
    if evidence.numbers["change_pct"] < 0:
        return language.text(
            "The sum of diameters fell by {change} in {weeks}; reading error explains at most {error}.",
            **values,
        )
    return language.text(
        "The sum of diameters rose by {change} in {weeks}; reading error explains at most {error}.", **values
    )


def _sum_within_error(evidence: Evidence, language: Language) -> str:
    return language.plural(
        "The last scan differs by {change} over {weeks}, within reading error ({error}).",
        "The last {count} scans differ by {change} over {weeks}, within reading error ({error}).",
        round(evidence.numbers["scans"]),
        change=_percent(evidence, "change_pct", language),
        weeks=language.weeks(evidence.numbers["weeks"]),
        error=_percent(evidence, "error_pct", language),
    )


def _marker_slope(evidence: Evidence, language: Language) -> str:
    return language.text(
        "{quantity} changed by {before} a week until week {week}, and by {since} a week since.",
        quantity=_name(evidence, language),
        before=_rate(evidence, "before_pct_per_week", language),
        since=_rate(evidence, "since_pct_per_week", language),
        week=language.number(evidence.numbers["until_week"]),
    )


def _marker_falling(evidence: Evidence, language: Language) -> str:
    return language.text(
        "{quantity} has been falling by {rate} a week for {weeks}.",
        quantity=_name(evidence, language),
        rate=language.percent(abs(evidence.numbers["pct_per_week"]) / 100.0, 1),
        weeks=language.weeks(evidence.numbers["weeks"]),
    )


def _marker_rising(evidence: Evidence, language: Language) -> str:
    return language.text(
        "{quantity} rose by {change} in {weeks}, more than its reference change value ({reference}).",
        quantity=_name(evidence, language),
        change=_percent(evidence, "change_pct", language),
        weeks=language.weeks(evidence.numbers["weeks"]),
        reference=_percent(evidence, "reference_change_pct", language),
    )


def _marker_within_error(evidence: Evidence, language: Language) -> str:
    return language.text(
        "{quantity} changed by {change}, within its reference change value ({reference}).",
        quantity=_name(evidence, language),
        change=language.signed_percent(evidence.numbers["change_pct"] / 100.0),
        reference=_percent(evidence, "reference_change_pct", language),
    )


def _marker_at_floor(evidence: Evidence, language: Language) -> str:
    if _is_sum(evidence):
        return language.text(
            "What is left of the lesions is too small to measure: no further fall can be seen."
        )
    return language.text(
        "The last values of {quantity} are at the assay's limit or within the reference range: no further fall can "
        "be seen.",
        quantity=_name(evidence, language),
    )


def _early_rise(evidence: Evidence, language: Language) -> str:
    return language.text(
        "{quantity} rose by week {week}. In the first 8 weeks that may be a surge, and is not counted as growth.",
        quantity=_name(evidence, language),
        week=language.number(evidence.numbers["week"]),
    )


def _paused(evidence: Evidence, language: Language) -> str:
    return language.text(
        "{drug} has been paused since week {week}: a rise during a pause is no evidence of resistance.",
        drug=evidence.labels["drug"],
        week=language.number(evidence.numbers["since_week"]),
    )


def _few_values(evidence: Evidence, language: Language) -> str:
    return language.plural(
        "There is {count} informative value so far; a verdict needs three.",
        "There are {count} informative values so far; a verdict needs three.",
        round(evidence.numbers["informative_values"]),
    )


def _near_prior(evidence: Evidence, language: Language) -> str:
    return language.text(
        "This patient's data have narrowed the population prior by only {shrinkage}.",
        shrinkage=_percent(evidence, "shrinkage_pct", language),
    )


def _plain_sum_change(evidence: Evidence, language: Language) -> str:
    weeks = language.weeks(evidence.numbers["weeks"])
    if evidence.numbers["change_pct"] < 0:
        return language.text(
            "On the scans, the measured size became smaller within {weeks}. The change is larger than a measuring "
            "error.",
            weeks=weeks,
        )
    return language.text(
        "On the scans, the measured size became larger within {weeks}. The change is larger than a measuring error.",
        weeks=weeks,
    )


def _plain_sum_within_error(evidence: Evidence, language: Language) -> str:
    return language.plural(
        "The last scan looks about the same. Small differences are measuring error.",
        "The last {count} scans look about the same. Small differences are measuring error.",
        round(evidence.numbers["scans"]),
    )


def _plain_marker_slope(evidence: Evidence, language: Language) -> str:
    before, since = evidence.numbers["before_pct_per_week"], evidence.numbers["since_pct_per_week"]
    values = {"quantity": _name(evidence, language), "week": language.number(evidence.numbers["until_week"])}
    if since > _LEVEL_PCT_PER_WEEK and before < 0:
        return language.text(
            "The blood value {quantity} went down at first. Since week {week} it has gone up.", **values
        )
    if abs(since) <= _LEVEL_PCT_PER_WEEK and before < 0:
        return language.text(
            "The blood value {quantity} went down at first. Since week {week} it has stayed about level.",
            **values,
        )
    if before < since < 0:
        return language.text(
            "The blood value {quantity} went down at first. Since week {week} it has gone down more slowly.",
            **values,
        )
    return language.text("The blood value {quantity} has moved differently since week {week}.", **values)


def _plain_marker_falling(evidence: Evidence, language: Language) -> str:
    return language.text("The blood value {quantity} is going down.", quantity=_name(evidence, language))


def _plain_marker_rising(evidence: Evidence, language: Language) -> str:
    return language.text(
        "The blood value {quantity} has gone up by more than its normal ups and downs.",
        quantity=_name(evidence, language),
    )


def _plain_marker_within_error(evidence: Evidence, language: Language) -> str:
    return language.text(
        "The blood value {quantity} has moved only a little. Such small moves are normal.",
        quantity=_name(evidence, language),
    )


def _plain_marker_at_floor(evidence: Evidence, language: Language) -> str:
    if _is_sum(evidence):
        return language.text("The spots on the scan are too small to measure well.")
    return language.text(
        "The blood value {quantity} is so low that the test cannot show a further fall.",
        quantity=_name(evidence, language),
    )


def _plain_early_rise(evidence: Evidence, language: Language) -> str:
    return language.text(
        "The blood value {quantity} went up early on. In the first weeks this often passes, so we do not count it as "
        "growth.",
        quantity=_name(evidence, language),
    )


def _plain_paused(evidence: Evidence, language: Language) -> str:
    return language.text(
        "There has been a break from {drug} since week {week}. A rise during a break does not mean that the "
        "treatment no longer works.",
        drug=evidence.labels["drug"],
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


_CLINICIAN: Mapping[EvidenceCode, Sentence] = MappingProxyType(
    {
        "sum_change": _sum_change,
        "sum_within_error": _sum_within_error,
        "marker_slope": _marker_slope,
        "marker_falling": _marker_falling,
        "marker_rising": _marker_rising,
        "marker_within_error": _marker_within_error,
        "marker_at_floor": _marker_at_floor,
        "early_rise": _early_rise,
        "paused": _paused,
        "few_values": _few_values,
        "near_prior": _near_prior,
    }
)
_PATIENT: Mapping[EvidenceCode, Sentence] = MappingProxyType(
    {
        "sum_change": _plain_sum_change,
        "sum_within_error": _plain_sum_within_error,
        "marker_slope": _plain_marker_slope,
        "marker_falling": _plain_marker_falling,
        "marker_rising": _plain_marker_rising,
        "marker_within_error": _plain_marker_within_error,
        "marker_at_floor": _plain_marker_at_floor,
        "early_rise": _plain_early_rise,
        "paused": _plain_paused,
        "few_values": _plain_few_values,
        "near_prior": _plain_near_prior,
    }
)
