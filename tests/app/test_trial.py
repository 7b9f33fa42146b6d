"""The trial at the desk over HTTP: what the command says of the same declaration, and nothing of its own."""

from __future__ import annotations

import html
import re
import time
from urllib.parse import urlencode

import pytest

from tests.app.served import Answer, Served
from turnpoint.virtual.declaration import parsed
from turnpoint.workflows.trial import trial

pytest.importorskip("django")

FEW = {"patients": 0, "resistant_fraction": 5, "arm": ["alert", "weeks"], "map": "weeks", "seed": 7}


def address(**given: object) -> str:
    return f"/trial?{urlencode({**FEW, **given}, doseq=True)}"


def played(served: Served, asked: str, **given: object) -> Answer:
    for _ in range(600):
        answer = served.get(asked, **given)
        if b"data-played" in answer.body or answer.status != 200:
            return answer
        time.sleep(0.2)
    raise AssertionError("the trial was never played")


def declared(page: str) -> str:
    link = re.search(r'href="(/trial/trial\.toml[^"]*)"', page)
    assert link is not None
    return html.unescape(link[1])


def test_page_says_what_the_command_says_of_the_declaration(on_sqlite: Served) -> None:
    page = played(on_sqlite, address()).body.decode()
    file = on_sqlite.get(declared(page))
    assert 'filename="trial.toml"' in file.headers["content-disposition"]
    text = file.body.decode()
    assert "patients = 10000" in text
    small = trial(parsed(text.replace("patients = 10000", "patients = 100")))
    assert small.declaration.seed == 7
    assert small.declaration.resistant_fraction == 0.1
    assert [arm.policy for arm in small.declaration.arms] == ["progression", "alert", "weeks"]
    theirs = set(re.findall(r"<li>(.*? against at progression: .*?)</li>", small.report().html))
    assert len(theirs) == 6
    assert theirs == set(re.findall(r"<li>(.*? against at progression: .*?)</li>", page))
    assert re.findall(r'data-figure="(\w+)"', page) == [
        "map_progression_week", "map_second_progression_week", "map_lethal_week",
        "gains", "progression_week", "second_progression_week", "lethal_week",
    ]  # fmt: skip
    assert "turnpoint trial trial.toml --out trial/" in page


def test_page_waits_in_words_and_then_has_its_trial_at_once(on_sqlite: Served) -> None:
    first = on_sqlite.get(address(seed=8))
    assert b"data-played" not in first.body
    assert b"being played" in first.body
    live = {"headers": {"HX-Request": "true", "HX-Target": "p#state"}}
    assert b"delay:700ms" in on_sqlite.get(address(seed=8), **live).body
    played(on_sqlite, address(seed=8))
    state = on_sqlite.get(address(seed=8), **live).body
    assert b"<h1" not in state
    assert b'hx-trigger="load"' in state
    begun = time.perf_counter()
    assert b"data-played" in on_sqlite.get(address(seed=8)).body
    assert time.perf_counter() - begun < 2.0


def test_newest_wish_of_a_person_is_played_and_those_before_are_not(on_sqlite: Served) -> None:
    played(on_sqlite, address())
    for seed in range(20, 30):
        on_sqlite.get(address(seed=seed))
    played(on_sqlite, address(seed=29))
    assert b"data-played" not in on_sqlite.get(address(seed=25)).body


@pytest.mark.parametrize(
    "odd",
    [
        {"patients": "9"}, {"patients": "-1"}, {"strength": "1e3"}, {"seed": "x"}, {"seed": "9" * 40},
        {"prior": "../../etc"}, {"prior": "docetaxel-prostate-psa"}, {"arm": "never"}, {"map": "<script>"},
        {"scan_every_weeks": "²"},
    ],
)  # fmt: skip
def test_odd_value_is_as_at_first(on_sqlite: Served, odd: dict[str, str]) -> None:
    answer = on_sqlite.get(f"/trial/trial.toml?{urlencode(odd)}")
    assert answer.status == 200
    assert answer.body == on_sqlite.get("/trial/trial.toml").body
    parsed(answer.body.decode())


def test_declaration_is_valid_for_every_place_of_every_dial_and_in_chinese(on_sqlite: Served) -> None:
    page = on_sqlite.get("/trial").body.decode()
    dials = re.findall(r'name="(\w+)" min="0" max="(\d+)"', page)
    dials = [(key, int(last)) for key, last in dials if key != "seed"]
    assert len(dials) == 7
    arms = [("arm", arm) for arm in ("alert", "turning", "weeks", "alternate", "holidays")]
    for lang in ("en", "zh"):
        for place in range(9):
            query = urlencode([*((key, min(place, last)) for key, last in dials), *arms])
            answer = on_sqlite.get(f"/trial/trial.toml?{query}", headers={"Accept-Language": lang})
            found = parsed(answer.body.decode())
            assert len(found.arms) == 6
            assert ("进展时" in found.arms[0].name) == (lang == "zh")
