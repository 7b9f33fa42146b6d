"""The product-limit estimate of survival, and of staying in follow-up.

    S(t) = ∏ over event times u ≤ t of (1 - d_u / n_u)

with d_u events among n_u at risk. At a tie an event comes before a censoring: who is censored at u is at risk at u.

Source: Kaplan, Meier 1958, doi:10.1080/01621459.1958.10501452.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from turnpoint.model.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Steps:
    """A survival curve: 1 at first, `survival[i]` from `time[i]` on; both shape (events,), times increasing."""

    time: FloatArray
    survival: FloatArray

    def at(self, time: FloatArray | float) -> FloatArray:
        """S(t), after what happens at t itself; the shape of `time`."""
        return self._after(np.asarray(np.searchsorted(self.time, time, side="right")))

    def before(self, time: FloatArray | float) -> FloatArray:
        """S(t-), before what happens at t itself; the shape of `time`."""
        return self._after(np.asarray(np.searchsorted(self.time, time, side="left")))

    def _after(self, steps: IntArray) -> FloatArray:
        found: FloatArray = np.append(1.0, self.survival)[steps]
        return found


def kaplan_meier(time: FloatArray, event: BoolArray) -> Steps:
    """Survival from times and whether each is an event; shape (n,) both.

    >>> kaplan_meier(np.array([1.0, 2.0, 2.0, 3.0]), np.array([True, True, False, True])).survival
    array([0.75, 0.5 , 0.  ])
    """
    times, events = np.unique(time[event], return_counts=True)
    at_risk = (time[:, None] >= times).sum(axis=0)
    return Steps(times, np.cumprod(1.0 - events / at_risk))


def staying_in_follow_up(time: FloatArray, event: BoolArray) -> Steps:
    """G(t): of staying uncensored; who has an event at u is no longer at risk of being censored there."""
    times, censored = np.unique(time[~event], return_counts=True)
    gone = (time[:, None] < times).sum(axis=0) + ((time[:, None] == times) & event[:, None]).sum(axis=0)
    return Steps(times, np.cumprod(1.0 - censored / (len(time) - gone)))
