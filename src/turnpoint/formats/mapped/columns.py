"""What the name of a column says that it is, as people name them in spreadsheets and REDCap projects."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

from turnpoint.study.markers import find_marker
from turnpoint.study.schema import fold
from turnpoint.study.units import parse

# patient, day, date, start_date, arm, tumour_type, sex, birth_year, line, death_date, death_day; size, site, status,
# node, lesion_date, lesion_id, role; marker, marker_unit, marker_limit, marker_date; doses, events; ignored; unknown.
Kind: TypeAlias = str


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a column is.

    Attributes:
        kind: which part of the study.
        entity: the marker, the column of doses or events, the lesion's word, or why it is of no use.
        pattern: of a lesion's column, the name with `{n}` for its number.
        number: that number as written.
        role: of the lesion, where the name says it.
        unit: that the name says.
    """

    kind: Kind
    entity: str = ""
    pattern: str | None = None
    number: str = ""
    role: str | None = None
    unit: str | None = None


_NAMES: Final[Mapping[Kind, tuple[str, ...]]] = MappingProxyType(
    {
        "patient": (
            "patient_id", "patient", "subject", "subject_id", "subjid", "usubjid", "pid", "pat_id", "pat_no", "id",
            "record_id", "study_id", "participant_id", "screening_no", "mrn", "病人编号", "患者编号",
        ),
        "day": ("day", "study_day", "visit_day", "day_of_study"),
        "date": (
            "date", "visit_date", "date_of_visit", "visit_dt", "scan_date", "ct_date", "imaging_date", "exam_date",
            "assessment_date", "date_of_scan", "dov", "sample_date", "lab_date", "日期", "就诊日期", "检查日期",
        ),
        "start_date": (
            "start_date", "c1d1", "c1d1_date", "treatment_start", "treatment_start_date", "date_start_treatment",
            "chemo_start", "chemo_start_date", "first_dose_date", "date_of_first_dose", "day0", "rx_start_date",
        ),
        "arm": ("arm", "treatment_arm", "group", "treatment_group"),
        "tumour_type": ("tumour_type", "tumor_type", "cancer_type", "primary_site", "histology"),
        "sex": ("sex", "gender", "性别"),
        "birth_year": ("birth_year", "year_of_birth", "yob"),
        "line": ("line", "line_of_treatment", "treatment_line"),
        "death_date": ("death_date", "date_of_death", "dod"),
        "death_day": ("death_day",),
    }
)  # fmt: skip
_EXACT: Final = {fold(name): kind for kind, names in _NAMES.items() for name in names}
_OTHER_NAMES: Final = (
    ("doses", "drug", ("drug", "drug_name", "medication", "agent")),
    ("doses", "dose", ("dose", "dose_given", "dose_mg")),
    ("doses", "unit", ("dose_unit", "dose_units")),
    ("doses", "cycle", ("cycle", "cycle_no", "cycle_number")),
    ("doses", "regimen", ("regimen",)),
    ("events", "term", ("ae_term", "aeterm", "adverse_event", "ae_name")),
    ("events", "grade", ("ae_grade", "aetoxgr", "ctcae_grade", "grade")),
)
_OTHER: Final = {fold(name): (table, column) for table, column, names in _OTHER_NAMES for name in names}
# The entity of a column of a table with one row a lesion.
ONE_A_ROW: Final = "one a row"
PERSONAL: Final = "names a person"
_OF_NO_USE: Final = (
    (re.compile(r"^redcap_\w+$|_(complete|timestamp)$"), "REDCap's own"),
    (re.compile(r"^(sld|sum_of_(longest_)?diameters?|sod|sum_diam(eters)?)(_(mm|cm))?$"), "computed from the lesions"),
    (re.compile(r"(^|_)(initials|name|surname|phone|email|address)$"), PERSONAL),
)  # fmt: skip
_LESION: Final = frozenset(
    {
        "lesion",
        "les",
        "tl",
        "ntl",
        "nl",
        "target",
        "nontarget",
        "tumor",
        "tumour",
        "tum",
        "met",
        "ln",
        "node",
        "病灶",
    }
)
_SIZE: Final = frozenset(
    {
        "size", "diam", "diameter", "ld", "longest", "long", "length", "measurement", "meas", "axis", "short", "sad",
        "lad", "mm", "cm",
    }
)  # fmt: skip
_SITE: Final = frozenset({"site", "location", "loc", "organ", "部位"})
_STATUS: Final = frozenset({"status", "state", "assessment", "evaluation"})
_WHICH: Final = frozenset({"id", "no", "nr", "number", "num", "name", "label"})
_PART: Final = frozenset({"type", "role", "category", "class"})
_PLAIN: Final = {
    fold(name): kind
    for kind, names in (
        (
            "size",
            (
                "size",
                "size_mm",
                "size_cm",
                "diameter",
                "diameter_mm",
                "diameter_cm",
                "longest_diameter",
                "ld_mm",
            ),
        ),
        ("site", ("site", "location", "organ")),
        ("role", ("role",)),
    )
    for name in names
}
_FLAG: Final = frozenset({"yn", "flag", "yes", "is"})
_NODE: Final = frozenset({"node", "nodal", "lymph", "ln"})
_DATE: Final = frozenset({"date", "dt", "dat"})
_VALUE: Final = frozenset(
    {"value", "val", "result", "res", "level", "serum", "lab", "labs", "s", "conc", "num"}
)
_LIMIT: Final = frozenset({"uln", "upper", "limit", "ul"})
_UNIT: Final = frozenset({"unit", "units"})
# Names that are a marker's and, more often, something else's.
_AMBIGUOUS: Final = frozenset({"ld", "tg", "hct", "scc"})


