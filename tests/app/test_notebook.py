"""What the notebook makes of what a patient writes: rows of the study's tables, read by their own rules."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.app.served import Answer, Served, start

pytest.importorskip("django")


def day(ago: int) -> str:
    return (date.today() - timedelta(days=ago)).isoformat()  # noqa: DTZ011  (the day on the wall)


class Notebook:
    """A notebook with its first page filled in, written to as its forms do."""

    def __init__(self, served: Served) -> None:
        self.served = served
        assert self.post("/begin", date=day(300), tumour="colorectal cancer").status == 302

    def post(self, path: str, **fields: Any) -> Answer:
        body = urllib.parse.urlencode(fields, doseq=True).encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.served.ask("POST", path, body, headers=kind)

    def write(self, kind: str, ago: int, **fields: Any) -> Answer:
        return self.post(f"/write/{kind}", date=day(ago), **fields)

    def scan(self, ago: int, size: str, **fields: Any) -> Answer:
        return self.write("scan", ago, site="liver", new_size=size, is_new="new", **fields)

    def feel(self, ago: int, **grades: str) -> Answer:
        return self.write("feelings", ago, **{f"feeling-{term}": grade for term, grade in grades.items()})

    def rows(self, table: str) -> list[dict[str, Any]]:
        study = self.served.get("/api/v1/studies").json()[0]["id"]
        patient = self.served.get(f"/api/v1/studies/{study}/patients").json()["items"][0]["id"]
        own = self.served.get(f"/api/v1/studies/{study}/patients/{patient}/rows").json()
        return [row["cells"] for row in own if row["table"] == table]

    def grades(self, term: str) -> list[tuple[str, str, str | None]]:
        return [
            (row["grade"], row["date"], row.get("end_date"))
            for row in self.rows("events")
            if row["term"] == term
        ]


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    server = start(tmp_path_factory.mktemp("notebook"), "--notebook")
    yield Notebook(server)
    server.stop()


def test_side_effect_lasts_until_another_severity_is_written(notebook: Notebook) -> None:
    assert notebook.feel(50, Fatigue="2").status == 302
    notebook.feel(40, Fatigue="2")  # still the same: nothing new
    notebook.feel(30, Fatigue="3")
    notebook.feel(20, Fatigue="0")
    notebook.feel(10, Fatigue="1")
    assert notebook.grades("Fatigue") == [
        ("2", day(50), day(31)),
        ("3", day(30), day(21)),
        ("1", day(10), None),
    ]


def test_side_effect_of_one_day_is_corrected_by_writing_it_again(notebook: Notebook) -> None:
    notebook.feel(15, Nausea="1")
    notebook.feel(15, Nausea="2")
    assert notebook.grades("Nausea") == [("2", day(15), None)]
    notebook.feel(15, Nausea="0")
    assert notebook.grades("Nausea") == []


def test_side_effect_is_not_written_before_what_stands_later(notebook: Notebook) -> None:
    notebook.feel(5, Pain="1")
    assert notebook.feel(8, Pain="2").status == 422
    assert notebook.grades("Pain") == [("1", day(5), None)]


def test_grade_that_ctcae_has_not_for_a_term_is_not_taken(notebook: Notebook) -> None:
    notebook.feel(4, Diarrhea="4")
    assert [grade for grade, *_ in notebook.grades("Diarrhea")] == ["4"]
    assert notebook.feel(3, Anxiety="2").status == 422  # nothing was written
    notebook.feel(3, Constipation="4", **{"Rash maculo-papular": "4"})
    assert notebook.grades("Rash maculo-papular") == []


@pytest.mark.parametrize(
    ("size", "unit", "stored"),
    [("23", "mm", "23"), ("2,3", "cm", "23"), ("0.5", "cm", "5"), ("50", "cm", "500")],
)
def test_size_is_kept_in_mm(notebook: Notebook, size: str, unit: str, stored: str) -> None:
    before = len(notebook.rows("lesions"))
    assert notebook.scan(100 + before, size, unit=unit).status == 302
    assert notebook.rows("lesions")[-1]["diameter_mm"] == stored


@pytest.mark.parametrize("size", ["", "-3", "0", "501", "1e3", "12 x 9", "٣"])
def test_size_that_is_none_is_refused_and_nothing_is_kept(notebook: Notebook, size: str) -> None:
    before = notebook.rows("lesions")
    assert notebook.scan(90, size, unit="mm").status == 422
    assert notebook.rows("lesions") == before


def test_day_that_is_still_ahead_is_refused(notebook: Notebook) -> None:
    assert notebook.scan(-1, "20").status == 422
    assert notebook.scan(0, "20").status == 302


def test_first_scan_has_targets_and_what_comes_later_is_new_or_followed_in_words(tmp_path: Path) -> None:
    server = start(tmp_path / "own", "--notebook")
    try:
        own = Notebook(server)
        own.write("scan", 305, site=["liver", "lymph node"], new_size=["30", "18"], is_new=["new", "new"])
        own.write(
            "scan",
            200,
            spot=["T1", "T2"],
            size=["24", ""],
            seen=["measured", "absent"],
            site=["lung"],
            new_size=["9"],
            is_new=["before"],
        )
        own.write("scan", 100, site="bone", new_size="12", is_new="new")
        told = {(row["lesion_id"], row["date"]): row for row in own.rows("lesions")}
        assert {key: (row["role"], row["status"]) for key, row in told.items()} == {
            ("T1", day(305)): ("target", "measured"),
            ("T2", day(305)): ("target", "measured"),
            ("T1", day(200)): ("target", "measured"),
            ("T2", day(200)): ("target", "absent"),
            ("T3", day(200)): ("non_target", "present"),
            ("N1", day(100)): ("new", "measured"),
        }
        assert told["T2", day(305)]["node"] == "true"
        assert own.write("scan", 200, spot="T1", size="25", seen="measured").status == 422  # written already
    finally:
        server.stop()


def test_first_dose_may_be_written_before_any_scan(tmp_path: Path) -> None:
    server = start(tmp_path / "own", "--notebook")
    try:
        own = Notebook(server)
        assert (
            own.write("treatment", 10, drug="Irinotecan", taken="given", dose="300", dose_unit="mg").status
            == 302
        )
        assert [row["drug"] for row in own.rows("doses")] == ["Irinotecan"]
        assert "/course/open" not in server.get("/course").body.decode()
        assert server.get("/file.zip").status == 422
    finally:
        server.stop()


def test_every_change_of_what_is_prepared_is_in_the_trail(notebook: Notebook) -> None:
    notebook.post("/prepare", do="keep", own="May I swim?", matters="The sea", notes="")
    last = notebook.served.get("/api/v1/audit?limit=1").json()["items"][0]
    assert last["action"] == "preparation changed"
    assert last["after"] == {"questions": ["May I swim?"], "matters": "The sea", "notes": ""}
    notebook.post("/prepare", do="keep", matters="The sea", notes="")
    assert notebook.served.get("/api/v1/audit?limit=1").json()["items"][0]["number"] == last["number"]


def test_desk_is_not_behind_the_notebook(notebook: Notebook) -> None:
    for address in ("/import", "/cohort", "/new", "/p/x/rows"):
        assert notebook.served.get(address).status == 404
