"""Where each draw of the package takes its randomness from: one seed, and a stream of its own for each purpose."""

from __future__ import annotations

from enum import IntEnum, unique

import numpy as np


@unique
class Stream(IntEnum):
    """The purposes; no two share a stream, so that nothing is drawn with the noise of something else."""

    BANK = 0
    REFINEMENT = 1
    READINGS_AHEAD = 2
    FITTED_COURSES = 3
    FORECAST_RANKS = 4
    PREDICTIVE_COURSES = 5
    SIMULATED_STUDY = 6
    TRIAL_BLOCK = 7
    TRIAL_PEOPLE = 8
    RESAMPLING = 9
    FITTED_SIZE = 10
    UNREAD_MARKER = 11
    PREDICTIVE_TARGETS = 12
    PREDICTIVE_DROPOUT = 13
    FORECAST_BAND = 14
    CLONES = 15
    CLONES_TREATED = 16
    POSTERIOR_DRAWS = 17
    FOLDS = 18
    PUBLISHED_COHORT = 20
    SURVIVAL_BASELINE = 21
    SURVIVAL_LINK = 22


def generator(seed: int, stream: Stream, *which: int) -> np.random.Generator:
    """The generator of one purpose; `which` of several draws of that purpose, such as the number of a block."""
    return np.random.default_rng((seed, int(stream), *which))
