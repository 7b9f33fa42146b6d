"""One patient's visits judged in one pass, with the draws that everything else about the patient is worked out from."""

from __future__ import annotations

from turnpoint.model.filter import DEFAULT_PARTICLES, over_batches
from turnpoint.model.prior import Prior
from turnpoint.model.refinement import Refiner
from turnpoint.model.series import Batch, parts_of, readings_of, visits_of
from turnpoint.study.study import Study
from turnpoint.turning.criterion_ahead import Context, bars_of
from turnpoint.turning.judged_visits import JudgedCourse, judged_course
from turnpoint.turning.next_measurement import PATHS
from turnpoint.turning.tables import Tables

_DRAWS_AT_THE_END = 1024 + PATHS  # the answer, and what may be read, to say what would settle it (`settle`)


def course_of(
    study: Study, prior: Prior, *, seed: int = 0, particles: int = DEFAULT_PARTICLES
) -> JudgedCourse:
    """The course of the one patient of a study.

    Args:
        study: of one patient, with a reading that can be used.
        prior: that knows what has been read.
        seed: of the particles and of all that is drawn from them.
        particles: size of the bank.
    """
    refiner = Refiner.of(prior, prior.bank(particles, seed), seed)
    tables = Tables(prior, refiner.bank)
    context = Context(bars_of(readings_of(study), study.markers), prior, seed)

    def work(batch: Batch) -> JudgedCourse:
        return judged_course(batch, refiner, tables, context, _DRAWS_AT_THE_END)

    (course,) = over_batches(work, parts_of(study), study, prior, visits=visits_of(study))
    return course
