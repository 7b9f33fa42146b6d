"""The transformed parameters a particle carries, in order, and the way back to natural units.

A particle is one vector: five numbers for the dynamics, shared by all that is measured in the patient, then
eight for each quantity (the sum of diameters, each marker).

The fifth, `dormancy`, says in which kind of course the particle is: above 0, what the drug does not shrink rests and
never regrows (dormant cells, or none left); up to 0 it regrows at its rate. Under the prior it is normal with SD 1 and
independent of the rest, so that its mean alone is the share of such courses: P(never regrows) = Phi(mean).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from turnpoint.model.arrays import BoolArray, FloatArray, IntArray
from turnpoint.model.dynamics import RESTING_PER_WEEK, Dynamics

# What the last reading of a lesion says about the next one, the same in every patient: small lesions vary more and are
# given the same number more often, and who has just repeated a number repeats it again. Chosen once by forecasts of
# patients left out (docs/results/what-did-not-help.md has the grid), not fitted to each study.
REFERENCE_DIAMETER_MM = 25.0
DRIFT_BY_SIZE = 0.2
REPEAT_BY_SIZE = 0.3
REPEAT_AFTER_REPEAT = 0.6
# A surge after the first doses is highest after three weeks and half gone after eight (references: PSA and CEA surges
# peak within weeks and are over by the second to fourth cycle).
SURGE_PEAK_WEEKS = 3.0
# Nobody copies the last number of a lesion when it is farther off than two readers differ: SD of ln(diameter) 0.082 in
# 10 lesions read by 13 radiologists (Woo 2020, doi:10.1136/bmjopen-2020-040096). Without this bound a lesion that is
# read as 50 mm a dozen times could have grown by a fifth unseen, and a long plateau would pass for regrowth.
WIDEST_REPEAT_WINDOW = 0.08
FARTHEST_SIZE = 2.0  # on the log scale: 3 to 185 mm

SUM_OF_DIAMETERS = "sum_of_diameters_mm"

DYNAMICS_NAMES = (
    "log_kill_per_week",
    "log_regrowth_per_week",
    "logit_resistant_fraction",
    "log_off_growth_per_week",
    "dormancy",  # above 0: what the drug does not shrink never regrows
)
DORMANCY = DYNAMICS_NAMES.index("dormancy")
READING_NAMES = (
    "background",  # sum of diameters: logit of the scar share; marker: log of the healthy background
    "log_sd_drift",  # of log value, per square root of a week
    "log_sd_reading",  # of log value
    "logit_repeat",  # chance that an unchanged tumour is given exactly the last reading
    "log_repeat_window",  # how large a change of log value still tempts a reader to repeat
    "logit_jump",  # chance of a jump between two visits
    "log_sd_jump",  # of log value
    "log_surge",  # height of an early surge, of log value
)


@dataclass(frozen=True, slots=True)
class Reading:
    """How one quantity follows the living burden and is read; one value a particle, any common shape.

    Attributes:
        is_diameter: the quantity is a length (a third of log volume), not a marker.
        background: scar share s of a diameter's volume, or healthy background f of a marker, both relative
            to the living burden at the start.
        sd_drift: SD of the random walk of log value per square root of a week: what size does that the
            dynamics do not explain.
        sd_reading: SD of log value of one reading.
        repeat: probability that a reader facing an unchanged tumour repeats the last reading.
        repeat_window: width (log value) of the change that still tempts a reader to repeat.
        jump: probability of a jump of the level between two visits.
        sd_jump: SD of the jump of log value.
        surge: height of the early surge of log value: dying cells let go of their marker, or a lesion swells.
    """

    is_diameter: bool
    background: FloatArray
    sd_drift: FloatArray
    sd_reading: FloatArray
    repeat: FloatArray
    repeat_window: FloatArray
    jump: FloatArray
    sd_jump: FloatArray
    surge: FloatArray

    def at(self, rows: IntArray | tuple[IntArray, IntArray]) -> Reading:
        """The parameters at these rows only."""
        kept = (getattr(self, name)[rows] for name in self.__slots__ if name != "is_diameter")
        return Reading(self.is_diameter, *kept)

    def after(self, last_log_value: FloatArray, last_is_repeat: BoolArray) -> Reading:
        """The parameters for the reading that follows a given one; a marker's do not depend on it.

            sd_drift · (y'/25 mm)^-0.2        logit(repeat) - 0.3·log(y'/25 mm) + 0.6·[y' was itself a repeat]

        Args:
            last_log_value: log y', broadcasting against the parameters.
            last_is_repeat: y' equals the reading before it.
        """
        if not self.is_diameter:
            return self
        size = np.clip(last_log_value - np.log(REFERENCE_DIAMETER_MM), -FARTHEST_SIZE, FARTHEST_SIZE)
        repeat = self.repeat * np.exp(REPEAT_AFTER_REPEAT * last_is_repeat - REPEAT_BY_SIZE * size)
        return replace(
            self,
            sd_drift=self.sd_drift * np.exp(-DRIFT_BY_SIZE * size),
            repeat=repeat / (1.0 - self.repeat + repeat),  # the odds times that factor, for a chance of 1 too
        )

    def log_signal(self, log_burden: FloatArray) -> FloatArray:
        """Log value the burden would give, up to the patient's own level.

        Diameter: (1/3)·log[(1-s)·B + s]. Marker: log[B + f].
        """
        burden = np.exp(log_burden)
        signal: FloatArray
        if self.is_diameter:
            signal = np.log((1.0 - self.background) * burden + self.background) / 3.0
        else:
            signal = np.log(burden + self.background)
        return signal

    def log_surge_at(self, weeks: FloatArray) -> FloatArray:
        """What a surge adds to log value t weeks after the start: surge·(t/3)·exp(1 - t/3), 0 before it."""
        share = np.maximum(weeks, 0.0) / SURGE_PEAK_WEEKS
        surge: FloatArray = self.surge * share * np.exp(1.0 - share)
        return surge

    def log_burden_of(self, log_signal: FloatArray) -> FloatArray:
        """The log burden that gives this signal: the inverse of `log_signal`."""
        value = np.exp(3.0 * log_signal if self.is_diameter else log_signal)
        living = value - self.background
        if self.is_diameter:
            living = living / (1.0 - self.background)
        log_burden: FloatArray = np.log(np.maximum(living, float(np.finfo(living.dtype).tiny)))
        return log_burden


def dynamics_of(particles: FloatArray) -> Dynamics:
    """Natural parameters from the first five columns of the particles, shape (..., dimensions)."""
    regrowth = np.exp(particles[..., 1])
    resting = regrowth.dtype.type(RESTING_PER_WEEK)
    return Dynamics(
        kill_per_week=np.exp(particles[..., 0]),
        regrowth_per_week=np.where(particles[..., DORMANCY] > 0.0, resting, regrowth),
        resistant_fraction=np.clip(expit(particles[..., 2]), 1e-12, 1.0 - 1e-12),
        off_growth_per_week=np.exp(particles[..., 3]),
    )


def reading_of(particles: FloatArray, quantity: str, position: int) -> Reading:
    """Natural reading parameters of the quantity at this position among the prior's quantities."""
    first = len(DYNAMICS_NAMES) + position * len(READING_NAMES)
    block = particles[..., first : first + len(READING_NAMES)]
    is_diameter = quantity == SUM_OF_DIAMETERS
    return Reading(
        is_diameter=is_diameter,
        background=expit(block[..., 0]) if is_diameter else np.exp(block[..., 0]),
        sd_drift=np.exp(block[..., 1]),
        sd_reading=np.exp(block[..., 2]),
        repeat=np.clip(expit(block[..., 3]), 1e-9, 1.0 - 1e-9),
        repeat_window=np.exp(np.minimum(block[..., 4], float(np.log(WIDEST_REPEAT_WINDOW))))
        if is_diameter
        else np.exp(block[..., 4]),
        jump=np.clip(expit(block[..., 5]), 1e-9, 1.0 - 1e-9),
        sd_jump=np.exp(block[..., 6]),
        surge=np.exp(block[..., 7]),
    )
