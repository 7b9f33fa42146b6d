"""What the tumour is doing, in one word: the trend of the living burden, with what has been read already.

    responding   the burden shrinks (s < -δ), or does not grow faster than δ and has been read to fall
    regrowing    the burden grows (s > δ), or does not shrink faster than δ and stands, as read, above its smallest;
                 a new lesion that is beyond doubt is such a rise
    plateau      neither

A change within the error of its readings counts nowhere. The verdict is the most probable state, and `undetermined`
with under three values, with a posterior that is nearly the prior, where no state has half of the probability, or where
the readings say the contrary of it or of each other (docs/decisions/0013).
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
# More likely than not. What other bounds would do: docs/results/states.md.
MOST_LIKELY_ENOUGH = 0.5


def state_probabilities(p_trend: FloatArray, *, risen: BoolArray, fallen: BoolArray) -> FloatArray:
    """Chances of responding, plateau and regrowing, shape (R, 3); rows sum to 1.

    Args:
        p_trend: chances that the burden shrinks, stays and grows, shape (R, 3).
        risen: something read stands above its smallest, or there is a new lesion, shape (R,).
        fallen: something read has been falling lately, shape (R,).
    """
    states = p_trend.copy()
    for own, place in (
        (risen & ~fallen, STATES.index("regrowing")),
        (fallen & ~risen, STATES.index("responding")),
    ):
        states[own, place] += states[own, 1]
        states[own, 1] = 0.0
    return states


def verdicts(
    p_state: FloatArray,
    *,
    risen: BoolArray,
    fallen: BoolArray,
    off_treatment: BoolArray,
    informative_values: IntArray,
    shrinkage: FloatArray,
) -> list[str]:
    """The verdict of each of R rows; all of shape (R,), `p_state` (R, 3).

    While no drug is on the model expects growth whatever is read: it is called regrowing only once something has risen.
    """
    names = np.array(STATES)[p_state.argmax(axis=1)]
    contrary = (risen & fallen) | ((names == "responding") & risen)
    contrary |= (names == "regrowing") & ~risen & (fallen | off_treatment)
    unsure = (
        (informative_values < FEWEST_VALUES)
        | (shrinkage < LEAST_SHRINKAGE)
        | (p_state.max(axis=1) < MOST_LIKELY_ENOUGH)
        | contrary
    )
    named: list[str] = np.where(unsure, UNDETERMINED, names).tolist()
    return named
