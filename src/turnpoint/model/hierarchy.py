"""What is known of a disease that nobody has measured: a normal over diseases, from the populations that there are.

Each population u has a mean μ and a covariance C of its patients, and belongs to a disease; K diseases, each counting
the same, and within a disease each of its populations. With weights w = 1/(K · populations of the disease),

    m = Σ w·μ        W = Σ w·C        B = [Σ w·(μ - m)(μ - m)'] / (1 - 1/K) - Σ w·C/n,   negative eigenvalues set to 0

and a patient of a new disease is normal with mean m and covariance W + B·(1 + 1/K): as patients differ within a
disease, diseases from each other, and m from its truth. The term C/n takes out what the estimate of a population's mean
varies by itself. The division by 1 - 1/K is right for differences between diseases, and a little wide where populations
of one disease differ.

Source: the moment estimate of a random-effects variance (DerSimonian and Laird 1986, doi:10.1016/0197-2456(86)90046-2)
with equal weights; the predictive distribution of a new study: Higgins et al. 2009,
doi:10.1111/j.1467-985X.2008.00552.x.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from turnpoint.errors import PriorError
from turnpoint.model.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class Population:
    """One population of patients.

    Attributes:
        disease: populations with the same one are not taken as independent witnesses.
        patients: its mean is estimated from so many.
        mean: of its patients' parameters, shape (D,).
        covariance: of them, shape (D, D).
    """

    disease: str
    patients: int
    mean: FloatArray
    covariance: FloatArray


@dataclass(frozen=True, slots=True)
class NewDisease:
    """A patient of a disease like these, but none of them.

    Attributes:
        mean: shape (D,).
        covariance: of one such patient, shape (D, D).
        between: of the diseases' means, shape (D, D).
        diseases: how many it is from.
    """

    mean: FloatArray
    covariance: FloatArray
    between: FloatArray
    diseases: int


def new_disease(populations: Sequence[Population]) -> NewDisease:
    """The predictive distribution of a patient of a new disease.

    Args:
        populations: of two diseases at the least.

    Raises:
        PriorError: all are of one disease, so that nothing says how diseases differ.
    """
    of_disease = Counter(own.disease for own in populations)
    diseases = len(of_disease)
    if diseases < 2:
        raise PriorError(
            f"{diseases} disease: how diseases differ can be told from two or more. Give populations of others."
        )
    weight = np.array([1.0 / (diseases * of_disease[own.disease]) for own in populations])
    means = np.stack([own.mean for own in populations])
    covariances = np.stack([own.covariance for own in populations])
    mean = weight @ means
    apart = means - mean
    within = np.einsum("u,uij->ij", weight, covariances)
    by_chance = np.einsum("u,uij->ij", weight / [own.patients for own in populations], covariances)
    between = _positive((apart * weight[:, None]).T @ apart / (1.0 - 1.0 / diseases) - by_chance)
    return NewDisease(mean, within + between * (1.0 + 1.0 / diseases), between, diseases)


def _positive(matrix: FloatArray) -> FloatArray:
    """The nearest covariance: negative eigenvalues set to 0."""
    values, vectors = np.linalg.eigh(matrix)
    nearest: FloatArray = (vectors * np.maximum(values, 0.0)) @ vectors.T
    return nearest
