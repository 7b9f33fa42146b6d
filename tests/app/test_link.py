"""A patient's own link: what it opens, what it does not, and how it ends."""

from __future__ import annotations

import html
import io
import re
import sqlite3
import subprocess
import sys
import urllib.parse
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.app.served import Answer, Served, start

pytest.importorskip("django")
NAME = "Ann Secret"


def day(ago: int) -> str:
    return (date.today() - timedelta(days=ago)).isoformat()  # noqa: DTZ011  (the day on the wall)


def study() -> dict[str, bytes]:
    """Ann has dates and grew at the last scan, with a new lesion; another patient has days only."""
    ann = "".join(
        f"{NAME},{day(300 - 56 * visit)},,T1,target,liver,{mm},measured\n"
        for visit, mm in enumerate((60, 50, 42, 73))
    )
    new = f"{NAME},{day(132)},,N1,new,bone,12,measured\n"
    other = "".join(f"B2,,{42 * visit},T1,target,lung,{mm},measured\n" for visit, mm in enumerate((40, 41)))
    return {
        "lesions.csv": (
            "patient_id,date,day,lesion_id,role,site,diameter_mm,status\n" + ann + new + other
        ).encode(),
        "events.csv": f"patient_id,date,term,grade\n{NAME},{day(200)},Fatigue,2\n".encode(),
        "patients.csv": f"patient_id,tumour_type,start_date\n{NAME},colorectal cancer,{day(300)}\nB2,,\n".encode(),
    }


class Desk:
    """A desk with a study, and the forms that make and withdraw links."""

    def __init__(self, served: Served, folder: Path | None = None) -> None:
        self.served, self.folder = served, folder
        answer = served.upload(study())
        assert answer.status == 201, answer.body
        self.study = f"/api/v1/studies/{answer.json()['id']}"
        listed = served.get(f"{self.study}/patients").json()["items"]
        self.patients = {one["patient_id"]: one["id"] for one in listed}

    def post(self, path: str, **fields: Any) -> Answer:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.served.ask(
            "POST", path, urllib.parse.urlencode(fields, doseq=True).encode(), headers=kind
        )

    def link(self, name: str = NAME, **fields: Any) -> str:
        answer = self.post(f"/p/{self.patients[name]}/link", do="make", **fields)
        assert answer.status == 200, answer.body
        found = re.search(r"(http://\S+/mine\?link=\S+?)</textarea>", answer.body.decode())
        assert found
        return html.unescape(found[1])

    def withdraw(self, name: str = NAME) -> None:
        assert self.post(f"/p/{self.patients[name]}/link", do="withdraw").status == 302

    def rows(self, table: str, name: str = NAME) -> list[dict[str, Any]]:
        own = self.served.get(f"{self.study}/patients/{self.patients[name]}/rows").json()
        return [{"id": row["id"], **row["cells"]} for row in own if row["table"] == table]

    def trail(self) -> list[dict[str, Any]]:
        answer: list[dict[str, Any]] = self.served.get("/api/v1/audit?limit=1000").json()["items"]
        return answer


class Patient:
    """A browser that came in by a link."""

    def __init__(self, link: str) -> None:
        self.session, self.base = requests.Session(), link.split("/mine", maxsplit=1)[0]
        self.session.get(link)
        self.welcome = self.session.get(f"{self.base}/mine")
        self.came = self.post("/mine")

    def get(self, path: str) -> requests.Response:
        return self.session.get(self.base + path, allow_redirects=False)

    def post(self, path: str, **fields: Any) -> requests.Response:
        token = self.session.cookies.get("csrftoken", "")
        headers = {"Origin": self.base}
        fields["csrfmiddlewaretoken"] = token
        return self.session.post(self.base + path, data=fields, headers=headers, allow_redirects=False)

    def write(self, kind: str, ago: int, **fields: Any) -> requests.Response:
        return self.post(f"/write/{kind}", date=day(ago), **fields)


@pytest.fixture(scope="module")
def desk(served: Served) -> Desk:
    return Desk(served)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("store")
    server = start(folder)
    yield Desk(server, folder)
    server.stop()


