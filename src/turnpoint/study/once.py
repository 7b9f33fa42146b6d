"""What is worked out from a frame, worked out once for as long as the frame lives."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from weakref import ref

import polars as pl

_MOST_ROWS = 2**14  # of a patient, or of a small study; of a large one the results would fill the memory


def once(work: Callable[[pl.DataFrame], pl.DataFrame]) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """The same function, which remembers what it made of a frame: frames are not changed once they are made.

    One page of one patient asks for the same sums of the same lesions a dozen times, and a query on ten rows takes as
    long as one on ten thousand.

    >>> calls = []
    >>> @once
    ... def doubled(frame):
    ...     calls.append(frame.height)
    ...     return pl.concat([frame, frame])
    >>> frame = pl.DataFrame({"day": [1]})
    >>> doubled(frame) is doubled(frame), doubled(frame.clone()).height, calls
    (True, 2, [1, 1])
    """
    kept: dict[int, tuple[ref[pl.DataFrame], pl.DataFrame]] = {}

    @wraps(work)
    def remembered(frame: pl.DataFrame) -> pl.DataFrame:
        key = id(frame)
        known = kept.get(key)
        if known is not None and known[0]() is frame:
            return known[1]
        found = work(frame)
        if frame.height <= _MOST_ROWS:
            kept[key] = ref(frame, lambda _: kept.pop(key, None)), found
        return found

    return remembered
