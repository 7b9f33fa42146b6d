"""A cohort for the stochastic clones: patients of a prior, played under policies block by block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from turnpoint.model.arrays import FloatArray
from turnpoint.model.parameters import SUM_OF_DIAMETERS, dynamics_of, reading_of
from turnpoint.model.prior import Prior
from turnpoint.model.streams import Stream, generator
from turnpoint.virtual.clones import Rates
from turnpoint.virtual.people import Assumptions, tumours_of
from turnpoint.virtual.policies import Policy
from turnpoint.virtual.schedule import baselines
from turnpoint.virtual.stochastic import Outcomes, Trunk, play, trunk


@dataclass(frozen=True, slots=True)
class Cohort:
    """Whom to play, and how long.

    Attributes:
        prior: the patients are drawn from it; it must know the sum of diameters.
        assumed: about resistance and the second drug.
        seed: of every draw.
        visits: how many, the start among them.
        step_weeks: between visits.
        lethal_fold: living cells that are lethal, relative to the start's.
        carrying_fold: size at which growth has stopped (Gompertz), relative to the start's; infinite is exponential.
    """

    prior: Prior
    assumed: Assumptions
    seed: int = 0
    visits: int = 27
    step_weeks: float = 6.0
    lethal_fold: float = 8.0
    carrying_fold: float = np.inf

    def planted(self, block: int, patients: int) -> Trunk:
        """The tumours of a block on drug A throughout; the same for every policy."""
        rng = generator(self.seed, Stream.CLONES, block)
        root = np.linalg.cholesky(self.prior.covariance)
        particles = self.prior.mean + rng.standard_normal((patients, self.prior.dimensions)) @ root.T
        starts = {SUM_OF_DIAMETERS: baselines(SUM_OF_DIAMETERS, patients, rng)}
        found = tumours_of(self.prior, particles, starts, self.assumed)
        position = self.prior.quantities.index(SUM_OF_DIAMETERS)
        scar = reading_of(particles, SUM_OF_DIAMETERS, position).background
        volume_mm3 = np.pi / 6.0 * starts[SUM_OF_DIAMETERS] ** 3
        living = found.cells.sum(axis=1)
        rates = Rates.of(
            found, dynamics_of(particles).off_growth_per_week, carrying_cells=self.carrying_fold * living
        )
        return trunk(
            found.cells,
            rates,
            rng,
            visits=self.visits,
            step_weeks=self.step_weeks,
            scar_mm3=scar * volume_mm3,
        )

    def played(self, block: int, patients: int, policies: Mapping[str, Policy]) -> dict[str, Outcomes]:
        """The block under each policy."""
        own = self.planted(block, patients)
        lethal: FloatArray = self.lethal_fold * own.cells[0].sum(axis=1)
        return {
            name: play(own, policy, generator(self.seed, Stream.CLONES_TREATED, block), lethal_cells=lethal)
            for name, policy in policies.items()
        }
