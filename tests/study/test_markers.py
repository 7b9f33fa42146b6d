"""Markers: names, codes, conversions, censoring, reference changes."""

from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnpoint.errors import StudyError
from turnpoint.study.markers import MARKERS, find_marker
from turnpoint.study.reading import inspect, read, read_frames
from turnpoint.study.units import parse


def markers_of(*rows, **more):
    """The markers of a study with rows (marker, value, unit), ten days apart."""
    frame = pl.DataFrame(
        {
            "patient_id": ["A"] * len(rows),
            "day": [10 * place for place in range(len(rows))],
            "marker": [row[0] for row in rows],
            "value": [str(row[1]) for row in rows],
            "unit": [row[2] for row in rows],
            **more,
        }
    )
    return read_frames({"markers": frame})


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("psa", "PSA"),
        ("Prostate-specific antigen", "PSA"),
        ("2857-1", "PSA"),
        ("LOINC 83112-3", "PSA"),
        ("http://loinc.org|2857-1", "PSA"),
        ("CA125", "CA-125"),
        ("CA 125", "CA-125"),
        ("10334-1", "CA-125"),
        ("ca19-9", "CA 19-9"),
        ("CA 15.3", "CA 15-3"),
        ("β-hCG", "hCG"),
        ("癌胚抗原", "CEA"),
        ("1834-1", "AFP"),
        ("14804-9", "LDH"),
        ("free PSA", None),
        ("19-9", None),
        ("99999-9", None),
        ("", None),
    ],
)
def test_markers_are_found_by_name_and_loinc_code(written, name):
    found = find_marker(written)
    assert (found.name if found else None) == name


def test_no_name_or_code_means_two_markers():
    names = [name.casefold() for marker in MARKERS.values() for name in (marker.name, *marker.synonyms)]
    codes = [code for marker in MARKERS.values() for code in marker.loinc]
    assert len(set(codes)) == len(codes)
    assert len(set(names)) == len(names)
    assert all(
        find_marker(name) is marker for marker in MARKERS.values() for name in (marker.name, *marker.synonyms)
    )


@pytest.mark.parametrize("marker", MARKERS.values(), ids=lambda marker: marker.name)
def test_every_canonical_unit_is_a_unit_and_converts_to_itself(marker):
    assert marker.ratio_from(parse(marker.unit)) == (1, None)


def test_reference_change_in_log_form_is_derived_from_the_published_percent():
    # CA-125: 84.6 % = sqrt(2) * 1.645 * CV, so CV = 0.363655, sd = sqrt(ln(1 + CV^2)) = 0.352424.
    assert MARKERS["CA-125"].sd_reference_log == pytest.approx(0.352424, abs=2e-6)
    assert MARKERS["CA-125"].reference_change_log == pytest.approx(0.819872, abs=5e-6)
    assert MARKERS["PSA"].reference_change_log is None


def test_reference_change_in_log_form_nears_the_linear_one_when_it_is_small():
    assert math.expm1(MARKERS["CA 15-3"].reference_change_log) == pytest.approx(0.30, rel=0.2)


@pytest.mark.parametrize(
    ("marker", "value", "unit", "converted", "canonical"),
    [
        ("CEA", 12.5, "ug/L", 12.5, "ng/mL"),
        ("CEA", 0.1, "mg/L", 100.0, "ng/mL"),
        ("CA-125", 35.3, "kU/L", 35.3, "U/mL"),
        ("hCG", 7.7, "mIU/mL", 7.7, "[IU]/L"),
        ("LDH", 4, "ukat/L", 240.0, "U/L"),  # 1 ukat = 60 U
        ("testosterone", 1, "nmol/L", 0.288431, "ng/mL"),  # 288.431 g/mol
        ("calcitonin", 1, "pmol/L", 3.41788, "pg/mL"),  # 3417.88 g/mol
        ("ctDNA", 0.053, "1", 5.3, "%"),
    ],
)
def test_values_and_upper_limits_are_converted_into_the_canonical_unit(
    marker, value, unit, converted, canonical
):
    study = markers_of((marker, value, unit), upper_limit=[2 * value])
    row = study.markers.row(0, named=True)
    assert row["value"] == pytest.approx(converted, rel=1e-15)
    assert row["upper_limit"] == pytest.approx(2 * converted, rel=1e-15)
    assert (row["unit"], row["reported_unit"], row["reported_value"]) == (canonical, unit, str(value))
    assert study.problems == ()


