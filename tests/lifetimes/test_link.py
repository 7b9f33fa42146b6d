"""Links: the published formulas, their files, and files that are none."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from turnpoint.errors import SurvivalLinkError
from turnpoint.lifetimes.link import Link, LinkCard, Term, load_link
from turnpoint.lifetimes.published import CLARET, PUBLISHED, STRUEMPER
from turnpoint.lifetimes.size_curve import SizeCurve

FITTED = Link(
    "mine",
    "weibull",
    (Term("intercept", 6.0), Term("log_baseline", -0.4, 4.4)),
    -0.5,
    104.0,
    np.diag([0.01, 0.02, 0.03]),
    LinkCard("landmark", "a trial", "colorectal cancer", patients=90, deaths=70, landmark_weeks=(8, 16)),
)


def curve(growth=0.01, weeks=20.0, baseline=90.0):
    return SizeCurve(*(np.full((1, 1), value) for value in (growth, 0.03, weeks, baseline)))


def log_days(link, **known):
    design = link.design(curve(**known.pop("curve", {})), {name: np.array([v]) for name, v in known.items()})
    return float((design @ link.parameters[:-1])[0, 0])


def test_claret_is_the_formula_of_the_paper():
    asian_smoker = 1.079 + 0.97695 * math.log(7 * 20 + 100) - 0.00197 * 90 + 0.319 - 0.264
    assert log_days(CLARET, asian=1.0, ever_smoked=1.0) == pytest.approx(asian_smoker, abs=1e-12)
    assert log_days(CLARET) == pytest.approx(asian_smoker - 0.319 + 0.264, abs=1e-12)
    assert CLARET.log_scale == -0.24


def test_struemper_is_the_formula_of_the_paper():
    own = 6.94 - 6.91 * 0.01 / (0.01 + 0.109) - 0.00366 * (90 - 100) + 0.0124 * (20 - 39.9)
    assert log_days(STRUEMPER) == pytest.approx(own, abs=1e-12)
    blood = {"albumin_g_per_l": 35.0, "total_protein_g_per_l": 75.0, "neutrophil_to_lymphocyte_ratio": 6.0}
    more = 0.0452 * (35 - 39.4) + 0.0194 * (75 - 71) - 0.0141 * (6 - 4.1)
    assert log_days(STRUEMPER, **blood) == pytest.approx(own + more, abs=1e-12)
    assert STRUEMPER.log_scale == -0.331


def test_unknown_value_of_a_patient_is_the_reference_value():
    assert (
        log_days(STRUEMPER, albumin_g_per_l=math.nan)
        == log_days(STRUEMPER)
        == log_days(STRUEMPER, albumin_g_per_l=39.4)
    )


@pytest.mark.parametrize(("weeks", "longer"), [(56.9, 57.0), (57.0, 57.1), (57.0, 500.0)])
def test_time_to_growth_beyond_what_the_data_can_show_counts_as_that(weeks, longer):
    shorter, later = (log_days(CLARET, curve={"weeks": value}) for value in (weeks, longer))
    assert (later > shorter) == (weeks < 57.0)


def test_names_are_those_of_the_table():
    assert [PUBLISHED[name].name for name in PUBLISHED] == list(PUBLISHED) == ["claret", "struemper"]


@pytest.mark.parametrize("link", [FITTED, CLARET])
def test_link_reads_back_as_it_was_written(tmp_path, link):
    again = load_link(link.save(tmp_path / "sub" / "link.json"))
    assert again.to_dict() == link.to_dict()
    assert replace(again, covariance=None) == replace(link, covariance=None)


def test_standard_errors_are_the_roots_of_the_variances():
    assert FITTED.standard_errors == pytest.approx([0.1, math.sqrt(0.02), math.sqrt(0.03)])
    assert CLARET.standard_errors is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "turnpoint-prior-4"}, "format is not"),
        ({"family": "gamma"}, "family=gamma"),
        ({"terms": []}, "terms=none"),
        ({"terms": [{"name": "shoe_size", "coefficient": 1.0, "reference": 0.0}]}, "terms=shoe_size"),
        ({"log_scale": math.nan}, "not finite"),
        ({"longest_time_to_growth_weeks": 0.0}, "not finite"),
        ({"covariance": [[1.0]]}, "covariance is none of 3 parameters"),
        ({"covariance": [[-1.0, 0, 0], [0, 1, 0], [0, 0, 1]]}, "covariance is none of 3"),
        ({"card": {}}, "damaged"),
        ({"log_scale": "wide"}, "damaged"),
        ({"terms": [{"name": "intercept"}]}, "damaged"),
    ],
)
def test_file_that_is_no_link_says_what_is_wrong_and_what_to_use(tmp_path, change, said):
    path = tmp_path / "link.json"
    path.write_text(json.dumps(FITTED.to_dict() | change))
    with pytest.raises(SurvivalLinkError, match=said) as raised:
        load_link(path)
    assert "turnpoint fit --survival" in str(raised.value)


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "\xff"])
def test_file_that_is_not_json_says_so(tmp_path, text):
    path = tmp_path / "link.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(SurvivalLinkError, match=r"link link\.json"):
        load_link(path)


def test_file_that_is_not_there_says_so(tmp_path):
    with pytest.raises(SurvivalLinkError, match="cannot be read"):
        load_link(tmp_path / "none.json")
