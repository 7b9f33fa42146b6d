"""TU and TR become lesions: roles, sizes, states, and the lesions that stand in TU alone."""

import polars as pl
import pytest

from tests.formats.transport import errors, named, read_all, size, state, warnings


def lesions(folder, *columns, **domains):
    return read_all(folder, **domains).lesions.select(*columns).rows()


def test_node_by_location_counts_by_its_short_axis_and_anything_else_by_its_longest_diameter(tmp_path):
    tu = [named("T01", "TARGET", "LIVER"), named("T02", "TARGET", "AXILLARY LYMPH NODE")]
    tr = [size("T01", 1, 30), size("T01", 1, 20, "LPERP"), size("T02", 1, 28), size("T02", 1, 18, "LPERP")]
    found = lesions(tmp_path, "lesion_id", "site", "node", "diameter_mm", tu=tu, tr=tr)
    assert found == [("T01", "liver", False, 30.0), ("T02", "axillary lymph node", True, 18.0)]


def test_diameter_comes_before_every_other_size(tmp_path):
    tu = [named("T01", "TARGET", "LYMPH NODE")]
    tr = [size("T01", 1, 28), size("T01", 1, 18, "LPERP"), size("T01", 1, 17, "DIAMETER")]
    assert lesions(tmp_path, "diameter_mm", tu=tu, tr=tr) == [(17.0,)]


def test_lesion_with_a_short_axis_alone_is_a_node_when_no_location_is_known(tmp_path):
    tr = [size("T01", 1, 18, "SAXIS"), size("T02", 1, 30)]
    assert lesions(tmp_path, "lesion_id", "node", "diameter_mm", tr=tr) == [
        ("T01", True, 18.0),
        ("T02", False, 30.0),
    ]


def test_lesion_without_location_is_read_by_its_longest_diameter_with_a_warning(tmp_path):
    study = read_all(tmp_path, tr=[size("T01", 1, 30), size("T01", 1, 18, "LPERP")])
    assert study.lesions["diameter_mm"].to_list() == [30.0]
    assert "sizes of lesions without a location" in warnings(study)


@pytest.mark.parametrize(("value", "unit", "mm"), [(2.1, "cm", 21.0), (21.0, "mm", 21.0), (21.0, "MM", 21.0)])
def test_sizes_become_mm(tmp_path, value, unit, mm):
    assert lesions(tmp_path, "diameter_mm", tr=[size("T01", 1, value, TRSTRESU=unit)]) == [(mm,)]


def test_size_in_a_unit_that_is_no_length_is_an_error(tmp_path):
    assert "no length" in errors(tmp_path, tr=[size("T01", 1, 21.0, TRSTRESU="mL")])[0]


def test_original_result_is_read_in_its_unit_when_there_is_no_standard_one(tmp_path):
    row = size("T01", 1, None) | {"TRORRES": "2.5", "TRORRESU": "cm"}
    assert lesions(tmp_path, "diameter_mm", tr=[row]) == [(25.0,)]


def test_zero_is_absent(tmp_path):
    found = lesions(tmp_path, "status", "diameter_mm", tr=[size("T01", 1, 20), size("T01", 43, 0)])
    assert found == [("measured", 20.0), ("absent", None)]


def test_too_small_keeps_the_size_that_the_sponsor_put_in_its_place(tmp_path):
    row = size("T01", 43, 5) | {"TRORRES": "TOO SMALL TO MEASURE"}
    found = lesions(tmp_path, "status", "diameter_mm", tr=[size("T01", 1, 20), row])
    assert found == [("measured", 20.0), ("too_small", 5.0)]


@pytest.mark.parametrize("text", ["TOO SMALL TO MEASURE", "<5", "TSTM"])
def test_too_small_without_a_size_has_none(tmp_path, text):
    found = lesions(tmp_path, "status", "diameter_mm", tr=[size("T01", 1, 20), size("T01", 43, text)])
    assert found[1] == ("too_small", None)


def test_longest_diameter_decides_when_only_the_perpendicular_is_too_small(tmp_path):
    tr = [size("T01", 1, 12), size("T01", 1, "TOO SMALL TO MEASURE", "LPERP")]
    assert lesions(tmp_path, "status", "diameter_mm", tr=tr) == [("measured", 12.0)]


