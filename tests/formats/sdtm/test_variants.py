"""What sponsors write otherwise than CDISC's examples do, and is still read."""

import pytest

from tests.formats.transport import errors, named, read_all, size, warnings


def without(row, *names):
    return {name: value for name, value in row.items() if name not in names}


@pytest.mark.parametrize(
    "location", ["LYMPHNODE", "Lymph-Node", "MEDIASTINAL LN", "lymph gland", "AXILLARY LNs"]
)
def test_lymph_node_is_told_by_its_other_spellings(tmp_path, location):
    tr = [size("T01", 1, 30), size("T01", 1, 18, "LPERP")]
    study = read_all(tmp_path, tu=[named("T01", "TARGET", location)], tr=tr)
    assert study.lesions.select("node", "diameter_mm").rows() == [(True, 18.0)]


@pytest.mark.parametrize("location", ["LNG", "PLNEURA", "LUNG"])
def test_other_site_is_no_lymph_node(tmp_path, location):
    study = read_all(tmp_path, tu=[named("T01", "TARGET", location)], tr=[size("T01", 1, 30)])
    assert study.lesions["node"].to_list() == [False]


@pytest.mark.parametrize(
    ("code", "node"), [("LONGDIAM", False), ("ld", False), ("DIAM", False), ("SAX", True), ("SHRTAX", True)]
)
def test_size_is_read_from_a_sponsors_code(tmp_path, code, node):
    study = read_all(tmp_path, tr=[size("T01", 1, 30, code)])
    assert study.lesions.select("diameter_mm", "node").rows() == [(30.0, node)]


@pytest.mark.parametrize(
    ("name", "sizes"),
    [("Longest Diameter", [30.0]), ("Short Axis", [30.0]), ("Sum of Longest Diameter", []), ("Volume", [])],
)
def test_test_without_a_code_is_read_by_its_name(tmp_path, name, sizes):
    tr = [size("T02", 1, 11), size("T01", 1, 30, None, TRTEST=name)]
    study = read_all(tmp_path, tr=tr)
    assert study.lesions.filter(lesion_id="T01")["diameter_mm"].to_list() == sizes


def test_lesion_is_read_from_its_spid_with_a_warning_when_there_is_no_link(tmp_path):
    study = read_all(tmp_path, tr=[without(size("", 1, 30, TRSPID="T01"), "TRLNKID")])
    assert study.lesions["lesion_id"].to_list() == ["T01"]
    assert "1 record: no TRLNKID" in warnings(study)


def test_lesion_without_any_identifier_is_an_error(tmp_path):
    assert "lesion_id" in errors(tmp_path, tr=[without(size("", 1, 30), "TRLNKID")])[0]


@pytest.mark.parametrize(
    ("link", "role"),
    [("TARGET 1", "target"), ("NON-TARGET 2", "non_target"), ("NEW LESION 1", "new"), ("R1-T02", "target")],
)
def test_role_is_told_by_the_link_when_nothing_else_says_it(tmp_path, link, role):
    study = read_all(tmp_path, tr=[without(size(link, 1, 30), "TRGRPID"), size("T09", 1, 12)])
    assert study.lesions.filter(lesion_id=link)["role"].to_list() == [role]


def marker(**result):
    return {"USUBJID": "P1", "LBTESTCD": "PSA", "LBORRESU": "ng/mL", "LBDY": 1.0} | result


@pytest.mark.parametrize(
    ("text", "value", "censoring"),
    [
        ("<0.1", 0.1, "left"),
        ("< 0.1", 0.1, "left"),
        ("LESS THAN 0.1", 0.1, "left"),
        ("Below 0.1", 0.1, "left"),
        (">5000", 5000.0, "right"),
        ("Greater than 5000", 5000.0, "right"),
        ("0.1", 0.1, "none"),
    ],
)
def test_limit_is_read_in_signs_and_in_words(tmp_path, text, value, censoring):
    study = read_all(tmp_path, lb=[marker(LBORRES=text)])
    assert study.markers.select("value", "censoring").rows() == [(value, censoring)]


def test_marker_is_known_by_its_loinc_code_alone(tmp_path):
    row = {"USUBJID": "P1", "LBLOINC": "2039-6", "LBSTRESC": "<0.1", "LBSTRESU": "ug/L", "LBDY": 1.0}
    assert read_all(tmp_path, lb=[row]).markers.select("marker", "value").rows() == [("CEA", 0.1)]


def test_start_is_the_first_dose_when_dm_does_not_say_it(tmp_path):
    ex = [{"USUBJID": "P1", "EXTRT": "X", "EXSTDTC": date} for date in ("2024-02-01", "2024-01-03T08:30")]
    tr = [size("T01", None, 30, TRDTC="2024-01-01"), size("T01", None, 20, TRDTC="2024-02-14")]
    study = read_all(tmp_path, dm=[{"USUBJID": "P1", "SEX": "F"}], ex=ex, tr=tr)
    assert study.lesions["day"].to_list() == [-2, 42]
