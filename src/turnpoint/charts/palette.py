"""The colours and what they mean; none is the only carrier of its meaning.

Chosen so that every mark has a contrast of 3:1 or more to white, every text 4.5:1 or more (WCAG 2.2, 1.4.3 and
1.4.11), and the members of one scale stay apart for people with protanopia, deuteranopia or tritanopia
(tests/charts/test_palette.py simulates them).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

PAPER = "#ffffff"
INK = "#1b1f23"
QUIET = "#56616b"  # axis labels and notes
LINE = "#d9dee3"  # hairlines and grid: decoration, not information
BAR = "#c3ccd3"  # the length of a swimmer bar is also its end mark
FITTED = "#8b949c"
FORECAST = "#1f5f99"
TURNING = "#6a4a9c"
TURNING_TINT = "#ece6f5"
PAUSE_TINT = "#eceff1"
ALERT = "#1b1f23"

STATES: Mapping[str, str] = MappingProxyType(
    {"responding": "#1f6f8b", "plateau": "#b8860b", "regrowing": "#9c2f1f"}
)
RESPONSES: Mapping[str, str] = MappingProxyType(
    {
        "CR": "#0b4f6c",
        "PR": "#3f9ab8",
        "SD": "#b8860b",
        "NON-CR/NON-PD": "#6b4fa0",
        "PD": "#8c2a1c",
        "NE": "#87919a",
    }
)
GRADES = ("#9a8fb0", "#8a7aa8", "#735f9b", "#5a4386", "#3d2866")  # CTCAE 1 to 5, darker is worse


def contrast(first: str, second: str = PAPER) -> float:
    """Contrast ratio of two colours, 1 to 21.

        (L1 + 0.05) / (L2 + 0.05),   L the relative luminance, L1 >= L2

    Source: WCAG 2.2, definition of contrast ratio.
    """
    high, low = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
