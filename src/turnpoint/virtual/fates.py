"""What becomes of virtual patients under a policy."""

from __future__ import annotations

from dataclasses import dataclass

from turnpoint.model.arrays import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class Fates:
    """Weeks from the start to each outcome, infinite without it; all shapes (P,).

    Attributes:
        switch: drug B is first given.
        by_plan: it was given by the policy's own plan, not because a scan met progression.
        progression: the first scan that meets RECIST progression over the smallest sum since the start.
        second_progression: the same over the smallest sum since drug B was first given.
        lethal: the living cells reach the lethal number.
        extinct: the last living cell has died, to the day that is looked at next.
        on_a, on_b: weeks on each drug until a lethal burden, or the end of what was played.
    """

    switch: FloatArray
    by_plan: BoolArray
    progression: FloatArray
    second_progression: FloatArray
    lethal: FloatArray
    extinct: FloatArray
    on_a: FloatArray
    on_b: FloatArray
