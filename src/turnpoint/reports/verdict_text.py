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
from turnpoint.criteria.called_progression import MARKER_CRITERIA, RECIST
from turnpoint.model.prior import Alert
from turnpoint.pictures.patient import PatientPicture, Provenance
from turnpoint.pictures.snapshot import Progressed, Situation, Snapshot
from turnpoint.reports.called_text import patient_called_headline
from turnpoint.reports.lesion_text import parted_plainly
from turnpoint.reports.provenance_text import alerted_people
from turnpoint.turning.alerts import FOLLOWED_WEEKS

FEWEST_COUNTED = 10  # alerts from which a share is said
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
        "plateau_sizes_only": mark("Plateau; scans alone cannot tell why"),
        "plateau_changed": mark("Plateau by the trend, though something read has changed"),
        "regrowing": mark("Probably regrowing"),
        "mixed": mark("Mixed: some readings rose while others fell"),
        "nothing_left": mark("Nothing left to be seen"),
        "undetermined": mark("Cannot tell yet"),
        "off_treatment": mark("Cannot tell yet: no treatment, and nothing has risen"),
        "unclear": mark("Cannot tell: the readings and the model do not agree on one state"),
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
_NOT_ALONE = mark(
    "That can be hard to read. You do not have to work this out alone. Your doctor can tell you what it means for you."
)
_OTHER_PLACES = mark("What else do you see, in other places and in my blood?")
QUESTIONS_FOR_ANY_VISIT = (_MEANING, _SIDE_EFFECTS, _NEXT_TEST, _MATTERS)

