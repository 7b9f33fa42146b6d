"""A declared trial: reproducible, resumable, and never mixed with another one."""

from pathlib import Path

import polars as pl
import pytest

from turnpoint.errors import UsageError
from turnpoint.virtual.comparison import summary
from turnpoint.workflows import trial as workflow
from turnpoint.workflows.trial import trial

TEXT = """
[trial]
name = "a <small> trial"
patients = 90
horizon_weeks = 60
[population]
prior = "docetaxel-nsclc-ct"
[alert]
particles = 256
[[arm]]
name = "late"
policy = "progression"
[[arm]]
name = "early & watched"
policy = "alert"
[[arm]]
name = "never"
policy = "never"
"""


@pytest.fixture
def declared(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(workflow, "PATIENTS_PER_BLOCK", 40)
    monkeypatch.setattr(workflow, "FEW_BLOCKS", 10)
    file: Path = tmp_path / "mine.toml"
    file.write_text(TEXT, encoding="utf-8")
    return file


def test_trial_writes_its_tables_its_page_and_what_was_declared(declared, tmp_path):
    out, seen = tmp_path / "out", []
    found = trial(declared, out, progress=lambda done, total: seen.append((done, total)))
    written = found.save(out)
    assert [path.name for path in written] == ["outcomes.csv", "summary.csv", "treatment.csv", "trial.html"]
    assert (out / "trial.toml").read_text(encoding="utf-8") == TEXT
    assert seen[-1] == (90, 90)
    assert found.outcomes.height == 3 * 90
    assert found.outcomes.filter(pl.col("arm") == "late")["patient"].to_list() == list(range(1, 91))
    assert found.summary.equals(summary(found.outcomes, 60, 4.0))


def test_trial_goes_on_from_finished_blocks_and_gives_the_same(declared, tmp_path):
    whole = trial(declared)
    out = tmp_path / "out"
    trial(declared, out)
    (out / "blocks" / "00001.parquet").unlink()
    (out / "blocks" / "00002.parquet").unlink()
    resumed = trial(declared, out)
    assert resumed.resumed_patients == 40
    assert resumed.outcomes.equals(whole.outcomes)


def test_trial_plays_nothing_again_when_all_blocks_are_there(declared, tmp_path, monkeypatch):
    out = tmp_path / "out"
    first = trial(declared, out)
    monkeypatch.setattr(workflow, "block_player", lambda *_: pytest.fail("played again"))
    assert trial(declared, out).outcomes.equals(first.outcomes)


def test_trial_refuses_a_folder_of_another_declaration_and_says_what_has_changed(declared, tmp_path):
    out = tmp_path / "out"
    trial(declared, out)
    declared.write_text(TEXT.replace("patients = 90", "patients = 91"), encoding="utf-8")
    with pytest.raises(UsageError, match="patients was 90, is 91"):
        trial(declared, out)
    assert (out / "trial.toml").read_text(encoding="utf-8") == TEXT


def test_trial_is_the_same_in_processes(tmp_path, monkeypatch):
    file = tmp_path / "mine.toml"
    file.write_text(TEXT.replace('policy = "alert"', 'policy = "turning"'), encoding="utf-8")
    monkeypatch.setattr(workflow, "PATIENTS_PER_BLOCK", 40)
    monkeypatch.setattr(workflow, "FEW_BLOCKS", 10)
    here = trial(file)
    monkeypatch.setattr(workflow, "FEW_BLOCKS", 0)
    assert trial(file).outcomes.equals(here.outcomes)


def test_trial_reports_mistakes_before_it_makes_a_folder(declared, tmp_path):
    declared.write_text(TEXT.replace("patients = 90", "patients = 0"), encoding="utf-8")
    with pytest.raises(UsageError, match=r"trial\.patients = 0"):
        trial(declared, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_trial_page_stands_alone_and_escapes_what_was_declared(declared):
    page = trial(declared).report().html
    assert "a &lt;small&gt; trial" in page
    assert "early &amp; watched" in page
    assert "<small>" not in page
    assert "src=" not in page
    assert "<script" not in page
    assert "not a medical device" in page


def test_trial_page_claims_no_difference_when_the_interval_holds_none(declared):
    found = trial(declared)
    page = found.report().html
    row = found.summary.filter((pl.col("arm") == "never") & (pl.col("outcome") == "progression_week")).row(
        0, named=True
    )
    assert row["gained_weeks"] == 0.0
    assert "never against late: no difference shown in the mean time to first progression" in page


BY_CHANCE = (
    TEXT.replace("[alert]", 'clones = "stochastic"\ncarrying_fold = 50\n[alert]')
    + """
[[arm]]
name = "turns"
policy = "alternate"
cycles = 2
[[arm]]
name = "rests"
policy = "holidays"
"""
)


def test_trial_page_speaks_of_dying_out_only_where_clones_go_by_chance(declared):
    without = trial(declared)
    declared.write_text(BY_CHANCE, encoding="utf-8")
    found = trial(declared)
    usual, page = without.report().html, found.report().html
    for words in ("Died out", "divide and die by chance", "arm that alternates", "While a drug is paused"):
        assert words in page
        assert words not in usual
    assert "off_below = 0.5, on_from = 1" in page
    assert without.treatment["extinct_share"].is_null().all()
    row = found.treatment.row(4, named=True)
    own = found.outcomes.filter(pl.col("arm") == "rests")
    assert row["mean_weeks_on_a"] == pytest.approx(own["weeks_on_a"].mean())
    assert row["extinct_share"] == own["extinct_week"].count() / 90
    assert 0.0 <= row["extinct_share_low"] <= row["extinct_share"] <= row["extinct_share_high"] < 0.1


def test_trial_by_chance_is_the_same_in_processes_and_from_finished_blocks(tmp_path, monkeypatch):
    file = tmp_path / "mine.toml"
    file.write_text(BY_CHANCE.replace('policy = "alert"', 'policy = "turning"'), encoding="utf-8")
    monkeypatch.setattr(workflow, "PATIENTS_PER_BLOCK", 40)
    monkeypatch.setattr(workflow, "FEW_BLOCKS", 10)
    here = trial(file, tmp_path / "out")
    (tmp_path / "out" / "blocks" / "00001.parquet").unlink()
    assert trial(file, tmp_path / "out").outcomes.equals(here.outcomes)
    monkeypatch.setattr(workflow, "FEW_BLOCKS", 0)
    assert trial(file).outcomes.equals(here.outcomes)
