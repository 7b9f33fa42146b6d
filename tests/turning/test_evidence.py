"""Facts behind a verdict: the same comparisons as the verdict's own, with the error of those very readings."""

import polars as pl
import pytest

from turnpoint.model.parameters import SUM_OF_DIAMETERS
from turnpoint.model.population import starting_prior
from turnpoint.model.series import batches
from turnpoint.turning.evidence import cause_is_prior, gather_evidence, week_first_read
from turnpoint.turning.lesion_courses import lesion_courses, parted_ways
from turnpoint.turning.reading_changes import SUM, reading_facts
from turnpoint.turning.series_facts import series_facts

_READINGS = {
    "patient_id": pl.String,
    "day": pl.Int64,
    "quantity": pl.String,
    "part": pl.String,
    "value": pl.Float64,
    "limit": pl.Float64,
    "censoring": pl.Int64,
}
SURE = {
    "verdict": "plateau",
    "p_responding": 0.1,
    "p_plateau": 0.8,
    "p_regrowing": 0.1,
    "informative_values": 4,
    "shrinkage": 0.5,
    "risen": False,
    "fallen": False,
    "new_lowest": False,
    "p_growing": 0.6,
    "off_treatment": False,
}


def sizes(every=42, **lesions):
    """Readings of lesions; a size below 5 mm is at the floor."""
    return [
        ("P1", visit * every, SUM_OF_DIAMETERS, name, float(value), 5.0, -1 if value < 5 else 0)
        for name, values in lesions.items()
        for visit, value in enumerate(values)
        if value is not None
    ]


def marker(name, *values, every=21, limit=None):
    return [
        ("P1", visit * every, name, "", float(value), limit, -1 if limit and value <= limit else 0)
        for visit, value in enumerate(values)
    ]


def parts(*rows):
    return pl.DataFrame([row for own in rows for row in own], schema=_READINGS, orient="row").sort(
        "patient_id", "quantity", "part", "day"
    )


def prior_of(*quantities):
    return starting_prior("any", list(quantities))


def facts(*rows):
    table = parts(*rows)
    quantities = sorted(table["quantity"].unique(), key=lambda name: name != SUM_OF_DIAMETERS)
    return {own.part or own.quantity: own for own in series_facts(table, prior_of(*quantities))}


def evidence(found, sites=None, off=None, **last):
    return gather_evidence(list(found.values()), sites or {}, SURE | last, off)


def test_small_lesion_is_level_within_the_error_of_its_size():
    # SDs √(0.44² + 1²) = 1.093 and √(0.48² + 1²) = 1.109 mm; by chance 1.645·1.557 = 2.56 mm
    fact = facts(sizes(T1=[11, 12]))["T1"]
    assert fact.trend == "level"
    assert fact.error == pytest.approx(2.56, abs=0.01)


def test_same_ratio_is_a_rise_in_a_large_lesion():
    # SDs √(4.4² + 1²) = 4.51 and √(5.28² + 1²) = 5.37 mm; by chance 1.645·7.02 = 11.5 mm
    fact = facts(sizes(T1=[110, 132]))["T1"]
    assert (fact.trend, fact.since.value, fact.last.value) == ("risen", 110.0, 132.0)
    assert fact.error == pytest.approx(11.54, abs=0.02)


def test_fall_is_counted_from_a_recent_reading_and_its_weeks_from_the_last_of_equal_ones():
    fact = facts(sizes(T1=[83, 51, 51, 5.0]))["T1"]
    assert (fact.trend, fact.since.week, fact.since.value, fact.last.value) == ("fallen", 12.0, 51.0, 5.0)


def test_rise_is_counted_from_the_last_of_equally_small_readings():
    fact = facts(sizes(T1=[60, 38, 38, 46, 52]))["T1"]
    assert (fact.trend, fact.since.week, fact.weeks) == ("risen", 12.0, 12.0)


def test_level_counts_the_readings_that_are_alike():
    fact = facts(sizes(T1=[80, 50, 40, 38, 38, 38]))["T1"]
    assert (fact.trend, fact.alike, fact.level) == ("level", 4, (38.0, 40.0))


def test_lesion_that_is_gone_is_at_the_floor_not_level():
    fact = facts(sizes(T1=[30, 12, 0]))["T1"]
    assert (fact.trend, fact.last.value) == ("floor", 0.0)