PATIENT_WORDS: Mapping[Situation | Progressed, PatientWords] = MappingProxyType(
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
        "plateau_sizes_only": PatientWords(
            mark("Your results have levelled off. A scan alone cannot tell why."),
            (
                mark("What is left may be a scar, or cells at rest. A scar does not get smaller."),
                mark("Or the cells that are left respond less to this treatment."),
                mark("On a scan both look the same. Another test can sometimes tell more."),
            ),
            (
                mark("What could be the reason in my case?"),
                mark("Is there a value in my blood that tells us more than the scan does?"),
                mark("Could a PET scan, a blood test for tumour DNA or a small tissue sample tell more?"),
                _SIDE_EFFECTS,
                _NEXT_TEST,
            ),
        ),
        "plateau_changed": PatientWords(
            mark("On the whole your results look level now, but at least one has changed."),
            (
                mark("The change that was measured may be over by now, or it may go on."),
                mark("The next results will say more."),
            ),
            (
                mark("Which of my results matter most?"),
                mark("What could be the reason in my case?"),
                _MORE_TESTS,
                _SIDE_EFFECTS,
                _NEXT_TEST,
            ),
        ),
        "mixed": PatientWords(
            mark("Your results do not all point the same way."),
            (
                mark("That can mean that treatment works in one place and less in another."),
                mark("Your doctor sees more than this page does, and can look at each place."),
            ),
            (
                mark("What do these results mean, taken together?"),
                mark("Is there another reason why one result went up?"),
                _MORE_TESTS,
                _OPTIONS,
                _MATTERS,
            ),
        ),
        "nothing_left": PatientWords(
            mark("On the last scan, nothing of the cancer can be seen."),
            (
                mark("The spots that were measured are gone, or back to a normal size."),
                mark("Doctors call this a complete response. It is the best that a scan can show."),
                mark("It does not prove that every cell is gone. Very small groups of cells cannot be seen."),
            ),
            (
                mark("What does this mean for me, and for the plan?"),
                mark("How will you keep looking, and how often?"),
                _SIDE_EFFECTS,
                _NEXT_TEST,
            ),
        ),
        "progressed_new_lesion": PatientWords(
            mark("A new spot was found on a scan."),
            (
                mark("This is what doctors call progression: the cancer has grown in at least one place."),
                _NOT_ALONE,
            ),
            (
                mark("How sure is it that the new spot is cancer?"),
                _OTHER_PLACES,
                _MEANING,
                _OPTIONS,
                _MATTERS,
            ),
        ),
        "progressed_growth": PatientWords(
            mark("The cancer has grown, by the rules that doctors use."),
            (
                mark("The spots on the scan grew by more than a set amount. Doctors call this progression."),
                _NOT_ALONE,
            ),
            (
                mark("Do you also see growth, and where?"),
                _OTHER_PLACES,
                _MEANING,
                _OPTIONS,
                _MATTERS,
            ),
        ),
        "progressed_marker": PatientWords(
            mark("A blood value has risen, by the rules that doctors use."),
            (
                mark("It rose by more than a set amount, and a second test found the same."),
                mark("Doctors call this progression by a blood value. Scans and how you feel count, too."),
                _NOT_ALONE,
            ),
            (
                mark("What do the scans show beside this blood value?"),
                _MEANING,
                _OPTIONS,
                _MATTERS,
            ),
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
        "off_treatment": PatientWords(
            mark("There is a break in treatment, and none of your results has gone up."),
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
        "unclear": PatientWords(
            mark("It cannot be said yet which way your results go."),
            (
                mark("Your results do not show one clear direction."),
                mark("This is common. The next results will say more."),
            ),
            (
                _MEANING,
                mark("Which of my results matter most?"),
                _MORE_TESTS,
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


def patient_headline(view: PatientPicture, snap: Snapshot, language: Language) -> str:
    """The answer in one sentence; what called progression goes before all else."""
    if snap.progressed is not None:
        return patient_called_headline(view, language)
    return language.text(PATIENT_WORDS[snap.situation].headline)


def patient_sentences(view: PatientPicture, snap: Snapshot, language: Language) -> list[str]:
    """The sentences under the headline; lesions that part ways are named first."""
    sentences = [language.text(message) for message in PATIENT_WORDS[snap.headline].sentences]
    if snap.progressed is not None:
        sentences.insert(0, _when_called(view, language))
    if view.parted is not None:
        sentences.insert(0, parted_plainly(view.parted, language))
    if snap.situation == "nothing_left" and view.nothing_left is not None and view.nothing_left.normal:
        normal = language.listed(list(view.nothing_left.normal))
        sentences.insert(1, language.text("Your blood value {marker} is normal.", marker=normal))
    return sentences


def _when_called(view: PatientPicture, language: Language) -> str:
    return language.text("It was seen in week {week}.", week=language.week(view.called[0].day))


def clinician_alert(snap: Snapshot, language: Language) -> str:
    """Whether an alert stands, what it rests on, since when, and the history of those before it."""
    chance = snap.last.get("p_progression_24w")
    before = snap.alert_days[:-1] if snap.alert == "now" else snap.alert_days
    if snap.alert != "now":
        said = language.text("No alert at the last visit.") if snap.alert_days else language.text("No alert.")
    elif chance is not None:
        said = language.text(
            "Alert since week {week}: if treatment stays as it is, the chance of progression within {weeks} weeks by "
            "{criterion} is {chance}.",
            week=language.week(snap.alert_days[-1][0]),
            criterion=_criterion(snap, language),
            weeks=language.number(FOLLOWED_WEEKS),
            chance=language.chance(chance),
        )
    elif snap.met_day is not None and snap.alert_days[-1][0] < snap.met_day:
        said = language.text(
            "The bar for progression has been reached; an alert had stood since week {week}.",
            week=language.week(snap.alert_days[-1][0]),
        )
    else:
        said = language.text("The bar for progression has been reached; no alert came before it.")
    history = [
        language.text(
            "An alert raised in week {raised} was withdrawn in week {withdrawn}: nothing stood above its smallest "
            "value by more than the error of a reading any more, or progression had become less likely.",
            raised=language.week(raised),
            withdrawn=language.week(withdrawn),
        )
        for raised, withdrawn in before
    ]
    return language.joined([said, *history])


def _criterion(snap: Snapshot, language: Language) -> str:
    """The name of the criterion that counts (`turning.criterion_ahead`)."""
    if snap.last_sum:
        return RECIST
    named = [
        MARKER_CRITERIA[name] for row in snap.last_markers if (name := str(row["marker"])) in MARKER_CRITERIA
    ]
    return named[0] if named else language.text("twice the marker's own variation")


def clinician_alert_rate(provenance: Provenance, language: Language, *, unlike: bool = False) -> str:
    """What an alert needs, what followed such alerts in real patients, or that nobody knows."""
    alert = provenance.alert
    needs = language.text(
        "An alert needs a rise beyond the usual error of a reading, and a chance of {threshold} or more.",
        threshold=language.chance(alert.threshold),
    )
    judged = alert.followed + alert.unfollowed
    if alert.false_alerts_per_100 is None or not judged:
        unknown = language.text("How often progression then follows has not been counted.")
        return language.joined([needs, unknown])
    counted = language.text(
        "Of {judged} such alerts in {patients} {people}, judged by priors fitted without them, {followed} were "
        "followed by progression within {weeks} weeks. Alerts that none followed came in {rate} of 100 patients.",
        judged=language.number(judged),
        patients=language.number(alert.patients),
        people=language.text(alerted_people(alert.data)),
        followed=language.number(alert.followed),
        weeks=language.number(FOLLOWED_WEEKS),
        rate=language.number(alert.false_alerts_per_100, 1),
    )
    sentences = [needs, counted]
    share = share_followed(alert)
    if share is not None:
        sentences.append(
            language.text(
                "So of 100 such alerts about {percent} are followed.", percent=language.number(100.0 * share)
            )
        )
    if unlike:
        sentences.append(
            language.text("This course is unlike theirs: how often it happens here may be different.")
        )
    if alert.early_per_100 is not None:
        sentences.append(
            language.text(
                "In courses simulated from the prior, {early} of 100 are alerted before their turning point.",
                early=language.number(alert.early_per_100, 1),
            )
        )
    return language.joined(sentences)


def share_followed(alert: Alert) -> float | None:
    """Of the alerts that were counted, the share that progression followed; None where they are too few to say."""
    judged = alert.followed + alert.unfollowed
    return alert.followed / judged if judged >= FEWEST_COUNTED else None


def patient_alert(view: PatientPicture, snap: Snapshot, language: Language) -> list[str]:
    """What a signal means, in plain words; nothing when there was none, or when growth is certain already."""
    if snap.alert == "none" or snap.progressed is not None:
        return []
    week = language.week(snap.first_alert_day)
    if snap.alert == "earlier":
        return [
            language.text("Around week {week} there was a signal to look more closely.", week=week),
            language.text("With the results since then, this signal is gone."),
        ]
    return [
        language.text(
            "There is a signal to look more closely. It first came up around week {week}.", week=week
        ),
        language.text(
            "It means: a result is above its lowest value, by more than the usual measuring error."
        ),
        language.text("In the next half year the tumour may grow so much that doctors call it growth."),
        language.text("Such a signal can be wrong."),
        *_how_often_followed(view, snap, language),
    ]


def _how_often_followed(view: PatientPicture, snap: Snapshot, language: Language) -> list[str]:
    """Of ten such signals, in those in whom the clinician's page has them counted; and whether they are alike."""
    alert = view.provenance.alert
    share = share_followed(alert)
    if alert.false_alerts_per_100 is None:
        return [language.text("How often that happens has not been counted.")]
    if share is None:
        return [language.text("How often that happens has been counted in too few people to say.")]
    followed = min(max(round(10.0 * share), 1), 9)
    others = language.text("About {others} had not.", others=language.number(10 - followed))
    if view.provenance.fit == "like" and not view.provenance.simulated and not snap.unlike_the_prior:
        said = language.text(
            "Of 10 people with a similar illness who had one, about {followed} had such growth within half a year.",
            followed=language.number(followed),
        )
        return [said, others]
    said = language.text(
        "This was counted in {people}: of 10 with such a signal, about {followed} had such growth within half a year.",
        people=language.text(alerted_people(alert.data)),
        followed=language.number(followed),
    )
    return [said, others, language.text("It may be different for you.")]


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
