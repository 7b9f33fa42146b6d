"""Which target lesions are pieces of an earlier one, or have grown together, by their names.

The study folder has one name a lesion and no column for its descent, so the name says it, as in SDTM: `T1.1` and
`T1.2` (also `T1-1`, `T1_1`, `T1a`) are what `T1` split into, `T1/T2` (also `T1+T2`) is what `T1` and `T2` merged into.
It holds only for a target that was not there at baseline while all whom it names were; any other name is just a name.
"""

from __future__ import annotations

import re
from collections.abc import Set
from typing import Final

_JOINT: Final = re.compile(r"\s*(?:[/+&]|\band\b)\s*", re.IGNORECASE)
_PIECE: Final = re.compile(r"(?P<whole>.*\S)\s*(?:[.\-_]\s*(?:\d{1,2}|[a-z])|(?<=\d)[a-z])", re.IGNORECASE)


def origins(lesion_id: str, at_baseline: Set[str]) -> tuple[str, ...]:
    """The baseline targets that a later target is a piece of (one) or made of (several); none if its name tells none.

    Args:
        lesion_id: a target first seen after baseline.
        at_baseline: the patient's targets at baseline.

    >>> origins("T1.2", {"T1", "T2"}), origins("T1/T2", {"T1", "T2"}), origins("T3", {"T1", "T2"})
    (('T1',), ('T1', 'T2'), ())
    """
    if lesion_id in at_baseline:
        return ()
    known = {name.casefold(): name for name in at_baseline}
    parts = tuple(known.get(part.casefold(), "") for part in _JOINT.split(lesion_id))
    if len(parts) > 1:
        return parts if all(parts) and len(set(parts)) == len(parts) else ()
    piece = _PIECE.fullmatch(lesion_id)
    whole = known.get(piece["whole"].casefold()) if piece else None
    return (whole,) if whole else ()