def test_link_opens_the_notebook_of_one_patient_and_nothing_else(desk: Desk) -> None:
    patient = Patient(desk.link())
    assert (patient.came.status_code, patient.came.headers["Location"]) == (302, "/")
    for path in ("/", "/write/scan", "/write/blood", "/write/treatment", "/write/feelings", "/written"):
        page = patient.get(path)
        assert page.status_code == 200
        assert not re.search(rf"{NAME}|{desk.patients[NAME]}|>B2<", page.text)
    mine = desk.patients[NAME]
    for path in (
        f"/p/{mine}",
        f"/p/{mine}/rows",
        "/import",
        "/cohort",
        "/new",
        "/words",
        "/tour",
        "/sign-in",
    ):
        assert patient.get(path).status_code == 404
    for path in ("studies", "audit", "openapi.json", f"{desk.study[8:]}/patients/{mine}/report"):
        answer = patient.get(f"/api/v1/{path}")
        assert (answer.status_code, answer.headers["Content-Type"]) == (403, "application/problem+json")
    assert patient.post("/api/v1/studies").status_code == 403


def test_secret_leaves_the_address_and_nothing_happens_before_the_patients_click(desk: Desk) -> None:
    link = desk.link()
    secret = link.partition("=")[2]
    session = requests.Session()
    first = session.get(link, headers={"Sec-Fetch-Site": "cross-site"}, allow_redirects=False)
    cookie = first.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/mine"} <= set(cookie.split("; "))
    assert 'content="0; url=/mine"' in first.text
    assert first.headers["Referrer-Policy"] == "no-referrer"
    assert (first.headers["Cache-Control"], secret in first.text) == ("no-store", False)
    assert desk.trail()[0]["action"] == "link made"  # a program that looks into e-mails opened nothing
    welcome = session.get(f"{desk.served.base}/mine")
    assert secret not in welcome.text
    assert session.get(f"{desk.served.base}/", allow_redirects=False).status_code == 401
    headers = {"Origin": desk.served.base}
    assert (
        session.post(f"{desk.served.base}/mine", headers=headers).status_code == 403
    )  # no token of the form
    data = {"csrfmiddlewaretoken": session.cookies["csrftoken"]}
    came = session.post(f"{desk.served.base}/mine", data=data, headers=headers, allow_redirects=False)
    assert {"HttpOnly", "SameSite=Strict"} <= set(re.split(r"; |, ", came.headers["Set-Cookie"]))
    assert "turnpoint-link" not in session.cookies
    assert desk.trail()[0]["action"] == "link first opened"


def test_trail_says_who_made_used_and_withdrew_a_link_and_nothing_of_its_secret(desk: Desk) -> None:
    desk.withdraw()
    before = len(desk.trail())
    link = desk.link()
    Patient(link)
    Patient(link)  # a second device is no second first time
    desk.withdraw()
    lines = desk.trail()[: len(desk.trail()) - before]
    assert [(line["action"], line["who"]) for line in lines] == [
        ("link withdrawn", "this computer"),
        ("link first opened", "the patient"),
        ("link made", "this computer"),
    ]
    secret = link.rpartition(".")[2]
    assert secret not in str(desk.trail())
    assert secret not in desk.served.get(f"/p/{desk.patients[NAME]}/link").body.decode()
    page = desk.served.get(f"/p/{desk.patients[NAME]}/history").body.decode()
    assert "link withdrawn" in page
    assert not any(secret in line for line in desk.served.said)


def test_withdrawn_link_ends_its_sessions_at_once(desk: Desk) -> None:
    link = desk.link()
    patient = Patient(link)
    assert patient.get("/").status_code == 200
    desk.withdraw()
    answer = patient.get("/written")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/mine")
    assert "closed" in patient.get("/mine").text
    assert Patient(link).welcome.status_code == 403
    newer = desk.link()
    older = Patient(newer)
    desk.link()  # another one takes its place
    assert older.get("/").status_code == 302


def test_closing_the_notebook_ends_the_session(desk: Desk) -> None:
    patient = Patient(desk.link())
    assert patient.post("/sign-out").headers["Location"] == "/mine"
    assert patient.get("/").status_code == 401


