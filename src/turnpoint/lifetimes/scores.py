"""How good predictions of survival are, censoring allowed for by inverse-probability weights.

With T the time of death or censoring, G the chance to stay in follow-up (`kaplan_meier.staying_in_follow_up`), h the
horizon, and each death by h weighted by 1/G(T-), everyone alive after h by 1/G(h):

    AUC(h)    = Σ w_i [T_i ≤ h, dead] [T_j > h] ([r_i > r_j] + ½[r_i = r_j])  /  Σ w_i [T_i ≤ h, dead] [T_j > h]
    Brier(h)  = (1/n) Σ { (0 - s_i)²·[T_i ≤ h, dead] / G(T_i-)  +  (1 - s_i)²·[T_i > h] / G(h) }

r is a risk and s the predicted chance to be alive at h. Who is censored by h counts through the weights alone.

Sources: cumulative/dynamic AUC, Uno 2007, doi:10.1198/016214507000000149; Brier score, Graf 1999,
doi:10.1002/(SICI)1097-0258(19990915/30)18:17/18<2529::AID-SIM274>3.0.CO;2-5; calibration, Van Calster 2016,
doi:10.1016/j.jclinepi.2015.12.005.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from turnpoint.lifetimes.kaplan_meier import kaplan_meier, staying_in_follow_up
from turnpoint.model.arrays import BoolArray, FloatArray, IntArray


def inverse_censoring_weights(time: FloatArray, dead: BoolArray, horizon: float) -> FloatArray:
    """What each patient weighs at a horizon: 1/G(T-) dead by then, 1/G(h) alive after it, 0 censored; shape (n,)."""
    stays = staying_in_follow_up(time, dead)
    by_then, later = dead & (time <= horizon), time > horizon
    weight = np.zeros(len(time))
    weight[by_then] = 1.0 / stays.before(time[by_then])
    if later.any():  # else nobody may be left to stay
        weight[later] = 1.0 / stays.at(horizon)
    return weight


def auc(
    risk: FloatArray,
    time: FloatArray,
    dead: BoolArray,
    horizon: float,
    stratum: IntArray | None = None,
) -> float:
    """Chance that a patient dead by the horizon had the higher risk than one alive after it; nan without both.

    Args:
        risk: higher is worse, shape (n,); only its order counts.
        time: of death or of the end of follow-up, above 0, shape (n,).
        dead: which of the two, shape (n,).
        horizon: h, in the unit of `time`.
        stratum: only patients of one stratum are compared, shape (n,). Out of fold that is the fold: a model that never
            saw a fold's deaths expects fewer of them there, and between folds that alone would look like error.
    """
    weight = inverse_censoring_weights(time, dead, horizon)
    cases, controls = dead & (time <= horizon), time > horizon
    own = np.zeros(len(time), np.int64) if stratum is None else stratum
    pairs = weight[cases][:, None] * (own[cases][:, None] == own[controls])
    if not pairs.any():
        return float("nan")
    higher = np.sign(risk[cases][:, None] - risk[controls])
    return float((pairs * (0.5 + 0.5 * higher)).sum() / pairs.sum())


def brier(survival: FloatArray, time: FloatArray, dead: BoolArray, horizon: float) -> float:
    """Mean squared error of the predicted chance to be alive at the horizon; 0 is best (arguments as for `auc`)."""
    weight = inverse_censoring_weights(time, dead, horizon)
    return float((weight * ((time > horizon) - survival) ** 2).sum() / len(time))


@dataclass(frozen=True, slots=True)
class CalibrationGroup:
    """Patients of similar predicted survival.

    Attributes:
        patients: how many.
        predicted: mean predicted chance to be alive at the horizon.
        observed: by Kaplan and Meier.
    """

    patients: int
    predicted: float
    observed: float


def calibration(
    survival: FloatArray, time: FloatArray, dead: BoolArray, horizon: float, groups: int = 1
) -> list[CalibrationGroup]:
    """Predicted and observed survival, by groups of equal size from the lowest prediction up; one is "in the large".

    Patients with equal predictions stay in the order given (arguments as for `auc`).
    """
    order = np.argsort(survival, kind="stable")
    return [
        CalibrationGroup(
            len(own), float(survival[own].mean()), float(kaplan_meier(time[own], dead[own]).at(horizon))
        )
        for own in np.array_split(order, min(groups, len(order)))
        if len(own)
    ]
