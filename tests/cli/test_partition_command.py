"""`partition`, the batch commands on what it makes, and `watch`, as a user types them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from typer.testing import CliRunner

import turnpoint as tp
from turnpoint.cli import partition_command
from turnpoint.cli.commands import app

OAK = Path(tp.__file__).parent / "datasets" / "oak-docetaxel"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of six patients."""
    folder = tmp_path_factory.mktemp("registry")
    whole = (
        pl.read_csv(OAK / "lesions.csv")
        if (OAK / "lesions.csv").exists()
        else pl.read_parquet(OAK / "lesions.parquet")
    )
    ids = whole["patient_id"].unique().sort().head(6).to_list()
    whole.filter(pl.col("patient_id").is_in(ids)).write_csv(folder / "lesions.csv")
    return folder


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(own) for own in arguments])
    return result.exit_code, result.stdout, result.stderr


def test_study_is_cut_and_assessed_by_parts(study: Path, tmp_path: Path) -> None:
    code, said, _ = run("partition", study, tmp_path / "parts", "--patients", 4)
    assert code == 0
    assert "(2 parts, 6 patients)" in said
    for expected in ("2 of 2 done\n", "2 of 2 done, 2 of them before\n"):
        code, said, _ = run("assess", tmp_path / "parts", "--out", tmp_path / "out", "--workers", 1)
        assert code == 0
        assert expected in said
    together = pl.read_parquet(tmp_path / "out" / "part-*" / "assessment.parquet")
    assert_frame_equal(together, tp.assess(tp.read(study)).frame)


def test_large_study_is_cut_as_it_is_read(
    tmp_path: Path, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "large").mkdir()
    pl.read_csv(study / "lesions.csv").write_parquet(tmp_path / "large" / "lesions.parquet")
    monkeypatch.setattr(partition_command, "_LARGE_ROWS", 2)
    code, said, _ = run("partition", tmp_path / "large", tmp_path / "parts", "--patients", 4)
    rows = pl.read_csv(study / "lesions.csv").height
    assert code == 0
    assert f"large: 6 patients ({rows} rows)" in said
    assert "(2 parts, 6 patients)" in said


def test_what_cannot_be_is_said(study: Path, tmp_path: Path) -> None:
    parts = tmp_path / "parts"
    assert run("partition", study, parts)[0] == 0
    for arguments, told in (
        (("assess", parts), "--out: a partitioned study needs a folder for its results"),
        (("assess", parts, "--out", parts / "results"), "lies in the study itself"),
        (("assess", study, "--engine", "local"), "Cut it first with `turnpoint partition`"),
        (("report", parts, "--out", tmp_path / "r.html"), "a study in parts, and this takes a whole one"),
        (("watch", parts, "--out", tmp_path / "w"), "a study in parts, and this takes a whole one"),
        (
            ("respond", parts, "--reported", study, "--out", tmp_path / "r"),
            "a partitioned study cannot be compared",
        ),
        (("partition", study, parts), "holds manifest.json. Name an empty folder"),
    ):
        code, _, wrong = run(*arguments)
        assert (code, told in " ".join(wrong.split())) == (2, True), wrong
    assert not (tmp_path / "r").exists()  # said before the work, not after it


def test_failed_part_is_named_with_what_to_do_next(study: Path, tmp_path: Path) -> None:
    parts = tmp_path / "parts"
    run("partition", study, parts, "--patients", 3)
    (parts / "part-000000" / "lesions.parquet").write_bytes(b"cut off")
    code, said, wrong = run("metrics", parts, "--out", tmp_path / "out", "--workers", 1)
    assert code == 1
    assert "1 of 2 done" in said
    assert "part-000000" in wrong
    assert "run the same command again" in wrong
    assert "OAKD" not in wrong


def test_every_night(study: Path, tmp_path: Path) -> None:
    for changed in ("6 patients of 6", "0 patients of 6"):
        code, said, _ = run("watch", study, "--out", tmp_path / "nightly")
        assert code == 0
        assert changed in said
        assert "OAKD" not in said
    assert {"alerts.csv", "alerts.fhir.ndjson", "state.parquet"} == {
        own.name for own in (tmp_path / "nightly").iterdir()
    }
