"""What a verdict means, in words: for clinicians one line, for patients a few short sentences and questions.

Rules for the patient's words: short sentences, no jargon, nothing about how long anyone lives, no advice for or
against any treatment, and what is not known is said. tests/reports/test_patient_wording.py enforces what can be.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from turnpoint.charts.language import NOTHING, Language, mark
from turnpoint.reports.snapshot import Situation, Snapshot

RARE = 0.05  # rarer than 1 in 20 is said in words, not in tenths

CLINICIAN_HEADLINES: Mapping[Situation, str] = MappingProxyType(
    {
        "responding": mark("Probably still responding"),
        "plateau_resistant": mark("Plateau, probably resistant cells"),
        "plateau_scar": mark("Plateau, probably scar or resting tissue"),
        "plateau_background": mark("Plateau, probably the background of the marker"),
        "plateau_floor": mark("Plateau at the floor of what can be measured"),
        "plateau_pause": mark("Plateau during a treatment pause"),
        "plateau_unclear": mark("Plateau, cause unclear"),
        "regrowing": mark("Probably regrowing"),
        "undetermined": mark("Cannot tell yet"),
        "not_assessed": mark("Not assessed: no usable reading"),
    }
)
STATE_IN_PLAIN_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "responding": mark("still getting smaller"),
        "plateau": mark("about level"),
        "regrowing": mark("growing again"),
    }
)


@dataclass(frozen=True, slots=True)
class PatientWords:
    """What a patient reads about one situation, untranslated.

    Attributes:
        headline: the answer in one sentence.
        sentences: what it means and what it does not mean.
        questions: to bring to the doctor.
    """

    headline: str
    sentences: tuple[str, ...]
    questions: tuple[str, ...]


_NEXT_TEST = mark("When is my next scan or blood test, and what will you look for?")
_MATTERS = mark("What matters most to me is … How does that fit with the plan?")
_MORE_TESTS = mark("Would another test, or an earlier scan, tell us more?")
_OPTIONS = mark("Which options are there, and what speaks for and against each of them?")
_MEANING = mark("What do these results mean for me?")
_SIDE_EFFECTS = mark("Which side effects do you want me to tell you about?")

PATIENT_WORDS: Mapping[Situation, PatientWords] = MappingProxyType(
    {
        "responding": PatientWords(
            mark("The cancer still seems to be getting smaller."),
            (
                mark("Your results so far fit with a cancer that is still shrinking."),
                mark("No test can promise that it stays this way. That is why your team keeps looking."),
            ),
            (_MEANING, mark("How will we notice if the effect becomes weaker?"), _SIDE_EFFECTS, _NEXT_TEST),
        ),
        "plateau_resistant": PatientWords(
            mark("The cancer has stopped getting smaller, for now."),
            (
                mark("Your results have levelled off."),
                mark("One likely reason is that the cells that are left respond less to this treatment."),
                mark(
                    "This is not certain. It is a good time to talk with your doctor about what comes next."
                ),
            ),
            (
                mark("Do you also see that the results have levelled off?"),
                mark("What could be the reason in my case?"),
                _MORE_TESTS,
                _OPTIONS,
                _MATTERS,
            ),
        ),
        "plateau_scar": PatientWords(
            mark("Your results have levelled off. What is left may be mostly scar, or tissue at rest."),
            (
                mark("When treatment works, a scar can stay behind. A scar does not get smaller."),
                mark("So a flat line does not have to mean that the treatment works less."),
                mark("A scan cannot always tell scar from cancer."),
            ),
            (
                mark("Could what is left be scar?"),
                mark("Is there a test that can tell scar from cancer?"),
                _SIDE_EFFECTS,
                _NEXT_TEST,
            ),
        ),
        "plateau_background": PatientWords(
            mark("Your blood value has levelled off. It may have reached its normal level."),
            (
                mark("Healthy parts of the body make a little of this substance, too."),
                mark("So a flat line does not have to mean that the treatment works less."),
                mark("A blood test alone cannot always tell the two apart."),
            ),
            (mark("Could this be the normal level for me?"), _MORE_TESTS, _SIDE_EFFECTS, _NEXT_TEST),
        ),
        "plateau_floor": PatientWords(
            mark("The values are now too low to fall any further."),
            (
                mark("Your results are so small that the test cannot measure a further drop."),
                mark("A flat line is what one expects then. By itself it is not a bad sign."),
                mark("It does not tell us whether any cancer is left."),
            ),
            (
                mark("How small a change can this test show?"),
                mark("Is there another test that sees smaller changes?"),
                _SIDE_EFFECTS,
                _NEXT_TEST,
            ),
        ),
        "plateau_pause": PatientWords(
            mark("The results have levelled off during a break in treatment."),
            (
                mark("During a break, values often level off or go up a little."),
                mark("This does not mean that the treatment no longer works."),
                mark("The next results will say more."),
            ),
            (
                mark("What do you expect to see during the break?"),
                mark("What is the plan after the break?"),
                _NEXT_TEST,
                _MATTERS,
            ),
        ),
        "plateau_unclear": PatientWords(
            mark("Your results have levelled off. The reason is not clear yet."),
            (
                mark("There can be several reasons: a scar, a break in treatment, very low values."),
                mark("Or the cells that are left respond less to this treatment."),
                mark("The next results will help to tell them apart."),
            ),
            (mark("What could be the reason in my case?"), _MORE_TESTS, _SIDE_EFFECTS, _NEXT_TEST),
        ),
        "regrowing": PatientWords(
            mark("The cancer may be starting to grow again."),
            (
                mark("Your newest results point to growth. That can be hard to read."),
                mark(
                    "Results can also move for other reasons, and your doctor sees more than this page does."
                ),
                mark(
                    "You do not have to work this out alone. Your doctor can tell you what it means for you."
                ),
            ),
            (
                mark("Do you also see signs of growth?"),
                mark("Could there be another reason for the change?"),
                _MORE_TESTS,
                _OPTIONS,
                _MATTERS,
            ),
        ),
        "undetermined": PatientWords(
            mark("It is too early to tell."),
            (
                mark("Your results do not show a clear direction yet."),
                mark(
                    "This is common. It is neither good news nor bad news: there is not enough to go by yet."
                ),
            ),
            (
                _MEANING,
                mark("How many more results do we need to see a direction?"),
                mark("Is there a blood test that helps in my case?"),
                _SIDE_EFFECTS,
                _NEXT_TEST,
            ),
        ),
        "not_assessed": PatientWords(
            mark("There are no results to look at yet."),
            (mark("As soon as there are measured scans or blood values, this page can say more."),),
            (_NEXT_TEST, _SIDE_EFFECTS),
        ),
    }
)


def patient_sentences(snap: Snapshot, language: Language) -> list[str]:
    """The sentences under the headline; growth that the scan already shows is said first."""
    sentences = [language.text(message) for message in PATIENT_WORDS[snap.situation].sentences]
    if snap.has_progressed:
        sentences.insert(0, language.text("The last scan shows growth by the rules that doctors use."))
    return sentences


def clinician_alert(snap: Snapshot, language: Language) -> str:
    """Whether an alert stands, since when, and the history of those before it."""
    if snap.alert == "now":
        said = language.text(
            "Alert since week {week}: the turning point has probably passed. Chance that it has, and that growth will "
            "show within half a year: {chance}.",
            week=language.week(snap.alert_days[-1][0]),
            chance=language.chance(snap.p_visible_growth),
        )
        before = snap.alert_days[:-1]
    else:
        said = language.text("No alert at the last visit.") if snap.alert_days else language.text("No alert.")
        before = snap.alert_days
    history = [
        language.text(
            "An alert raised in week {raised} was withdrawn in week {withdrawn}: growth that would show had become "
            "less likely.",
            raised=language.week(raised),
            withdrawn=language.week(withdrawn),
        )
        for raised, withdrawn in before
    ]
    return language.joined([said, *history])


def clinician_alert_rate(threshold: float, false_alerts_per_100: float | None, language: Language) -> str:
    """How often an alert is false, or that nobody knows yet."""
    said = language.chance(threshold)
    if false_alerts_per_100 is None:
        return language.text(
            "An alert needs a probability of {threshold}. This threshold is not calibrated yet: how often it is false "
            "is not known.",
            threshold=said,
        )
    return language.text(
        "An alert needs a probability of {threshold}, chosen for {rate} false alerts per 100 patient courses.",
        threshold=said,
        rate=language.number(false_alerts_per_100, 1),
    )


def patient_alert(snap: Snapshot, false_alerts_per_100: float | None, language: Language) -> list[str]:
    """What a signal means, in plain words, and how often it is wrong; nothing when there was none."""
    if snap.alert == "none":
        return []
    week = language.week(snap.first_alert_day)
    if snap.alert == "earlier":
        return [
            language.text("Around week {week} there was a signal to look more closely.", week=week),
            language.text("With the results since then, this signal is gone."),
        ]
    sentences = [
        language.text(
            "There is a signal to look more closely. It first came up around week {week}.", week=week
        ),
        language.text("It means: the results fit with cells that respond less and less to this treatment."),
    ]
    if false_alerts_per_100 is None:
        sentences.append(
            language.text("Such a signal can be wrong. How often that happens is not known yet.")
        )
    else:
        sentences.append(
            language.text(
                "Such a signal can be wrong. Out of 100 people, about {rate} get one although the cancer is still "
                "shrinking.",
                rate=language.number(max(1.0, false_alerts_per_100)),
            )
        )
    if snap.situation not in ("plateau_resistant", "regrowing"):
        sentences.append(
            language.text(
                "It does not fit fully with the rest of this page. That is a good reason to ask about it."
            )
        )
    return sentences


def chance_in_ten(probability: float | None, language: Language, count: int | None = None) -> str:
    """A probability as people say it: `about 4 in 10`; `count` when the tenths were rounded together."""
    if probability is None or math.isnan(probability):
        return NOTHING
    if probability < RARE:
        return language.text("less than 1 in 20")
    if probability > 1.0 - RARE:
        return language.text("more than 19 in 20")
    return language.text("about {count} in 10", count=language.number(count or tenths([probability])[0]))


def tenths(probabilities: Sequence[float]) -> list[int]:
    """Each probability in tenths; chances that together are certain give ten.

    Half is rounded up. A chance of 1 in 20 or more is never 0, one of up to 19 in 20 never 10.

    >>> tenths([0.55, 0.3, 0.15])
    [6, 3, 1]
    """
    rounded = [
        0 if chance < RARE else 10 if chance > 1.0 - RARE else min(9, max(1, int(chance * 10 + 0.5)))
        for chance in probabilities
    ]
    if abs(sum(probabilities) - 1.0) > 0.01:
        return rounded
    # take from the one rounded up most, give to the one rounded down most
    while (excess := sum(rounded) - 10) != 0:
        step = 1 if excess > 0 else -1
        movable = [place for place, count in enumerate(rounded) if 1 <= count - step <= 9 and count > 0]
        if not movable:
            break
        worst = max(movable, key=lambda place: (step * (rounded[place] - 10 * probabilities[place]), place))
        rounded[worst] -= step
    return rounded
