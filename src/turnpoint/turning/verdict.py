"""What the tumour is doing, in one word: the trend of the living burden, with what has been read already.

    responding   the burden shrinks (s < -δ)
    plateau      it does neither
    regrowing    the burden grows (s > δ)

The posterior's chances of the three are weighed by what it costs to miss them: a change counts `CHANGE_WEIGHS` times
as much as a plateau, and `READ_CHANGE_WEIGHS` times where it has been read as well. Regrowing has been read where
something stands above its smallest value, beyond error (a new lesion beyond doubt is such a rise); responding where
something has been falling lately. Readings that did both say nothing. Growth that nobody has read and that is less
likely than not counts as a plateau does: nothing is called regrowing when nothing has risen and the trend is not up.

    p_state[k] = weight[k]·p_trend[k] / sum(weight·p_trend)

The verdict is the state that weighs most, and `undetermined` with under three values, with a posterior that is nearly
the prior, where no state has two fifths of the weight, or where the readings say the contrary of it (a plateau, and it
has just been read to fall to a new lowest) or of each other
(docs/decisions/0013; what other numbers would do: docs/results/states.md).
"""

from __future__ import annotations

import numpy as np

from turnpoint.model.arrays import BoolArray, FloatArray, IntArray

STATES = ("responding", "plateau", "regrowing")
UNDETERMINED = "undetermined"
# Two values are a change and its error; a third is the first that can say whether it goes on.
FEWEST_VALUES = 3
# Below this what is said of the rates is the population's, not the patient's: the posterior has nine tenths of the
# prior's variance.
LEAST_SHRINKAGE = 0.1
# What is asked of the verdict lets it miss 30 of 100 plateaus and 15 of 100 changes: a missed change costs twice as
# much, and the verdict that costs least weighs its chance twice.
CHANGE_WEIGHS = 2.0
# A change that has been read weighs half as much again. It must count, but not settle the matter: where it did, 19 of
# 100 visits of a flat tumour on CT, and 14 to 20 with a marker, were called regrowing.
READ_CHANGE_WEIGHS = 3.0
# Three states have a third each where nothing is known; below this two of them can hardly be told apart.
MOST_LIKELY_ENOUGH = 0.4
EVEN = 0.5


def state_probabilities(p_trend: FloatArray, *, risen: BoolArray, fallen: BoolArray) -> FloatArray:
    """Weighed chances of responding, plateau and regrowing, shape (R, 3); rows sum to 1.

    Args:
        p_trend: chances that the burden shrinks, stays and grows, shape (R, 3); rows sum to 1.
        risen: something read stands above its smallest, or there is a new lesion, shape (R,).
        fallen: something read has been falling lately, shape (R,).

    >>> trend = np.array([[0.2, 0.5, 0.3]])
    >>> state_probabilities(trend, risen=np.array([True]), fallen=np.array([False])).round(2)
    array([[0.22, 0.28, 0.5 ]])
    """
    weight = np.broadcast_to([CHANGE_WEIGHS, 1.0, CHANGE_WEIGHS], p_trend.shape).copy()
    weight[_unread_growth(p_trend, risen), STATES.index("regrowing")] = 1.0
    weight[risen & ~fallen, STATES.index("regrowing")] = READ_CHANGE_WEIGHS
    weight[fallen & ~risen, STATES.index("responding")] = READ_CHANGE_WEIGHS
    weighed = weight * p_trend
    states: FloatArray = weighed / weighed.sum(axis=1, keepdims=True)
    return states


def _unread_growth(p_trend: FloatArray, risen: BoolArray) -> BoolArray:
    """Growth that is less likely than not, and nothing has risen; shape (R,)."""
    unread: BoolArray = ~risen & (p_trend[:, STATES.index("regrowing")] < EVEN)
    return unread


def verdicts(
    p_state: FloatArray,
    p_trend: FloatArray,
    *,
    risen: BoolArray,
    fallen: BoolArray,
    new_lowest: BoolArray,
    off_treatment: BoolArray,
    informative_values: IntArray,
    shrinkage: FloatArray,
) -> list[str]:
    """The verdict of each of R rows; all of shape (R,), `p_state` and `p_trend` (R, 3).

    While no drug is on the model expects growth whatever is read: it is called regrowing only once something has risen.
    """
    names = np.array(STATES)[p_state.argmax(axis=1)]
    contrary = (risen & fallen) | ((names == "responding") & risen)
    contrary |= (names == "plateau") & fallen & new_lowest
    contrary |= (names == "regrowing") & ~risen & (fallen | off_treatment)
    contrary |= (names == "regrowing") & _unread_growth(p_trend, risen)
    unsure = (
        (informative_values < FEWEST_VALUES)
        | (shrinkage < LEAST_SHRINKAGE)
        | (p_state.max(axis=1) < MOST_LIKELY_ENOUGH)
        | contrary
    )
    named: list[str] = np.where(unsure, UNDETERMINED, names).tolist()
    return named
