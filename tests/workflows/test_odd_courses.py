"""Courses that no prior expects: every number is there and is one."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import turnpoint as tp
from tests.workflows.studies import study_of

LESIONS = "patient_id,day,lesion_id,role,diameter_mm,status"
NUMBERS = ("p_responding", "p_plateau", "p_regrowing", "p_turned", "p_resistant", "p_scar", "turning_day_q50")


def rows(name: str, every: int, values: list[float | str]) -> list[str]:
    return [
        f"{name},{every * visit},T1,target,{',' + value if isinstance(value, str) else f'{value:g},measured'}"
        for visit, value in enumerate(values)
    ]


# Six times too small to measure, then as large as at the start: particles aimed at the one know nothing of the other.
DAYS = (0, 61, 117, 184, 252, 319, 375, 438, 501, 564, 690, 744, 808, 871, 954)
BACK_AT_ONCE = (64, 36, 22, *["too_small"] * 6, 64, 40, 35, 83, 67, 78)


def finite(frame: pl.DataFrame) -> bool:
    return all(frame[name].is_finite().all() for name in NUMBERS)


def test_lesion_that_comes_back_at_once_after_years_below_the_limit_has_numbers() -> None:
    read = [
        f"P1,{day},T1,target,{',' + value if isinstance(value, str) else f'{value:g},measured'}"
        for day, value in zip(DAYS, BACK_AT_ONCE, strict=True)
    ]
    lesions = "\n".join([LESIONS, *read, "P1,564,N1,new,,unequivocal_progression"]) + "\n"
    for tumour in ("metastatic colorectal cancer", "NSCLC", "sarcoma"):
        patients = f"patient_id,tumour_type\nP1,{tumour}\n"
        found = tp.assess(study_of(patients=patients, lesions=lesions))
        assert finite(found.frame)
        assert found.diagnostics["effective_size"].is_finite().all()
        assert found.frame["p_turned"][-1] > 0.5


@pytest.mark.parametrize("seed", range(3))
def test_wild_courses_have_numbers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lines, markers = [LESIONS], ["patient_id,day,marker,value,unit"]
    for patient in range(12):
        jumps = [
            "too_small"
            if rng.random() < 0.2
            else "absent"
            if rng.random() < 0.1
            else float(rng.choice([5, 9, 40, 300]))
            for _ in range(rng.integers(3, 12))
        ]
        lines += rows(f"P{patient:02d}", int(rng.choice([7, 42, 90])), jumps)
        markers += [
            f"P{patient:02d},{21 * visit},PSA,{10.0 ** rng.uniform(-2, 4):.3g},ng/mL"
            for visit in range(rng.integers(0, 9))
        ]
    found = tp.assess(
        study_of(lesions="\n".join(lines) + "\n", markers="\n".join(markers) + "\n"), particles=512
    )
    assert finite(found.frame)
    assert found.diagnostics["effective_size"].is_finite().all()
