"""The dose ledger on courses computed by hand."""

import math

import polars as pl
import pytest

from tests.workflows.studies import study_of
from turnpoint.harms.administrations import administrations
from turnpoint.harms.cycles import cycles_of, pattern_cycles
from turnpoint.harms.ledger import dose_ledger, doses_by_cycle
from turnpoint.harms.limits import shipped_limits, with_site_limits

MARKERS = "patient_id,day,marker,value,unit\nP1,0,CEA,5,ng/mL\n"
HEADER = "patient_id,day,drug,dose,unit\n"
SIZED = "patient_id,bsa_m2\nP1,1.8\n"


def course(drug, days, dose, unit):
    return "".join(f"P1,{day},{drug},{dose},{unit}\n" for day in days)


def ledger_of(doses, *, patients="patient_id\nP1\n", limits=None, last_day=None):
    study = study_of(markers=MARKERS, doses=doses, patients=patients)
    table = limits or shipped_limits()
    given, problems = administrations(study, table)
    assert [problem for problem in problems if problem.severity == "error"] == []
    cycles = cycles_of(given)
    end = given["day"].max() if last_day is None else last_day
    patterns = pattern_cycles(cycles, pl.DataFrame({"patient_id": ["P1"], "last_day": [end]}))
    return dose_ledger(given, cycles, patterns, table), given, cycles


def errors_of(doses, patients="patient_id\nP1\n"):
    study = study_of(markers=MARKERS, doses=doses, patients=patients)
    return [problem for problem in administrations(study, shipped_limits())[1] if problem.severity == "error"]


def test_doxorubicin_is_counted_against_both_limits_when_dosed_per_m2():
    # 6 x 60 = 360 mg/m2; 360/550 = 65.45 %, 360/400 = 90 %; then 420: 76.36 % and 105 %.
    # (550 - 360) / 60 = 3.17: 3 more; (400 - 360) / 60 = 0.67: none.
    ledger, _, _ = ledger_of(HEADER + course("Doxorubicin", range(0, 126, 21), 60, "mg/m2"))
    assert ledger["limit"].to_list() == [550.0, 400.0]
    assert ledger["cumulative"].to_list() == pytest.approx([360.0, 360.0])
    assert ledger["share"].to_list() == pytest.approx([360 / 550, 0.9])
    assert ledger["share_after_next_cycle"].to_list() == pytest.approx([420 / 550, 1.05])
    assert ledger["further_cycles"].to_list() == [3, 0]
    assert ledger["cumulative_mg"].null_count() == 2  # no body surface area


def test_cisplatin_is_counted_per_m2_when_dosed_in_mg_and_body_surface_is_known():
    # 135 mg / 1.8 m2 = 75 mg/m2; 3 x 75 = 225; 225/300 = 75 %; one more makes 300: 100 %, and exactly 1 fits.
    ledger, _, _ = ledger_of(HEADER + course("cisplatin", (0, 21, 42), 135, "mg"), patients=SIZED)
    row = ledger.row(0, named=True)
    assert row["cumulative_mg"] == pytest.approx(405.0)
    assert (row["cumulative"], row["next_cycle"]) == pytest.approx((225.0, 75.0))
    assert (row["share"], row["share_after_next_cycle"]) == pytest.approx((0.75, 1.0))
    assert row["further_cycles"] == 1


def test_oxaliplatin_next_cycle_is_the_reduced_dose_when_the_last_cycle_was_reduced():
    # 8 x 85 + 2 x 65 = 680 + 130 = 810; the next adds 65: 875. 810/780 = 103.85 %: no cycle fits any more.
    doses = HEADER + course("oxaliplatin", range(0, 112, 14), 85, "mg/m2")
    ledger, _, _ = ledger_of(doses + course("oxaliplatin", (112, 126), 65, "mg/m2"))
    row = ledger.row(0, named=True)
    assert (row["cumulative"], row["next_cycle"], row["after_next_cycle"]) == pytest.approx((810, 65, 875))
    assert row["share"] == pytest.approx(810 / 780)
    assert row["further_cycles"] == 0
    assert row["checked"] is False


