"""LB: which tests are markers, their values, limits and units."""

import pytest

from tests.formats.transport import read_all, warnings


def result(code="PSA", value=8.5, day=1, **other):
    row = {
        "USUBJID": "P1",
        "LBTESTCD": code,
        "LBSTRESC": str(value),
        "LBSTRESN": value if isinstance(value, float) else None,
        "LBSTRESU": "ng/mL",
        "LBDTC": None,
        "LBDY": day,
    }
    return row | other


def markers(folder, *rows, columns=("marker", "value", "unit", "censoring")):
    return read_all(folder, lb=rows).markers.select(columns).rows()


@pytest.mark.parametrize(
    ("row", "marker"),
    [
        (result("PSA"), "PSA"),
        (result("CA125AG", LBSTRESU="U/mL"), "CA-125"),
        (result("CA19_9AG", LBSTRESU="U/mL"), "CA 19-9"),
        (result("X1", LBTEST="Carcinoembryonic Antigen"), "CEA"),
        (result("X2", LBLOINC="2857-1"), "PSA"),
    ],
)
def test_test_is_a_marker_by_code_name_or_loinc(tmp_path, row, marker):
    assert markers(tmp_path, row)[0][0] == marker


@pytest.mark.parametrize(
    "row", [result("HCT", LBTEST="Hematocrit"), result("ALT"), result("PSA", LBSPEC="URINE"), result("TG")]
)
def test_other_tests_are_counted_and_not_read(tmp_path, row):
    study = read_all(tmp_path, lb=[result("CEA"), row])
    assert study.markers["marker"].to_list() == ["CEA"]
    assert "1 record: laboratory tests that are no tumour marker in blood" in warnings(study)


@pytest.mark.parametrize(
    ("row", "value", "censoring"),
    [
        (result(value=8.5), 8.5, "none"),
        (result(value="<0.1"), 0.1, "left"),
        (result(value="<0.1", LBSTRESN=0.1), 0.1, "left"),
        (result(value=">5000"), 5000.0, "right"),
    ],
)
def test_value_may_be_a_limit(tmp_path, row, value, censoring):
    assert markers(tmp_path, row)[0] == ("PSA", value, "ng/mL", censoring)


def test_original_result_is_read_in_its_unit_when_there_is_no_standard_one(tmp_path):
    row = result(value=None) | {"LBSTRESC": None, "LBSTRESU": None, "LBORRES": "2", "LBORRESU": "ug/dL"}
    assert markers(tmp_path, row)[0] == ("PSA", 20.0, "ng/mL", "none")


def test_last_result_of_a_day_is_read_and_the_others_are_counted(tmp_path):
    study = read_all(tmp_path, lb=[result(value=8.5), result(value=9.0), result(value=7.0, day=22)])
    assert study.markers["value"].to_list() == [9.0, 7.0]
    assert "1 record: earlier results of a marker on a day that has several" in warnings(study)


def test_result_without_a_number_is_left_out_and_counted(tmp_path):
    rows = [result(), result(value="HEMOLYZED", day=22), result(value=None, day=43, LBSTAT="NOT DONE")]
    study = read_all(tmp_path, lb=rows)
    assert study.markers.height == 1
    assert "2 records: markers without a number, a unit or a full date" in warnings(study)


def test_upper_limit_and_laboratory_are_kept(tmp_path):
    row = result(LBSTNRHI=4.0, LBNAM="CENTRAL")
    assert markers(tmp_path, row, columns=("upper_limit", "assay", "day")) == [(4.0, "CENTRAL", 0)]
