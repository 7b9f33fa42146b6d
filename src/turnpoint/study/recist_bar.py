"""RECIST's bar: how large the sum of diameters must become for progression. Rooms side by side measure against it.

Source: Eisenhauer et al. 2009 (RECIST 1.1), doi:10.1016/j.ejca.2008.10.026, section 4.3.1.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

PROGRESSION_RATIO: Final = 1.2  # at least a 20 % increase over the smallest sum ...
PROGRESSION_MM: Final = 5.0  # ... and an absolute increase of at least 5 mm


def progression_bar_mm(nadir_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum at which progression is called: the larger of 1.2 x nadir and nadir + 5 mm; any shape.

    >>> progression_bar_mm(np.array([0.0, 10.0, 25.0, 50.0]))
    array([ 5., 15., 30., 60.])
    """
    bar: NDArray[np.float64] = np.maximum(PROGRESSION_RATIO * nadir_mm, nadir_mm + PROGRESSION_MM)
    return bar
