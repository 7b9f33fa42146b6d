"""The page of a virtual trial against its outcomes: every number worked out again, patient by patient."""

from __future__ import annotations

import math
import re
from functools import cache
from typing import Any

import polars as pl
import pytest

from scripts.golden_pages import TRIAL, charts_of, words
from tests.reports.consistency import plain, tables_of
from tests.reports.traced import untraced_of
from turnpoint.reports.catalogue import language
from turnpoint.reports.trial_page import OUTCOMES
from turnpoint.virtual.declaration import parsed
from turnpoint.workflows.trial import Trial, trial

ENGLISH = language("en")
HORIZON, MARGIN = 80.0, 4.0
ARMS = [
    "at progression",
    "at the first alert, threshold 0.5",
    "at the turning point",
    "after 24 weeks",
    "stays",
]


@cache
def played() -> Trial:
    return trial(parsed(TRIAL, "golden.toml"))


@cache
def page() -> tuple[str, dict[str, Any]]:
    return charts_of(lambda: played().report().html)


def weeks_of(arm: str, outcome: str) -> list[float]:
    rows = played().outcomes.filter(arm=arm).sort("patient")
    return [math.inf if week is None else week for week in rows[outcome]]


def interval(values: list[float]) -> tuple[float, float, float]:
    """Mean and its normal 95 % interval."""
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    error = 1.959964 * math.sqrt(variance / len(values))
    return mean, mean - error, mean + error


def gained(arm: str, outcome: str) -> list[float]:
    pairs = zip(weeks_of(arm, outcome), weeks_of(ARMS[0], outcome), strict=True)
    return [min(own, HORIZON) - min(first, HORIZON) for own, first in pairs]


def said(values: tuple[float, float, float], *, signed: bool) -> str:
    write = ENGLISH.signed if signed else ENGLISH.number
    middle, low, high = (write(value, 1) for value in values)
    return f"{middle} ({low} to {high})"


def arms_of(outcome: str) -> list[str]:
    """Nobody progresses on a second drug that nobody gets."""
    return [arm for arm in ARMS if outcome != "second_progression_week" or arm != "stays"]


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_table_of_an_outcome_is_that_of_the_patients(outcome: str) -> None:
    wanted = []
    for arm in arms_of(outcome):
        weeks = sorted(weeks_of(arm, outcome))
        middle = weeks[19]  # of 40: the first week by which half have the event
        happened = sum(week <= HORIZON for week in weeks) / 40
        own = [
            arm,
            "not reached" if middle > HORIZON else ENGLISH.number(middle, 1),
            said(interval([min(week, HORIZON) for week in weeks]), signed=False),
            ENGLISH.percent(happened),
        ]
        if arm == ARMS[0]:
            wanted.append([*own, "–", "–", "–"])
            continue
        gains = gained(arm, outcome)
        later, earlier = (
            sum(gain >= MARGIN for gain in gains) / 40,
            sum(gain <= -MARGIN for gain in gains) / 40,
        )
        wanted.append(
            [*own, said(interval(gains), signed=True), ENGLISH.percent(later), ENGLISH.percent(earlier)]
        )
    assert tables_of(page()[0])[f"{OUTCOMES[outcome][0]}, by arm"] == wanted


def test_findings_claim_what_the_intervals_allow() -> None:
    findings = re.findall(r"<li>(.*? against .*?)</li>", page()[0])
    wanted = []
    for outcome in OUTCOMES:
        for arm in arms_of(outcome)[1:]:
            gains = gained(arm, outcome)
            mean, low, high = interval(gains)
            name = OUTCOMES[outcome][1]
            if low <= 0 <= high or abs(mean) < 0.05:
                claim = f"no difference shown in the mean time to {name}"
            else:
                claim = f"mean time to {name} {'later' if low > 0 else 'earlier'}"
            span = said((mean, low, high), signed=True).replace(" (", " weeks (")
            later = ENGLISH.percent(sum(gain >= MARGIN for gain in gains) / 40)
            earlier = ENGLISH.percent(sum(gain <= -MARGIN for gain in gains) / 40)
            wanted.append(
                f"{arm} against {ARMS[0]}: {claim}, {span}; at least 4 weeks later in {later} of patients, "
                f"earlier in {earlier}."
            )
    assert [plain(finding) for finding in findings] == wanted
    claims = " ".join(wanted)
    assert all(claim in claims for claim in ("later,", "earlier,", "no difference shown"))


