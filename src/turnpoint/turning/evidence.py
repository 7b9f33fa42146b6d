"""Why a verdict was reached, as facts with numbers; reports turn each into a sentence.

What the readings did comes from `turning.series_facts`, so that no sentence compares two readings in its own way. A
fact says one thing: what limits the verdict, what the readings did, or what the treatment did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import polars as pl

from turnpoint.turning.reading_changes import SUM
from turnpoint.turning.series_facts import SeriesFact
from turnpoint.turning.verdict import (
    EVEN,
    FEWEST_VALUES,
    LEAST_SHRINKAGE,
    MOST_LIKELY_ENOUGH,
    STATES,
    UNDETERMINED,
)

EvidenceCode = Literal[
    "few_values",  # informative_values: fewer than three
    "near_prior",  # shrinkage_pct: the posterior is nearly the prior
    "contrary_readings",  # risen, fallen (labels): some readings rose while others fell
    "contrary_state",  # state (label); risen or fallen (label): the readings say otherwise than the model
    "no_state_likely",  # chance_pct of the most probable state
    "off_nothing_risen",  # without a drug the model expects growth, and nothing read has risen
    "off_treatment",  # since_week; drug (label)
    "size_risen",  # from_mm, to_mm, weeks, error_mm; lesion, site (labels)
    "size_fallen",
    "size_slow_fall",
    "size_level",  # low_mm, high_mm, readings, weeks, error_mm
    "size_floor",  # nothing left that can be measured
    "marker_risen",  # change_pct, weeks, error_pct; quantity (label)
    "marker_early_rise",  # change_pct, week: in the first 8 weeks it may be a surge
    "marker_fallen",  # from, to, pct_per_week, weeks
    "marker_slow_fall",
    "marker_level",  # readings, weeks, error_pct
    "marker_floor",  # value
]
Labels = Mapping[str, str]
_LIMITS: Final = (
    "few_values",
    "near_prior",
    "contrary_readings",
    "contrary_state",
    "no_state_likely",
    "off_nothing_risen",
)
_MOST_TELLING: Final = ("risen", "fallen", "early_rise", "slow_fall", "level", "floor", "single")


@dataclass(frozen=True, slots=True)
class Evidence:
    """One fact behind a verdict.

    Attributes:
        code: which fact; its numbers are listed beside `EvidenceCode`.
        numbers: the numbers the sentence needs, by name.
        labels: the words it needs (a marker's, lesion's or drug's name), by name.
    """

    code: EvidenceCode
    numbers: Mapping[str, float]
    labels: Labels

    @property
    def is_limit(self) -> bool:
        """It says why there is no verdict, not what was read."""
        return self.code in _LIMITS


def gather_evidence(
    facts: Sequence[SeriesFact],
    sites: Mapping[str, str | None],
    last: Mapping[str, Any],
    off: tuple[float, str] | None,
) -> tuple[Evidence, ...]:
    """The facts behind one patient's verdict at their last visit, those that limit it first.

    Args:
        facts: what each series did (`turning.series_facts`).
        sites: of each lesion.
        last: the last row of the assessment with its diagnostics.
        off: week since which no drug is on and which drugs these were; None while one is.
    """
    found = list(_limits(facts, sites, last))
    if off is not None:
        found.append(Evidence("off_treatment", {"since_week": off[0]}, {"drug": off[1]}))
    total = next((fact for fact in facts if fact.part == SUM), None)
    # of several lesions those are named that do otherwise than their sum
    told = [
        fact for fact in facts if not (fact.is_lesion and total and fact.trend in (total.trend, "single"))
    ]
    for fact in sorted(told, key=lambda own: _MOST_TELLING.index(own.trend)):
        found += _readings(fact, sites)
    return tuple(found)


def _limits(
    facts: Sequence[SeriesFact], sites: Mapping[str, str | None], last: Mapping[str, Any]
) -> list[Evidence]:
    """Why there is no verdict: the same rules as `turning.verdict.verdicts`, all that apply."""
    found: list[Evidence] = []
    if last["verdict"] != UNDETERMINED:
        return found
    if last["informative_values"] < FEWEST_VALUES:
        found.append(Evidence("few_values", {"informative_values": float(last["informative_values"])}, {}))
    elif last["shrinkage"] < LEAST_SHRINKAGE:
        found.append(Evidence("near_prior", {"shrinkage_pct": 100.0 * max(last["shrinkage"], 0.0)}, {}))
    risen, fallen = (_names(facts, sites, trends) for trends in (("risen",), ("fallen",)))
    likely = max(STATES, key=lambda state: last[f"p_{state}"])
    if last["risen"] and last["fallen"]:
        found.append(Evidence("contrary_readings", {}, {"risen": risen, "fallen": fallen}))
    elif likely == "responding" and last["risen"]:
        found.append(Evidence("contrary_state", {}, {"state": likely, "risen": risen}))
    elif (likely == "regrowing" or (likely == "plateau" and last["new_lowest"])) and (
        last["fallen"] and not last["risen"]
    ):
        found.append(Evidence("contrary_state", {}, {"state": likely, "fallen": fallen}))
    elif likely == "regrowing" and last["off_treatment"] and not last["risen"]:
        found.append(Evidence("off_nothing_risen", {}, {}))
    unread_growth = likely == "regrowing" and not last["risen"] and last["p_growing"] < EVEN
    if last[f"p_{likely}"] < MOST_LIKELY_ENOUGH or (unread_growth and not found):
        found.append(Evidence("no_state_likely", {"chance_pct": 100.0 * last[f"p_{likely}"]}, {}))
    return found


def _names(facts: Sequence[SeriesFact], sites: Mapping[str, str | None], trends: Sequence[str]) -> str:
    """The lesions and markers that did so, by name; the sum only where no lesion of it did."""
    own = [fact for fact in facts if fact.trend in trends]
    named = [fact for fact in own if fact.part != SUM] or own
    return ", ".join(_name(fact, sites) for fact in named)


def _name(fact: SeriesFact, sites: Mapping[str, str | None]) -> str:
    if not fact.is_size:
        return fact.quantity
    return " ".join(word for word in (sites.get(fact.part), fact.part) if word)


def _readings(fact: SeriesFact, sites: Mapping[str, str | None]) -> list[Evidence]:
    if fact.trend == "single":
        return []
    return [_size(fact, sites) if fact.is_size else _marker(fact)]


def _size(fact: SeriesFact, sites: Mapping[str, str | None]) -> Evidence:
    labels = {"lesion": "" if fact.part == SUM else fact.part, "site": sites.get(fact.part) or ""}
    if fact.trend == "floor":
        return Evidence("size_floor", {"value_mm": fact.last.value}, labels)
    error = {"weeks": fact.weeks, "error_mm": fact.error}
    if fact.trend in ("risen", "fallen", "slow_fall"):
        codes: Mapping[str, EvidenceCode] = {
            "risen": "size_risen",
            "fallen": "size_fallen",
            "slow_fall": "size_slow_fall",
        }
        sizes = {"from_mm": fact.since.value, "to_mm": fact.last.value}
        return Evidence(codes[fact.trend], sizes | error, labels)
    low, high = fact.level
    numbers = {"low_mm": low, "high_mm": high, "readings": float(fact.alike)}
    return Evidence("size_level", numbers | error, labels)


def _marker(fact: SeriesFact) -> Evidence:
    labels = {"quantity": fact.quantity}
    if fact.trend == "floor":
        return Evidence("marker_floor", {"value": fact.last.value}, labels)
    change = {
        "from": fact.since.value,
        "to": fact.last.value,
        "change_pct": 100.0 * fact.change,
        "weeks": fact.weeks,
    }
    error = {"error_pct": 100.0 * fact.error}
    if fact.trend == "risen":
        return Evidence("marker_risen", change | error, labels)
    if fact.trend == "early_rise":
        return Evidence("marker_early_rise", change | {"week": fact.last.week}, labels)
    if fact.trend in ("fallen", "slow_fall"):
        code: EvidenceCode = "marker_fallen" if fact.trend == "fallen" else "marker_slow_fall"
        return Evidence(code, change | {"pct_per_week": 100.0 * fact.change_per_week}, labels)
    numbers = {
        "readings": float(fact.alike),
        "weeks": fact.weeks,
        "low": fact.level[0],
        "high": fact.level[1],
    }
    return Evidence("marker_level", numbers | error, labels)


def cause_is_prior(facts: Sequence[SeriesFact], last: Mapping[str, Any]) -> bool:
    """Whether what is said of the cause is what the prior says: nothing read of this patient tells it.

    With sizes alone living cells that do not shrink look like scar (docs/decisions/0012). A marker can tell, once it
    has three values and is not at its limit. Where nothing is left to measure the floor is the cause, and was read.

    Args:
        facts: of one patient.
        last: the last row of the diagnostics; its own column `cause_is_prior` counts where there is one.
    """
    said = last.get("cause_is_prior")
    if said is not None:
        return bool(said)
    if facts and all(fact.trend == "floor" for fact in facts):
        return False
    telling = [
        fact
        for fact in facts
        if not fact.is_size and fact.readings >= FEWEST_VALUES and fact.trend != "floor"
    ]
    return not telling


def week_first_read(diagnostics: pl.DataFrame) -> float | None:
    """The week since which something read has stood above its smallest value, up to the last visit; None if nothing."""
    rows = diagnostics.sort("day").select("day", "risen").rows()
    since: float | None = None
    for day, risen in rows:
        since = (since if since is not None else day / 7.0) if risen else None
    return since
