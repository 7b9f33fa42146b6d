"""One door for whatever people have: told apart by content, the same errors for all."""

import pytest

import turnpoint as tp
from tests.formats.transport import size, write
from turnpoint.workflows.check import check
from turnpoint.workflows.opening import convert_to_study, inspect, read

LESIONS = "patient_id,day,lesion_id,role,diameter_mm,status\nP1,0,T01,target,20,measured\n"


def test_public_read_takes_a_study_folder_a_table_an_sdtm_folder_and_an_sdtm_file(tmp_path):
    folder, standard = tmp_path / "study", tmp_path / "sdtm"
    folder.mkdir()
    standard.mkdir()
    (folder / "lesions.csv").write_text(LESIONS, encoding="utf-8")
    file = write(standard, "TR", [size("T01", 1, 20)])
    for path in (folder, folder / "lesions.csv", standard, file, str(file)):
        assert tp.read(path).lesions.select("patient_id", "day", "lesion_id", "diameter_mm").rows() == [
            ("P1", 0, "T01", 20.0)
        ]


def test_name_is_that_of_the_folder_or_of_the_file_without_its_ending(tmp_path):
    file = write(tmp_path, "TR", [size("T01", 1, 20)])
    assert (read(tmp_path).name, read(file).name) == (tmp_path.name, "tr")


def test_errors_of_an_sdtm_file_are_raised_as_those_of_any_study(tmp_path):
    file = write(tmp_path, "AE", [{"USUBJID": "P1", "AEDECOD": "Rash"}])
    with pytest.raises(tp.StudyError, match="no data set with lesions"):
        read(file)
    assert not check(file).ok


@pytest.mark.parametrize("name", ["nothing", "nothing.xpt"])
def test_path_that_is_not_there_is_a_problem(tmp_path, name):
    study, problems = inspect(tmp_path / name)
    assert study is None
    assert "there is no such file or folder" in problems[0].rule


def test_empty_folder_is_a_problem_that_names_the_tables(tmp_path):
    _, problems = inspect(tmp_path)
    assert "none of the five tables" in problems[0].rule


def test_other_data_sets_in_an_sdtm_folder_are_named_in_one_warning(tmp_path):
    write(tmp_path, "TR", [size("T01", 1, 20)])
    for domain in ("VS", "EG"):
        write(tmp_path, domain, [{"USUBJID": "P1"}])
    assert [problem.rule for problem in read(tmp_path).problems if "EG, VS" in problem.rule] == [
        "data sets that are not read lie beside it: EG, VS"
    ]


def test_domain_split_over_two_files_is_read_whole(tmp_path):
    write(tmp_path, "TR", [size("T01", 1, 20)], name="tr1.xpt")
    write(tmp_path, "TR", [size("T01", 43, 12)], name="tr2.xpt")
    assert read(tmp_path).lesions["day"].to_list() == [0, 42]


def test_study_folder_is_converted_as_it_is_read_with_nothing_left_out(tmp_path):
    (tmp_path / "lesions.csv").write_text(LESIONS, encoding="utf-8")
    found = convert_to_study(tmp_path)
    assert found.study.lesions.equals(read(tmp_path).lesions)
    assert (found.unmapped.height, found.problems) == (0, read(tmp_path).problems)
    (tmp_path / "lesions.csv").write_text(LESIONS.replace("20", "-4"), encoding="utf-8")
    assert convert_to_study(tmp_path).study is None
