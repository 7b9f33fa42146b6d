"""Quasi-random points: the scrambled Sobol sequence, point for point that of SciPy.

Sobol sequence with the direction numbers of Joe and Kuo 2008 (doi:10.1137/070709359, table new-joe-kuo-6), in Gray-code
order, scrambled by a random lower triangular matrix and a random digital shift (Matousek 1998,
doi:10.1006/jcom.1998.0489). SciPy's own is behind `scipy.stats`, which takes most of a second to import: longer than
everything else that a patient's page needs. `tests/model/test_sobol.py` holds the two together to the last bit; more
dimensions than the table has are SciPy's.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import ndtri

from turnpoint.model.arrays import FloatArray, IntArray
from turnpoint.model.streams import Stream, generator

_BITS = 30
_TAIL = 1e-9  # points are kept off 0 and 1

# Of each dimension but the first: the primitive polynomial's bits, and the first direction numbers.
_DIRECTIONS: tuple[tuple[int, tuple[int, ...]], ...] = (
    (3, (1,)),
    (7, (1, 3)),
    (11, (1, 3, 1)),
    (13, (1, 1, 1)),
    (19, (1, 1, 3, 3)),
    (25, (1, 3, 5, 13)),
    (37, (1, 1, 5, 5, 17)),
    (41, (1, 1, 5, 5, 5)),
    (47, (1, 1, 7, 11, 19)),
    (55, (1, 1, 5, 1, 1)),
    (59, (1, 1, 1, 3, 11)),
    (61, (1, 3, 5, 5, 31)),
    (67, (1, 3, 3, 9, 7, 49)),
    (91, (1, 1, 1, 15, 21, 21)),
    (97, (1, 3, 1, 13, 27, 49)),
    (103, (1, 1, 1, 15, 7, 5)),
    (109, (1, 3, 1, 15, 13, 25)),
    (115, (1, 1, 5, 5, 19, 61)),
    (131, (1, 3, 7, 11, 23, 15, 103)),
    (137, (1, 3, 7, 13, 13, 15, 69)),
    (143, (1, 1, 3, 13, 7, 35, 63)),
    (145, (1, 3, 5, 9, 1, 25, 53)),
    (157, (1, 3, 1, 13, 9, 35, 107)),
    (167, (1, 3, 1, 5, 27, 61, 31)),
    (171, (1, 1, 5, 11, 19, 41, 61)),
    (185, (1, 3, 5, 3, 3, 13, 69)),
    (191, (1, 1, 7, 13, 1, 19, 1)),
    (193, (1, 3, 7, 5, 13, 19, 59)),
    (203, (1, 1, 3, 9, 25, 29, 41)),
    (211, (1, 3, 5, 13, 23, 1, 55)),
    (213, (1, 3, 7, 3, 13, 59, 17)),
    (229, (1, 3, 1, 3, 5, 53, 69)),
    (239, (1, 1, 5, 5, 23, 33, 13)),
    (241, (1, 1, 7, 7, 1, 61, 123)),
    (247, (1, 1, 7, 9, 13, 61, 49)),
    (253, (1, 3, 3, 5, 3, 55, 33)),
    (285, (1, 3, 1, 15, 31, 13, 49, 245)),
    (299, (1, 3, 5, 15, 31, 59, 63, 97)),
    (301, (1, 3, 1, 11, 11, 11, 77, 249)),
    (333, (1, 3, 1, 11, 27, 43, 71, 9)),
    (351, (1, 1, 7, 15, 21, 11, 81, 45)),
    (355, (1, 3, 7, 3, 25, 31, 65, 79)),
    (357, (1, 3, 1, 1, 19, 11, 3, 205)),
    (361, (1, 1, 5, 9, 19, 21, 29, 157)),
)
MOST_DIMENSIONS = len(_DIRECTIONS) + 1


def sobol(points: int, dimensions: int, rng: np.random.Generator) -> FloatArray:
    """The first points of a scrambled sequence, in [0, 1): shape (points, dimensions).

    Args:
        points: how many; a power of two keeps them balanced.
        dimensions: of each.
        rng: of the scrambling.
    """
    if dimensions > MOST_DIMENSIONS:
        from scipy.stats import qmc  # noqa: PLC0415  (see the module's text)

        more: FloatArray = qmc.Sobol(dimensions, rng=rng).random(points)
        return more
    rng = rng.spawn(1)[0]  # so does SciPy
    places = 2 ** np.arange(_BITS, dtype=np.uint32)
    shift = rng.integers(2, size=(dimensions, _BITS), dtype=np.uint32) @ places
    mixing = np.tril(rng.integers(2, size=(dimensions, _BITS, _BITS), dtype=np.uint32), -1)
    mixing += np.eye(_BITS, dtype=np.uint32)
    digits = (_directions(dimensions)[..., None] >> np.arange(_BITS - 1, -1, -1)) & 1  # leading digit first
    scrambled = np.einsum("dpk,djk->djp", mixing, digits.astype(np.uint32)) & 1
    directions = (scrambled * places[::-1]).sum(axis=-1, dtype=np.uint32)
    whole = np.empty((points, dimensions), np.uint32)
    whole[:1] = shift
    # the Gray code of the next 2^j numbers is that of the 2^j before them, backwards, and one digit more
    for digit in range(max(points - 1, 0).bit_length()):
        done = 2**digit
        new = whole[done : 2 * done]
        new[:] = whole[:done][::-1][: len(new)] ^ directions[:, digit]
    drawn: FloatArray = np.multiply(whole, 2.0**-_BITS, dtype=np.float64)
    return drawn


@lru_cache(maxsize=8)
def standard_normals(points: int, dimensions: int, seed: int, stream: Stream) -> FloatArray:
    """`sobol` as standard normals, within 6 SD, from a stream of the seed; kept for whoever asks next, so read-only."""
    uniforms = np.clip(sobol(points, dimensions, generator(seed, stream)), _TAIL, 1.0 - _TAIL)
    normals: FloatArray = ndtri(uniforms)
    normals.flags.writeable = False
    return normals


def _directions(dimensions: int) -> IntArray:
    """Direction numbers, shape (dimensions, bits): by each polynomial's recurrence from its first ones."""
    numbers = np.ones((dimensions, _BITS), dtype=np.int64)
    for row, (polynomial, first) in zip(numbers[1:], _DIRECTIONS, strict=False):
        degree = len(first)
        row[:degree] = first
        for j in range(degree, _BITS):
            row[j] = row[j - degree]
            for k in range(1, degree + 1):
                if polynomial >> (degree - k) & 1:
                    row[j] ^= row[j - k] << k
    return numbers << np.arange(_BITS - 1, -1, -1)
