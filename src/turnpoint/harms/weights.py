"""A user's own weights: benefit against toxicity in one number, only when asked for, with its arithmetic."""

from __future__ import annotations

import math
from dataclasses import dataclass

from turnpoint.errors import UsageError

_NAMES = ("benefit", "toxicity")
_EXAMPLE = "Write for example --weights benefit=1,toxicity=0.5."


@dataclass(frozen=True, slots=True)
class Weights:
    """What a user counts for how much; both 0 or more.

    Attributes:
        benefit: of each percent by which the living burden is expected to fall over the next cycle.
        toxicity: of each percent of a limit that the next cycle adds, of the unconditional limit it adds most to.
    """

    benefit: float
    toxicity: float

    @classmethod
    def of(cls, text: str) -> Weights:
        """Weights from `benefit=1,toxicity=0.5`.

        Raises:
            UsageError: with everything wrong in the text.
        """
        found: dict[str, float] = {}
        wrong = []
        for part in (part.strip() for part in text.split(",")):
            name, _, number = (piece.strip() for piece in part.partition("="))
            if name not in _NAMES:
                wrong.append(f"`{part}` is neither benefit=NUMBER nor toxicity=NUMBER")
            elif name in found:
                wrong.append(f"`{name}` is given twice")
            else:
                found[name] = _number(number)
                if not 0 <= found[name] < math.inf:
                    wrong.append(f"`{part}` is not a number of 0 or more")
        wrong += [f"{name} is missing" for name in _NAMES if name not in found]
        if wrong:
            raise UsageError(f"--weights: {'; '.join(wrong)}. {_EXAMPLE}")
        return cls(**found)

    def balance(self, fall_pct: float, added_pct: float) -> tuple[float, str]:
        """The number and how it came about.

            balance = benefit * fall_pct - toxicity * added_pct

        >>> Weights(1.0, 0.5).balance(12.0, 10.0)
        (7.0, '1 × 12.00 − 0.5 × 10.00 = 7.00')
        """
        value = self.benefit * fall_pct - self.toxicity * added_pct
        shown = f"{self.benefit:g} × {fall_pct:.2f} − {self.toxicity:g} × {added_pct:.2f} = {value:.2f}"
        return value, shown.replace("-", "−")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
