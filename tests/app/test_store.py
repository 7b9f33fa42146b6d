"""The store: brought forward, backed up while it runs, and its trail, which shows what was tampered with."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.app.served import SMALL, Served, start

VISIT = {"lesions": [{"lesion_id": "T1", "role": "target", "diameter_mm": 41, "status": "measured"}]}
FIRST = Path(__file__).parent / "stores" / "0001.sql"


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "turnpoint", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


def fill(server: Served) -> str:
    """A study with a visit, a correction and a row that was taken out and one that was put back; a patient's address."""
    study = f"/api/v1/studies/{server.upload(SMALL).json()['id']}"
    listed = server.get(f"{study}/patients").json()["items"]
    patient = f"{study}/patients/{next(one['id'] for one in listed if one['patient_id'] == 'B2')}"
    assert server.post(f"{patient}/visits", {"day": 126, **VISIT}).status == 201
    rows = [one["id"] for one in server.get(f"{patient}/rows").json() if one["table"] == "lesions"]
    changed = server.ask("PATCH", f"{patient}/rows/{rows[0]}", {"cells": {"diameter_mm": 44}, "why": "typo"})
    assert changed.status == 200
    assert server.ask("DELETE", f"{patient}/rows/{rows[1]}").status == 200
    return patient


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that nobody serves any more."""
    folder = tmp_path_factory.mktemp("filled")
    server = start(folder)
    fill(server)
    server.stop()
    return folder


def test_store_of_the_first_version_comes_forward(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "turnpoint.sqlite3") as database:
        database.executescript(FIRST.read_text(encoding="utf-8"))
    database.close()
    server = start(tmp_path)
    (study,) = server.get("/api/v1/studies").json()
    patients = server.get(f"/api/v1/studies/{study['id']}/patients").json()["items"]
    assert {one["patient_id"]: one["version"] for one in patients} == {"Ann Secret": 1, "B2": 4}
    patient = next(one["id"] for one in patients if one["patient_id"] == "B2")
    shown = server.get(f"/api/v1/studies/{study['id']}/patients/{patient}/picture").json()
    server.stop()
    assert shown["summary"]["last_sum"]["sum_of_diameters_mm"] == 41
    verified = command("audit", "verify", "--data", str(tmp_path))
    assert (verified.returncode, verified.stdout.split(" lines")[0]) == (0, "4")


def test_models_have_their_migrations(filled: Path) -> None:
    script = (
        "from pathlib import Path\nfrom turnpoint.app.configuration import Configuration\n"
        f"from turnpoint.app.server import prepared\nprepared(Configuration(data=Path({str(filled)!r})))\n"
        "from django.core.management import call_command\n"
        "call_command('makemigrations', 'turnpoint', check=True, dry_run=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout


def test_backup_holds_every_table_of_ours_that_cannot_be_made_anew(filled: Path) -> None:
    script = (
        "from pathlib import Path\nfrom turnpoint.app.configuration import Configuration\n"
        f"from turnpoint.app.server import prepared\nprepared(Configuration(data=Path({str(filled)!r})))\n"
        "from django.apps import apps\nfrom turnpoint.app.backup import _models\n"
        "ours = {model.__name__ for model in apps.get_app_config('turnpoint').get_models()}\n"
        "print(sorted(ours - {model.__name__ for model in _models()}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stdout.split() == ["['Shown']"], done.stderr


@pytest.fixture(scope="module", params=["sqlite to sqlite", "sqlite to postgresql", "postgresql to sqlite"])
def ways(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], ...]:
    """Options of the store that is backed up, and of the one that it is restored into."""

    def store(kind: str) -> list[str]:
        data = ["--data", str(tmp_path_factory.mktemp("ways") / "store")]
        if kind == "sqlite":
            return data
        make: Callable[[], str] = request.getfixturevalue("new_database")
        return [*data, "--database", make()]

    return tuple(store(kind) for kind in request.param.split(" to "))


def test_backup_of_a_running_store_comes_back_whole_in_either_kind(
    ways: tuple[list[str], list[str]], tmp_path: Path
) -> None:
    source, target = ways
    server = start(Path(source[1]), *source[2:])
    patient = fill(server)
    stop, wrong = threading.Event(), list[int]()

    def write() -> None:
        day = 200
        while not stop.is_set():
            day += 7
            answer = server.post(f"{patient}/visits", {"day": day, **VISIT})
            wrong.extend([answer.status] if answer.status != 201 else [])

    writer = threading.Thread(target=write)
    writer.start()
    kept = command("backup", str(tmp_path / "kept.gz"), *source)
    stop.set()
    writer.join()
    rows = server.get(f"{patient}/rows").json()
    server.stop()
    assert (kept.returncode, wrong) == (0, []), kept.stderr
    assert (tmp_path / "kept.gz").stat().st_mode & 0o777 == 0o600
    back = command("restore", str(tmp_path / "kept.gz"), *target)
    assert back.returncode == 0, back.stderr
    again = start(Path(target[1]), *target[2:])
    restored = again.get(f"{patient}/rows").json()
    assert restored == rows[: len(restored)]  # as it stood at one moment
    assert len(restored) >= 4
    assert again.post(f"{patient}/visits", {"day": 7000, **VISIT}).status == 201
    again.stop()
    assert command("audit", "verify", *target).returncode == 0
    twice = command("restore", str(tmp_path / "kept.gz"), *target)
    assert (twice.returncode, "the store is not empty" in twice.stderr) == (2, True)


def test_damaged_backup_is_refused_and_nothing_is_stored(filled: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole.gz"
    assert command("backup", str(whole), "--data", str(filled)).returncode == 0
    assert command("backup", str(whole), "--data", str(filled)).returncode == 2  # overwrites nothing
    content = whole.read_bytes()
    lines = gzip.decompress(content).splitlines(keepends=True)
    changed = [line.replace(b'"44"', b'"45"') if b"turnpoint.row" in line else line for line in lines]
    damaged = {
        "cut.gz": content[: len(content) // 2],
        "text.gz": b"not a backup",
        "other.gz": gzip.compress(b'{"kind": "other"}\n'),
        "newer.gz": gzip.compress(json.dumps({"kind": "turnpoint backup", "form": 2}).encode() + b"\n"),
        "changed.gz": gzip.compress(b"".join(changed)),
        "fewer.gz": gzip.compress(b"".join(line for line in lines if b'"diameter_mm": "41' not in line)),
    }
    assert changed != lines
    target = tmp_path / "target"
    for name, held in damaged.items():
        (tmp_path / name).write_bytes(held)
        done = command("restore", str(tmp_path / name), "--data", str(target))
        assert (done.returncode, name in done.stderr, "Traceback" in done.stderr) == (2, True, False), (
            done.stderr
        )
        with sqlite3.connect(target / "turnpoint.sqlite3") as database:
            assert database.execute("SELECT count(*) FROM turnpoint_study").fetchone() == (0,)
        database.close()


@pytest.fixture
def copy(filled: Path, tmp_path: Path) -> Iterator[tuple[Path, sqlite3.Connection]]:
    """A copy of the store to tamper with."""
    with sqlite3.connect(filled / "turnpoint.sqlite3") as source:
        database = sqlite3.connect(tmp_path / "turnpoint.sqlite3", isolation_level=None)
        source.backup(database)
    source.close()
    yield tmp_path, database
    database.close()


def test_picture_is_kept_under_the_key_of_its_own_rows_whatever_is_stored_meanwhile(
    copy: tuple[Path, sqlite3.Connection],
) -> None:
    script = (
        "import json\nfrom pathlib import Path\nfrom turnpoint.app.configuration import Configuration\n"
        f"from turnpoint.app.server import prepared\nprepared(Configuration(data=Path({str(copy[0])!r})))\n"
        "from turnpoint.app import pictures, store\nfrom turnpoint.app.models import Patient, Row\n"
        "patient = Patient.objects.get(patient_id='Ann Secret')\nkept, author = pictures._kept, store.Author('test')\n"
        "def meanwhile(key):\n"
        "    pictures._kept = kept\n"
        "    row = {'day': '224', 'lesion_id': 'T1', 'role': 'target', 'diameter_mm': '35', 'status': 'measured'}\n"
        "    store.add_rows(patient, {'lesions': [row]}, author)\n"
        "pictures._kept = meanwhile\nkey, document = pictures.document_of(patient)\n"
        "later = pictures.document_of(patient)[1]\n"
        "store.remove_row(Row.objects.get(patient=patient, cells__day='224'), author)\n"
        "again = pictures.document_of(patient)\n"
        "days = [json.loads(one)['summary']['last_day'] for one in (document, later, again[1])]\n"
        "print(again[0] == key, days)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stdout == "True [168.0, 224.0, 168.0]\n", done.stderr


def test_trail_that_nobody_touched_is_whole(copy: tuple[Path, sqlite3.Connection]) -> None:
    done = command("audit", "verify", "--data", str(copy[0]))
    assert (done.returncode, done.stdout[:7]) == (0, "4 lines")


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE turnpoint_change SET who = 'somebody' WHERE number = 2", "line 2 was altered"),
        ("UPDATE turnpoint_change SET at = '2020-01-01 00:00:00' WHERE number = 3", "line 3 was altered"),
        ("UPDATE turnpoint_change SET why = '' WHERE number = 3", "line 3 was altered"),
        ("UPDATE turnpoint_change SET before = 'null' WHERE number = 3", "line 3 was altered"),
        ("UPDATE turnpoint_change SET after = '{}' WHERE number = 2", "line 2 was altered"),
        ("DELETE FROM turnpoint_change WHERE number = 2", "line 2 is missing"),
        ("DELETE FROM turnpoint_change WHERE number = 4", "ends at line 3"),
        ("DELETE FROM turnpoint_change", "ends at line 0"),
        ("UPDATE turnpoint_change SET number = 9 WHERE number = 2", "line 2 is missing"),
        (
            'INSERT INTO turnpoint_change SELECT 5, at, who, action, study, patient, row, "table", before, after, why,'
            " hash, hash FROM turnpoint_change WHERE number = 4",
            "line 5 was altered",
        ),
        (
            "UPDATE turnpoint_row SET cells = replace(cells, '44', '43') WHERE cells LIKE '%44%'",
            "the row that line 3 changed",
        ),
        ("UPDATE turnpoint_row SET removed = 0", "the row that line 4 changed"),
        ("UPDATE turnpoint_row SET removed = 1 WHERE cells LIKE '%\"37.0\"%'", "without a line of the trail"),
        ("DELETE FROM turnpoint_row WHERE cells LIKE '%44%'", "the row that line 3 changed is gone"),
        (
            "UPDATE turnpoint_row SET cells = replace(cells, '60', '66') WHERE cells LIKE '%60.0%'",
            "the study that line 1 added",
        ),
        ("DELETE FROM turnpoint_row WHERE cells LIKE '%\"37.0\"%'", "the study that line 1 added"),
    ],
)
def test_tampering_shows(copy: tuple[Path, sqlite3.Connection], statement: str, said: str) -> None:
    folder, database = copy
    assert database.execute(statement).rowcount > 0
    done = command("audit", "verify", "--data", str(folder))
    assert done.returncode == 1
    assert f"broken: {said}" in done.stdout or said in done.stdout, done.stdout


def test_trail_made_anew_shows_against_a_hash_that_was_noted(copy: tuple[Path, sqlite3.Connection]) -> None:
    folder, _ = copy
    noted = command("audit", "verify", "--data", str(folder)).stdout.split()[-1]
    assert command("audit", "verify", "--data", str(folder), "--last-hash", noted).returncode == 0
    script = (
        "import sys\nfrom pathlib import Path\nfrom turnpoint.app.configuration import Configuration\n"
        "from turnpoint.app.server import prepared\nprepared(Configuration(data=Path(sys.argv[1])))\n"
        "from turnpoint.app.models import ChainEnd, Change\nfrom turnpoint.app.trail import hash_of\nlast = ''\n"
        "for change in Change.objects.order_by('number'):\n"
        "    change.who, change.previous = 'somebody', last\n"
        "    last = change.hash = hash_of(change)\n    change.save()\n"
        "ChainEnd.objects.update(hash=last)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(folder)], check=True, timeout=120, env=dict(os.environ))
    assert command("audit", "verify", "--data", str(folder)).returncode == 0
    against = command("audit", "verify", "--data", str(folder), "--last-hash", noted)
    assert (against.returncode, "noted is not in the trail" in against.stdout) == (1, True)
