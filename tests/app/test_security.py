"""What docs/security.md promises, each promise a test."""

from __future__ import annotations

import io
import json
import re
import socket
import struct
import time
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import requests

from tests.app.served import SMALL, Served, start

SECRET_NAME = "Ann Secret"  # noqa: S105
CSP = (
    "default-src 'none'; script-src 'self'; style-src-elem 'self'; style-src-attr 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
SECONDS = 5.0


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    server = start(tmp_path_factory.mktemp("store"))
    assert server.upload(SMALL).status == 201
    yield server
    server.stop()


@pytest.fixture(scope="module")
def patient(here: Served) -> str:
    """The opaque address of a page."""
    study = here.get("/api/v1/studies").json()[0]["id"]
    listed = here.get(f"/api/v1/studies/{study}/patients").json()["items"]
    return next(one["id"] for one in listed if one["patient_id"] == SECRET_NAME)


@pytest.fixture
def browser(here: Served) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.get(f"{here.base}/?token={here.token}")
        yield session


def directives(header: str) -> dict[str, str]:
    return dict(part.strip().partition(" ")[::2] for part in header.split(";"))


def token_of(page: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert found
    return found[1]


def test_token_becomes_a_session_and_leaves_the_address(here: Served) -> None:
    with requests.Session() as session:
        first = session.get(f"{here.base}/?token={here.token}&study=x", allow_redirects=False)
        assert session.get(f"{here.base}/").status_code == 200
    assert (first.status_code, first.headers["Location"]) == (302, "/?study=x")
    cookie = first.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert here.token not in cookie


def test_token_leads_to_no_other_site(here: Served) -> None:
    answer = here.ask("GET", f"//evil.example/?token={here.token}", token=None)
    assert answer.headers.get("location", "/").startswith("/")
    assert not answer.headers.get("location", "/").startswith("//")


@pytest.mark.parametrize("path", ["/", "/import", "/api/v1/studies", "/api/v1/openapi.json", "/words"])
def test_nothing_is_shown_without_the_token(here: Served, path: str) -> None:
    for token in (None, "wrong", here.token[:-1]):
        assert here.get(path, token=token).status == 401
    assert requests.get(f"{here.base}{path}?token=wrong", timeout=30).status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "192.168.1.5"])
def test_another_host_is_turned_away_even_with_the_token(here: Served, host: str) -> None:
    assert here.get("/", headers={"Host": host}).status == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_site_cannot_change_anything(
    here: Served, browser: requests.Session, headers: dict[str, str]
) -> None:
    form = {"csrfmiddlewaretoken": token_of(browser.get(f"{here.base}/").text), "lang": "zh"}
    assert browser.post(f"{here.base}/language", data=form, headers=headers).status_code == 403
    allowed = browser.post(f"{here.base}/language", data=form, headers={"Origin": here.base})
    assert (allowed.status_code, 'lang="zh-Hans"' in allowed.text) == (200, True)


def test_form_without_its_token_changes_nothing(
    here: Served, browser: requests.Session, patient: str
) -> None:
    form = {"lang": "zh", "day": "400", "csrfmiddlewaretoken": "x" * 64}
    for path in ("/language", f"/p/{patient}/visit", "/import", "/tour", "/"):
        assert browser.post(f"{here.base}{path}", data=form).status_code == 403
    study = here.get("/api/v1/studies").json()[0]["id"]
    address = f"{here.base}/api/v1/studies/{study}/patients/{patient}/visits"
    assert browser.post(address, json={"day": 400}).status_code == 403  # a session, too, needs it in the API


def test_policy_is_exact_and_every_page_keeps_it(
    here: Served, browser: requests.Session, patient: str
) -> None:
    for path in ("/", "/import", f"/p/{patient}", f"/p/{patient}/visit", f"/p/{patient}/rows", "/nothing"):
        answer = browser.get(f"{here.base}{path}")
        assert directives(answer.headers["Content-Security-Policy"]) == directives(CSP)
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "no-store"
        # what a chart is drawn from is data, which no browser runs
        runs = r'<script(?! type="application/json")(?![^>]*\bsrc=)|\son\w+=|javascript:'
        assert not re.findall(runs, answer.text)
        outside = re.findall(r'(?:src|href|action)="(?:https?:)?//[^"]*', answer.text)
        assert [link for link in outside if "src" in link or "action" in link] == []