def test_flags_are_those_of_the_verdict():
    rows = parts(
        sizes(T1=[50, 30, 20, 14], T2=[20, 26, 33, 40]), marker("CEA", 85, 40, 20, 10, 8, 10, 14, 30)
    )
    prior = prior_of(SUM_OF_DIAMETERS, "CEA")
    (batch,) = batches(
        rows,
        pl.DataFrame(
            schema={"patient_id": pl.String, "day": pl.Int64, "drug": pl.String, "action": pl.String}
        ),
        [SUM_OF_DIAMETERS, "CEA"],
        1,
    )
    last = reading_facts(batch, prior)
    found = series_facts(rows, prior)
    assert bool(last.risen[0, -1]) == any(own.trend == "risen" for own in found)
    assert bool(last.fallen[0, -1]) == any(own.trend == "fallen" for own in found)
    assert bool(last.size_risen[0, -1]) == any(own.trend == "risen" and own.is_size for own in found)


def test_rise_of_a_marker_in_the_first_eight_weeks_is_an_early_one():
    assert facts(marker("PSA", 40, 100))["PSA"].trend == "early_rise"
    later = facts(marker("PSA", 40, 30, 20, 20, 60))["PSA"]
    assert (later.trend, later.since.value, later.change) == ("risen", 20.0, pytest.approx(2.0))


def test_marker_at_its_limit_cannot_fall_further():
    assert facts(marker("PSA", 20, 6, 1.2, 1.2, limit=1.2))["PSA"].trend == "floor"


def test_weekly_change_is_the_constant_rate_between_the_two_readings():
    fact = facts(marker("CEA", 80, 40, every=7))["CEA"]
    assert fact.change_per_week == pytest.approx(-0.5)


def test_lesions_that_do_as_their_sum_are_not_named_one_by_one():
    found = facts(sizes(T1=[60, 45, 30], T2=[40, 30, 20]))
    told = evidence(found)
    assert [fact.labels["lesion"] for fact in told] == [""]
    assert told[0].code == "size_fallen"
    assert (told[0].numbers["from_mm"], told[0].numbers["to_mm"]) == (100.0, 50.0)


def test_most_telling_fact_comes_first_and_parted_lesions_are_named():
    found = facts(sizes(T1=[50, 30, 20, 14], T2=[20, 26, 33, 40]))
    told = evidence(found, {"T1": "liver", "T2": "lung"})
    assert [(fact.code, fact.labels["site"]) for fact in told] == [
        ("size_risen", "lung"),
        ("size_fallen", "liver"),
        ("size_level", ""),
    ]


@pytest.mark.parametrize(
    ("last", "codes"),
    [
        ({"verdict": "plateau"}, []),
        ({"informative_values": 2}, ["few_values"]),
        ({"shrinkage": 0.05}, ["near_prior"]),
        ({"risen": True, "fallen": True}, ["contrary_readings"]),
        ({"p_responding": 0.8, "p_plateau": 0.1, "risen": True}, ["contrary_state"]),
        ({"p_regrowing": 0.8, "p_plateau": 0.1, "fallen": True}, ["contrary_state"]),
        ({"p_regrowing": 0.8, "p_plateau": 0.1, "p_growing": 0.49}, ["no_state_likely"]),
        ({"p_regrowing": 0.8, "p_plateau": 0.1, "off_treatment": True}, ["off_nothing_risen"]),
        ({"p_plateau": 0.39}, ["no_state_likely"]),
    ],
)
def test_undetermined_says_why(last, codes):
    found = evidence({}, **({"verdict": "undetermined"} | last))
    assert [fact.code for fact in found] == codes


def test_new_lesion_is_the_rise_when_nothing_measured_rose():
    found = facts(sizes(T1=[60, 48, 38, 32]))
    told = evidence(found, {"T1": "lung"}, verdict="undetermined", risen=True, fallen=True)
    assert told[0].labels == {"risen": "", "fallen": "lung T1"}


def test_treatment_that_is_off_names_the_drugs():
    (fact,) = evidence({}, off=(10.0, "docetaxel"))
    assert (fact.code, fact.numbers, fact.labels) == (
        "off_treatment",
        {"since_week": 10.0},
        {"drug": "docetaxel"},
    )


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([sizes(T1=[60, 40, 38, 38])], True),
        ([sizes(T1=[60, 40, 38, 38]), marker("CEA", 80, 40)], True),
        ([sizes(T1=[60, 40, 38, 38]), marker("CEA", 80, 40, 20)], False),
        ([sizes(T1=[60, 40, 38, 38]), marker("CEA", 80, 2, 2, limit=2.0)], True),
        ([sizes(T1=[30, 0, 0])], False),
    ],
)
def test_cause_is_the_priors_where_sizes_are_alone(rows, expected):
    assert cause_is_prior(list(facts(*rows).values()), {}) is expected


