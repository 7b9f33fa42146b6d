"""The sourced table of dose limits, and a site's own in its place."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, Literal

from turnpoint.errors import UsageError
from turnpoint.harms.dose_units import DoseUnit, parse
from turnpoint.study.naming import nearest

Means = Literal["limit", "threshold"]
_REQUIRED: Final = object()


@dataclass(frozen=True, slots=True)
class Drug:
    """What Turnpoint must know of a drug to add up its doses.

    Attributes:
        name: as in `limits.toml`, lower case.
        names: other spellings of it.
        group: drugs whose doses count towards one another's limits; empty for none.
        highest_single_dose: more than this on one day is taken for a mistake; inf where nothing is known.
        unit: of `highest_single_dose`; None without one.
        iu_per_unit: international units in one USP unit; None where the two cannot be converted.
        dosed_by_auc: its dose may be a target area under the curve.
    """

    name: str
    names: tuple[str, ...] = ()
    group: str = ""
    highest_single_dose: float = math.inf
    unit: str | None = None
    iu_per_unit: float | None = None
    dosed_by_auc: bool = False


@dataclass(frozen=True, slots=True)
class Limit:
    """One published limit, or threshold, of a cumulative dose.

    Attributes:
        drug: its name.
        limit: in `unit`.
        unit: `mg`, `mg/m2`, `mg/mL.min`, `[U]` or `[IU]`.
        kind: of harm, for example `cardiotoxicity`.
        condition: when it holds; empty for always. The study's tables cannot tell: a reader must.
        means: `limit` where the source says not to exceed it; `threshold` where harm is seen from there on.
        source: where it stands.
        checked: whether it was read there; a recalled one is shown as unverified.
    """

    drug: str
    limit: float
    unit: str
    kind: str
    condition: str
    means: Means
    source: str
    checked: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """Drugs by name, and their limits in the order of the file."""

    drugs: Mapping[str, Drug]
    limits: tuple[Limit, ...]

    def canonical(self) -> dict[str, str]:
        """Each spelling of each drug, and the drug's name."""
        return {spelling: drug.name for drug in self.drugs.values() for spelling in (drug.name, *drug.names)}


@dataclass(frozen=True, slots=True)
class _Key:
    """One key of a table: what it is, the values it may have, its default."""

    kind: Literal["text", "number", "flag", "names", "unit", "means"]
    meaning: str
    default: Any = _REQUIRED

    def rule(self) -> str:
        return {
            "text": "text in quotes",
            "number": "a number above 0",
            "flag": "true or false",
            "names": 'a list of texts, ["...", "..."]',
            "unit": "one of mg, mg/m2, mg/mL.min, [U], [IU]",
            "means": '"limit" or "threshold"',
        }[self.kind]

    def allows(self, value: Any) -> bool:
        if self.kind == "number":
            return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf
        if self.kind == "flag":
            return isinstance(value, bool)
        if self.kind == "names":
            return isinstance(value, list) and all(isinstance(name, str) and name.strip() for name in value)
        if not isinstance(value, str) or not value.strip():
            return False
        if self.kind == "unit":
            return _canonical_unit(parse(value)) is not None
        return self.kind != "means" or value in ("limit", "threshold")


_TABLES: Final[Mapping[str, Mapping[str, _Key]]] = MappingProxyType(
    {
        "drug": {
            "name": _Key("text", "the drug"),
            "names": _Key("names", "other spellings", ()),
            "group": _Key("text", "drugs whose doses count towards one another's limits", ""),
            "highest_single_dose": _Key(
                "number", "more than this on one day is taken for a mistake", math.inf
            ),
            "unit": _Key("unit", "of highest_single_dose", None),
            "iu_per_unit": _Key("number", "international units in one USP unit", None),
            "dosed_by_auc": _Key("flag", "its dose may be a target area under the curve", default=False),
        },
        "limit": {
            "drug": _Key("text", "the drug"),
            "limit": _Key("number", "the cumulative dose"),
            "unit": _Key("unit", "of the limit"),
            "kind": _Key("text", "of harm"),
            "condition": _Key("text", "when it holds", ""),
            "means": _Key("means", "not to be exceeded, or where harm is seen from", "limit"),
            "source": _Key("text", "where it stands"),
            "checked": _Key("flag", "whether it was read there", default=True),
        },
    }
)


@cache
def shipped_limits() -> Limits:
    """The table that comes along."""
    text = (files("turnpoint.harms") / "limits.toml").read_text(encoding="utf-8")
    return parsed(text, "limits.toml")


def with_site_limits(text: str, file: str) -> Limits:
    """The shipped table, the drugs that a site's file names replaced by what it says.

    A drug with any `[[limit]]` in the file has only those; a `[[drug]]` takes the place of the shipped one.

    Args:
        text: of the file, TOML as `limits.toml`.
        file: its name, for messages.

    Raises:
        UsageError: not TOML, or with every mistake in it: key, value, rule and what to write.
    """
    own, shipped = parsed(text, file), shipped_limits()
    canonical = {**shipped.canonical(), **own.canonical()}
    named = [_renamed(limit, canonical) for limit in own.limits]
    replaced = {limit.drug for limit in named}
    kept = tuple(limit for limit in shipped.limits if limit.drug not in replaced)
    drugs = {**shipped.drugs, **own.drugs}
    return Limits(MappingProxyType(drugs), (*kept, *named))


