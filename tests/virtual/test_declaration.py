"""The declared trial: what is right is read as it stands, and every mistake is named at once."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnpoint.errors import UsageError
from turnpoint.virtual.declaration import ARM_KEYS, KEYS, REQUIRED, parsed
from turnpoint.virtual.policies import POLICIES

ROOT = Path(__file__).parents[2]
SHORT = """
[trial]
patients = 100
[population]
prior = "docetaxel-nsclc-ct"
[[arm]]
name = "late"
policy = "progression"
[[arm]]
name = "early"
policy = "alert"
"""


def _mistakes(text):
    with pytest.raises(UsageError) as caught:
        parsed(text)
    return str(caught.value)


def test_parsed_has_the_documented_defaults_when_keys_are_left_out():
    found = parsed(SHORT)
    assert (found.horizon_weeks, found.seed, found.cross_resistance, found.strength) == (156, 0, 0.1, 1.0)
    assert (found.schedule.scan_every_weeks, found.schedule.marker_every_weeks) == (6, {})
    assert [(arm.name, arm.policy) for arm in found.arms] == [("late", "progression"), ("early", "alert")]


def test_parsed_names_every_mistake_at_once():
    text = """
    [trial]
    patients = 1
    sed = 3
    [population]
    prior = 7
    cross_resistance = 1.5
    [schedule]
    scan_every_weeks = "six"
    marker_every_weeks = { CEA = 0 }
    [drug]
    [[arm]]
    name = "a"
    policy = "nadir"
    """
    said = _mistakes(text)
    assert said.count("\n- ") == 8
    for part in (
        "trial.patients = 1: must be a whole number from 10",
        "trial.sed: not a key of [trial]. Did you mean seed?",
        "population.prior = 7: must be text",
        "population.cross_resistance = 1.5: must be a number from 0 to 1",
        'schedule.scan_every_weeks = "six"',
        "schedule.marker_every_weeks.CEA = 0",
        "drug: not a section. Did you mean drug_b?",
        'arm 1.policy = "nadir": not a policy.',
    ):
        assert part in said


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("patients = 100", "", "trial.patients: missing"),
        ('policy = "alert"', 'policy = "weeks"', "arm 2.after_weeks: missing"),
        (
            'policy = "alert"',
            'policy = "turning"\nthreshold = 0.9',
            "arm 2.threshold = 0.9: policy turning does not use it",
        ),
        ('name = "early"', 'name = "late"', 'arm.name = "late": two arms have it'),
        ("[trial]", "[alert]\nparticles = 1000\n[trial]", "must be a power of two"),
        ("patients = 100", "patients = true", "trial.patients = true"),
        (
            "patients = 100",
            "patients = 100\nhorizon_weeks = 12\n[schedule]\nscan_every_weeks = 8",
            "fewer than two scans",
        ),
        ("[trial]", "[trial", "not TOML"),
        ("[trial]", "[drug_b]\nkill_per_week = nan\n[trial]", "drug_b.kill_per_week = nan"),
        ("patients = 100", "patients = 100\nmargin_weeks = inf", "trial.margin_weeks = inf"),
        ("[trial]", "[schedule]\nmarker_every_weeks = { CEA = 3, cea = 6 }\n[trial]", "CEA is named twice"),
        ("[trial]", "[schedule]\nmarker_every_weeks = 3\n[trial]", "must be markers and weeks"),
        ("[population]", "[[population]]", "population: not a section"),
        ('policy = "alert"', 'policy = "cycles"', "arm 2.cycles: missing"),
        (
            'policy = "alert"',
            'policy = "alternate"\ncycles = 0',
            "arm 2.cycles = 0: must be a whole number from 1",
        ),
        ('policy = "alert"', 'policy = "never"\noff_below = 0.5', "policy never does not use it"),
        ('policy = "alert"', 'policy = "never"\nweeks_per_cycle = 3', "policy never does not use it"),
        ('policy = "alert"', 'policy = "holidays"\non_from = 0.4', "on_from = 0.4: below off_below = 0.5"),
        ("[population]", '[population]\nclones = "small"', 'must be "large" or "stochastic"'),
        ("[population]", "[population]\ncarrying_fold = 8", "not above population.lethal_fold = 8.0"),
    ],
)
def test_parsed_says_what_is_wrong(old, new, part):
    assert part in _mistakes(SHORT.replace(old, new, 1))


def test_parsed_names_every_mistake_of_an_arm_at_once():
    said = _mistakes(
        SHORT.replace('policy = "alert"', 'policy = "alternate"\nweeks_per_cycle = 0\non_from = 1')
    )
    for part in ("3 mistakes", "arm 2.cycles: missing", "arm 2.weeks_per_cycle = 0", "arm 2.on_from = 1"):
        assert part in said


def test_parsed_gives_an_arm_the_defaults_of_its_policy_and_nothing_else():
    holidays = parsed(SHORT.replace('policy = "alert"', 'policy = "holidays"\non_from = 0.5')).arms[1]
    assert (holidays.off_below, holidays.on_from, holidays.weeks_per_cycle) == (0.5, 0.5, None)
    cycles = parsed(SHORT.replace('policy = "alert"', 'policy = "cycles"\ncycles = 4')).arms[1]
    assert (cycles.cycles, cycles.weeks_per_cycle, cycles.off_below) == (4, 3.0, None)


@pytest.mark.parametrize("patients", [10, 10_000_000])
def test_parsed_takes_the_bounds_themselves(patients):
    assert parsed(SHORT.replace("100", str(patients))).patients == patients


@pytest.mark.parametrize("patients", [9, 10_000_001])
def test_parsed_refuses_what_is_just_outside_the_bounds(patients):
    assert "trial.patients" in _mistakes(SHORT.replace("100", str(patients)))


def test_parsed_says_that_a_trial_compares_when_there_is_one_arm():
    assert "only one" in _mistakes(SHORT.rsplit("[[arm]]", 1)[0])


def test_parsed_knows_markers_by_their_other_names():
    found = parsed(SHORT + "[schedule]\nmarker_every_weeks = { ca125 = 4 }")
    assert found.schedule.marker_every_weeks == {"CA-125": 4}


def test_example_is_a_trial():
    found = parsed((ROOT / "docs" / "examples" / "trial.toml").read_text(encoding="utf-8"))
    assert [arm.policy for arm in found.arms] == ["progression", "alert", "turning"]


def test_every_key_and_policy_is_documented_with_its_default_and_rule():
    text = (ROOT / "docs" / "virtual-trials.md").read_text(encoding="utf-8")
    for section, keys in [*KEYS.items(), ("arm", ARM_KEYS)]:
        for name, key in keys.items():
            assert f"| `{name}` | {key.documented()} |" in text, (section, name)
    for name, kind in POLICIES.items():
        assert f"| `{name}` | {kind.meaning} |" in text
    assert REQUIRED is KEYS["trial"]["patients"].default


def test_parsed_refuses_more_arms_than_can_be_told_apart():
    more = "".join(
        f'[[arm]]\nname = "{number}"\npolicy = "weeks"\nafter_weeks = {number}\n' for number in range(6)
    )
    assert "8 of them" in _mistakes(SHORT + more)
    assert len(parsed(SHORT + more.rsplit("[[arm]]", 1)[0]).arms) == 7


@settings(max_examples=150, deadline=None)
@given(
    section=st.sampled_from([*KEYS, "arm", "other"]),
    key=st.sampled_from([*(name for keys in KEYS.values() for name in keys), "policy", "after_weeks", "x"]),
    value=st.sampled_from(
        [
            "1",
            "-1",
            "0.5",
            "1e400",
            "-inf",
            "nan",
            '""',
            '"text"',
            "true",
            "[]",
            "[1]",
            "{}",
            "{ a = 1 }",
            "1979-05-27",
        ]
    ),
    twice=st.booleans(),
)
def test_parsed_never_fails_but_with_a_message(section, key, value, twice):
    own = f"[[{section}]]" if twice else f"[{section}]"
    with pytest.raises(UsageError, match=r"^trial\.toml: "):
        parsed(f"{own}\n{key} = {value}\n")