def test_changes_of_drug_are_counted_in_all_patients() -> None:
    wanted = []
    for arm in ARMS:
        rows = played().outcomes.filter(arm=arm).to_dicts()
        changed = sorted(row["switch_week"] for row in rows if row["switch_week"] is not None)
        early = [
            row for row in rows if row["switch_week"] is not None and row["switched_at"] != "progression"
        ]
        given_away = [row for row in rows if row["before_turning"]]
        half = len(changed) // 2
        middle = (
            None
            if not changed
            else changed[half]
            if len(changed) % 2
            else (changed[half - 1] + changed[half]) / 2
        )
        shares = [ENGLISH.percent(len(own) / 40) for own in (changed, early, given_away)]
        weeks = [
            ENGLISH.number(sum(row[name] for row in rows) / 40, 1) for name in ("weeks_on_a", "weeks_on_b")
        ]
        wanted.append([arm, *shares, ENGLISH.number(middle, 1), *weeks])
    assert tables_of(page()[0])["Drugs given, by arm; shares of all patients"] == wanted


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_curve_of_an_arm_is_the_share_without_the_event(outcome: str) -> None:
    lines = [rows for rows in page()[1][outcome]["datasets"].values() if "share" in rows[0]]
    for arm, line in zip(arms_of(outcome), lines, strict=True):
        weeks = weeks_of(arm, outcome)
        assert (line[0]["week"], line[-1]["week"]) == (0.0, HORIZON)
        for row in line:
            assert row["share"] == pytest.approx(sum(week > row["week"] for week in weeks) / 40)


def test_drawn_gains_are_those_of_the_table() -> None:
    datasets = page()[1]["gains"]["datasets"].values()
    rows = next(rows for rows in datasets if "gained_weeks_low" in rows[0])
    labels, texts = ([row["text"] for row in rows] for rows in datasets if "text" in rows[0])
    wanted = [
        interval(gained(arm, outcome)) for outcome in OUTCOMES for arm in ARMS[1:] if arm in arms_of(outcome)
    ]
    ends = [(row["gained_weeks_low"], row["gained_weeks_high"]) for row in rows]
    assert ends == [pytest.approx(values[1:], abs=1e-5) for values in wanted]
    for text, values in zip(texts, wanted, strict=True):
        numbers = [float(own.replace("−", "-")) for own in re.findall(r"[−+]?[\d.]+", text)]
        assert numbers == [pytest.approx(value, abs=0.0501) for value in values]
    assert labels[:2] == [
        "at the first alert, thres…: first progression",
        "at the turning point: first progression",
    ]
    assert labels[-1] == "stays: lethal burden"


def test_every_number_of_the_page_is_known_and_another_is_noticed() -> None:
    made, drawn = page()
    everything = words(made) + "\n".join(own["description"] for own in drawn.values())
    everything = everything.replace(
        "1e-08", ""
    )  # a power of ten is no two numbers; the declaration's test sees it
    pages = ("trial_page.py", "templates/trial.html")
    outcomes = played().outcomes
    changes = outcomes.group_by("arm").agg(
        pl.col("switch_week").count(),
        pl.col("before_turning").sum(),
        (pl.col("switched_at") != "progression").sum(),
        pl.col("switch_week").median().alias("middle"),
        pl.col("weeks_on_a", "weeks_on_b").mean(),
    )
    also = [100 * count / 40 for name in changes.columns[1:4] for count in changes[name]] + changes[
        "middle"
    ].drop_nulls().to_list()
    also += [*changes["weeks_on_a"], *changes["weeks_on_b"]]
    assert untraced_of(everything, played().view(), *pages, also=also) == []
    assert untraced_of(everything.replace("46.8", "46.3"), played().view(), *pages, also=also)


def test_a_share_is_one_number_wherever_the_page_says_it() -> None:
    """38 of 80 or 3 of 40 lie on the edge of two whole percents: the table and the words round them alike."""
    made, drawn = page()
    for outcome in OUTCOMES:
        table = tables_of(made)[f"{OUTCOMES[outcome][0]}, by arm"]
        words_of_it = drawn[outcome]["description"]
        for arm, _, _, share, *_ in table:
            assert re.search(rf"{re.escape(arm)}: median [^;]*?, {share} with the event", words_of_it), (
                arm,
                share,
            )


def test_page_says_how_many_were_played_and_what_was_declared() -> None:
    counts = re.findall(r"<strong>([\d,]+)</strong> ([^<]+)</li>", page()[0])
    assert [(number, name.split(",")[0]) for number, name in counts] == [
        ("40", "virtual patients"),
        ("5", "arms"),
        ("80", "weeks followed"),
    ]
    declared = dict(tables_of(page()[0])["The declaration"])
    assert declared["scan_every_weeks"] == "8"
    assert declared["marker_every_weeks"] == "CEA every 4 weeks"
    assert declared["resistant_fraction"] == "0.02"
    assert declared["mutation_per_division"] == "1e-08"
    assert declared["threshold"] == declared["kill_per_week"] == "from the prior"
    assert declared["arm after 24 weeks"].endswith("(after_weeks = 24)")
    assert declared[f"arm {ARMS[1]}"].endswith("(threshold = 0.5)")
    assert declared["arm stays"] == "stays on the first drug"
