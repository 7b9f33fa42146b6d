"""Side effects in plain words: the CTCAE terms that patients meet most; others keep their term."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from turnpoint.charts.language import Language, mark

_PLAIN: Mapping[str, str] = MappingProxyType(
    {
        "fatigue": mark("tired, without strength"),
        "nausea": mark("feeling sick"),
        "vomiting": mark("throwing up"),
        "anorexia": mark("no wish to eat"),
        "diarrhea": mark("loose stools"),
        "constipation": mark("hard stools, hard to go"),
        "mucositis oral": mark("sore mouth"),
        "pain": mark("pain"),
        "peripheral sensory neuropathy": mark("tingling or numb hands or feet"),
        "palmar-plantar erythrodysesthesia syndrome": mark("red, sore palms or soles"),
        "rash maculo-papular": mark("rash on the skin"),
        "dyspnea": mark("short of breath"),
        "fever": mark("fever"),
    }
)


def plain_name(term: str, language: Language) -> str:
    """A CTCAE term in plain words, as it stands inside a sentence.

    Source of the terms: CTCAE v5.0, National Cancer Institute, 27 November 2017.
    """
    known = _PLAIN.get(term.strip().lower())
    return language.text(known) if known else term
