import math
from pathlib import Path

import pytest

import turnpoint as tp
from tests.workflows.studies import both_study, study_of
from turnpoint.study.markers import MARKERS
from turnpoint.workflows.metrics import METRICS_SCHEMA, metrics

HEADER = "patient_id,day,lesion_id,role,diameter_mm,status"


def test_there_is_one_row_a_patient_and_quantity_with_the_sum_first():
    found = metrics(both_study(with_marker=True))
    assert dict(found.schema) == METRICS_SCHEMA
    assert found.select("patient_id", "quantity", "unit").rows() == [
        ("P1", "sum_of_diameters_mm", "mm"),
        ("P1", "CEA", "ng/mL"),
    ]


def test_every_column_is_documented_and_no_other():
    text = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    documented = [line.split("`")[1] for line in text.splitlines() if line.startswith("| `")]
    assert sorted(documented) == sorted(METRICS_SCHEMA)


def test_not_evaluable_sum_is_left_out_and_never_zero():
    rows = ["P1,0,T1,target,50,measured", "P1,42,T1,target,,not_evaluable", "P1,84,T1,target,45,measured"]
    found = metrics(study_of(lesions="\n".join([HEADER, *rows]))).row(0, named=True)
    assert (found["readings"], found["nadir_value"]) == (2, 45.0)
    assert found["depth_of_response_pct"] == pytest.approx(10.0)


def test_progression_day_is_that_of_recist_and_of_the_markers_own_criterion():
    rows = [f"P1,{day},T1,target,{mm},measured" for day, mm in ((0, 50), (42, 30), (84, 36))]
    markers = "patient_id,day,marker,value,unit\nP1,0,PSA,40,ng/mL\nP1,21,PSA,20,ng/mL\nP1,42,PSA,25,ng/mL"
    found = metrics(study_of(lesions="\n".join([HEADER, *rows]), markers=markers))
    assert found["progression_day"].to_list() == [84, 42]


def test_reader_who_read_first_is_used_and_named():
    rows = [("A", 14, 50), ("A", 42, 40), ("A", 84, 45), ("A", 126, 44)]
    rows += [("B", 0, 60), ("B", 42, 50), ("B", 84, 45)]
    text = "\n".join(
        [HEADER + ",reader", *(f"P1,{day},T1,target,{mm},measured,{reader}" for reader, day, mm in rows)]
    )
    found = metrics(study_of(lesions=text)).row(0, named=True)
    assert (found["reader"], found["readings"], found["baseline_value"]) == ("B", 3, 60.0)


def test_censored_marker_value_counts_as_its_limit():
    markers = "patient_id,day,marker,value,unit\nP1,0,PSA,40,ng/mL\nP1,21,PSA,<0.1,ng/mL"
    found = metrics(study_of(markers=markers)).row(0, named=True)
    assert found["nadir_value"] == pytest.approx(0.1)


def test_bundled_trial_gives_the_rates_found_before():
    # Refit of the same series by the rules of tumgr (references, section 1): median g 0.00248 and d 0.0065 a day,
    # gd chosen in 49 %, g 14 %, gdphi 14 %, d 10 %.
    study = tp.read(Path(tp.__file__).parent / "datasets" / "oak-docetaxel")
    found = metrics(study)
    assert found.height == 325
    assert found["regrowth_per_week"].median() / 7 == pytest.approx(0.00248, rel=0.2)
    assert found["kill_per_week"].median() / 7 == pytest.approx(0.0065, rel=0.2)
    chosen = {model: count / 325 for model, count in found["fit_model"].value_counts().iter_rows()}
    assert chosen["gd"] == pytest.approx(0.49, abs=0.06)
    assert chosen["g"] == pytest.approx(0.14, abs=0.04)
    assert chosen["gdphi"] == pytest.approx(0.14, abs=0.04)
    assert chosen["d"] == pytest.approx(0.10, abs=0.04)
    volumes = found.drop_nulls("regrowth_volume_per_week")
    assert (volumes["regrowth_volume_per_week"] / volumes["regrowth_per_week"] - 3).abs().max() < 1e-9
    assert all(math.isfinite(weeks) and weeks >= 0 for weeks in found["fit_time_to_nadir_weeks"].drop_nulls())


