"""Batches in threads: every one, in order, few ahead."""

from __future__ import annotations

import os
import time

import pytest

from turnpoint.engine.progress import part_of_progress
from turnpoint.engine.threads import in_order


def test_results_come_in_the_order_of_the_batches_however_long_each_takes() -> None:
    def work(batch: int) -> int:
        time.sleep(0.002 * (batch % 3))
        return -batch

    assert list(in_order(work, range(40))) == [-batch for batch in range(40)]
    assert list(in_order(work, [])) == []


def test_no_more_than_a_few_batches_are_taken_ahead_of_what_was_asked_for() -> None:
    taken = []

    def batches():
        for batch in range(1000):
            taken.append(batch)
            yield batch

    results = in_order(lambda batch: batch, batches())
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    assert len(taken) <= 3 + 2 * (os.cpu_count() or 1)


def test_what_a_batch_raises_is_raised_where_it_is_asked_for() -> None:
    def work(batch: int) -> float:
        return 1 / (2 - batch)

    results = in_order(work, range(5))
    assert [next(results), next(results)] == [0.5, 1.0]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_progress_of_a_part_is_counted_on_from_the_parts_before() -> None:
    seen = []
    part_of_progress(lambda done, total: seen.append((done, total)), 7, 20)(3, 5)
    assert seen == [(10, 20)]