def test_cause_column_of_the_diagnostics_counts_where_there_is_one():
    found = list(facts(sizes(T1=[60, 40, 38, 38])).values())
    assert cause_is_prior(found, {"cause_is_prior": False}) is False


@pytest.mark.parametrize(
    ("risen", "week"),
    [([False, True, True], 6.0), ([True, False, True], 12.0), ([True, True, False], None), ([], None)],
)
def test_growth_has_been_read_since_the_rise_that_still_stands(risen, week):
    days = [42 * visit for visit in range(len(risen))]
    frame = pl.DataFrame({"day": days, "risen": risen}, schema={"day": pl.Int64, "risen": pl.Boolean})
    assert week_first_read(frame) == week


def lesion_rows(**lesions):
    rows = []
    for name, (role, site, values) in lesions.items():
        for visit, value in enumerate(values):
            size, status = (None, value) if isinstance(value, str) else (float(value), "measured")
            rows.append(("P1", visit * 42, name, role, site, False, size, status, None))
    columns = ("patient_id", "day", "lesion_id", "role", "site", "node", "diameter_mm", "status", "reader")
    kinds = (
        pl.String,
        pl.Int64,
        pl.String,
        pl.String,
        pl.String,
        pl.Boolean,
        pl.Float64,
        pl.String,
        pl.String,
    )
    return pl.DataFrame(rows, schema=dict(zip(columns, kinds, strict=True)), orient="row")


def test_lesions_are_told_one_by_one_targets_first():
    found = facts(sizes(T1=[50, 30, 20, 14], T2=[20, 26, 33, 40]))
    table = lesion_rows(
        N1=("new", "brain", ["absent", "absent", "absent", 11]),
        T2=("target", "lung", [20, 26, 33, 40]),
        T1=("target", "liver", [50, 30, 20, 14]),
        P1=("non_target", "pleura", ["present", "present", "present", "unequivocal_progression"]),
    )
    courses = lesion_courses(table, list(found.values()))
    assert [(own.lesion_id, own.site, own.trend) for own in courses] == [
        ("T1", "liver", "fell"),
        ("T2", "lung", "rose"),
        ("P1", "pleura", "progressed"),
        ("N1", "brain", "new"),
    ]
    # 14 / 50 - 1 and 14 / 20 - 1; 40 / 20 - 1 twice
    assert courses[0].from_baseline_pct == pytest.approx(-72.0)
    assert courses[0].from_smallest_pct == pytest.approx(-30.0)
    assert courses[1].from_smallest_pct == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("last", "trend"), [("absent", "gone"), ("too_small", "too_small"), ("not_evaluable", "not_evaluable")]
)
def test_lesion_that_was_not_measured_last_is_told_so(last, trend):
    (course,) = lesion_courses(lesion_rows(T1=("target", "liver", [50, 30, last])), [])
    assert course.trend == trend


def test_lesions_part_ways_only_beyond_error():
    sites = {"T1": "liver", "T2": "lung"}
    parted = parted_ways(list(facts(sizes(T1=[50, 30, 20, 14], T2=[20, 26, 33, 40])).values()), sites)
    assert parted is not None
    assert [(own.lesion_id, own.site, own.from_mm, own.to_mm) for own in parted.shrank] == [
        ("T1", "liver", 50.0, 14.0)
    ]
    assert [(own.lesion_id, own.from_mm, own.to_mm) for own in parted.grew] == [("T2", 20.0, 40.0)]
    # 20 -> 22 mm is within error; so is 50 -> 49
    assert parted_ways(list(facts(sizes(T1=[50, 30, 20], T2=[20, 21, 22])).values()), sites) is None
    assert parted_ways(list(facts(sizes(T1=[50, 49], T2=[20, 40])).values()), sites) is None


def test_sum_has_the_errors_of_its_lesions_in_quadrature():
    found = facts(sizes(T1=[40, 40], T2=[40, 40]))
    # each √(1.6² + 1²) = 1.887 mm; the sum √2·1.887 = 2.668; two sums by chance 1.645·√2·2.668 = 6.21
    assert found[SUM].error == pytest.approx(6.21, abs=0.01)
