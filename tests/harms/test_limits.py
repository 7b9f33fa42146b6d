import pytest

from turnpoint.errors import UsageError
from turnpoint.harms.dose_units import parse
from turnpoint.harms.limits import parsed, shipped_limits, with_site_limits
from turnpoint.harms.weights import Weights


def test_every_shipped_limit_names_its_source_and_whether_it_was_checked():
    limits = shipped_limits().limits
    assert all(limit.source for limit in limits)
    assert {limit.drug for limit in limits if not limit.checked} == {"oxaliplatin", "docetaxel"}
    assert all(limit.source.startswith("recalled") != limit.checked for limit in limits)


def test_every_limit_has_a_drug_whose_absurd_doses_are_known():
    shipped = shipped_limits()
    assert {limit.drug for limit in shipped.limits} <= set(shipped.drugs)


def test_limits_file_reports_every_mistake_at_once():
    text = '[[limit]]\ndrug = "x"\nlimit = -1\nunti = "mg"\nkind = 3\n[[limt]]\n'
    with pytest.raises(UsageError) as error:
        with_site_limits(text, "site.toml")
    said = str(error.value)
    assert said.startswith("site.toml: 6 mistakes.")
    for part in (
        "limt: not a table",
        "limit = -1",
        "unti: not a key",
        "unit: missing",
        "kind = 3",
        "source: missing",
    ):
        assert part in said


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("not toml", "not TOML"),
        ("", "none"),
        ('[[drug]]\nname = "a"\nhighest_single_dose = 5\n', "unit: missing"),
        ('[[drug]]\nname = "a"\nnames = ["A "]\n', "written twice"),
        ("limit = 3\n", "not a list"),
        ('[[limit]]\ndrug="a"\nlimit=1\nunit="mg/kg"\nkind="k"\nsource="s"\n', "one of mg"),
    ],
)
def test_limits_file_is_refused_when_it_contradicts_itself(text, word):
    with pytest.raises(UsageError, match=word):
        parsed(text, "site.toml")


def test_limit_in_grams_is_held_in_mg():
    (limit,) = parsed('[[limit]]\ndrug="a"\nlimit=2\nunit="g"\nkind="k"\nsource="s"\n', "site.toml").limits
    assert (limit.limit, limit.unit) == (2000.0, "mg")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mg/m2", ("mg", 1.0, "m2", False)),
        ("MG/M²", ("mg", 1.0, "m2", False)),
        ("g", ("mg", 1000.0, "", False)),
        ("ug/kg/day", ("mg", 0.001, "kg", True)),
        ("[IU]", ("iu", 1.0, "", False)),
        ("U/m2", ("unit", 1.0, "m2", False)),
        ("auc", ("auc", 1.0, "", False)),
    ],
)
def test_dose_unit_is_understood(text, expected):
    unit = parse(text)
    assert unit is not None
    assert (unit.amount, unit.scale, unit.size, unit.per_day) == expected


@pytest.mark.parametrize("text", ["", "mg/mL", "mg/m2/m2", "mg/d/d", "tablet", "/m2", "m2"])
def test_dose_unit_is_refused_when_it_is_none(text):
    assert parse(text) is None


def test_weights_show_exactly_their_arithmetic():
    assert Weights.of(" benefit=2 , toxicity=0.5").balance(-3.0, 10.0) == (
        -11.0,
        "2 × −3.00 − 0.5 × 10.00 = −11.00",
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "benefit=1",
        "benefit=1,toxicity=-1",
        "benefit=x,toxicity=1",
        "benefit=1,benefit=2,toxicity=1",
        "harm=1",
    ],
)
def test_weights_are_refused_with_an_example_when_they_mean_nothing(text):
    with pytest.raises(UsageError, match=r"benefit=1,toxicity=0\.5"):
        Weights.of(text)
