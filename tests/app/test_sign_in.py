"""A team signs in with a provider that runs here: `oidc-provider` from the npm registry, with pages of its own."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
import requests

from tests.app.served import SMALL, Served, start

PROVIDER = Path(__file__).parent / "oidc"
INSTALLED = Path(os.environ.get("TURNPOINT_TEST_OIDC", PROVIDER)) / "node_modules" / "oidc-provider"
pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not INSTALLED.is_dir(),
    reason="the provider is not installed (npm ci --prefix tests/app/oidc)",
)
SECRET = "not-a-secret-but-long-enough"  # noqa: S105
VISIT: Any = {
    "day": 300,
    "lesions": [{"lesion_id": "T1", "role": "target", "diameter_mm": 40, "status": "measured"}],
}


class Team:
    """A server with its provider, and people who sign in."""

    def __init__(self, server: Served, folder: Path) -> None:
        self.server = server
        self.folder = folder

    def signed_in(self, name: str) -> requests.Session:
        session = requests.Session()
        assert "/sign-in" in session.get(f"{self.server.base}/").url
        answer = sign_in(session, f"{self.server.base}/sign-in/oidc/team/login/", name)
        assert answer.url == f"{self.server.base}/", answer.text
        return session

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "turnpoint", *arguments, "--data", str(self.folder)],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


def sign_in(session: requests.Session, address: str, name: str) -> requests.Response:
    """Follow the provider's pages as a browser does: its forms, and the page that leads back."""
    answer = session.get(address)
    for _ in range(8):
        form = re.search(r'<form[^>]*action="([^"]+)"', answer.text)
        back = re.search(r"http-equiv=\"refresh\" content=\"0;URL='([^']+)'", answer.text)
        if form and "interaction" in form[1]:
            hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="(\w+)"', answer.text))
            answer = session.post(
                urljoin(answer.url, unescape(form[1])), data={**hidden, "login": name, "password": "any"}
            )
        elif back:
            answer = session.get(urljoin(answer.url, unescape(back[1])))
        else:
            return answer
    raise AssertionError(answer.url)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    folder, port, own = tmp_path_factory.mktemp("store"), free_port(), free_port()
    (folder / "turnpoint.toml").write_text(
        f'address = "http://127.0.0.1:{own}"\n[oidc]\nissuer = "http://127.0.0.1:{port}"\n'
        'client_id = "turnpoint"\n'
    )
    script = tmp_path_factory.mktemp("provider") / "provider.mjs"  # modules are looked for beside the script
    script.write_text((PROVIDER / "provider.mjs").read_text())
    (script.parent / "node_modules").symlink_to(INSTALLED.parent)
    redirect = f"http://127.0.0.1:{own}/sign-in/oidc/team/login/callback/"
    with subprocess.Popen(
        ["node", str(script), str(port), redirect],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as provider:
        assert provider.stdout is not None
        assert provider.stdout.readline() == "ready\n"
        try:
            team = Team(start(folder, port=own, env={"TURNPOINT_OIDC_SECRET": SECRET}), folder)
            yield team
            team.server.stop()
        finally:
            provider.kill()


@pytest.fixture(scope="module")
def study(team: Team) -> str:
    return team.server.upload(SMALL).json()["id"]


def patients(team: Team, session: requests.Session, study: str) -> requests.Response:
    return session.get(f"{team.server.base}/api/v1/studies/{study}/patients")


def add_visit(team: Team, session: requests.Session, study: str, patient: str) -> int:
    address = f"{team.server.base}/api/v1/studies/{study}/patients/{patient}/visits"
    headers = {"X-CSRFToken": session.cookies.get("csrftoken", ""), "Origin": team.server.base}
    return session.post(address, json=VISIT, headers=headers).status_code


def test_nobody_sees_anything_before_they_signed_in(team: Team, study: str) -> None:
    stranger = requests.Session()
    assert patients(team, stranger, study).status_code == 401
    page = stranger.get(f"{team.server.base}/")
    assert page.url == f"{team.server.base}/sign-in"
    assert "Today" not in page.text


def test_three_roles_may_what_they_may(team: Team, study: str) -> None:
    admin, editor, viewer = (team.signed_in(f"ann-{role}") for role in ("admin", "editor", "viewer"))
    assert patients(team, admin, study).json()["total"] == 2
    for session in (editor, viewer):  # nothing before an admin lets them into a study
        assert patients(team, session, study).status_code == 404
        assert session.get(f"{team.server.base}/api/v1/studies").json() == []
    for name in ("ann-editor", "ann-viewer"):
        given = team.command("access", "give", name, "editor", "--study", study)
        assert given.returncode == 0, given.stderr
    patient = patients(team, editor, study).json()["items"][0]["id"]
    assert patients(team, viewer, study).json()["total"] == 2
    assert add_visit(team, editor, study, patient) == 201
    assert add_visit(team, viewer, study, patient) == 403  # a viewer at the provider edits nowhere
    assert viewer.get(f"{team.server.base}/p/{patient}/visit").status_code == 404
    assert viewer.get(f"{team.server.base}/import").status_code == 404
    assert viewer.get(f"{team.server.base}/import/table").status_code == 404
    assert viewer.get(f"{team.server.base}/trial").status_code == 200  # nobody's data are in it
    assert admin.get(f"{team.server.base}/import").status_code == 200
    last = team.server.get("/api/v1/audit").json()["items"]
    assert last[0]["who"] == "ann-editor"
    assert {line["action"] for line in last} == {"row added", "access given", "study added"}
    assert "ann-viewer: viewer" in team.command("access", "list").stdout
    assert team.command("access", "take", "ann-viewer", "--study", study).returncode == 0
    assert patients(team, viewer, study).status_code == 404


def test_patients_own_link_is_made_by_who_may_change_them(team: Team, study: str) -> None:
    editor, viewer = team.signed_in("ann-editor"), team.signed_in("ann-viewer")
    team.command("access", "give", "ann-editor", "editor", "--study", study)
    team.command("access", "give", "ann-viewer", "viewer", "--study", study)
    own = patients(team, editor, study).json()["items"][0]["id"]
    address = f"{team.server.base}/p/{own}/link"
    assert viewer.get(address).status_code == 404
    data = {"do": "make", "start_date": "2026-01-05", "csrfmiddlewaretoken": editor.cookies["csrftoken"]}
    made = editor.post(address, data=data, headers={"Origin": team.server.base})
    found = re.search(r">(http\S+/mine\?link=\S+?)</textarea>", made.text)
    assert found
    patient = requests.Session()
    assert "own notebook" not in patient.get(unescape(found[1])).text  # the secret leaves the address first
    assert "own notebook" in patient.get(f"{team.server.base}/mine").text
    data = {"csrfmiddlewaretoken": patient.cookies["csrftoken"]}
    home = patient.post(f"{team.server.base}/mine", data=data, headers={"Origin": team.server.base})
    assert (home.status_code, home.url) == (200, f"{team.server.base}/")
    assert "My notebook" in home.text
    assert patients(team, patient, study).status_code == 403
    assert patient.get(f"{team.server.base}/p/{own}").status_code == 404
    patient.cookies.clear()
    assert "a link of your own" in patient.get(f"{team.server.base}/").text  # how to come back
    team.command("access", "take", "ann-viewer", "--study", study)


def test_whoever_has_no_role_stays_outside(team: Team) -> None:
    session = requests.Session()
    answer = sign_in(session, f"{team.server.base}/sign-in/oidc/team/login/", "bob-nobody")
    assert answer.status_code == 403
    assert "no role" in answer.text
    assert session.get(f"{team.server.base}/api/v1/studies").status_code == 401


def test_signing_out_ends_the_session(team: Team) -> None:
    session = team.signed_in("eve-admin")
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', session.get(f"{team.server.base}/").text)
    assert token
    session.post(f"{team.server.base}/sign-out", data={"csrfmiddlewaretoken": token[1]})
    assert session.get(f"{team.server.base}/api/v1/studies").status_code == 401


def test_answer_that_was_not_asked_for_signs_nobody_in(team: Team) -> None:
    session = requests.Session()
    forged = f"{team.server.base}/sign-in/oidc/team/login/callback/?code=abc&state=forged&_redir"
    assert session.get(forged).status_code == 403
    assert session.get(f"{team.server.base}/api/v1/studies").status_code == 401


def test_session_ends_after_minutes_without_a_request(team: Team) -> None:
    session = team.signed_in("ann-admin")
    team.server.stop()
    settings = team.folder / "turnpoint.toml"
    before = settings.read_text()
    settings.write_text(before + "idle_minutes = 0.05\n")
    port = int(team.server.base.rpartition(":")[2])
    team.server = start(team.folder, port=port, env={"TURNPOINT_OIDC_SECRET": SECRET})
    try:
        assert session.get(f"{team.server.base}/api/v1/studies").status_code == 200
        time.sleep(4)
        assert session.get(f"{team.server.base}/api/v1/studies").status_code == 401
    finally:
        settings.write_text(before)