def test_report_of_its_own_runs_nothing(here: Served, patient: str) -> None:
    study = here.get("/api/v1/studies").json()[0]["id"]
    answer = here.get(f"/api/v1/studies/{study}/patients/{patient}/report")
    policy = directives(answer.headers["content-security-policy"])
    assert policy["default-src"] == "'none'"
    assert "script-src" not in policy


def test_identifier_is_in_no_address_title_log_or_error(
    here: Served, browser: requests.Session, patient: str
) -> None:
    pages = [
        "/",
        f"/p/{patient}",
        f"/p/{patient}/visit",
        f"/p/{patient}/rows",
        f"/p/{patient}/history",
        "/import",
    ]
    for path in pages:
        text = browser.get(f"{here.base}{path}").text
        title = re.search(r"<title>(.*?)</title>", text)
        assert title
        assert "Ann" not in title[1]
        assert not [
            link for link in re.findall(r'(?:href|action|src|hx-\w+)="([^"]*)"', text) if "Ann" in link
        ]
    page = browser.get(f"{here.base}/").text
    looked = browser.post(f"{here.base}/", data={"csrfmiddlewaretoken": token_of(page), "q": "Secret"})
    assert looked.url == f"{here.base}/"
    assert SECRET_NAME in looked.text
    assert 'method="post"' in page.split('role="search"')[1].split(">")[0]
    study = here.get("/api/v1/studies").json()[0]["id"]
    listed = f"/api/v1/studies/{study}/patients"
    wrong = [
        browser.get(f"{here.base}/p/{SECRET_NAME}"),
        browser.get(f"{here.base}{listed}/{SECRET_NAME}/picture"),
        browser.get(f"{here.base}/%ff"),
    ]
    for answer in wrong:
        assert answer.status_code == 404
        assert SECRET_NAME not in answer.text
    bad = SMALL["lesions.csv"].replace(b",60,", b",-60,")
    assert SECRET_NAME.encode() not in here.upload({"lesions.csv": bad}).body
    assert "Ann" not in "".join(here.said)


FAULTY = """
import sys
from pathlib import Path
from turnpoint.app.configuration import Configuration
from turnpoint.app.server import prepared, serve
configuration = Configuration(data=Path(sys.argv[1]), port=0)
prepared(configuration)
import turnpoint.app.store as store
def fail(*_a, **_k):
    raise ValueError("Ann Secret has 60 mm")
store.add_rows = fail
store.preview = fail
serve(configuration, lambda address: print(address, flush=True))
"""