def test_what_the_patient_enters_is_marked_and_the_clinics_rows_stay(desk: Desk) -> None:
    patient = Patient(desk.link())
    before = {table: desk.rows(table) for table in ("lesions", "events", "patients")}
    fields = {"marker": "CEA", "value": "12,5", "unit": "ng/mL", "upper_limit": "5"}
    assert patient.write("blood", 20, **fields).status_code == 302
    assert patient.write("scan", 76, spot="T1", size="70", seen="measured").status_code == 302
    assert (
        patient.write("scan", 132, spot="T1", size="9", seen="measured").status_code == 422
    )  # the clinic's day
    assert patient.write("feelings", 10, **{"feeling-Fatigue": "0"}).status_code == 422
    assert patient.write("feelings", 10, **{"feeling-Fatigue": "3", "feeling-Nausea": "1"}).status_code == 302
    assert "told at once" in patient.get("/").text  # what to do when it is bad now
    assert patient.write("feelings", 5, **{"feeling-Fatigue": "0"}).status_code == 302  # their own ends
    for table, rows in before.items():
        assert [row for row in desk.rows(table) if row["id"] in {one["id"] for one in rows}] == rows
    for row in (*before["lesions"], *before["patients"]):
        for do in ("remove", "change", "restore"):
            assert patient.post(f"/written/{row['id']}", do=do, date=day(1), size="1").status_code == 404
    assert {line["who"] for line in desk.trail()[:4]} == {"the patient"}
    listed = desk.served.get(f"/p/{desk.patients[NAME]}/rows").body.decode()
    assert listed.count("entered by the patient<") == 4
    assert "4 rows were entered by the patient." in desk.served.get(f"/p/{desk.patients[NAME]}").body.decode()

    own = next(row["id"] for row in desk.rows("markers"))
    assert patient.post(f"/written/{own}", date=day(20), value="13").status_code == 302
    address = f"/p/{desk.patients[NAME]}/rows/{own}"
    version = desk.served.get(f"{desk.study}/patients").json()
    seen = next(one["version"] for one in version["items"] if one["patient_id"] == NAME)
    assert desk.post(address, seen=seen, do="change", **{"cell-value": "12.6"}).status == 302
    assert (
        patient.post(f"/written/{own}", date=day(20), value="99").status_code == 404
    )  # corrected by the clinic
    assert (
        "entered by the patient, corrected here"
        in desk.served.get(f"/p/{desk.patients[NAME]}/rows").body.decode()
    )
    patient.post("/prepare", do="keep", matters="My garden.", notes="A private thought.")
    assert "A private thought." in patient.get("/prepare").text
    assert "private thought" not in str(desk.trail())


def test_results_of_the_clinic_are_shown_only_after_the_question(local: Desk) -> None:
    patient = Patient(local.link())
    hidden = re.compile(r"73 mm|N1|12 mm|grown")
    for path in ("/", "/write/scan", "/written", "/sheet", "/course", "/prepare"):
        page = patient.get(path).text
        assert hidden.search(page.partition("<main")[2]) is None, path
    assert "liver T1" in patient.get("/write/scan").text  # a size can be written all the same
    assert "data-figure" not in patient.get("/course").text
    assert patient.get("/course/report.pdf").status_code == 404
    assert patient.get("/file.zip").headers["Location"] == "/course"
    assert "Would you like to see" in patient.get("/course").text

    assert patient.post("/course/open").status_code == 302
    course = patient.get("/course")
    assert "grown" in course.text
    assert NAME not in course.text
    assert "73 mm" in patient.get("/written").text
    packed = patient.get("/file.zip").content
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        text = "".join(archive.read(name).decode() for name in archive.namelist())
    assert not any(private in text for private in (NAME, "B2"))
    assert "73" in text

    lesion = {"lesion_id": "T1", "role": "target", "site": "liver", "diameter_mm": 91, "status": "measured"}
    visit = {"date": day(3), "lesions": [lesion]}
    assert local.served.post(f"{local.study}/patients/{local.patients[NAME]}/visits", visit).status == 201
    assert "91 mm" not in patient.get("/").text  # newer results are asked about again
    assert "Would you like to see" in patient.get("/course").text


