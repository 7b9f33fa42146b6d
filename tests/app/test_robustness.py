"""Nothing that was answered with 201 is lost: many at once, a kill, a full disk, a power cut; and the API as described."""

from __future__ import annotations

import resource
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.app.served import SMALL, Served, start


def visit(day: int, millimetres: float = 37.0) -> dict[str, object]:
    lesion = {"lesion_id": "T1", "role": "target", "diameter_mm": millimetres, "status": "measured"}
    return {"day": day, "lesions": [lesion]}


def patients_of(server: Served) -> list[str]:
    study = f"/api/v1/studies/{server.upload(SMALL).json()['id']}"
    return [f"{study}/patients/{one['id']}" for one in server.get(f"{study}/patients").json()["items"]]


def days_of(server: Served, patient: str) -> set[int]:
    rows = server.get(f"{patient}/rows").json()
    return {int(row["cells"]["day"]) for row in rows if row["table"] == "lesions"}


def verified(folder: Path, *store: str) -> str:
    from tests.app.test_store import command

    done = command("audit", "verify", "--data", str(folder), *store)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.slow
def test_two_hundred_at_once_lose_no_write(served: Served) -> None:
    header, *rows = SMALL["lesions.csv"].decode().splitlines()
    many = [row.replace("B2", f"M{number}") for number in range(10) for row in rows if row.startswith("B2")]
    study = served.upload({"lesions.csv": "\n".join([header, *many, ""]).encode()}).json()["id"]
    listed = served.get(f"/api/v1/studies/{study}/patients").json()["items"]
    patients = [f"/api/v1/studies/{study}/patients/{one['id']}" for one in listed]
    statuses: list[int] = []
    everybody = threading.Barrier(200)

    def work(number: int) -> None:
        patient = patients[number % len(patients)]
        everybody.wait(60)
        statuses.append(served.post(f"{patient}/visits", visit(400 + number)).status)
        statuses.append(served.get(f"{patient}/rows").status)

    with ThreadPoolExecutor(200) as people:
        list(people.map(work, range(200)))
    assert sorted(statuses) == [200] * 200 + [201] * 200
    for place, patient in enumerate(patients):
        assert {400 + number for number in range(place, 200, 10)} <= days_of(served, patient)
        version = served.get(f"{patient}/picture").etag.strip('"').split("-")[0]
        assert int(version) == 1 + 20  # every write made a version of its own


def write_until(server: Served, patient: str, is_over: Callable[[int], bool]) -> set[int]:
    """Visits one after the other from four people; the days that were answered with 201."""
    accepted: set[int] = set()
    over = threading.Event()

    def work(first: int) -> None:
        for day in range(first, 7000, 4):
            if over.is_set():
                return
            try:
                status = server.post(f"{patient}/visits", visit(day)).status
            except OSError:
                return
            if status == 201:
                accepted.add(day)
            if is_over(status):
                over.set()

    people = [threading.Thread(target=work, args=(1000 + number,)) for number in range(4)]
    for person in people:
        person.start()
    for person in people:
        person.join(120)
    return accepted


def test_kill_in_the_middle_of_writes_loses_nothing_that_was_accepted(tmp_path: Path) -> None:
    server = start(tmp_path)
    patient = patients_of(server)[0]
    killer = threading.Timer(4.0, server.process.send_signal, (signal.SIGKILL,))
    killer.start()
    accepted = write_until(server, patient, lambda _: False)
    server.stop()
    assert accepted
    again = start(tmp_path)
    found = days_of(again, patient)
    again.stop()
    assert accepted <= found
    assert len([day for day in found if day >= 1000]) <= len(accepted) + 4  # at most what was on its way
    verified(tmp_path)


def test_full_disk_is_said_and_loses_nothing_that_was_accepted(tmp_path: Path) -> None:
    server = start(tmp_path)
    patient = patients_of(server)[0]
    time.sleep(2)  # until the list is worked out
    # no file of this process may grow past what the store's log has now and a little: to it, the disk is full
    size = max(path.stat().st_size for path in tmp_path.iterdir()) + 200_000
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, size))
    refused: list[int] = []

    def is_over(status: int) -> bool:
        refused.extend([status] if status != 201 else [])
        return bool(refused)

    accepted = write_until(server, patient, is_over)
    answer = server.post(f"{patient}/visits", visit(6999))
    listed = server.get("/api/v1/studies").status
    server.stop()
    assert refused
    assert (answer.status, answer.headers["content-type"]) == (507, "application/problem+json")
    assert listed == 200
    again = start(tmp_path)
    found = days_of(again, patient)
    again.stop()
    assert {day for day in found if day >= 1000} == accepted
    verified(tmp_path)


def test_power_cut_between_log_and_checkpoint_loses_nothing_that_was_accepted(tmp_path: Path) -> None:
    running, cut = tmp_path / "running", tmp_path / "cut"
    server = start(running)
    patient = patients_of(server)[0]
    accepted = set()
    for day in range(1000, 1030):
        assert server.post(f"{patient}/visits", visit(day)).status == 201
        accepted.add(day)
    server.process.send_signal(signal.SIGSTOP)  # the files as the disk has them at one moment
    try:
        assert (running / "turnpoint.sqlite3-wal").stat().st_size > 0
        shutil.copytree(running, cut, ignore=shutil.ignore_patterns("*-shm"))
    finally:
        server.process.send_signal(signal.SIGCONT)
    server.stop()
    with sqlite3.connect(f"file:{running / 'turnpoint.sqlite3'}?mode=ro", uri=True) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    database.close()
    again = start(cut)
    found = days_of(again, patient)
    again.stop()
    assert accepted <= found
    verified(cut)


def test_commit_waits_for_the_disk(tmp_path: Path) -> None:
    """A copy of the files shows what was written; that it also reached the disk is `synchronous=FULL`."""
    from turnpoint.app.configuration import Configuration, database_of

    assert "synchronous=FULL" in str(database_of(Configuration(data=tmp_path))["OPTIONS"])


def test_api_does_what_its_description_says(served: Served) -> None:
    """Schemathesis sends what the description allows and what it does not, to a store with a study in it."""
    import schemathesis
    from hypothesis import HealthCheck, Phase, given, settings
    from schemathesis.core.result import Ok
    from schemathesis.specs.openapi.checks import positive_data_acceptance

    patients = patients_of(served)
    study, patient = patients[0].split("/")[4], patients[0].split("/")[6]
    rows = [row["id"] for row in served.get(f"{patients[0]}/rows").json()]
    known = {"study_id": study, "patient_id": patient, "row_id": rows[-1]}
    schema = schemathesis.openapi.from_dict(served.get("/api/v1/openapi.json").json())
    schema.config.update(base_url=served.base, headers={"Authorization": f"Bearer {served.token}"})
    checked = 0
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()

        @settings(
            max_examples=8,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def holds(case: schemathesis.Case) -> None:
            for name in case.path_parameters:
                case.path_parameters[name] = known[name]
            answer = case.call()
            assert answer.status_code < 500 or answer.status_code == 503, answer.text
            # what breaks a rule of the data is refused with 422, and no schema says all the rules
            case.validate_response(answer, excluded_checks=[positive_data_acceptance])

        holds()
        checked += 1
    assert checked >= 10
    assert not [line for line in served.said if "a fault" in line]