def test_body_surface_follows_mosteller_when_only_height_and_weight_are_given():
    # sqrt(180 * 80 / 3600) = 2 m2, so 100 mg is 50 mg/m2
    sized = "patient_id,height_cm,weight_kg\nP1,180,80\n"
    ledger, _, _ = ledger_of(HEADER + course("cisplatin", (0,), 100, "mg"), patients=sized)
    assert ledger["cumulative"].item() == pytest.approx(50.0)


def test_dose_per_kg_is_multiplied_by_weight_when_it_is_known():
    sized = "patient_id,weight_kg\nP1,70\n"
    ledger, _, _ = ledger_of(HEADER + course("bevacizumab", (0, 21), 15, "mg/kg"), patients=sized)
    assert ledger["cumulative_mg"].item() == pytest.approx(2100.0)
    assert ledger["missing"].item() == "no_limit"


@pytest.mark.parametrize("unit", ["AUC", "mg/mL.min", "mg.min/mL"])
def test_carboplatin_is_added_up_as_area_under_the_curve_when_dosed_so(unit):
    ledger, _, _ = ledger_of(HEADER + course("carboplatin", (0, 21, 42), 5, unit))
    assert ledger["cumulative_auc_mg_min_per_ml"].item() == pytest.approx(15.0)
    assert ledger["cumulative_mg"].item() is None
    assert ledger["unit"].item() == "mg/mL.min"


def test_bleomycin_in_international_units_is_the_same_as_in_units():
    # 9 x 30 U = 270 U = 270,000 IU; 270/400 = 67.5 %
    days = [start + day for start in (0, 21, 42) for day in (0, 7, 14)]
    by_unit, _, _ = ledger_of(HEADER + course("bleomycin", days, 30, "[U]"))
    by_iu, _, _ = ledger_of(HEADER + course("bleomycin", days, 30000, "[IU]"))
    assert by_unit["share"].item() == pytest.approx(0.675)
    assert by_iu["share"].item() == pytest.approx(0.675)
    assert by_unit["next_cycle"].item() == pytest.approx(90.0)  # three doses a cycle


def test_bleomycin_in_mg_has_no_share_because_mg_cannot_be_converted():
    ledger, _, _ = ledger_of(HEADER + course("bleomycin", (0,), 30, "mg"))
    assert ledger["share"].item() is None
    assert ledger["missing"].item() == "other_unit"


def test_daily_drug_counts_its_days_up_to_the_day_before_the_stop():
    # 14 days of 2000 mg/m2 twice: 56,000
    doses = (
        "patient_id,day,drug,dose,unit,action\nP1,0,capecitabine,2000,mg/m2/d,start\nP1,14,capecitabine,,,stop\n"
        "P1,21,capecitabine,2000,mg/m2,start\nP1,35,capecitabine,,,stop\n"
    )
    ledger, given, cycles = ledger_of(doses)
    assert ledger["doses"].item() == 28
    assert ledger["cumulative"].item() == pytest.approx(56_000.0)
    assert cycles["first_day"].to_list() == [0, 21]
    assert given["day"].max() == 34


def test_daily_drug_without_a_stop_counts_up_to_the_last_recorded_day():
    study = study_of(
        markers=MARKERS + "P1,9,CEA,5,ng/mL\n",
        doses="patient_id,day,drug,dose,unit,action\nP1,0,erlotinib,150,mg/d,start\n",
    )
    given, _ = administrations(study, shipped_limits())
    assert given["day"].to_list() == list(range(10))


def test_share_is_missing_for_want_of_body_surface_when_doses_are_in_mg():
    ledger, _, _ = ledger_of(HEADER + course("cisplatin", (0,), 135, "mg"))
    assert ledger["missing"].item() == "body_surface_area"
    assert ledger["cumulative_mg"].item() == pytest.approx(135.0)


def test_ledger_names_the_other_anthracycline_when_two_were_given():
    doses = HEADER + course("doxorubicin", (0,), 60, "mg/m2") + course("epirubicin", (21,), 90, "mg/m2")
    ledger, _, _ = ledger_of(doses)
    assert set(ledger.filter(pl.col("drug") == "doxorubicin")["also_counts"]) == {"epirubicin"}


def test_dose_without_amount_is_counted_apart_and_warned_of():
    ledger, _, _ = ledger_of(HEADER + "P1,0,cisplatin,75,mg/m2\nP1,21,cisplatin,,\n")
    assert ledger.row(0, named=True)["doses_not_counted"] == 1
    assert ledger["cumulative"].item() == pytest.approx(75.0)