@given(st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=5))
@settings(max_examples=30, deadline=None)
def test_equal_units_change_no_digit_of_a_value(values):
    study = markers_of(
        *(("CEA", value, "ug/L") for value in values), *(("CA-125", value, "kU/L") for value in values)
    )
    assert study.markers.sort("source_row")["value"].to_list() == values * 2


def test_ctdna_in_copies_is_another_quantity_than_a_fraction():
    study = markers_of(("ctDNA", 5, "%"), ("ctDNA", 120, "copies/mL"))
    assert study.markers["marker"].to_list() == ["ctDNA", "ctDNA copies"]


def test_an_unverified_conversion_is_a_warning():
    study = markers_of(("AFP", 10, "kIU/L"))
    assert study.markers["value"].to_list() == [12.1]  # 10 IU/mL x 1.21 ng/IU
    assert [(p.column, p.severity) for p in study.problems] == [("unit", "warning")]


def test_an_unknown_marker_keeps_its_first_unit_and_others_convert_to_it():
    study = markers_of(("XYZ", 5, "ng/mL"), ("xyz", 0.002, "mg/L"), ("X-Y-Z", 3, "ng/mL"))
    assert study.markers["marker"].to_list() == ["XYZ"] * 3
    assert study.markers["unit"].to_list() == ["ng/mL"] * 3
    assert study.markers["value"].to_list() == [5.0, 2.0, 3.0]
    assert [(p.row, p.column, p.value) for p in study.problems] == [(2, "marker", "XYZ")]


def test_an_unknown_marker_may_have_a_unit_that_is_unknown_too():
    assert markers_of(("CTC", 5, "cells/7.5mL")).markers["unit"].to_list() == ["cells/7.5mL"]


def test_units_of_an_unknown_marker_that_cannot_be_converted_are_an_error():
    with pytest.raises(StudyError, match="cannot be converted into ng/mL, the first unit of this marker"):
        markers_of(("XYZ", 5, "ng/mL"), ("XYZ", 2, "U/mL"))


def test_a_misspelt_marker_gets_a_suggestion():
    assert "Is CA-125 meant?" in markers_of(("CA1255", 5, "U/mL")).problems[0].mend


@pytest.mark.parametrize(
    ("written", "value", "censoring"),
    [
        ("<0.1", 0.1, "left"),
        ("< 0.1", 0.1, "left"),
        ("<= 0.1", 0.1, "left"),
        ("≤0.1", 0.1, "left"),
        ("＜0.1", 0.1, "left"),
        (">5000", 5000.0, "right"),
        (">= 5000", 5000.0, "right"),
        ("1e3", 1000.0, "none"),
        (" 12 ", 12.0, "none"),
    ],
)
def test_limits_are_read_as_censored_values(written, value, censoring):
    row = markers_of(("CEA", written, "ng/mL")).markers.row(0, named=True)
    assert (row["value"], row["censoring"], row["reported_value"]) == (value, censoring, written.strip())


@pytest.mark.parametrize("written", ["<", "<<1", "0.1<", "~5", "5-10", "neg", "1 234", "0x10", "1_000"])
def test_what_is_no_result_is_an_error(written):
    with pytest.raises(StudyError, match="not a number"):
        markers_of(("CEA", written, "ng/mL"))


def test_censoring_may_stand_in_a_column_of_its_own():
    study = markers_of(("CEA", 0.5, "ng/mL"), ("CEA", "<0.5", "ng/mL"), censoring=["left", ""])
    assert study.markers["censoring"].to_list() == ["left", "left"]


def test_a_censoring_column_that_contradicts_the_sign_is_an_error():
    with pytest.raises(StudyError, match="contradicts the sign"):
        markers_of(("CEA", "<0.5", "ng/mL"), censoring=["right"])


def zero_read(*values, marker="PSA", unit="ng/mL"):
    """What the first 0 among these values of one patient is read as below."""
    study = markers_of(*((marker, value, unit) for value in values))
    row = study.markers.filter(pl.col("reported_value") == "0").row(0, named=True)
    assert row["censoring"] == "left"
    return row["value"], [p.rule for p in study.problems if p.value == "0"]