def test_not_done_is_not_evaluable_on_the_day_of_its_visit(tmp_path):
    tr = [
        size("T01", 1, 20, VISITNUM=1),
        size("T02", 1, 20, VISITNUM=1),
        size("T01", 43, 18, VISITNUM=2),
        size("T02", None, None, VISITNUM=2, TRSTAT="NOT DONE"),
    ]
    found = lesions(tmp_path, "lesion_id", "day", "status", tr=tr)
    assert found[2:] == [("T01", 42, "measured"), ("T02", 42, "not_evaluable")]


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("PRESENT", "present"),
        ("ABSENT", "absent"),
        ("UNEQUIVOCAL PROGRESSION", "unequivocal_progression"),
        ("Increased/Unequivocal", "unequivocal_progression"),
        ("UNEQUIVOCAL", "unequivocal_progression"),
        ("EQUIVOCAL", "equivocal"),
        ("INCREASED", "present"),
        ("NOT EVALUABLE", "not_evaluable"),
        ("NOT ASSESSABLE", "not_evaluable"),
        ("LOOKS FINE", "not_evaluable"),
    ],
)
def test_state_of_a_non_target_lesion(tmp_path, text, status):
    tr = [size("T01", 1, 20), state("NT01", 1, "PRESENT"), size("T01", 43, 20), state("NT01", 43, text)]
    found = lesions(tmp_path, "lesion_id", "day", "status", tr=tr)
    assert ("NT01", 42, status) in found


def test_unknown_state_and_growth_that_is_not_unequivocal_are_warned_of(tmp_path):
    tr = [size("T01", 1, 20), state("NT01", 1, "LOOKS FINE"), state("NT01", 43, "INCREASED")]
    said = warnings(read_all(tmp_path, tr=tr))
    assert "results that no lesion's status is known for" in said
    assert "not said that they progressed unequivocally" in said


@pytest.mark.parametrize(
    ("text", "status"), [("NON-PATHOLOGICAL", "absent"), ("PATHOLOGICAL", "present"), ("NORMAL", "absent")]
)
def test_state_of_a_non_target_node(tmp_path, text, status):
    row = state("NT01", 43, text, TRTESTCD="LNSTATE")
    found = lesions(tmp_path, "lesion_id", "node", "status", tr=[size("T01", 1, 20), row])
    assert ("NT01", True, status) in found


def test_target_node_keeps_its_short_axis_beside_its_state(tmp_path):
    tr = [size("T01", 1, 16, "LPERP"), size("T01", 1, "PATHOLOGICAL", "LNSTATE")]
    assert lesions(tmp_path, "status", "diameter_mm", tr=tr) == [("measured", 16.0)]


def test_target_that_is_there_without_a_size_is_not_evaluable(tmp_path):
    tr = [size("T01", 1, 20), size("T01", 43, "PRESENT", "TUMSTATE")]
    assert lesions(tmp_path, "status", tr=tr)[1] == ("not_evaluable",)


@pytest.mark.parametrize(
    ("text", "status"), [("UNEQUIVOCAL", "measured"), ("EQUIVOCAL", "equivocal"), (None, "measured")]
)
def test_new_lesion_with_a_size_is_certain_unless_it_is_called_equivocal(tmp_path, text, status):
    new = [size("NEW01", 43, 12, TRGRPID="NEW")]
    if text:
        new.append(state("NEW01", 43, text, TRGRPID="NEW"))
    found = lesions(tmp_path, "role", "status", "diameter_mm", tr=[size("T01", 1, 20), *new])
    assert found[1] == ("new", status, 12.0)


def test_new_lesion_that_stands_in_tu_alone_is_present_on_its_day(tmp_path):
    tu = [
        named("T01", "TARGET", "LIVER"),
        named("NEW01", "NEW", "LUNG", TUDY=43),
        named("NEW02", "NEW - EQUIVOCAL", "BONE", TUDY=43),
    ]
    found = lesions(
        tmp_path, "lesion_id", "day", "role", "status", tu=tu, tr=[size("T01", 1, 20), size("T01", 43, 20)]
    )
    assert found[2:] == [("NEW01", 42, "new", "present"), ("NEW02", 42, "new", "equivocal")]


def test_non_target_lesion_named_before_its_first_result_was_present(tmp_path):
    tu = [named("T01", "TARGET", "LIVER"), named("NT01", "NON-TARGET", "BONE")]
    tr = [size("T01", 1, 20), state("NT01", 43, "ABSENT"), size("T01", 43, 20)]
    found = lesions(tmp_path, "lesion_id", "day", "status", tu=tu, tr=tr)
    assert ("NT01", 0, "present") in found
    assert ("NT01", 42, "absent") in found


