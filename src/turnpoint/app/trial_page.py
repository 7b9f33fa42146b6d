"""A virtual trial at the desk: sliders, what each arm gains, and the map of where an early change wins and loses.

It is the trial of `turnpoint trial`, by the same function, of fewer patients: the sliders write a `trial.toml`, which
is played beside the server (`playing`) and may be taken along.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, QueryDict
from django.views.decorators.http import require_GET

from turnpoint.app.api import as_file
from turnpoint.app.playing import Failed, trials
from turnpoint.app.shell import language_of, rendered, shell_of, show
from turnpoint.charts.language import Language, mark
from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.prior import GENERIC, shipped_priors
from turnpoint.reports.provenance_text import PEOPLE
from turnpoint.reports.rendering import render_trial

FULL_SIZE: Final = 10_000
_HORIZON_WEEKS: Final = 156
_CYCLES: Final = 4
_WEEKS_PER_CYCLE: Final = 3
_FIRST: Final = mark("at progression")
_FIRST_PRIOR: Final = "chemotherapy-colorectal-ct"
_MOST_SEED: Final = 10**9

Shown = Callable[[float, Language], str]


@dataclass(frozen=True, slots=True)
class Dial:
    """A slider: its values in order; None is what the prior says.

    Attributes:
        name: of what it turns.
        values: from left to right; a form names one by its place.
        start: the place at first.
        shown: a value in words.
    """

    name: str
    values: tuple[float | None, ...]
    start: int
    shown: Shown

    def words(self, value: float | None, language: Language) -> str:
        """A value in words."""
        return language.text("as in the prior") if value is None else self.shown(value, language)


def _percent(value: float, language: Language) -> str:
    return language.percent(value, 1)


def _number(value: float, language: Language) -> str:
    return language.number(value, 2)


def _weeks(value: float, language: Language) -> str:
    return language.weeks(value)


DIALS: Final = {
    "resistant_fraction": Dial(
        mark("Resistant cells at the start (median)"), (None, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3), 0, _percent
    ),
    "cross_resistance": Dial(
        mark("Cross-resistance: of the cells that resist the first drug, the second one leaves"),
        (0.0, 0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0),
        2,
        _percent,
    ),
    "strength": Dial(
        mark("Strength of the second drug (1: as strong as the first)"),
        (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0),
        4,
        _number,
    ),
    "scan_every_weeks": Dial(mark("A scan every"), (4, 6, 8, 9, 12), 2, _weeks),
    "threshold": Dial(
        mark("Alert from this chance of progression within 24 weeks"),
        (None, 0.2, 0.35, 0.5, 0.7, 0.9),
        0,
        _percent,
    ),
    "after_weeks": Dial(mark("Planned change after"), (6, 9, 12, 18, 24, 36), 2, _weeks),
    "patients": Dial(mark("Virtual patients"), (100, 200, 300), 1, _number),
}
ARMS: Final = {  # by policy; which may be compared with a change at progression
    "alert": mark("at Turnpoint's alert"),
    "turning": mark("at the true turning point"),
    "weeks": mark("after {weeks}"),
    "alternate": mark("alternating every {weeks}"),
    "holidays": mark("holidays of the first drug"),
}
_ARMS_AT_FIRST: Final = ("alert", "turning")


@dataclass(frozen=True, slots=True)
class Asked:
    """Where the sliders stand.

    Attributes:
        prior: whom to draw.
        places: of each dial.
        arms: policies that are compared with a change at progression.
        mapped: the one that the map shows.
        seed: of every random draw.
    """

    prior: str
    places: dict[str, int]
    arms: tuple[str, ...]
    mapped: str
    seed: int

    @classmethod
    def of(cls, given: QueryDict) -> Asked:
        """What a form asks for; anything that it cannot mean is as at first."""
        arms = tuple(policy for policy in ARMS if policy in given.getlist("arm")) or _ARMS_AT_FIRST
        mapped = given.get("map", "")
        return cls(
            prior=given["prior"] if given.get("prior") in priors() else _FIRST_PRIOR,
            places={
                key: _whole(given.get(key, ""), dial.start, len(dial.values) - 1)
                for key, dial in DIALS.items()
            },
            arms=arms,
            mapped=mapped if mapped in arms else arms[0],
            seed=_whole(given.get("seed", ""), 1, _MOST_SEED),
        )

    def value(self, key: str) -> float | None:
        """What a dial stands at."""
        return DIALS[key].values[self.places[key]]

    def query(self) -> str:
        """The same as an address says it."""
        return urlencode(
            [
                ("prior", self.prior),
                *self.places.items(),
                *(("arm", arm) for arm in self.arms),
                ("map", self.mapped),
                ("seed", self.seed),
            ]
        )

    def arm_name(self, policy: str, language: Language) -> str:
        """An arm as tables and charts call it."""
        weeks = self.value("after_weeks") if policy == "weeks" else _CYCLES * _WEEKS_PER_CYCLE
        return language.text(ARMS[policy], weeks=language.weeks(weeks or 0))

    def toml(self, language: Language, patients: int | None = None) -> str:
        """The declaration; of so many patients, else of as many as the dial says."""
        sections: dict[str, dict[str, Any]] = {
            "trial": {
                "name": language.text("an early change of drug"),
                "patients": patients or self.value("patients"),
                "horizon_weeks": _HORIZON_WEEKS,
                "seed": self.seed,
            },
            "population": {
                "prior": self.prior,
                "resistant_fraction": self.value("resistant_fraction"),
                "cross_resistance": self.value("cross_resistance"),
            },
            "drug_b": {"strength": self.value("strength")},
            "schedule": {"scan_every_weeks": self.value("scan_every_weeks")},
            "alert": {"threshold": self.value("threshold")},
        }
        arms = [{"name": language.text(_FIRST), "policy": "progression"}]
        for policy in self.arms:
            own: dict[str, Any] = {"name": self.arm_name(policy, language), "policy": policy}
            if policy == "weeks":
                own["after_weeks"] = self.value("after_weeks")
            if policy == "alternate":
                own |= {"cycles": _CYCLES, "weeks_per_cycle": _WEEKS_PER_CYCLE}
            arms.append(own)
        parts = [
            *((f"[{name}]", keys) for name, keys in sections.items()),
            *(("[[arm]]", arm) for arm in arms),
        ]
        return "\n".join(_section(head, keys) for head, keys in parts)


def _section(head: str, keys: dict[str, Any]) -> str:
    lines = [
        f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}"
        for key, value in keys.items()
        if value is not None
    ]
    return "\n".join([head, *lines, ""])


def _whole(given: str, otherwise: int, most: int) -> int:
    return int(given) if given.isdecimal() and len(given) < 11 and int(given) <= most else otherwise


@cache
def priors() -> tuple[str, ...]:
    """Those of patients that come along and know the sum of diameters; the generic one is wide on purpose."""
    return tuple(
        name
        for name, own in shipped_priors().items()
        if SUM_OF_DIAMETERS in own.quantities and name != GENERIC and not own.card.simulated
    )


@require_GET
def trial(request: HttpRequest) -> HttpResponse:
    """The sliders, and what was played; while it is being played, word of that."""
    code, words = language_of(request)
    asked = Asked.of(request.GET)
    shell = shell_of(request, words.text("Trial"), "/trial")
    shell.above = "above_trial.html"
    try:
        played = trials.found(asked.toml(words), _who(request))
        failed = False
    except Failed:
        played, failed = None, True
    shell.trial = _dials(asked, words) | {
        "is_live": "HX-Request" in request.headers,
        "is_played": played is not None,
        "has_failed": failed,
    }
    if shell.trial["is_live"] and "main" not in request.headers.get("HX-Target", ""):
        return HttpResponse(rendered("trial_state.html", words, shell=shell))
    shell.has_charts = True
    if played is None:
        return show(request, "trial_waits.html", shell)

    def into(template: str, language: Language, **content: Any) -> str:
        return rendered(template.replace("trial", "trial_played"), language, shell=shell, **content)

    return HttpResponse(
        render_trial(played.trial.view(), played.cells, asked.arm_name(asked.mapped, words), code, into)
    )


@require_GET
def declaration(request: HttpRequest) -> HttpResponse:
    """What `turnpoint trial` plays at full size."""
    _, words = language_of(request)
    text = Asked.of(request.GET).toml(words, FULL_SIZE)
    return as_file(text.encode(), "application/toml", "trial.toml")


def _who(request: HttpRequest) -> str:
    return request.session.session_key or ""


def _dials(asked: Asked, words: Language) -> dict[str, Any]:
    """What the form and the words around the trial show."""
    return {
        "query": asked.query(),
        "priors": [(name, words.text(PEOPLE[name])) for name in priors()],
        "prior": asked.prior,
        "dials": [
            {
                "key": key,
                "name": words.text(dial.name),
                "place": asked.places[key],
                "last": len(dial.values) - 1,
                "label": dial.words(asked.value(key), words),
                "labels": "|".join(dial.words(value, words) for value in dial.values),
            }
            for key, dial in DIALS.items()
        ],
        "arms": [(policy, asked.arm_name(policy, words), policy in asked.arms) for policy in ARMS],
        "mapped": asked.mapped,
        "mapped_name": asked.arm_name(asked.mapped, words),
        "first": words.text(_FIRST),
        "seed": asked.seed,
        "most_seed": _MOST_SEED,
        "patients": words.number(asked.value("patients")),
        "full_size": words.number(FULL_SIZE),
    }
