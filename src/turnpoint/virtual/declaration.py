"""The declared trial: what `trial.toml` says, checked, as frozen objects.

Every key has one line in `KEYS`: its default, the values it may have, and what it means; `docs/virtual-trials.md` and
the messages are made from the same lines. Every mistake in a file is reported at once.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from turnpoint.errors import UsageError
from turnpoint.study.markers import find_marker
from turnpoint.study.naming import nearest
from turnpoint.virtual.policies import POLICIES, Arm
from turnpoint.virtual.schedule import Schedule

MOST_PATIENTS = 10_000_000
MOST_ARMS = 7
REQUIRED: Final = object()
FILE = "trial.toml"


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the file.

    Attributes:
        kind: `text`, `whole` (a whole number), `number`, `markers`, or the words it may be, separated by `|`.
        default: its value when the file does not name it; `REQUIRED` when it must.
        low, high: the values a number may have, both included; None is no bound.
        meaning: what it is, with its unit.
    """

    kind: str
    default: Any
    meaning: str
    low: float | None = None
    high: float | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """What it may be, where that is one of a few words."""
        return tuple(self.kind.split("|")) if "|" in self.kind else ()

    def rule(self) -> str:
        """The values it may have, in words."""
        if self.words:
            return " or ".join(f'"{word}"' for word in self.words)
        if self.kind == "text":
            return "text in quotes"
        number = "a whole number" if self.kind == "whole" else "a number"
        if self.low is not None and self.high is not None:
            return f"{number} from {_plain(self.low)} to {_plain(self.high)}"
        return number if self.low is None else f"{number}, {_plain(self.low)} or more"

    def documented(self) -> str:
        """Its line in the documentation: what it is, the values it may have, its default."""
        rule = "markers and whole numbers, `{ CEA = 3 }`" if self.kind == "markers" else self.rule()
        default = (
            "required" if self.default is REQUIRED else "-" if self.default is None else f"`{self.default}`"
        )
        return f"{self.meaning} | {rule} | {default}"

    def allows(self, value: Any) -> bool:
        """Whether the value is of this kind and within bounds."""
        if self.words:
            return value in self.words
        if self.kind == "text":
            return isinstance(value, str) and bool(value.strip())
        if isinstance(value, bool) or not isinstance(value, int if self.kind == "whole" else int | float):
            return False
        if isinstance(value, float) and not math.isfinite(value):
            return False
        above = self.low is None or value >= self.low
        return above and (self.high is None or value <= self.high)


KEYS: Mapping[str, Mapping[str, Key]] = MappingProxyType(
    {
        "trial": {
            "name": Key("text", "a virtual trial", "shown on the report"),
            "patients": Key(
                "whole", REQUIRED, "virtual patients; every arm has the same ones", 10, MOST_PATIENTS
            ),
            "horizon_weeks": Key("whole", 156, "weeks from the start that are followed", 12, 1040),
            "margin_weeks": Key(
                "number", 4.0, "gain or loss from which a patient counts as better or worse", 0, 1040
            ),
            "seed": Key("whole", 0, "of every random draw", 0),
        },
        "population": {
            "prior": Key(
                "text", REQUIRED, "whom to draw: a prior that comes along, or a file of `turnpoint fit`"
            ),
            "resistant_fraction": Key(
                "number", None, "median resistant fraction at the start, in place of the prior's", 1e-9, 0.999
            ),
            "cross_resistance": Key(
                "number", 0.1, "share of the cells resistant to A that B does not shrink either", 0, 1
            ),
            "resistant_to_b": Key(
                "number", 1e-3, "share of the cells sensitive to A that B does not shrink", 0, 1
            ),
            "mutation_per_division": Key(
                "number", 1e-8, "chance that a division makes a cell resistant to a drug", 0, 1e-2
            ),
            "lethal_fold": Key(
                "number", 8.0, "living burden that is lethal, relative to that at the start", 1.5, 10_000
            ),
            "clones": Key(
                "large|stochastic",
                "large",
                "whether clones go by their mean, or by chance while they are small, so that they can die out",
            ),
            "carrying_fold": Key(
                "number",
                None,
                "living burden at which growth has stopped (Gompertz), relative to that at the start; by default "
                "growth does not slow",
                2,
                1_000_000,
            ),
        },
        "drug_b": {
            "kill_per_week": Key(
                "number", None, "median net rate at which B shrinks; by default A's, patient by patient", 0, 2
            ),
            "strength": Key("number", 1.0, "effect of B relative to that: 1 the same, 0 none at all", 0, 20),
            "kill_sd_log": Key("number", 0.0, "SD of its logarithm between patients", 0, 3),
        },
        "schedule": {
            "scan_every_weeks": Key("whole", 6, "weeks between scans", 1, 52),
            "marker_every_weeks": Key("markers", None, "weeks between the values of each marker"),
        },
        "alert": {
            "threshold": Key(
                "number",
                None,
                "chance of progression within 24 weeks from which an alert is raised; by default the prior's own",
                0.01,
                1,
            ),
            "particles": Key("whole", 2048, "particles of the filter, a power of two", 64, 65536),
        },
    }
)