def parsed(text: str, file: str) -> Limits:
    """The table in a TOML text (errors as `with_site_limits`)."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{file}: not TOML ({error}). Mend that line; text stands in quotes.") from error
    mistakes = [_unknown(name, list(_TABLES), "a table", "") for name in document if name not in _TABLES]
    rows = {name: _rows(document.get(name, []), name, mistakes) for name in _TABLES}
    drugs = [_drug(row) for row in rows["drug"]]
    limits = tuple(_limit(row) for row in rows["limit"])
    mistakes += _contradictions(drugs, limits)
    if not limits and not drugs and not mistakes:
        mistakes.append("limit: none. Write [[limit]] with drug, limit, unit, kind and source for each.")
    if mistakes:
        count = f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}"
        raise UsageError("\n".join([f"{file}: {count}.", *(f"- {mistake}" for mistake in mistakes)]))
    return Limits(MappingProxyType({drug.name: drug for drug in drugs}), limits)


def _rows(tables: Any, name: str, mistakes: list[str]) -> list[dict[str, Any]]:
    """The tables of one kind that are right; what is wrong goes to the mistakes."""
    if not isinstance(tables, list) or not all(isinstance(table, Mapping) for table in tables):
        mistakes.append(f"{name}: not a list of tables. Write [[{name}]] on a line of its own for each.")
        return []
    keys, found = _TABLES[name], []
    for index, table in enumerate(tables, start=1):
        where, before = f"{name} {index}", len(mistakes)
        mistakes += [
            _unknown(key, list(keys), f"a key of [[{name}]]", f"{where}.") for key in table if key not in keys
        ]
        row = {}
        for key, rule in keys.items():
            row[key] = value = table.get(key, rule.default)
            if value is _REQUIRED:
                mistakes.append(f"{where}.{key}: missing ({rule.meaning}). Write {key} = {rule.rule()}.")
            elif key in table and not rule.allows(value):
                mistakes.append(
                    f"{where}.{key} = {_shown(value)}: must be {rule.rule()} ({rule.meaning}). Correct it."
                )
        if len(mistakes) == before:
            found.append(row)
    return found


def _drug(row: dict[str, Any]) -> Drug:
    names = tuple(name.strip().lower() for name in row.pop("names"))
    unit = row.pop("unit")
    written = None if unit is None else _canonical_unit(parse(unit))
    return Drug(name=row.pop("name").strip().lower(), names=names, unit=written, **row)


def _limit(row: dict[str, Any]) -> Limit:
    unit = parse(row.pop("unit"))
    scale = 1.0 if unit is None else unit.scale
    drug, limit = row.pop("drug").strip().lower(), row.pop("limit") * scale
    return Limit(drug=drug, limit=limit, unit=_canonical_unit(unit) or "", **row)


def _canonical_unit(unit: DoseUnit | None) -> str | None:
    """How this package writes a unit that a cumulative dose is counted in; None for another."""
    if unit is None or unit.per_day:
        return None
    known = {("mg", ""): "mg", ("mg", "m2"): "mg/m2", ("auc", ""): "mg/mL.min"}
    known |= {("unit", ""): "[U]", ("iu", ""): "[IU]"}
    return known.get((unit.amount, unit.size))


def _renamed(limit: Limit, canonical: Mapping[str, str]) -> Limit:
    drug = canonical.get(limit.drug, limit.drug)
    return Limit(
        drug, limit.limit, limit.unit, limit.kind, limit.condition, limit.means, limit.source, limit.checked
    )


def _contradictions(drugs: Sequence[Drug], limits: Sequence[Limit]) -> list[str]:
    """What each row allows and all together do not."""
    found = []
    spellings = [spelling for drug in drugs for spelling in (drug.name, *drug.names)]
    found += [
        f"drug.name = {_shown(name)}: written twice. Keep one."
        for name in dict.fromkeys(spellings)
        if spellings.count(name) > 1
    ]
    found += [
        f'drug {_shown(drug.name)}.unit: missing (of highest_single_dose). Write unit = "mg/m2".'
        for drug in drugs
        if math.isfinite(drug.highest_single_dose) and drug.unit is None
    ]
    keys = [(limit.drug, limit.kind, limit.condition) for limit in limits]
    found += [
        f"limit of {_shown(drug)} for {_shown(kind)}: given twice under one condition. Keep one of the two."
        for drug, kind, condition in dict.fromkeys(keys)
        if keys.count((drug, kind, condition)) > 1
    ]
    return found


def _unknown(name: str, known: list[str], what: str, where: str) -> str:
    meant = nearest(name, known)
    hint = f"Did you mean {meant}?" if meant else f"Known: {', '.join(known)}."
    return f"{where}{name}: not {what}. {hint}"


def _shown(value: Any) -> str:
    """As TOML writes it, near enough, and never long."""
    if isinstance(value, bool):
        return str(value).lower()
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