def marker_metrics(marker, unit, *values):
    rows = "\n".join(f"P1,{day},{marker},{value},{unit}" for day, value in values)
    return metrics(study_of(markers=f"patient_id,day,marker,value,unit\n{rows}")).row(0, named=True)


def test_ca_125_has_a_half_life_and_kelim_and_no_psa_doubling_time():
    found = marker_metrics("CA-125", "U/mL", (-3, 400), (21, 200), (42, 100), (63, 50))
    assert found["half_life_days"] == pytest.approx(22, abs=1)
    assert found["kelim_per_day"] == pytest.approx(math.log(2) / 21, rel=0.2)
    assert (found["kelim_readings"], found["psa_doubling_time_months"]) == (4, None)
    assert found["reference_change_pct"] == pytest.approx(84.6)


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize(("share", "beyond"), [(0.999, False), (1.001, True)])
def test_last_change_is_held_against_the_reference_change_of_its_marker(direction, share, beyond):
    change = direction * share * MARKERS["CA-125"].reference_change_log
    found = marker_metrics("CA-125", "U/mL", (0, 100), (21, 100 * math.exp(change)))
    assert found["last_change_beyond_reference"] is beyond


def test_psa_doubling_time_is_of_the_rise_from_the_nadir():
    found = marker_metrics("PSA", "ng/mL", (0, 40), (30, 4), (122, 8), (214, 16))
    assert found["psa_doubling_time_months"] == pytest.approx(92 * 12 / 365.25)
    assert found["doubling_time_weeks"] == pytest.approx(found["psa_doubling_time_months"] * 365.25 / 84)


def test_marker_without_a_published_reference_change_has_none():
    found = marker_metrics("PSA", "ng/mL", (0, 40), (21, 20))
    assert (found["reference_change_pct"], found["last_change_beyond_reference"]) == (None, None)


def test_incomplete_sum_sets_no_nadir():
    # At day 42 one of two targets is not evaluable; what is known, 5 mm, is no sum, so 40 mm stays the smallest.
    rows = [
        *(f"P1,{day},T1,target,{mm},measured" for day, mm in ((0, 30), (42, 5), (84, 25), (126, 30))),
        *(f"P1,{day},T2,target,{mm},measured" for day, mm in ((0, 30), (84, 15), (126, 18))),
        "P1,42,T2,target,,not_evaluable",
    ]
    found = metrics(study_of(lesions="\n".join([HEADER, *rows]))).row(0, named=True)
    assert (found["readings"], found["nadir_value"], found["time_to_nadir_weeks"]) == (3, 40.0, 12.0)
    assert found["depth_of_response_pct"] == pytest.approx(100 / 3)
    assert found["progression_sum_mm"] == pytest.approx(48.0)


def test_volume_and_cells_are_those_of_a_sphere_when_there_is_one_target():
    rows = ["P1,0,T1,target,20,measured", "P1,42,T1,target,30,measured"]
    found = metrics(study_of(lesions="\n".join([HEADER, *rows]))).row(0, named=True)
    # not 10 mm, whose cube in cm is 1 whatever the power
    assert found["last_volume_cm3"] == pytest.approx(math.pi / 6 * 27)
    assert found["last_cell_number_estimate"] == pytest.approx(1.4137e10, rel=1e-4)


def test_there_is_no_volume_of_a_sum_of_several_targets_nor_of_a_marker():
    rows = [f"P1,0,{lesion},target,20,measured" for lesion in ("T1", "T2")]
    markers = "patient_id,day,marker,value,unit\nP1,0,CEA,40,ng/mL"
    found = metrics(study_of(lesions="\n".join([HEADER, *rows]), markers=markers))
    assert found["last_volume_cm3"].to_list() == [None, None]
    assert found["last_cell_number_estimate"].to_list() == [None, None]
