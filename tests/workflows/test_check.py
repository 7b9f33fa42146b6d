"""The check workflow: everything at once, never raising on bad data."""

from __future__ import annotations

from pathlib import Path

from turnpoint.workflows import check as module
from turnpoint.workflows.check import check

DATASETS = Path(module.__file__).parents[1] / "datasets"


def test_check_of_good_data_is_ok_and_counts_its_rows():
    result = check(DATASETS / "ascent2-docetaxel-psa")
    assert result.ok
    assert result.problems == ()
    assert result.counts() == {
        "errors": 0,
        "warnings": 0,
        "patients": 44,
        "lesions": 0,
        "markers": 280,
        "doses": 0,
        "events": 0,
    }


def test_check_of_bad_data_lists_errors_and_warnings_together(tmp_path):
    file = tmp_path / "markers.csv"
    file.write_text(
        "patient_id,day,marker,value,unit\nA,0,PSA,-4,ng/mL\nA,9,PSAX,4,ng/mL\nA,20,PSA,4,furlong\n"
    )
    result = check(file)
    assert not result.ok
    assert result.study is None
    assert result.counts() == {"errors": 2, "warnings": 1}
    assert [problem.row for problem in result.problems] == [2, 3, 4]


def test_check_of_a_path_that_does_not_exist_is_a_problem(tmp_path):
    result = check(str(tmp_path / "nowhere"))
    assert result.counts() == {"errors": 1, "warnings": 0}
