from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pytest

from turnpoint.charts import palette

# Machado, Oliveira & Fernandes 2009, doi:10.1109/TVCG.2009.113, severity 1.0; linear RGB.
_VISION = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_WHITE = np.array([0.9505, 1.0, 1.089])
_JUST_NOTICEABLE = 2.3  # CIE76; six times that is told apart at a glance
_APART = 6 * _JUST_NOTICEABLE


def _linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[start : start + 2], 16) for start in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def _lab(linear: np.ndarray) -> np.ndarray:
    ratio = _XYZ @ np.clip(linear, 0, 1) / _WHITE
    root = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


def test_contrast_is_21_when_black_is_on_white() -> None:
    assert palette.contrast("#000000", "#ffffff") == pytest.approx(21.0)


def test_contrast_matches_the_known_edge_of_aa_when_grey_767676() -> None:
    # the lightest grey that passes 4.5:1 on white; one step lighter fails (WCAG techniques G18)
    assert palette.contrast("#767676") >= 4.5
    assert palette.contrast("#777777") < 4.5


@pytest.mark.parametrize(
    "colour",
    [
        palette.INK,
        palette.QUIET,
        palette.TURNING,
        palette.FORECAST,
        palette.RESPONSES["PD"],
        palette.RESPONSES["CR"],
    ],
)
def test_text_colours_reach_4_5_to_1_on_white(colour: str) -> None:
    assert palette.contrast(colour) >= 4.5


@pytest.mark.parametrize("colour", [palette.INK, palette.QUIET, palette.TURNING])
def test_text_stays_readable_when_on_the_turning_point_band(colour: str) -> None:
    assert palette.contrast(colour, palette.TURNING_TINT) >= 4.5


@pytest.mark.parametrize(
    "colour",
    [
        *palette.STATES.values(),
        *palette.RESPONSES.values(),
        palette.FITTED,
        palette.ALERT,
        *palette.GRADES[1:],
    ],
)
def test_marks_reach_3_to_1_on_white(colour: str) -> None:
    assert palette.contrast(colour) >= 3.0


@pytest.mark.parametrize("vision", list(_VISION))
@pytest.mark.parametrize("scale", [palette.STATES, palette.RESPONSES], ids=["states", "responses"])
def test_members_of_a_scale_stay_apart_when_colours_are_seen_differently(
    scale: Mapping[str, str], vision: str
) -> None:
    for first, second in combinations(scale.values(), 2):
        distance = np.linalg.norm(
            _lab(_VISION[vision] @ _linear(first)) - _lab(_VISION[vision] @ _linear(second))
        )
        assert distance >= _APART, (first, second)


def test_grades_get_darker_when_worse() -> None:
    contrasts = [palette.contrast(colour) for colour in palette.GRADES]
    assert contrasts == sorted(contrasts)
