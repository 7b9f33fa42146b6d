"""Quantiles of weighted particles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from turnpoint.model.arrays import FloatArray, IntArray
from turnpoint.model.observation import has_kernel

_BLOCK = 64
_ROWS_WORTH_A_CALL = 4


@dataclass(frozen=True, slots=True)
class Ranked:
    """One number for each of K particles, in order of size.

    Attributes:
        order: the particles from the smallest number to the largest, shape (K,).
        values: their numbers, in that order.
    """

    order: IntArray
    values: FloatArray

    @classmethod
    def of(cls, numbers: FloatArray) -> list[Ranked]:
        """One for each row of numbers, shape (T, K)."""
        orders = np.argsort(numbers, axis=-1)
        sorted_numbers = np.take_along_axis(numbers, orders, axis=-1)
        return [cls(order, values) for order, values in zip(orders, sorted_numbers, strict=True)]


def weighted_quantiles(
    weight: FloatArray, ranked: Sequence[Ranked], which: IntArray, levels: Sequence[float]
) -> FloatArray:
    """The smallest number up to which at least each level's share of the weight lies, shape (R, levels).

    The weights are summed block by block, and one by one only in the block where the level is passed: a running sum
    over all of them takes twenty times as long.

    Args:
        weight: of the particles, shape (R, K).
        ranked: the numbers of which quantiles are wanted.
        which: of `ranked` belongs to each row, shape (R,).
        levels: between 0 and 1, shape (L,).
    """
    if has_kernel():
        return _by_kernel(weight, ranked, which, levels)
    rows, particles = weight.shape
    ordered = _in_blocks(_in_order(weight, ranked, which))
    running = np.cumsum(np.einsum("rbk->rb", ordered), axis=1, dtype=np.float64)
    target = np.asarray(levels) * running[:, -1:]
    row = np.arange(rows)[:, None]
    block = np.minimum((running[:, None, :] < target[..., None]).sum(axis=-1), ordered.shape[1] - 1)
    before = np.where(block > 0, running[row, block - 1], 0.0)
    within = np.cumsum(ordered[row, block], axis=-1, dtype=np.float64)
    place = _BLOCK * block + (within < (target - before)[..., None]).sum(axis=-1)
    values = np.stack([own.values for own in ranked])
    quantiles: FloatArray = values[which[:, None], np.minimum(place, particles - 1)].astype(np.float64)
    return quantiles


def _by_kernel(
    weight: FloatArray, ranked: Sequence[Ranked], which: IntArray, levels: Sequence[float]
) -> FloatArray:
    """The same by `model.kernel_weights`."""
    from turnpoint.model.kernel_weights import quantiles  # noqa: PLC0415  (Numba is an extra)

    increasing = np.argsort(levels)
    found = np.empty((len(weight), len(levels)))
    orders, values = np.stack([own.order for own in ranked]), np.stack([own.values for own in ranked])
    quantiles(weight, orders, values, which, np.asarray(levels, np.float64)[increasing], found)
    return found[:, np.argsort(increasing)]


def _in_order(weight: FloatArray, ranked: Sequence[Ranked], which: IntArray) -> FloatArray:
    """Each row's weights from the particle with the smallest number to the one with the largest, shape (R, K)."""
    if len(ranked) == 1:
        return np.take(weight, ranked[0].order, axis=1)
    ordered = np.empty_like(weight)
    if len(which) >= _ROWS_WORTH_A_CALL * len(ranked):
        for index, own in enumerate(ranked):
            rows = which == index
            ordered[rows] = np.take(weight[rows], own.order, axis=1)
        return ordered
    places = np.stack([own.order for own in ranked])[which]
    places += weight.shape[1] * np.arange(len(weight))[:, None]
    return np.take(weight.reshape(-1), places, out=ordered, mode="clip")


def _in_blocks(ordered: FloatArray) -> FloatArray:
    """The weights padded with 0, shape (R, blocks, 64)."""
    rows, particles = ordered.shape
    blocks = -(-particles // _BLOCK)
    if particles % _BLOCK:
        ordered = np.pad(ordered, ((0, 0), (0, blocks * _BLOCK - particles)))
    return ordered.reshape(rows, blocks, _BLOCK)
