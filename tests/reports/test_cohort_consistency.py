"""The study's page against what it was made from: every number of its text, worked out again from the tables."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from statistics import median

import polars as pl
import pytest

import turnpoint as tp
from scripts.golden_pages import words as words_of
from tests.reports.consistency import plain, tables_of
from tests.reports.patients import together
from tests.reports.traced import untraced_of
from turnpoint.charts.language import Language
from turnpoint.reports.catalogue import language
from turnpoint.study.study import Study
from turnpoint.workflows.report import cohort_view
from turnpoint.workflows.respond import called

_STATES = ("responding", "plateau", "regrowing", "undetermined")


@pytest.fixture(autouse=True)
def _undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    def said(_: object, *, figure_id: str, description: str, **__: object) -> str:
        return f'<svg id="{figure_id}"><desc>{description}</desc></svg>'

    monkeypatch.setattr("turnpoint.reports.figure.svg", said)


@cache
def _assessed(name: str) -> tp.Assessment:
    if name == "mixed folder":
        return tp.assess(together(), particles=512)
    with resources.as_file(resources.files("turnpoint") / "datasets" / name) as folder:
        whole = tp.read(folder)
    return tp.assess(whole.only(whole.patient_ids[::6]), particles=512)


def _problems(made: str, assessment: tp.Assessment, lang: str) -> list[str]:
    """What the page says otherwise than the tables do."""
    frame, words = assessment.frame.sort("patient_id", "day"), language(lang)
    progressions = called(assessment.study)
    header = made[made.index("<header") : made.index("</header>")]
    counts = [int(own.replace(",", "")) for own in re.findall(r"<strong>([\d,]+)</strong>", header)]
    alerted = frame.filter("alert").unique("patient_id", keep="first", maintain_order=True)
    wanted = [
        len(assessment.study.patient_ids),
        frame.height,
        alerted.height,
        progressions["patient_id"].n_unique(),
    ]
    problems = [] if counts == wanted else [f"counts {counts}, not {wanted}"]
    line = plain(header[header.index("</ul>") :])
    if wanted[-1] and re.findall(r"\d+", line)[0] != str(wanted[-1]):
        problems.append(f"another number of progressions: {line}")
    last = frame.unique("patient_id", keep="last")["verdict"].value_counts()
    said = [int(own) for own in re.findall(r"<strong>(\d+)</strong></li>", made[made.index('class="key"') :])]
    if said != [n for state in _STATES for n in last.filter(verdict=state)["count"]]:
        problems.append(f"verdicts {said}")
    tables = tables_of(made)
    of_alerts = tables.get(words.text("Patients with an alert"), [])
    day = dict(progressions.group_by("patient_id").agg(pl.col("day").min()).iter_rows())
    expected = sorted(
        [
            row["patient_id"],
            words.week(row["day"]),
            words.text("cannot tell yet" if row["verdict"] == "undetermined" else row["verdict"]),
            words.chance(row["p_turned"]),
            words.week(day.get(row["patient_id"])),
            words.number(day[row["patient_id"]] - row["day"] if row["patient_id"] in day else None),
        ]
        for row in alerted.iter_rows(named=True)
    )
    if sorted(of_alerts) != expected:
        problems.append(f"alerts {of_alerts}, not {expected}")
    of_called = tables.get(words.text("Patients with progression"), [])
    rows = sorted((row["patient_id"], words.week(row["day"])) for row in progressions.iter_rows(named=True))
    if sorted((row[0], row[1]) for row in of_called) != rows:
        problems.append(f"progressions {of_called}, not {rows}")
    pictures = dict(re.findall(r'<svg id="([^"]+)"><desc>(.*?)</desc>', made))
    wanted_words = _pictures(assessment, lang)
    if pictures != wanted_words:
        problems.append(f"pictures {pictures}, not {wanted_words}")
    return problems + _denied(assessment.study, {row[0] for row in of_called})


def _pictures(assessment: tp.Assessment, lang: str) -> dict[str, str]:
    """What each picture says in words, worked out patient by patient from `respond`, `assess` and the markers."""
    study, words = assessment.study, language(lang)
    responses = tp.respond(study).responses.sort("patient_id", "day")
    best, last = [], []
    for (_,), own in responses.group_by("patient_id", maintain_order=True):
        changes = own.drop_nulls("change_from_baseline_pct")
        # the change of a patient is that of visits after the baseline; a line ends with its last value
        after = changes.drop_nulls("change_from_nadir_pct")["change_from_baseline_pct"].to_list()
        best += [min(after)] if after else []
        last += changes["change_from_baseline_pct"].to_list()[-1:]
    found = {}
    if best:
        found["waterfall"] = _waterfall_words(best, words)
        found["spider"] = _spider_words(last, words)
    frame = assessment.frame
    responded = responses.filter(pl.col("overall_response").is_in(["CR", "PR"]))["patient_id"].n_unique()
    found["swimmer"] = words.text(
        "{count} patients: {responses} with a response, {progressions} with progression, {alerts} with an alert.",
        count=frame["patient_id"].n_unique(),
        responses=responded,
        progressions=called(study)["patient_id"].n_unique(),
        alerts=frame.filter("alert")["patient_id"].n_unique(),
    )
    ends = []
    lowest: dict[str, list[float]] = {}
    for (_, marker), own in (
        study.markers.filter(pl.col("value") > 0)
        .sort("patient_id", "marker", "day")
        .group_by("patient_id", "marker", maintain_order=True)
    ):
        first, *later = own["value"].to_list()
        changes_pct = [100 * (value / first - 1) for value in later]
        ends.append(changes_pct[-1] if later else 0.0)
        lowest.setdefault(str(marker), [])
        lowest[str(marker)] += [min(changes_pct)] if later else []
    for index, values in enumerate(lowest.values()):
        found[f"marker-waterfall{index}"] = _waterfall_words(values, words)
    if ends:
        found["marker-spider"] = _spider_words(ends, words)
    return found


def _waterfall_words(changes_pct: list[float], words: Language) -> str:
    low, middle, high = min(changes_pct), median(changes_pct), max(changes_pct)
    return words.text(
        "{count} patients; best change from {low} to {high}, median {middle}.",
        count=len(changes_pct),
        low=words.signed_percent(low / 100),
        high=words.signed_percent(high / 100),
        middle=words.signed_percent(middle / 100),
    )


def _spider_words(last_pct: list[float], words: Language) -> str:
    return words.text(
        "{lines} patients; at the last value {fallen} are below their start, {risen} above it.",
        lines=len(last_pct),
        fallen=sum(value < 0 for value in last_pct),
        risen=sum(value > 0 for value in last_pct),
    )


def _denied(own: Study, said: set[str]) -> list[str]:
    """Progression on the page that `respond` has called by none of its criteria, or the reverse."""
    by = [
        tp.respond(own, criteria).best_responses.drop_nulls("progression_day")["patient_id"].to_list()
        for criteria in ("recist-1.1", "pcwg3-psa", "gcig-ca125")
    ]
    found = {name for names in by for name in names}
    return [f"progression of {name} is denied by respond" for name in sorted(said - found)] + [
        f"progression of {name} is missing" for name in sorted(found - said)
    ]


STUDIES = ("oak-docetaxel", "ascent2-docetaxel-psa", "mixed folder")


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", STUDIES)
def test_page_of_a_study_says_what_the_tables_say(name: str, lang: str) -> None:
    assessment = _assessed(name)
    assert _problems(tp.report(assessment, lang=lang).html, assessment, lang) == []


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", STUDIES)
def test_every_number_of_the_page_of_a_study_is_known(name: str, lang: str) -> None:
    assessment = _assessed(name)
    said, view = words_of(tp.report(assessment, lang=lang).html), cohort_view(assessment)
    alerts = [own.alert for own in view.provenance]
    judged = [own.followed + own.unfollowed for own in alerts]
    also = [*judged, *(100 * own.followed / max(n, 1) for own, n in zip(alerts, judged, strict=True))]
    assert untraced_of(said, view, also=also) == []
    patients = str(len(assessment.study.patient_ids))
    assert untraced_of(said.replace(f"\n{patients}\n", "\n1234567\n", 1), view, also=also)


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        (r"<strong>(\d+)</strong> patients", "<strong>7</strong> patients", "counts"),
        (r"<strong>(\d+)</strong> with an alert", "<strong>1</strong> with an alert", "counts"),
        (r"called in (\d+) patients", "called in 1 patients", "another number"),
        (r"responding <strong>(\d+)</strong>", "responding <strong>99</strong>", "verdicts"),
        (
            r'data-label="Lead, days" class="number">(\d+)',
            'data-label="Lead, days" class="number">-1',
            "alerts",
        ),
        (r'data-label="Turning point passed" class="number">\d+', "passed>1", "alerts"),
        (r'data-label="Week" class="number">\d+', 'data-label="Week" class="number">2', "progressions"),
        (r"median −\d+%", "median −99%", "pictures"),
        (r"(\d+) are below their start", "0 are below their start", "pictures"),
    ],
)
def test_a_fault_on_the_page_is_noticed(before: str, after: str, found: str) -> None:
    assessment = _assessed("oak-docetaxel")
    made = tp.report(assessment).html
    changed = re.sub(before, after, made, count=1)
    assert changed != made
    assert any(problem.startswith(found) for problem in _problems(changed, assessment, "en"))


def test_progression_that_respond_denies_is_noticed() -> None:
    own = _assessed("mixed folder").study
    said = {
        row[0] for row in tables_of(tp.report(_assessed("mixed folder")).html)["Patients with progression"]
    }
    assert _denied(own, said) == []
    assert _denied(own, {*said, "flare"}) == ["progression of flare is denied by respond"]
    assert _denied(own, said - {"psa-progression"}) == ["progression of psa-progression is missing"]
