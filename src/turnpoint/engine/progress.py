"""How far a long run has come."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with how many are done, and how many there are in all."""


def part_of_progress(progress: Progress, done: int, total: int) -> Progress:
    """Progress of one part of a run, reported as that of all of it.

    Args:
        progress: of the whole run.
        done: what the parts before have done.
        total: in all parts.
    """

    def report(here: int, _: int) -> None:
        progress(done + here, total)

    return report
