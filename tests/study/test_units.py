"""Units: exact ratios, every spelling laboratories use, and nothing else."""

from __future__ import annotations

from fractions import Fraction

import pytest

from turnpoint.study.units import parse


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("ng/mL", "ug/L", 1),
        ("ng/mL", "µg/L", 1),  # micro sign
        ("ng/mL", "μg/L", 1),  # Greek mu
        ("mcg/L", "ng/ml", 1),
        ("NG/ML", "ug/L", 1),
        ("pg/mL", "ng/L", 1),
        ("g/L", "mg/dL", 100),
        ("mg/dL", "ng/mL", 10_000),
        ("U/mL", "kU/L", 1),
        ("KU/L", "U/mL", 1),
        ("[arb'U]/mL", "k[IU]/L", 1),
        ("mIU/mL", "IU/L", 1),
        ("m[IU]/mL", "[IU]/L", 1),
        ("MIU/ML", "IU/L", 1),  # UCUM case-insensitive: M is milli
        ("ukat/L", "nkat/mL", 1),
        ("nmol/L", "pmol/mL", 1),
        ("umol/L", "nmol/L", 1000),
        ("copies/mL", "{copies}/mL", 1),
        ("copies/uL", "copies/mL", 1000),
        ("1", "%", 100),
        ("ng/mL{serum}", "ng/mL", 1),
        ("ng per mL", "ng/mL", 1),
    ],
)
def test_ratio_between_units_is_exact(one, other, ratio):
    assert parse(one).ratio_to(parse(other)) == Fraction(ratio)
    assert parse(other).ratio_to(parse(one)) == Fraction(1, ratio)


@pytest.mark.parametrize(
    "text", ["", "ng", "/mL", "ng/", "mm", "ng/mg", "xg/L", "ng/mL/h", "U", "kkU/L", "ng//mL", "10*9/L"]
)
def test_what_is_no_unit_of_the_grammar_is_not_guessed(text):
    assert parse(text) is None


def test_units_of_different_dimensions_have_no_ratio():
    assert parse("ng/mL").ratio_to(parse("U/mL")) is None
    assert parse("ng/mL").ratio_to(parse("nmol/L")) is None
