"""A study in parts: what is cut reads back, whatever dies, and each verb says of the parts what it says of the whole."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import turnpoint as tp
from turnpoint.criteria.protocol import ProtocolRules
from turnpoint.errors import UsageError
from turnpoint.study.study import Study
from turnpoint.workflows.by_parts import Verb, by_parts
from turnpoint.workflows.partition import MANIFEST, DamagedPartError, digest, partition, partitioned

OAK = Path(tp.__file__).parent / "datasets" / "oak-docetaxel"


@pytest.fixture(scope="module")
def study() -> Study:
    whole = tp.read(OAK)
    return whole.only(whole.patient_ids[:40])


@pytest.fixture(scope="module")
def parts(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parts")
    partition(study, folder, patients=9)
    return folder


def test_parts_read_back_as_the_study(study: Study, parts: Path) -> None:
    found = partitioned(parts)
    assert [part.patients for part in found.parts] == [9, 9, 9, 9, 4]
    read = [found.read(part) for part in found.parts]
    for table in ("patients", "lesions", "markers", "doses", "events"):
        whole = getattr(study, table).drop("source_row")
        together = pl.concat(getattr(one, table).drop("source_row") for one in read)
        assert_frame_equal(together.select(whole.columns), whole)


def test_part_is_read_as_it_is_read_from_its_folder(parts: Path) -> None:
    found = partitioned(parts)
    read, again = found.read(found.parts[1]), tp.read(parts / found.parts[1].name)
    for table in ("patients", "lesions", "markers", "doses", "events"):
        assert_frame_equal(getattr(read, table), getattr(again, table))


def test_part_with_the_columns_of_another_version_is_refused(study: Study, tmp_path: Path) -> None:
    made = partition(study, tmp_path / "parts", patients=20)
    file = tmp_path / "parts" / made.parts[0].name / "lesions.parquet"
    pl.read_parquet(file).drop("method").write_parquet(file)
    digests = {own.name: digest(own) for own in file.parent.glob("*.parquet")}
    with pytest.raises(DamagedPartError, match=r"part-000000: lesions\.parquet has other columns"):
        made.read(replace(made.parts[0], digest=digests))


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("verb", "given_", "table", "whole"),
    [
        ("assess", {"seed": 3}, "assessment", lambda study: tp.assess(study, seed=3).frame),
        ("ahead", {}, "ahead", tp.ahead),
        ("forecast", {}, "forecast", tp.forecast),
        ("metrics", {}, "metrics", tp.metrics),
        ("respond", {}, "responses", lambda study: tp.respond(study).responses),
        ("respond", {}, "best_responses", lambda study: tp.respond(study).best_responses),
    ],
)
def test_parts_say_what_the_whole_says(study, parts, tmp_path, verb, given_, table, whole, workers) -> None:
    found = by_parts(verb, parts, tmp_path / "out", workers=workers, **given_)
    assert (found.parts, found.reused, found.failures) == (5, 0, ())
    together = found.table(table).collect()
    assert found.rows[table] == together.height
    assert_frame_equal(together, whole(study), check_exact=True)


@given(patients=st.integers(1, 50))
@settings(max_examples=4, deadline=None)
def test_result_does_not_depend_on_how_the_study_was_cut(study, patients, tmp_path_factory) -> None:
    folder = tmp_path_factory.mktemp("cut")
    few = study.only(study.patient_ids[:12])
    partition(few, folder / "parts", patients=patients)
    found = by_parts("assess", folder / "parts", folder / "out", workers=1)
    assert_frame_equal(found.table("assessment").collect(), tp.assess(few).frame, check_exact=True)


def test_part_of_whom_nobody_can_be_used_is_as_in_the_whole(tmp_path: Path) -> None:
    def row(patient, day, mm, status):
        return {
            "patient_id": patient,
            "day": day,
            "lesion_id": "T1",
            "role": "target",
            "diameter_mm": mm,
            "status": status,
        }

    rows = [row("A", day, 30.0, "measured") for day in (0, 42)]
    rows += [row("B", day, None, "not_evaluable") for day in (0, 42)]
    (tmp_path / "s").mkdir()
    pl.DataFrame(rows).write_csv(tmp_path / "s" / "lesions.csv")
    study = tp.read(tmp_path / "s")
    partition(study, tmp_path / "parts", patients=1)
    works: tuple[tuple[Verb, str, pl.DataFrame], ...] = (
        ("assess", "assessment", tp.assess(study).frame),
        ("ahead", "ahead", tp.ahead(study)),
        ("forecast", "forecast", tp.forecast(study)),
    )
    for verb, table, whole in works:
        found = by_parts(verb, tmp_path / "parts", tmp_path / verb, workers=1)
        assert found.failures == ()
        assert_frame_equal(found.table(table).collect(), whole, check_exact=True)


def test_second_run_does_only_what_is_missing(parts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = by_parts("metrics", parts, out, workers=1)
    before = first.table("metrics").collect()
    (out / "part-000002" / "metrics.parquet").write_bytes(b"cut off")
    (out / "part-000004" / "done.json").unlink()
    again = by_parts("metrics", parts, out, workers=1)
    assert again.reused == 3
    assert_frame_equal(again.table("metrics").collect(), before)


def test_part_that_changed_is_done_again(study: Study, tmp_path: Path) -> None:
    partition(study.only(study.patient_ids[:4]), tmp_path / "parts", patients=2)
    by_parts("metrics", tmp_path / "parts", tmp_path / "out", workers=1)
    (tmp_path / "parts" / MANIFEST).unlink()
    partition(study.only(study.patient_ids[2:6]), tmp_path / "parts", patients=2)
    assert by_parts("metrics", tmp_path / "parts", tmp_path / "out", workers=1).reused == 0


def test_damaged_part_is_named_and_the_others_are_done(study: Study, tmp_path: Path) -> None:
    partition(study, tmp_path / "parts", patients=10)
    file = tmp_path / "parts" / "part-000001" / "lesions.parquet"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)
    for workers in (1, 2):
        found = by_parts("respond", tmp_path / "parts", tmp_path / f"out{workers}", workers=workers)
        (failure,) = found.failures
        assert failure.part == "part-000001"
        assert "lesions.parquet is not what was written" in failure.reason
        assert found.table("responses").select(pl.col("patient_id").n_unique()).collect().item() == 30
        manifest = json.loads((tmp_path / f"out{workers}" / MANIFEST).read_text(encoding="utf-8"))
        assert list(manifest["failed"]) == ["part-000001"]


def test_part_that_fails_once_is_tried_again(parts: Path, tmp_path: Path, monkeypatch) -> None:
    written, left = pl.DataFrame.write_parquet, [2]

    def full_twice(frame, *given_, **named):
        if left[0] and left.__setitem__(0, left[0] - 1) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return written(frame, *given_, **named)

    monkeypatch.setattr(pl.DataFrame, "write_parquet", full_twice)
    found = by_parts("metrics", parts, tmp_path / "out", workers=1)
    assert [(own.part, own.reason) for own in found.failures] == [("part-000000", "no space left on device")]
    assert sorted(own.name for own in (tmp_path / "out").iterdir()) == [
        MANIFEST,
        *(f"part-00000{n}" for n in range(1, 5)),
    ]
    again = by_parts("metrics", parts, tmp_path / "out", workers=1)
    assert (again.reused, again.failures) == (4, ())


def test_worker_that_is_killed_loses_nothing(study: Study, parts: Path, tmp_path: Path, monkeypatch) -> None:
    from turnpoint.engine import processes

    killed: list[int] = []

    def asked_and_killed(worker, batch):
        if not killed:
            killed.append(worker.pid)
            os.kill(worker.pid, signal.SIGKILL)
        return real(worker, batch)

    real = processes._asked
    monkeypatch.setattr(processes, "_asked", asked_and_killed)
    found = by_parts("metrics", parts, tmp_path / "out", workers=2)
    assert killed
    assert found.failures == ()
    assert_frame_equal(found.table("metrics").collect(), tp.metrics(study))


def test_run_that_is_killed_is_taken_up_again(study: Study, parts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "turnpoint", "assess", str(parts), "--out", str(out), "--workers", "1"]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (out / "part-000001").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    run.kill()
    run.wait()
    found = by_parts("assess", parts, out, workers=1, prior=None, seed=0, false_alerts_per_100=None)
    assert 1 <= found.reused < 5
    assert not [own for own in out.iterdir() if own.name.startswith(".")]
    assert_frame_equal(found.table("assessment").collect(), tp.assess(study).frame, check_exact=True)


def test_results_of_other_arguments_are_not_mixed(parts: Path, tmp_path: Path) -> None:
    by_parts("metrics", parts, tmp_path / "out", workers=1)
    with pytest.raises(UsageError, match="of another study, verb, version or of other arguments"):
        by_parts("ahead", parts, tmp_path / "out", workers=1)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="holds something else"):
        by_parts("metrics", parts, tmp_path / "mine", workers=1)
    with pytest.raises(UsageError, match=r"holds thesis\.txt"):
        partition(tp.read(OAK), tmp_path / "mine")
    with pytest.raises(UsageError, match="not a partitioned study"):
        by_parts("metrics", OAK, tmp_path / "new", workers=1)
    with pytest.raises(UsageError, match="not a verb"):
        by_parts("report", parts, tmp_path / "new", workers=1)  # type: ignore[arg-type]


def test_what_would_depend_on_the_whole_study_must_be_said(parts: Path, tmp_path: Path) -> None:
    rules = ProtocolRules(most_missed_visits=1)
    found = by_parts("respond", parts, tmp_path / "out", workers=1, rules=rules)
    assert {own.reason.split(":")[0] for own in found.failures} == {"--missed-visits"}
    told = ProtocolRules(most_missed_visits=1, visit_interval_days=42)
    assert by_parts("respond", parts, tmp_path / "told", workers=1, rules=told).failures == ()


def dask(what: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments, "--no-dashboard"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The address of a scheduler of our own, and its processes: the scheduler, then two workers."""
    pytest.importorskip("distributed")
    file = tmp_path / "scheduler.json"
    running = [dask("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))]
    try:
        deadline = time.monotonic() + 60
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        address = json.loads(file.read_text(encoding="utf-8"))["address"]
        few = ("--nworkers", "1", "--nthreads", "1", "--no-nanny")
        running += [
            dask("worker", address, *few, "--local-directory", str(tmp_path / f"worker{number}"))
            for number in range(2)
        ]
        yield address, running
    finally:
        for process in running:
            process.kill()
            process.wait()


def test_cluster_says_the_same_and_outlives_a_worker(
    study: Study, parts: Path, tmp_path: Path, cluster
) -> None:
    address, running = cluster
    killed: list[int] = []

    def kill_one(done: int, _all: int) -> None:
        if done and not killed:
            killed.append(running[1].pid)
            running[1].kill()

    found = by_parts("assess", parts, tmp_path / "out", engine=address, progress=kill_one)
    assert killed
    assert found.failures == ()
    assert_frame_equal(found.table("assessment").collect(), tp.assess(study).frame, check_exact=True)


@pytest.mark.slow  # a cluster of its own
def test_scheduler_that_dies_leaves_what_was_done(study: Study, parts: Path, tmp_path: Path, cluster) -> None:
    address, running = cluster

    def kill_all(done: int, _all: int) -> None:
        if done:
            for process in running:
                process.kill()

    found = by_parts("assess", parts, tmp_path / "out", engine=address, progress=kill_all)
    assert found.failures
    assert {"lost on the cluster" in own.reason for own in found.failures} == {True}
    again = by_parts("assess", parts, tmp_path / "out", workers=1)
    assert again.reused >= 1
    assert_frame_equal(again.table("assessment").collect(), tp.assess(study).frame, check_exact=True)


def test_scheduler_that_does_not_answer_is_said(parts: Path, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    with pytest.raises(UsageError, match="no Dask scheduler answers there"):
        by_parts("metrics", parts, tmp_path / "out", engine="nonsense://")
