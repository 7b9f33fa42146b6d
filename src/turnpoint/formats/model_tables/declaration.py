"""What the numbers of a model table mean: a TOML file beside it, `NAME.model.toml`, or the names in the table itself.

format = "turnpoint model table 1"
time_unit = "days"                      # hours, days, weeks, months; TIME 0 is day 0

[observations.1]                        # DVID, YTYPE, OBSID or, without them, CMT
is = "sum of diameters"                 # or the name of a marker
unit = "mm"                             # of a size mm or cm
scale = "linear"                        # or "log", the natural logarithm

[doses.1]                               # ADM or CMT; 1 without either
drug = "docetaxel"
unit = "mg/m2"

[subjects]                              # the patient of each ID; the ID itself without it
1 = "P001"
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from turnpoint.study.findings import Findings
from turnpoint.study.markers import find_marker
from turnpoint.study.schema import fold

FORMAT: Final = "turnpoint model table 1"
ENDING: Final = ".model.toml"
SUM_OF_DIAMETERS: Final = "sum of diameters"
DAYS_PER_UNIT: Final[Mapping[str, float]] = MappingProxyType(
    {"hours": 1 / 24, "days": 1.0, "weeks": 7.0, "months": 365.25 / 12}
)
MM_PER_UNIT: Final[Mapping[str, float]] = MappingProxyType({"mm": 1.0, "cm": 10.0})
_SIZES: Final = frozenset(
    fold(name)
    for name in (
        SUM_OF_DIAMETERS, "sum of longest diameters", "sld", "sod", "ts", "tumor size", "tumour size", "tumor",
        "tumour", "size",
    )
)  # fmt: skip
_SCALES: Final = ("linear", "log")


@dataclass(frozen=True, slots=True)
class Observation:
    """A quantity that is observed.

    Attributes:
        marker: its name; None for the sum of diameters.
        unit: its unit; None when it is not said.
        is_log: true when DV is its natural logarithm.
    """

    marker: str | None
    unit: str | None
    is_log: bool = False


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a declaration says.

    Attributes:
        time_unit: of TIME; None when it is not said.
        observations: by code.
        doses: drug and unit by code.
        subjects: the patient by ID.
    """

    time_unit: str | None = None
    observations: Mapping[str, Observation] = field(default_factory=dict)
    doses: Mapping[str, tuple[str, str | None]] = field(default_factory=dict)
    subjects: Mapping[str, str] = field(default_factory=dict)


def beside(table: Path) -> Path:
    """Where the declaration of a table lies."""
    return table.with_name(table.stem + ENDING)


def declared(table: Path, findings: Findings) -> Declaration:
    """The declaration beside a table, an empty one without it; every mistake in it is reported."""
    place = beside(table)
    if not place.is_file():
        return Declaration()
    try:
        told = tomllib.loads(place.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        findings.add(place.name, f"not TOML ({error})", "Write it as docs/formats-models.md shows.")
        return Declaration()

    def wrong(key: str, value: object, rule: str, mend: str) -> None:
        findings.add(place.name, rule, mend, column=key, value=str(value))

    if told.get("format") != FORMAT:
        wrong("format", told.get("format"), "not the format of a declaration", f'Write format = "{FORMAT}".')
    for key in told.keys() - {"format", "time_unit", "observations", "doses", "subjects"}:
        wrong(key, "", "not a key of a declaration", "Known: time_unit, observations, doses, subjects.")
    unit = told.get("time_unit")
    if unit is not None and unit not in DAYS_PER_UNIT:
        wrong("time_unit", unit, "not a unit of time", f"Write one of {', '.join(DAYS_PER_UNIT)}.")
        unit = None
    observations = {}
    for code, said in _tables(told, "observations").items():
        observed = _observation(f"observations.{code}", said, wrong)
        if observed is not None:
            observations[code] = observed
    doses = {}
    for code, said in _tables(told, "doses").items():
        drug, amount = said.get("drug"), said.get("unit")
        if not isinstance(drug, str) or not drug:
            wrong(f"doses.{code}.drug", drug, "the drug is not named", 'Write drug = "docetaxel".')
            continue
        doses[code] = (drug, amount if isinstance(amount, str) else None)
    subjects = {str(code): str(name) for code, name in told.get("subjects", {}).items()}
    return Declaration(unit, observations, doses, subjects)


def _tables(told: Mapping[str, Any], key: str) -> dict[str, dict[str, Any]]:
    found = told.get(key, {})
    return (
        {str(code): said for code, said in found.items() if isinstance(said, dict)}
        if isinstance(found, dict)
        else {}
    )


def _observation(key: str, said: Mapping[str, Any], wrong: Any) -> Observation | None:
    name, unit, scale = said.get("is"), said.get("unit"), said.get("scale", "linear")
    if scale not in _SCALES:
        wrong(f"{key}.scale", scale, "not a scale", "Write linear, or log for the natural logarithm.")
    named = named_observation(name if isinstance(name, str) else "")
    if named is None:
        wrong(
            f"{key}.is",
            name,
            "neither the sum of diameters nor a marker",
            f'Write is = "{SUM_OF_DIAMETERS}" or "PSA".',
        )
        return None
    if not isinstance(unit, str) or (named.marker is None and unit not in MM_PER_UNIT):
        wrong(
            f"{key}.unit",
            unit,
            "no unit of it",
            "Write mm or cm for a size, the laboratory's unit for a marker.",
        )
        return None
    return Observation(named.marker, unit, scale == "log")


def named_observation(text: str) -> Observation | None:
    """The quantity that a text names, with the unit that it may end in: `PSA (ng/mL)`, `SLD_mm`.

    >>> named_observation("SLD (mm)"), named_observation("PSA")
    (Observation(marker=None, unit='mm', is_log=False), Observation(marker='PSA', unit=None, is_log=False))
    """
    bracketed = re.fullmatch(r"\s*(.*?)\s*[(\[]([^()\[\]]+)[)\]]\s*", text)
    suffixed = re.fullmatch(r"(.*)[_ ](mm|cm)", text.strip(), re.IGNORECASE)
    matched = bracketed or suffixed
    name, unit = (matched[1], matched[2].strip()) if matched else (text, None)
    if fold(name) in _SIZES:
        return Observation(None, unit.lower() if unit else None)
    marker = find_marker(name.strip()) if name.strip() else None
    return None if marker is None else Observation(marker.name, unit)