def test_link_needs_the_first_day_of_treatment(local: Desk) -> None:
    address = f"/p/{local.patients['B2']}/link"
    assert local.post(address, do="make").status == 422
    patient = Patient(local.link("B2", start_date=day(100)))
    assert patient.post("/course/open").status_code == 302
    assert "41 mm" in patient.get("/written").text  # days are dates there


def test_link_runs_out(local: Desk) -> None:
    assert local.folder is not None
    link = local.link()
    patient = Patient(link)
    with sqlite3.connect(local.folder / "turnpoint.sqlite3", timeout=60) as database:
        database.execute("UPDATE turnpoint_link SET until = '2020-01-01 00:00:00'")
    database.close()
    assert patient.get("/").headers["Location"] == "/mine"
    assert Patient(link).welcome.status_code == 403
    assert "This patient has no link." in local.served.get(f"/p/{local.patients[NAME]}/link").body.decode()


@pytest.mark.parametrize(
    "fault", ["", ".", "x", "{id}.", "{id}.wrong", "{id}", "\0.x", "é.é", "{other}.{secret}"]
)
def test_faulty_link_opens_nothing(local: Desk, fault: str) -> None:
    link_id, _, secret = local.link().partition("=")[2].partition(".")
    other = local.link("B2", start_date=day(100)).partition("=")[2].partition(".")[0]
    given = urllib.parse.quote(fault.format(id=link_id, secret=secret, other=other))
    patient = Patient(f"{local.served.base}/mine?link={given}")
    assert patient.welcome.status_code in (200, 403)  # closed, or no link of this server
    assert patient.get("/").status_code == 401


def test_desk_says_that_a_link_of_this_computer_reaches_nobody_else(local: Desk) -> None:
    page = local.served.get(f"/p/{local.patients[NAME]}/link").body.decode()
    assert "on this computer only" in page


def test_store_keeps_no_secret_and_a_backup_brings_the_link_back(local: Desk, tmp_path: Path) -> None:
    assert local.folder is not None
    link = local.link()
    secret = link.rpartition(".")[2].encode()
    for file in local.folder.glob("turnpoint.sqlite3*"):
        assert secret not in file.read_bytes()
    saved = tmp_path / "saved"
    for words in (
        ["backup", str(saved), "--data", str(local.folder)],
        ["restore", str(saved), "--data", str(tmp_path / "new")],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "turnpoint", *words], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    server = start(tmp_path / "new")
    try:
        moved = link.replace(local.served.base, server.base)
        assert Patient(moved).get("/").status_code == 200
        assert local.served.get("/healthz").status == 200
    finally:
        server.stop()


def test_wrong_links_are_counted(new_desk: Callable[[], Desk]) -> None:
    own = new_desk()
    session = requests.Session()
    session.get(f"{own.served.base}/mine?link=a.b")
    cookies = {"turnpoint-link": "a.b"}
    answers = [session.get(f"{own.served.base}/mine", cookies=cookies).status_code for _ in range(22)]
    assert answers[:20] == [403] * 20
    assert answers[-1] == 429
    assert Patient(own.link()).came.status_code == 302  # the right one still opens


@pytest.fixture
def new_desk(tmp_path: Path) -> Iterator[Callable[[], Desk]]:
    servers: list[Served] = []

    def made() -> Desk:
        servers.append(start(tmp_path / "counted"))
        return Desk(servers[-1])

    yield made
    for server in servers:
        server.stop()


def test_notebooks_server_tells_no_results_by_its_api(tmp_path: Path) -> None:
    server = start(tmp_path / "notebook", "--notebook")
    try:
        answer = server.upload(study())
        base = f"/api/v1/studies/{answer.json()['id']}"
        patients = server.get(f"{base}/patients").json()["items"]
        assert {str(one["line"]) for one in patients} == {"{}"}
        for one in patients:
            for path in ("picture", "report", "report?audience=patient&format=pdf"):
                assert server.get(f"{base}/patients/{one['id']}/{path}").status == 404
        assert [
            server.get(f"{base}/export?format={kind}").status for kind in ("study", "adam", "sdtm", "fhir")
        ] == [
            200,
            404,
            404,
            404,
        ]
        assert server.get("/mine?link=a.b").status == 404
    finally:
        server.stop()