def test_target_lesion_without_any_size_is_warned_of_and_left_out(tmp_path):
    tu = [named("T01", "TARGET", "LIVER"), named("T02", "TARGET", "LUNG")]
    study = read_all(tmp_path, tu=tu, tr=[size("T01", 1, 20)])
    assert study.lesions["lesion_id"].to_list() == ["T01"]
    assert "target lesions named in TU have no size" in warnings(study)


def test_benign_lesion_is_left_out_and_counted(tmp_path):
    tu = [named("T01", "TARGET", "LIVER"), named("X1", "BENIGN", "LIVER")]
    study = read_all(tmp_path, tu=tu, tr=[size("T01", 1, 20), size("X1", 1, 9)])
    assert study.lesions["lesion_id"].to_list() == ["T01"]
    assert "benign" in warnings(study)


@pytest.mark.parametrize(
    ("link", "role"),
    [("T01", "target"), ("NT01", "non_target"), ("NEW01", "new"), ("R1-NT02", "non_target"), ("NL1", "new")],
)
def test_role_follows_from_the_link_when_nothing_else_says_it(tmp_path, link, role):
    row = size(link, 1, 20) if role == "target" else state(link, 1, "PRESENT")
    found = lesions(tmp_path, "lesion_id", "role", tr=[row | {"TRGRPID": None}, size("T99", 1, 20)])
    assert (link, role) in found


def test_reader_is_the_evaluators_identifier_or_else_the_evaluator(tmp_path):
    radiologist = {"TREVAL": "INDEPENDENT ASSESSOR", "TREVALID": "RADIOLOGIST 1", "TRACPTFL": "Y"}
    tr = [size("T01", 1, 20, **radiologist), size("T01", 1, 22, TREVAL="INVESTIGATOR")]
    found = lesions(tmp_path, "reader", "diameter_mm", "accepted", tr=tr)
    assert sorted(found) == [("INVESTIGATOR", 22.0, None), ("RADIOLOGIST 1", 20.0, "Y")]


def test_reader_is_null_when_the_data_name_none(tmp_path):
    assert lesions(tmp_path, "reader", tr=[size("T01", 1, 20)]) == [(None,)]


def test_location_of_another_reader_serves_when_a_readers_own_is_missing(tmp_path):
    tu = [named("T01", "TARGET", "LYMPH NODE", TUEVAL="INVESTIGATOR")]
    tr = [size("T01", 1, 28, TREVAL="R"), size("T01", 1, 18, "LPERP", TREVAL="R")]
    assert lesions(tmp_path, "node", "diameter_mm", tu=tu, tr=tr) == [(True, 18.0)]


def test_sums_are_not_lesions_and_other_tests_are_counted(tmp_path):
    total = size("", 1, 20, "SUMDIAM") | {"TRLNKID": None}
    study = read_all(tmp_path, tr=[size("T01", 1, 20), total, size("T01", 1, 8, "VOLUME")])
    assert study.lesions.height == 1
    assert "1 record: tests that are neither a size nor a state of a lesion (VOLUME)" in warnings(study)


def test_two_values_of_one_test_on_one_day_are_an_error_not_a_choice(tmp_path):
    assert "a second result of one test" in errors(tmp_path, tr=[size("T01", 1, 20), size("T01", 1, 25)])[0]


def test_lesion_that_split_hands_over_to_its_pieces(tmp_path):
    tr = [
        size("T01", 1, 40),
        size("T01", 43, "SPLIT", "TUMSTATE"),
        size("T01.1", 43, 15),
        size("T01.2", 43, 10),
    ]
    assert lesions(tmp_path, "lesion_id", "day", tr=tr) == [("T01", 0), ("T01.1", 42), ("T01.2", 42)]


def test_messages_name_no_patient(tmp_path):
    rows = [size("T01", 1, 20), size("T01", 1, 25), size("T01", 9, 3, TRSTRESU="mL")]
    texts = errors(tmp_path, tr=[row | {"USUBJID": "SUBJECT-77"} for row in rows])
    assert texts
    assert not any("SUBJECT-77" in text for text in texts)


def test_site_of_every_row_is_the_lesions(tmp_path):
    tu = [named("T01", "TARGET", "LIVER")]
    study = read_all(tmp_path, tu=tu, tr=[size("T01", 1, 20), size("T01", 43, 10)])
    assert study.lesions.select(pl.col("site").unique()).to_series().to_list() == ["liver"]
