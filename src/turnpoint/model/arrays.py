"""Type names for the arrays of the model room.

Shapes in docstrings: P patients of a batch, N observations of the longest series, V visits of the longest
course, K particles of the bank, D posterior draws, R rows (one a patient and visit).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
ObjectArray = NDArray[np.object_]