def test_liposomal_doxorubicin_is_not_taken_for_doxorubicin():
    ledger, _, _ = ledger_of(HEADER + course("pegylated liposomal doxorubicin", (0,), 40, "mg/m2"))
    assert ledger["missing"].to_list() == ["no_limit"]


def test_next_cycle_repeats_the_cycle_before_when_the_last_is_only_begun():
    doses = HEADER + course("gemcitabine", (0, 7, 21), 1000, "mg/m2")
    begun, _, _ = ledger_of(doses, last_day=22)
    over, _, _ = ledger_of(doses, last_day=60)
    assert (begun["next_cycle"].item(), over["next_cycle"].item()) == pytest.approx((2000.0, 1000.0))


def test_running_totals_end_at_the_ledger_total():
    doses = HEADER + course("cisplatin", (0, 7, 14, 28, 35), 40, "mg/m2")
    ledger, given, cycles = ledger_of(doses)
    by_cycle = doses_by_cycle(given, cycles)
    assert by_cycle["mg_per_m2"].to_list() == pytest.approx([120.0, 80.0])
    assert by_cycle["cumulative_mg_per_m2"][-1] == pytest.approx(ledger["cumulative"].item())


@pytest.mark.parametrize(("dose", "is_error"), [(200, False), (200.5, True)])
def test_single_dose_is_an_error_only_above_the_highest_plausible_one(dose, is_error):
    assert bool(errors_of(HEADER + course("doxorubicin", (0,), dose, "mg/m2"))) is is_error


@pytest.mark.parametrize(
    ("drug", "dose", "unit", "word"),
    [
        ("cisplatin", 75, "tablets", "cannot be added up"),
        ("cisplatin", 5, "AUC", "not dosed by its area"),
        ("cisplatin", 75, "mg/m2/d", "a dose a day"),
        ("bleomycin", 30, "[IU]", "less than one unit"),
        ("trastuzumab", 6, "mg/kg", "needs the body size"),
    ],
)
def test_wrong_unit_is_one_error_with_its_row(drug, dose, unit, word):
    (problem,) = errors_of(HEADER + course(drug, (0,), dose, unit))
    assert word in problem.rule
    assert (problem.file, problem.row) == ("doses", 2)


def test_doses_of_one_drug_in_mg_and_auc_are_an_error():
    (problem,) = errors_of(HEADER + "P1,0,carboplatin,5,AUC\nP1,21,carboplatin,500,mg\n")
    assert "units that cannot be added up" in problem.rule


@pytest.mark.parametrize("value", ["18", "0.1", "1,8", "big", "nan"])
def test_body_size_that_cannot_be_is_an_error(value):
    patients = f'patient_id,bsa_m2\nP1,"{value}"\n'
    (problem,) = errors_of(HEADER + course("cisplatin", (0,), 75, "mg/m2"), patients)
    assert (problem.file, problem.row, problem.column, problem.value) == ("patients", 2, "bsa_m2", value)


def test_site_limits_replace_those_of_the_drugs_they_name_and_no_others():
    site = '[[limit]]\ndrug = "Adriamycin"\nlimit = 450\nunit = "mg/m2"\nkind = "cardiotoxicity"\nsource = "site"\n'
    table = with_site_limits(site, "site.toml")
    doses = HEADER + course("doxorubicin", (0,), 45, "mg/m2") + course("cisplatin", (0,), 75, "mg/m2")
    ledger, _, _ = ledger_of(doses, limits=table)
    assert ledger["limit"].to_list() == [300.0, 450.0]
    assert ledger["share"].to_list() == pytest.approx([0.25, 0.1])


def test_total_does_not_depend_on_the_order_of_rows_or_of_units():
    rows = [f"P1,{21 * i},cisplatin,{dose},mg/m2\n" for i, dose in enumerate((75, 60, 75, 50))]
    forward, _, _ = ledger_of(HEADER + "".join(rows))
    backward, _, _ = ledger_of(HEADER + "".join(reversed(rows)))
    in_grams, _, _ = ledger_of(HEADER + "".join(row.replace(",mg/m2", "e-3,g/m2") for row in rows))
    assert forward.equals(backward)
    assert math.isclose(in_grams["share"].item(), forward["share"].item())