def meaning_of(name: str, *, is_date: bool, is_number: bool) -> Meaning:
    """What a column is, by its name and by what its cells look like.

    Args:
        name: as written.
        is_date: nearly all its cells are dates.
        is_number: nearly all its cells are numbers, or words that stand for one.

    >>> meaning_of("lesion2_size_mm", is_date=False, is_number=True).pattern
    'lesion{n}_size_mm'
    >>> meaning_of("ca19_9_u_ml", is_date=False, is_number=True).unit
    'U/mL'
    """
    folded = fold(name)
    kind = _EXACT.get(folded)
    if kind is not None and (is_date or kind not in ("date", "start_date", "death_date")):
        return Meaning(kind)
    if folded in _OTHER:
        table, column = _OTHER[folded]
        return Meaning(table, column)
    plain = name.strip().lower().replace(" ", "_")
    why = next((reason for pattern, reason in _OF_NO_USE if pattern.search(plain)), None)
    if why is not None:
        return Meaning("ignored", why)
    tokens = _tokens(name)
    return (
        _lesion(name, tokens, is_date=is_date, is_number=is_number)
        or _marker(tokens, is_date=is_date, is_number=is_number)
        or Meaning("unknown")
    )


def _tokens(name: str) -> list[str]:
    """Words and numbers of a name: `TL1_LongestDiam` is tl, 1, longest, diam."""
    parted = re.sub(r"([a-z])([A-Z])", r"\1_\2", name)
    return re.findall(r"[^\W\d_]+|\d+", parted.lower())


def _lesion(name: str, tokens: Sequence[str], *, is_date: bool, is_number: bool) -> Meaning | None:
    words = [token for token in tokens if not token.isdigit()]
    numbers = [token for token in tokens if token.isdigit()]
    rest = [word for word in words if word not in _LESION and word not in ("non", "new")]
    unit = next((word for word in rest if word in ("mm", "cm")), None)
    if not numbers:
        kind = _long_kind(name, words, rest, is_date=is_date, is_number=is_number)
        return None if kind is None else Meaning(kind, ONE_A_ROW, unit=unit)
    if not set(words) & _LESION or len(numbers) != 1:
        return None
    number = numbers[0]
    start = name.find(number)
    pattern = f"{name[:start]}{{n}}{name[start + len(number) :]}"
    kind = _lesion_kind(words, rest, is_date=is_date, is_number=is_number)
    if kind is None:
        return None
    entity = "_".join(word for word in words if word not in rest)
    return Meaning(kind, entity, pattern, number, _role(words), unit)


def _long_kind(
    name: str, words: Sequence[str], rest: Sequence[str], *, is_date: bool, is_number: bool
) -> Kind | None:
    """A column of a table with one row a lesion."""
    plain = _PLAIN.get(fold(name))
    if plain is not None:
        return plain if is_number or plain != "size" else None
    if not set(words) & _LESION:
        return None
    if set(rest) <= _WHICH and not is_date:
        return "lesion_id"
    if set(rest) <= _PART:
        return "role"
    return _lesion_kind(words, rest, is_date=is_date, is_number=is_number)


def _lesion_kind(words: Sequence[str], rest: Sequence[str], *, is_date: bool, is_number: bool) -> Kind | None:
    left = set(rest)
    if left & _DATE:
        return "lesion_date" if is_date else None
    if left & _SITE:
        return "site"
    if left & _STATUS:
        return "status"
    if set(words) & _NODE and left & _FLAG:
        return "node"
    return "size" if is_number and left <= _SIZE else None


def _role(words: Sequence[str]) -> str | None:
    said = set(words)
    if said & {"ntl", "nontarget"} or {"non", "target"} <= said:
        return "non_target"
    if said & {"new", "nl"}:
        return "new"
    return "target" if said & {"tl", "target"} else None


def _marker(tokens: Sequence[str], *, is_date: bool, is_number: bool) -> Meaning | None:
    """The longest run of words that is a marker's name; the rest must say what of it."""
    for length in range(len(tokens), 0, -1):
        for start in range(len(tokens) - length + 1):
            name = "".join(tokens[start : start + length])
            found = None if name in _AMBIGUOUS else find_marker(name)
            if found is None:
                continue
            rest = [*tokens[:start], *tokens[start + length :]]
            kind, unit = _marker_part(rest, is_date=is_date, is_number=is_number)
            return None if kind is None else Meaning(kind, found.name, unit=unit)
    return None


def _marker_part(rest: Sequence[str], *, is_date: bool, is_number: bool) -> tuple[Kind | None, str | None]:
    left = [token for token in rest if token not in _VALUE]
    if not left:
        return ("marker" if is_number else None), None
    if set(left) <= _DATE:
        return ("marker_date" if is_date else None), None
    if set(left) <= _LIMIT:
        return ("marker_limit" if is_number else None), None
    if set(left) <= _UNIT:
        return "marker_unit", None
    unit = _unit(left)
    return ("marker" if unit is not None and is_number else None), unit


def _unit(tokens: Sequence[str]) -> str | None:
    """A unit as names have it: ng, ml is ng/mL."""
    if len(tokens) != 2:
        return None
    amount = {"u": "U", "iu": "[IU]", "ku": "kU"}.get(tokens[0], tokens[0])
    volume = {"ml": "mL", "l": "L", "dl": "dL"}.get(tokens[1])
    text = f"{amount}/{volume}"
    return text if volume is not None and parse(text) is not None else None
