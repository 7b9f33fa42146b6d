"""The study's page against what it was made from: every number of its text, worked out again from the tables."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

import polars as pl
import pytest

import turnpoint as tp
from tests.reports.consistency import plain, tables_of
from tests.reports.patients import together
from turnpoint.reports.catalogue import language
from turnpoint.study.study import Study
from turnpoint.workflows.respond import called

_STATES = ("responding", "plateau", "regrowing", "undetermined")


@pytest.fixture(autouse=True)
def _undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    def said(_: object, *, figure_id: str, **__: object) -> str:
        return f'<svg id="{figure_id}"></svg>'

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
    return problems + _denied(assessment.study, {row[0] for row in of_called})


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
