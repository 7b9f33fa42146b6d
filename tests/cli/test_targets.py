"""Where results go: checked before the work, whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import polars as pl
import pytest

from turnpoint.cli.targets import (
    PRIOR_ENDINGS,
    STANDARD_OUTPUT,
    TABLE_ENDINGS,
    checked_folder_targets,
    checked_target,
    existing_study,
    write_frame,
)
from turnpoint.errors import UsageError
from turnpoint.study.whole_files import appearing_whole


def test_study_that_does_not_exist_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no file or folder"):
        existing_study(tmp_path / "nowhere")


def test_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "study").mkdir()
    assert existing_study(Path("~/study")) == tmp_path / "study"
    assert (
        checked_target(Path("~/out.csv"), TABLE_ENDINGS, tmp_path / "study") == tmp_path.resolve() / "out.csv"
    )


@pytest.mark.parametrize("name", ["a.csv", "a.CSV", "a.parquet", "a.json", "with space.b.csv"])
def test_ending_of_a_table_is_accepted_in_any_case(tmp_path: Path, name: str) -> None:
    assert checked_target(tmp_path / name, TABLE_ENDINGS, tmp_path / "study").name == name


@pytest.mark.parametrize("name", ["a.xlsx", "a", "a.csv.gz", ".csv"])
def test_unknown_ending_is_wrong_usage_and_the_message_names_the_known(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"\.csv, \.parquet or \.json"):
        checked_target(tmp_path / name, TABLE_ENDINGS, tmp_path / "study")


def test_prior_is_json_only(tmp_path: Path) -> None:
    assert checked_target(tmp_path / "p.json", PRIOR_ENDINGS, tmp_path / "study").suffix == ".json"
    with pytest.raises(UsageError, match=r"end in \.json;"):
        checked_target(tmp_path / "p.csv", PRIOR_ENDINGS, tmp_path / "study")


def test_folder_is_wrong_usage_where_a_file_is_due(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        checked_target(tmp_path, TABLE_ENDINGS, tmp_path / "study")


def test_missing_folders_are_made(tmp_path: Path) -> None:
    target = checked_target(tmp_path / "a" / "b" / "t.csv", TABLE_ENDINGS, tmp_path / "study")
    assert target.parent.is_dir()


def test_folder_that_cannot_be_made_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be made"):
        checked_target(tmp_path / "file" / "below" / "t.csv", TABLE_ENDINGS, tmp_path / "study")


def test_table_of_the_study_is_never_overwritten(tmp_path: Path) -> None:
    study = tmp_path / "study"
    study.mkdir()
    for name in ("lesions.csv", "Patients.parquet"):
        with pytest.raises(UsageError, match="part of the study"):
            checked_target(study / name, TABLE_ENDINGS, study)
    assert checked_target(study / "assessed.csv", TABLE_ENDINGS, study).parent == study.resolve()


def test_single_file_study_is_never_overwritten_by_a_path_that_leads_to_it(tmp_path: Path) -> None:
    source = tmp_path / "data.csv"
    source.write_text("patient_id\n")
    (tmp_path / "sub").mkdir()
    with pytest.raises(UsageError, match="part of the study"):
        checked_target(tmp_path / "sub" / ".." / "data.csv", TABLE_ENDINGS, source)


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write anywhere")
def test_write_protected_file_is_wrong_usage(tmp_path: Path) -> None:
    target = tmp_path / "t.csv"
    target.write_text("keep me")
    target.chmod(stat.S_IRUSR)
    with pytest.raises(UsageError, match="write-protected"):
        checked_target(target, TABLE_ENDINGS, tmp_path / "study")
    assert target.read_text() == "keep me"


def test_file_the_system_says_is_not_writable_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "t.csv"
    target.write_text("keep me")
    monkeypatch.setattr(os, "access", lambda path, _: Path(path) != target)
    with pytest.raises(UsageError, match="write-protected"):
        checked_target(target, TABLE_ENDINGS, tmp_path / "study")


def test_two_tables_go_into_a_folder_as_csv(tmp_path: Path) -> None:
    targets = checked_folder_targets(tmp_path / "new", ("responses", "best_responses"), tmp_path / "study")
    assert [target.relative_to(tmp_path).as_posix() for target in targets.values()] == [
        "new/responses.csv",
        "new/best_responses.csv",
    ]


def test_two_tables_take_the_format_of_a_file_name(tmp_path: Path) -> None:
    out = tmp_path / "responses.parquet"
    targets = checked_folder_targets(out, ("responses", "best_responses"), tmp_path / "study")
    assert [target.name for target in targets.values()] == ["responses.parquet", "best_responses.parquet"]


def test_two_tables_are_refused_a_file_or_stdout(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    for out in (tmp_path / "notes.txt", STANDARD_OUTPUT):
        with pytest.raises(UsageError):
            checked_folder_targets(out, ("responses", "best_responses"), tmp_path / "study")


def write_half(target: Path) -> None:
    with appearing_whole(target) as part:
        part.write_text("half")
        raise OSError("disk full")


def test_file_is_replaced_only_when_writing_went_well(tmp_path: Path) -> None:
    target = tmp_path / "t.csv"
    target.write_text("old")
    with pytest.raises(OSError, match="disk full"):
        write_half(target)
    assert target.read_text() == "old"
    with appearing_whole(target) as part:
        part.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_frame_is_csv_on_stdout_when_the_target_is_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    write_frame(pl.DataFrame({"patient_id": ["P001"], "day": [42]}), STANDARD_OUTPUT)
    assert capsys.readouterr().out == "patient_id,day\nP001,42\n"