ARM_KEYS: Mapping[str, Key] = MappingProxyType(
    {
        "name": Key("text", REQUIRED, "as tables and charts call it"),
        "policy": Key("text", REQUIRED, "when it changes drugs: one of the policies"),
        "threshold": Key("number", None, "policy alert: its own threshold", 0.01, 1),
        "after_weeks": Key("number", None, "policy weeks: when it changes drugs", 0, 1040),
        "cycles": Key(
            "whole", None, "policies cycles and alternate: cycles before each change of drug", 1, 1040
        ),
        "weeks_per_cycle": Key(
            "number", 3.0, "policies cycles and alternate: weeks from one cycle to the next", 1, 52
        ),
        "off_below": Key(
            "number",
            0.5,
            "policy holidays: volume (cube of the sum) under which drug A pauses, relative to the first",
            0,
            1,
        ),
        "on_from": Key(
            "number",
            1.0,
            "policy holidays: volume from which drug A is given again, relative to the first",
            0,
            100,
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Declaration:
    """A virtual trial as declared; `docs/virtual-trials.md` lists every key with its unit and default."""

    name: str
    patients: int
    horizon_weeks: int
    margin_weeks: float
    seed: int
    prior: str
    resistant_fraction: float | None
    cross_resistance: float
    resistant_to_b: float
    mutation_per_division: float
    lethal_fold: float
    clones: str
    carrying_fold: float | None
    kill_per_week: float | None
    strength: float
    kill_sd_log: float
    schedule: Schedule
    threshold: float | None
    particles: int
    arms: tuple[Arm, ...] = field(default=())

    @property
    def is_by_chance(self) -> bool:
        """Whether a small clone goes by chance, so that it can die out."""
        return self.clones == "stochastic"


def parsed(text: str, file: str = FILE) -> Declaration:
    """The declaration in a TOML text.

    Args:
        text: of the file.
        file: its name, for messages.

    Raises:
        UsageError: not TOML, or with every mistake in it: key, value, rule and what to write.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{file}: not TOML ({error}). Mend that line; text stands in quotes.") from error
    mistakes: list[str] = []
    values = {
        key: value
        for section, keys in KEYS.items()
        for key, value in _section(document.get(section, {}), section, keys, mistakes).items()
    }
    arms = _arms(document.get("arm"), mistakes)
    mistakes += [
        _unknown(name, [*KEYS, "arm"], "a section") for name in document if name not in KEYS and name != "arm"
    ]
    markers = _markers(values.pop("marker_every_weeks"), mistakes)
    if not mistakes:
        mistakes += _contradictions(values, arms)
    if mistakes:
        count = f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}"
        raise UsageError("\n".join([f"{file}: {count}.", *(f"- {mistake}" for mistake in mistakes)]))
    schedule = Schedule(values["horizon_weeks"], values.pop("scan_every_weeks"), markers)
    return Declaration(**values, schedule=schedule, arms=arms)


def _section(table: Any, section: str, keys: Mapping[str, Key], mistakes: list[str]) -> dict[str, Any]:
    """The values of one section; what is wrong goes to the mistakes, and counts as not said."""
    if not isinstance(table, Mapping):
        mistakes.append(f"{section}: not a section. Write [{section}] on a line of its own.")
        table = {}
    mistakes += [
        _unknown(name, list(keys), f"a key of [{section}]", section) for name in table if name not in keys
    ]
    found = {}
    for name, key in keys.items():
        value = table.get(name, key.default)
        if name in table and key.kind != "markers" and not key.allows(value):
            mistakes.append(f"{section}.{name} = {_shown(value)}: must be {key.rule()} ({key.meaning}).")
        elif value is REQUIRED:
            mistakes.append(
                f"{section}.{name}: missing ({key.meaning}). Write {name} = ... under [{section}]."
            )
        found[name] = value
    return found


def _arms(tables: Any, mistakes: list[str]) -> tuple[Arm, ...]:
    if not isinstance(tables, list) or not tables or not all(isinstance(table, Mapping) for table in tables):
        mistakes.append(
            "arm: no arms. Write [[arm]] with name and policy for each; the first is what others are compared with."
        )
        return ()
    arms = []
    for index, table in enumerate(tables):
        before = len(mistakes)
        found = _section(table, f"arm {index + 1}", ARM_KEYS, mistakes)
        policy = found["policy"]
        if isinstance(policy, str) and policy in POLICIES:
            mistakes += _misplaced(table, policy, index)
        elif isinstance(policy, str) and policy.strip():
            mistakes.append(_unknown(policy, list(POLICIES), "a policy", f"arm {index + 1}.policy"))
        if len(mistakes) > before:
            continue
        takes = ("name", "policy", *POLICIES[policy].keys)
        arm = Arm(**{name: value for name, value in found.items() if name in takes})
        mistakes += _crossed(arm, index)
        arms.append(arm)
    names = [arm.name for arm in arms]
    mistakes += [
        f"arm.name = {_shown(name)}: two arms have it. Give each its own."
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]
    return tuple(arms)


def _misplaced(table: Mapping[str, Any], policy: str, index: int) -> list[str]:
    """A key that its policy does not take, or one that it needs."""
    own = POLICIES[policy]
    found = [
        f"arm {index + 1}.{name} = {_shown(table[name])}: policy {policy} does not use it. Leave it out."
        for name in ARM_KEYS
        if name in table and name not in ("name", "policy", *own.keys)
    ]
    misspelt = {nearest(name, list(ARM_KEYS)) for name in table if name not in ARM_KEYS}
    found += [
        f"arm {index + 1}.{name}: missing ({ARM_KEYS[name].meaning}). Write {name} = ... under this [[arm]]."
        for name in own.needs
        if name not in table and name not in misspelt
    ]
    return found


def _crossed(arm: Arm, index: int) -> list[str]:
    """A holiday that would end before it begins."""
    if arm.off_below is None or arm.on_from is None or arm.off_below <= arm.on_from:
        return []
    return [
        f"arm {index + 1}.on_from = {_shown(arm.on_from)}: below off_below = {_shown(arm.off_below)}, so that a "
        "holiday would end as it begins. Give the larger of the two to on_from."
    ]


def _markers(table: Any, mistakes: list[str]) -> dict[str, int]:
    """Weeks by marker, with the names that Turnpoint knows them by."""
    key, found = Key("whole", None, "weeks between its values", 1, 52), {}
    if table is not None and not isinstance(table, Mapping):
        mistakes.append(
            f"schedule.marker_every_weeks = {_shown(table)}: must be markers and weeks. Write {{ CEA = 3 }}."
        )
        return {}
    for name, weeks in (table or {}).items():
        if not key.allows(weeks):
            mistakes.append(f"schedule.marker_every_weeks.{name} = {_shown(weeks)}: must be {key.rule()}.")
            continue
        marker = find_marker(name)
        canonical = name if marker is None else marker.name
        if canonical in found:
            mistakes.append(
                f"schedule.marker_every_weeks.{name}: {canonical} is named twice. Keep one of the two."
            )
        found[canonical] = weeks
    return found


def _contradictions(values: Mapping[str, Any], arms: Sequence[Arm]) -> list[str]:
    """What each key allows and all together do not."""
    found = []
    if values["particles"] & (values["particles"] - 1):
        found.append(f"alert.particles = {values['particles']}: must be a power of two, for example 2048.")
    if values["scan_every_weeks"] * 2 > values["horizon_weeks"]:
        found.append(
            f"schedule.scan_every_weeks = {values['scan_every_weeks']}: fewer than two scans after the baseline "
            f"within trial.horizon_weeks = {values['horizon_weeks']}."
        )
    if (values["carrying_fold"] or math.inf) <= values["lethal_fold"]:
        found.append(
            f"population.carrying_fold = {_shown(values['carrying_fold'])}: not above population.lethal_fold = "
            f"{_shown(values['lethal_fold'])}, so that no burden would ever be lethal. Raise it, or lower lethal_fold."
        )
    if len(arms) > MOST_ARMS:
        found.append(
            f"arm: {len(arms)} of them. At most {MOST_ARMS} can be told apart in a picture; declare two trials."
        )
    if len(arms) < 2:
        found.append("arm: only one. A trial compares; write a second [[arm]].")
    return found


def _unknown(name: str, known: list[str], what: str, where: str | None = None) -> str:
    meant = nearest(name, known)
    hint = f"Did you mean {meant}?" if meant else f"Known: {', '.join(known)}."
    place = name if where is None or where.endswith("policy") else f"{where}.{name}"
    if where is not None and where.endswith("policy"):
        place = f"{where} = {_shown(name)}"
    return f"{place}: not {what}. {hint}"


def _plain(bound: float) -> str:
    return f"{bound:,.0f}" if bound == int(bound) else f"{bound:g}"


def _shown(value: Any) -> str:
    """As TOML writes it, near enough, and never long."""
    if isinstance(value, bool):
        return str(value).lower()
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