@pytest.mark.parametrize(
    ("values", "expected", "why"),
    [
        ((0,), 0.1, "the usual limit of its assays"),
        ((40, 2, 0), 0.1, "the usual limit of its assays"),
        ((0, 0.02), 0.1, "the usual limit of its assays"),  # what comes later is not known
        ((40, 0.02, 0), 0.02, "the patient's smallest value of this marker so far"),
        ((40, "<0.01", 0), 0.01, "the limit that an earlier row of the patient states for this assay"),
        ((40, "<0.5", 0), 0.5, "the limit that an earlier row of the patient states for this assay"),
        ((40, "<0.5", 0.3, 0), 0.3, "the patient's smallest value of this marker so far"),
        ((40, 0, "<0.5"), 0.1, "the usual limit of its assays"),  # nor is a limit that is stated later
    ],
)
def test_zero_is_below_the_usual_limit_or_the_patients_smallest_value_so_far(values, expected, why):
    value, said = zero_read(*values)
    assert value == expected
    assert said == [f"0 is below the assay's limit; read as <{expected} ng/mL, {why}"]


def test_a_limit_of_another_assay_is_not_the_limit_of_a_zero():
    rows = [("PSA", 40, "ng/mL"), ("PSA", "<0.5", "ng/mL"), ("PSA", 0, "ng/mL"), ("PSA", 0, "ng/mL")]
    study = markers_of(*rows, assay=["A", "A", "B", "A"])
    assert study.markers["value"].to_list() == [40, 0.5, 0.1, 0.5]


@pytest.mark.parametrize(("unit", "limit"), [("%", "0.1 %"), ("copies/mL", "1.0 copies/mL")])
def test_zero_of_ctdna_is_not_detected(unit, limit):
    said = zero_read(3, 0, marker="ctDNA", unit=unit)[1]
    assert said == [f"0 is not detected; read as <{limit}, the usual limit of its assays"]


def test_zero_of_an_unknown_marker_is_below_the_patients_smallest_value_so_far():
    assert zero_read(12, 3, 0, 1, marker="MTM", unit="copies/mL")[0] == 3
    with pytest.raises(StudyError, match="nothing says which"):
        markers_of(("MTM", 0, "copies/mL"), ("MTM", 3, "copies/mL"))


def test_zero_does_not_depend_on_another_patient_nor_on_the_order_of_the_rows(tmp_path):
    file = tmp_path / "markers.csv"
    rows = ["A,0,PSA,5,ng/mL", "A,42,PSA,0.03,ng/mL", "A,84,PSA,0,ng/mL", "B,0,PSA,0.001,ng/mL"]
    for order in (rows, rows[::-1]):
        file.write_text("\n".join(["patient_id,day,marker,value,unit", *order]))
        found = read(file).markers.filter(pl.col("reported_value") == "0")
        assert found["value"].to_list() == [0.03]


def test_usual_limits_of_a_marker_are_in_order():
    both = [own for own in MARKERS.values() if own.usual_lower_limit and own.usual_upper_limit]
    assert len(both) > 10
    assert all(0 < own.usual_lower_limit < own.usual_upper_limit for own in both)
    assert all(own.usual_lower_limit for own in MARKERS.values())


def test_a_value_100_times_both_its_neighbours_is_doubted_and_one_99_times_is_not():
    assert [p.row for p in markers_of(*(("PSA", v, "ng/mL") for v in (2, 200, 1))).problems] == [3]
    assert markers_of(*(("PSA", v, "ng/mL") for v in (2, 198, 1))).problems == ()


def test_a_fall_of_any_size_that_lasts_is_not_doubted():
    assert markers_of(*(("PSA", v, "ng/mL") for v in (500, 0.1, 0.1))).problems == ()


def test_two_names_of_one_marker_become_one(tmp_path):
    file = tmp_path / "markers.csv"
    file.write_text("patient_id,day,marker,value,unit\nA,0,CEA,5,ng/mL\nA,9,2039-6,6,ug/L\n")
    assert read(file).markers["marker"].unique().to_list() == ["CEA"]
    assert inspect(file)[1] == ()
