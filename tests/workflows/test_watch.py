"""Every night: only what changed is assessed, and alerts are new, stand or are withdrawn."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import turnpoint as tp
from turnpoint.errors import UsageError
from turnpoint.study.study import Study
from turnpoint.workflows import watch as module
from turnpoint.workflows.watch import ALERTS, STATE

GROWING = (50, 40, 34, 40, 46, 52)


def study_of(folder: Path, courses: dict[str, tuple[float, ...]]) -> Study:
    rows = [
        {"patient_id": patient, "day": 42 * visit, "lesion_id": "T1", "role": "target", "site": "lung",
         "diameter_mm": mm, "status": "measured"}
        for patient, sizes in courses.items()
        for visit, mm in enumerate(sizes)
    ]  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(rows, schema_overrides={"diameter_mm": pl.Float64}).write_csv(folder / "lesions.csv")
    return tp.read(folder)


def statuses(found) -> dict[str, str]:
    return dict(found.alerts.select("patient_id", "status").iter_rows())


def test_alerts_are_new_then_stand_then_are_withdrawn(tmp_path: Path) -> None:
    out, steady = tmp_path / "out", (50, 45, 40, 36, 33)
    first = tp.watch(study_of(tmp_path / "1", {"A": GROWING[:3], "B": steady}), out)
    assert (statuses(first), first.patients, first.assessed) == ({}, 2, 2)
    second = tp.watch(study_of(tmp_path / "2", {"A": GROWING[:5], "B": steady}), out)
    assert (statuses(second), second.assessed) == ({"A": "new"}, 1)
    third = tp.watch(study_of(tmp_path / "3", {"A": GROWING[:5], "B": steady}), out)
    assert (statuses(third), third.assessed) == ({"A": "standing"}, 0)
    corrected = (*GROWING[:3], 30, 26)
    fourth = tp.watch(study_of(tmp_path / "4", {"A": corrected, "B": steady}), out)
    assert (statuses(fourth), fourth.assessed) == ({"A": "withdrawn"}, 1)
    assert statuses(tp.watch(study_of(tmp_path / "5", {"A": corrected, "B": steady}), out)) == {}


def test_numbers_are_those_of_assess(tmp_path: Path) -> None:
    study = study_of(tmp_path / "s", {"A": GROWING, "B": (50, 40, 30)})
    tp.watch(study.only(["B"]), tmp_path / "out")
    found = tp.watch(study, tmp_path / "out")
    assert found.assessed == 1
    last = tp.assess(study).frame.unique("patient_id", keep="last", maintain_order=True)
    state = pl.read_parquet(tmp_path / "out" / STATE).select(last.columns)
    assert_frame_equal(state, last, check_exact=True)
    told = pl.read_csv(tmp_path / "out" / ALERTS)
    assert told["patient_id"].to_list() == ["A"]
    frame = tp.assess(study).frame.filter(patient_id="A")
    quiet = frame.filter(~pl.col("alert"))["day"].max()
    assert told["alert_since_day"].item() == frame.filter(pl.col("day") > quiet)["day"].min()
    observations = [
        json.loads(line) for line in (tmp_path / "out" / "alerts.fhir.ndjson").read_text().splitlines()
    ]
    assert [own["resourceType"] for own in observations] == ["Observation"]


def test_patient_who_is_gone_is_withdrawn_and_said_to_be_gone(tmp_path: Path) -> None:
    study = study_of(tmp_path / "s", {"A": GROWING, "B": (50, 40, 30)})
    tp.watch(study, tmp_path / "out")
    found = tp.watch(study.only(["B"]), tmp_path / "out")
    assert found.alerts.select("patient_id", "status", "in_data").rows() == [("A", "withdrawn", False)]


def test_order_of_rows_is_no_change_and_another_prior_is(tmp_path: Path) -> None:
    study = study_of(tmp_path / "s", {"A": GROWING, "B": (50, 40, 30)})
    tp.watch(study, tmp_path / "out")
    moved = replace(study, lesions=study.lesions.with_columns(source_row=pl.col("source_row") + 7))
    assert tp.watch(moved, tmp_path / "out").assessed == 0
    assert tp.watch(study, tmp_path / "out", "generic").assessed == 2
    assert tp.watch(study, tmp_path / "out", "generic", seed=1).assessed == 2


@pytest.mark.parametrize("killed_at", ["write_assessment", "write_table"])
def test_killed_run_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: str) -> None:
    out = tmp_path / "out"
    tp.watch(study_of(tmp_path / "1", {"A": GROWING[:3]}), out)
    now = study_of(tmp_path / "2", {"A": GROWING})
    real = getattr(module, killed_at)

    def killed(*given, **named):
        if killed_at == "write_table" and given[1].name != STATE:
            return real(*given, **named)
        raise KeyboardInterrupt

    monkeypatch.setattr(module, killed_at, killed)
    with pytest.raises(KeyboardInterrupt):
        tp.watch(now, out)
    monkeypatch.undo()
    assert statuses(tp.watch(now, out)) == {"A": "new"}


def test_what_the_folder_holds_is_looked_at(tmp_path: Path) -> None:
    study = study_of(tmp_path / "s", {"A": GROWING})
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="holds something else"):
        tp.watch(study, tmp_path / "mine")
    tp.watch(study, tmp_path / "out")
    (tmp_path / "out" / STATE).write_bytes(b"cut off")
    with pytest.raises(UsageError, match="not what was written"):
        tp.watch(study, tmp_path / "out")
