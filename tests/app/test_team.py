"""What `turnpoint.toml` may say, without a server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from turnpoint.app.team import Team, team_of
from turnpoint.errors import UsageError

WHOLE = """
address = "https://turnpoint.clinic.example/"
[oidc]
issuer = "https://sign-in.clinic.example"
client_id = "turnpoint"
client_secret = "s"
[oidc.roles]
admin = ["heads"]
editor = ["oncologists", "nurses"]
"""


def team(tmp_path: Path, text: str = WHOLE) -> Team:
    (tmp_path / "turnpoint.toml").write_text(text)
    found = team_of(tmp_path)
    assert found is not None
    return found


def test_no_file_means_one_person_at_this_computer(tmp_path: Path) -> None:
    assert team_of(tmp_path) is None


@pytest.mark.parametrize(
    ("claim", "role"),
    [
        ("heads", "admin"),
        (["nurses"], "editor"),
        (["nurses", "heads"], "admin"),  # the most counts
        ("admin", None),  # a role's own name means nothing once the claim's values are listed
        ([], None),
        (None, None),
        (True, None),
        ([["heads"]], None),
        ({"heads": 1}, None),
    ],
)
def test_role_is_the_most_that_the_claim_names(tmp_path: Path, claim: object, role: str | None) -> None:
    assert team(tmp_path).role_of({"turnpoint_role": claim}) == role


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    wrong = (
        'address = "http://turnpoint.clinic.example"\nport = 3\n[oidc]\nissuer = "http://sign-in.clinic.example"\n'
        'idle_minutes = 721\nroles = { boss = ["x"] }\n'
    )
    with pytest.raises(UsageError) as caught:
        team(tmp_path, wrong)
    for part in (
        "port is not known",
        "address is no https",
        "issuer is no https",
        "client_id",
        "idle",
        "roles",
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize(("minutes", "is_right"), [(0, False), (0.1, True), (720, True), (720.1, False)])
def test_minutes_without_a_request_have_limits(tmp_path: Path, minutes: float, is_right: bool) -> None:
    text = WHOLE.replace("[oidc.roles]", f"idle_minutes = {minutes}\n[oidc.roles]")
    if is_right:
        assert team(tmp_path, text).idle_minutes == minutes
    else:
        with pytest.raises(UsageError, match="idle_minutes"):
            team(tmp_path, text)


@pytest.mark.parametrize(
    "text", [None, WHOLE.replace("https://turnpoint.clinic.example/", "http://127.0.0.1:8000")]
)
def test_others_cannot_reach_it_without_sign_in_and_encryption(tmp_path: Path, text: str | None) -> None:
    if text:
        (tmp_path / "turnpoint.toml").write_text(text)
    command = [sys.executable, "-m", "turnpoint", "serve", "--data", str(tmp_path), "--host", "0.0.0.0"]  # noqa: S104
    done = subprocess.run(
        [*command, "--no-browser"], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 2
    assert "--host 0.0.0.0: other computers could reach it" in " ".join(done.stderr.split())
    assert done.stdout == ""
