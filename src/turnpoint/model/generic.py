"""The generic prior: for a disease that no other prior is of, from the populations of all that are.

Blocks, each by `hierarchy.new_disease` from the populations that know it:

- the dynamics, with their correlations: every population;
- the scar share of a diameter, or the healthy background of a marker: every population measured by one;
- how much readings vary (error, drift, jumps): populations read by people, and published models whose residual was
  estimated on real readings;
- how often a number is repeated, and the surge: only populations read by people.

Where a block has populations of one disease only, nothing tells how another differs: the covariance of the starting
prior, which is from published ranges, is added. Where it has none, it is the starting prior's. So is the surge of a
marker: PSA, the only marker read by people here, surges more than others do.

Blocks are independent of each other. `dormancy` has SD 1 by definition: only the share of courses above 0 means
something, and a normal of mean m whose mean varies by τ² from disease to disease has the share Phi(m / sqrt(1 + τ²)).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from turnpoint.model.arrays import FloatArray, IntArray
from turnpoint.model.hierarchy import Population, new_disease
from turnpoint.model.parameters import DORMANCY, DYNAMICS_NAMES, READING_NAMES, SUM_OF_DIAMETERS
from turnpoint.model.prior import Prior

ReadBy = Literal["people", "estimated residual", "chosen residual"]
_BACKGROUND: Final = READING_NAMES.index("background")
# Which populations tell of which parameters of a reading.
_VARIES: Final = ("log_sd_drift", "log_sd_reading", "logit_jump", "log_sd_jump")
_REPEATS: Final = ("logit_repeat", "log_repeat_window")
_KNOWN_FROM: Final[tuple[tuple[tuple[str, ...], tuple[ReadBy, ...]], ...]] = (
    (("background",), ("people", "estimated residual", "chosen residual")),
    (_VARIES, ("people", "estimated residual")),
    (_REPEATS, ("people",)),
    (("log_surge",), ("people",)),
)


@dataclass(frozen=True, slots=True)
class Source:
    """A prior that the generic one learns from.

    Attributes:
        prior: fitted to one population.
        disease: of its patients.
        read_by: people; or, of a published model, whether its residual was estimated on patients or chosen.
    """

    prior: Prior
    disease: str
    read_by: ReadBy = "people"

    def population(self, columns: IntArray) -> Population:
        """Its patients' parameters in these columns."""
        own = self.prior
        return Population(
            self.disease, own.card.patients, own.mean[columns], own.covariance[np.ix_(columns, columns)]
        )


def generic_moments(sources: Sequence[Source], start: Prior) -> tuple[FloatArray, FloatArray]:
    """Mean and covariance of the generic prior's parameters.

    Args:
        sources: of two diseases at the least.
        start: the starting prior of the generic one's two quantities, the sum of diameters and any marker.

    Raises:
        PriorError: the sources are of one disease.
    """
    mean, covariance = start.mean.copy(), start.covariance.copy()
    dynamics = np.arange(len(DYNAMICS_NAMES))
    found = new_disease([own.population(dynamics) for own in sources])
    mean[dynamics], covariance[np.ix_(dynamics, dynamics)] = _with_dormancy_of_sd_1(
        found.mean, found.covariance
    )
    for position, quantity in enumerate(start.quantities):
        is_diameter = quantity == SUM_OF_DIAMETERS
        first = len(DYNAMICS_NAMES) + position * len(READING_NAMES)
        for names, read_by in _KNOWN_FROM:
            offsets = np.array([READING_NAMES.index(name) for name in names])
            known = (
                []
                if names == ("log_surge",) and not is_diameter
                else [o for o in sources if o.read_by in read_by]
            )
            populations = [
                own.population(own.prior.reading_block(name).start + offsets)
                for own in known
                for name in own.prior.quantities
                if (name == SUM_OF_DIAMETERS) == is_diameter
            ]
            here = first + offsets
            mean[here], covariance[np.ix_(here, here)] = _block(populations, start, here)
    return mean, covariance


def read_as(prior: Prior, readers: Prior) -> Prior:
    """The prior with its dynamics and backgrounds, and everything about reading from another one.

    For a prior fitted to simulated readings: whoever reads this patient reads as people do, repeats numbers and now and
    then jumps, which the simulated readings know nothing of.

    Args:
        prior: whose dynamics, scar shares, healthy backgrounds and intervals are kept, with their correlations.
        readers: a prior of the same quantities, in the same order; what is taken from it is independent of these.
    """
    kept = [*range(len(DYNAMICS_NAMES))]
    kept += [prior.reading_block(quantity).start + _BACKGROUND for quantity in prior.quantities]
    both = np.ix_(kept, kept)
    mean, covariance = readers.mean.copy(), readers.covariance.copy()
    covariance[kept, :], covariance[:, kept] = 0.0, 0.0
    mean[kept], covariance[both] = prior.mean[kept], prior.covariance[both]
    return replace(
        prior,
        mean=mean,
        covariance=covariance,
        floor_persistence=readers.floor_persistence,
        below_limit=readers.below_limit,
        error_regressions=readers.error_regressions,
        filter_weight=readers.filter_weight,
        new_lesions_per_exposed_week=readers.new_lesions_per_exposed_week,
    )


def _block(populations: Sequence[Population], start: Prior, here: IntArray) -> tuple[FloatArray, FloatArray]:
    """Of some parameters of a reading: from several diseases, from one and the start, or from the start alone."""
    usual = start.covariance[np.ix_(here, here)]
    if not populations:
        return start.mean[here], usual
    if len({own.disease for own in populations}) == 1:
        mean: FloatArray = np.mean([own.mean for own in populations], axis=0)
        covariance: FloatArray = np.mean([own.covariance for own in populations], axis=0)
        return mean, covariance + usual
    found = new_disease(populations)
    return found.mean, found.covariance


def _with_dormancy_of_sd_1(mean: FloatArray, covariance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Dormancy independent of the rest, its share kept."""
    mean, covariance = mean.copy(), covariance.copy()
    mean[DORMANCY] /= np.sqrt(covariance[DORMANCY, DORMANCY])
    covariance[DORMANCY, :], covariance[:, DORMANCY], covariance[DORMANCY, DORMANCY] = 0.0, 0.0, 1.0
    return mean, covariance