def test_unhandled_fault_is_answered_calmly_and_logged_without_a_word_of_the_data(tmp_path: Path) -> None:
    import subprocess
    import sys

    process = subprocess.Popen(
        [sys.executable, "-c", FAULTY, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    base, token = line.strip().split("/?token=") if "token" in line else ("", process.communicate()[1])
    assert base, token
    try:
        server = Served(process, base, token, [], None)
        study = server.upload(SMALL).json()["id"]
        one = server.get(f"/api/v1/studies/{study}/patients").json()["items"][0]["id"]
        visit = {"day": 1, "lesions": [{"lesion_id": "T1"}]}
        answer = server.post(f"/api/v1/studies/{study}/patients/{one}/visits", visit)
        form = b"lesion_id=T1&diameter_mm=3&day=1"
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        page = server.ask("POST", f"/p/{one}/visit/preview", form, headers=headers)
        assert server.get("/healthz").status == 200
    finally:
        process.terminate()
        _, said = process.communicate(timeout=30)
    assert (answer.status, answer.headers["content-type"]) == (500, "application/problem+json")
    assert (page.status, b"Something went wrong" in page.body) == (500, True)
    assert said.count("a fault: ValueError in app/") == 2
    for text in (answer.body.decode(), page.body.decode(), said):
        assert "60 mm" not in text
        assert "Ann" not in text
        assert "Traceback" not in text


def xlsx(sheet: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
    return made.getvalue()


def bomb() -> bytes:
    """A workbook of a few hundred kB that says it unpacks to 600 MB, and does."""
    made = io.BytesIO()
    with (
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/sheet.xml", "w") as member,
    ):
        for _ in range(600):
            member.write(bytes(2**20))
    return made.getvalue()


def lying_bomb() -> bytes:
    """The same that says it unpacks to 1,000 bytes."""
    content, size = bomb(), struct.pack("<I", 600 * 2**20)
    assert content.count(size) == 2
    return content.replace(size, struct.pack("<I", 1000))


def parquet(damage: int) -> bytes:
    made = io.BytesIO()
    pl.DataFrame({"patient_id": ["a"] * 500, "day": range(500), "lesion_id": ["T"] * 500}).write_parquet(made)
    content = bytearray(made.getvalue())
    if damage < 0:
        content[damage : damage + 4] = b"\xff\xff\xff\x7f"  # the length of what stands before it
    else:
        content[damage : damage + 200] = bytes(200)
    return bytes(content)


HOSTILE = {
    "zip bomb": ("study.xlsx", bomb),
    "zip bomb that lies": ("study.xlsx", lying_bomb),
    "damaged workbook": ("study.xlsx", lambda: xlsx(b"<worksheet>" * 1000)),
    "Parquet whose head is damaged": ("lesions.parquet", lambda: parquet(100)),
    "Parquet whose foot is damaged": ("lesions.parquet", lambda: parquet(-8)),
    "Parquet cut": ("lesions.parquet", lambda: parquet(-8)[:-20]),
    "nulls": ("lesions.csv", lambda: bytes(20 * 2**20)),
    "random": ("lesions.csv", lambda: zlib.compress(bytes(range(256)) * 4000)),
    "no name": ("", lambda: b"\0\1\2"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_file_is_refused_soon_while_the_server_goes_on(here: Served, kind: str) -> None:
    name, make = HOSTILE[kind]
    content = make()
    before = len(here.get("/api/v1/studies").json())
    begun = time.monotonic()
    answer = here.upload({name: content})
    assert answer.status in (400, 413, 422), answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    assert here.get("/healthz").status == 200
    assert time.monotonic() - begun < SECONDS
    assert len(here.get("/api/v1/studies").json()) == before


def flooded(here: Served, head: str, piece: bytes, most: int) -> tuple[bytes, int]:
    """Send until the server has enough; its first line, and how much it took."""
    host, port = here.base.removeprefix("http://").split(":")
    sent = 0
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(
            f"POST /api/v1/studies HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {here.token}\r\n"
            f"Content-Type: multipart/form-data; boundary=x\r\n{head}\r\n\r\n".encode()
        )
        connection.settimeout(0.0)
        answer = b""
        deadline, left = time.monotonic() + 60, b""
        while sent < most and not answer and time.monotonic() < deadline:
            try:
                left = left or piece
                taken = connection.send(left)
                sent, left = sent + taken, left[taken:]
            except BlockingIOError:
                time.sleep(0.001)
            except OSError:
                break
            try:
                answer = connection.recv(65536)
            except BlockingIOError:
                pass
            except OSError:
                break
        if not answer:
            connection.settimeout(10)
            try:
                answer = connection.recv(65536)
            except OSError:
                answer = b""
    return answer.split(b"\r\n")[0], sent


def test_two_gigabytes_of_nulls_are_refused_at_the_head(here: Served) -> None:
    begun = time.monotonic()
    line, sent = flooded(here, f"Content-Length: {2 * 2**30}", bytes(2**16), 2 * 2**30)
    assert b" 413 " in line
    assert sent < 16 * 2**20
    assert time.monotonic() - begun < SECONDS
    assert here.get("/healthz").status == 200


def test_nulls_without_an_end_are_refused_at_the_limit(here: Served) -> None:
    begun = time.monotonic()
    size = 2**18
    piece = f"{size:x}\r\n".encode() + bytes(size) + b"\r\n"
    line, sent = flooded(here, "Transfer-Encoding: chunked", piece, 2 * 2**30)
    assert b" 413 " in line or line == b""  # a client that goes on sending may be cut off before it reads
    assert sent < 128 * 2**20
    assert time.monotonic() - begun < 4 * SECONDS
    assert here.get("/healthz").status == 200


@pytest.mark.parametrize(
    "name",
    [
        "../../evil.csv",
        "/etc/evil.csv",
        "..\\..\\evil.csv",
        "a/../../lesions.csv",
        ".",
        "..",
        "x" * 5000,
        "nul\0.csv",
    ],
)
def test_name_of_a_file_leads_nowhere(here: Served, name: str, tmp_path: Path) -> None:
    def found() -> set[Path]:
        return {place for root in (Path("/tmp"), Path("/etc"), Path.cwd()) for place in root.glob("evil*")}  # noqa: S108

    before = found()
    answer = here.upload({name: b"x,y\n1,2\n"})
    assert answer.status in (400, 422)
    assert found() == before


@pytest.mark.parametrize(
    ("text", "is_refused"),
    [
        ("=cmd|' /C calc'!A0", True),
        ("@SUM(1)", True),
        ("+SUM(1)", True),
        ("-SUM(1)", True),
        ("liver", False),
        ("left = right", False),
        ("-4", False),
        ("+4.5", False),
    ],
)
def test_formula_is_refused_wherever_it_comes_in(
    here: Served, patient: str, text: str, is_refused: bool
) -> None:
    lesions = SMALL["lesions.csv"].replace(b"liver", text.encode())
    uploaded = here.upload({**SMALL, "lesions.csv": lesions})
    study = here.get("/api/v1/studies").json()[0]["id"]
    row = {"lesion_id": "T9", "role": "non_target", "status": "present", "site": text}
    address = f"/api/v1/studies/{study}/patients/{patient}"
    day = 3000 + len(here.get(f"{address}/rows").json())
    entered = here.post(f"{address}/visits", {"day": day, "lesions": [row]})
    rows = here.get(f"{address}/rows").json()
    row_id = next(one["id"] for one in rows if one["table"] == "lesions")
    corrected = here.ask("PATCH", f"{address}/rows/{row_id}", {"cells": {"site": text}})
    if is_refused:
        for answer in (uploaded, entered, corrected):
            assert answer.status == 422
            (problem,) = (one for one in answer.json()["problems"] if one["severity"] == "error")
            assert "formula" in problem["rule"]
            assert (problem["column"], problem["value"]) == ("site", text)
    else:
        assert [uploaded.status, entered.status] == [201, 201]


def test_formula_in_an_identifier_is_refused_without_saying_it(here: Served) -> None:
    lesions = SMALL["lesions.csv"].replace(b"B2", b"=B2")
    answer = here.upload({"lesions.csv": lesions})
    assert answer.status == 422
    found = [one for one in answer.json()["problems"] if one["severity"] == "error"]
    assert {(one["column"], one["value"]) for one in found} == {("patient_id", None)}
    assert "B2" not in answer.body.decode()


def test_folder_is_its_owners_alone(here: Served, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    server = start(folder)
    server.stop()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "secret.key").stat().st_mode & 0o777 == 0o600


def test_wrong_tokens_are_counted_and_the_right_one_still_lets_in(tmp_path: Path) -> None:
    server = start(tmp_path)
    wrong = "no token of this server"
    answers = [server.get("/", token=wrong).status for _ in range(22)]
    right = server.get("/").status
    server.stop()
    assert answers == [401] * 20 + [429] * 2
    assert right == 200


def test_problems_are_json_of_one_shape(here: Served) -> None:
    for answer in (
        here.get("/api/v1/nothing"),
        here.get("/api/v1/studies", token=None),
        here.ask("PUT", "/api/v1/x"),
    ):
        document = json.loads(answer.body)
        assert set(document) == {"type", "title", "status", "detail", "problems"}
        assert document["status"] == answer.status


def test_whoever_is_turned_away_is_told_so_in_their_language(here: Served) -> None:
    answer = here.get("/", token=None, headers={"Accept-Language": "zh-CN,zh;q=0.9"})
    assert (answer.status, answer.body.decode()) == (401, "请打开 turnpoint serve 显示的地址（含令牌）。\n")
