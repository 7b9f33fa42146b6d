"""Sign-in for a team by OpenID Connect: what `turnpoint.toml` in the store's folder says, and Django's words for it.

    address = "https://turnpoint.clinic.example"   # under which people reach the server: a proxy that ends TLS

    [oidc]
    issuer = "https://sign-in.clinic.example/realms/clinic"
    client_id = "turnpoint"
    client_secret = "..."            # or TURNPOINT_OIDC_SECRET in the environment
    role_claim = "turnpoint_role"    # the claim that says what a person is
    idle_minutes = 30                # without a request; then one signs in again
    [oidc.roles]                     # values of the claim by role; by default the roles' own names
    admin = ["turnpoint-admins"]
    editor = ["oncologists", "study-nurses"]
    viewer = ["monitors"]

The role is the most that a person may do; in which studies, `turnpoint access` says. An admin needs no access.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from turnpoint.errors import UsageError

FILE: Final = "turnpoint.toml"
SECRET_IN_ENVIRONMENT: Final = "TURNPOINT_OIDC_SECRET"  # noqa: S105  (its name)
PROVIDER: Final = "team"
ROLES: Final = ("admin", "editor", "viewer")  # the most first
LONGEST_HOURS: Final = 12  # of a session, however busy: after that a role that was taken away is gone
_IDLE_MINUTES: Final = 30
_ON_THIS_COMPUTER: Final = ("127.0.0.1", "localhost", "::1")
_KEYS: Final = ("issuer", "client_id", "client_secret", "role_claim", "idle_minutes", "roles")


@dataclass(frozen=True, slots=True)
class Team:
    """How a team signs in.

    Attributes:
        address: under which people reach the server; https, or http on this computer.
        issuer: of the OpenID Connect provider.
        client_id: of Turnpoint at the provider.
        client_secret: of Turnpoint at the provider; empty where nobody signs in, as in commands on the store.
        role_claim: the claim that says what a person is.
        roles: values of the claim by role.
        idle_minutes: without a request, after which one signs in again.
    """

    address: str
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    role_claim: str = "turnpoint_role"
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: {role: (role,) for role in ROLES})
    idle_minutes: float = _IDLE_MINUTES

    @property
    def host(self) -> str:
        """The name under which the server is called."""
        return urlsplit(self.address).hostname or ""

    @property
    def is_encrypted(self) -> bool:
        """A proxy before the server speaks TLS."""
        return urlsplit(self.address).scheme == "https"

    def role_of(self, claims: Mapping[str, Any]) -> str | None:
        """The most that these claims allow; None when they name no role."""
        given = claims.get(self.role_claim)
        values = given if isinstance(given, list) else [given]
        return next(
            (role for role in ROLES if any(value in self.roles.get(role, ()) for value in values)), None
        )


def team_of(folder: Path) -> Team | None:
    """What the folder's `turnpoint.toml` says; None where there is none.

    Raises:
        UsageError: the file cannot be read, or says something that means nothing; everything wrong at once.
    """
    place = folder / FILE
    if not place.is_file():
        return None
    try:
        said = tomllib.loads(place.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{FILE}: cannot be read ({error}). Write it as docs/security.md shows.") from error
    oidc = said.get("oidc")
    if not isinstance(oidc, dict):
        raise UsageError(f"{FILE}: has no [oidc]. Write it as docs/security.md shows, or remove the file.")
    oidc = {"client_secret": os.environ.get(SECRET_IN_ENVIRONMENT, ""), **oidc}
    faults = [*_faults(said, oidc)]
    if faults:
        raise UsageError(f"{FILE}: " + "; ".join(faults) + ". Write it as docs/security.md shows.")
    roles = oidc.get("roles") or {role: [role] for role in ROLES}
    return Team(
        address=said["address"].rstrip("/"),
        issuer=oidc["issuer"].rstrip("/"),
        client_id=oidc["client_id"],
        client_secret=oidc["client_secret"],
        role_claim=oidc.get("role_claim", "turnpoint_role"),
        roles={role: tuple(values) for role, values in roles.items()},
        idle_minutes=oidc.get("idle_minutes", _IDLE_MINUTES),
    )


def _faults(said: Mapping[str, Any], oidc: Mapping[str, Any]) -> list[str]:
    faults = [f"{name} is not known" for name in said if name not in ("address", "oidc")]
    faults += [f"oidc.{name} is not known" for name in oidc if name not in _KEYS]
    faults += [
        f"{name} is no https:// address"
        for name, value in (("address", said.get("address")), ("oidc.issuer", oidc.get("issuer")))
        if not _is_safe_address(value)
    ]
    if not isinstance(oidc.get("client_id"), str) or not oidc["client_id"]:
        faults.append("oidc.client_id is missing")
    if not isinstance(oidc["client_secret"], str):
        faults.append("oidc.client_secret is no text")
    if not isinstance(oidc.get("role_claim", ""), str):
        faults.append("oidc.role_claim is no text")
    idle = oidc.get("idle_minutes", _IDLE_MINUTES)
    if isinstance(idle, bool) or not isinstance(idle, int | float) or not 0 < idle <= LONGEST_HOURS * 60:
        faults.append(f"oidc.idle_minutes is not between 0 and {LONGEST_HOURS * 60}")
    roles = oidc.get("roles", {})
    if not isinstance(roles, dict) or not all(
        role in ROLES and isinstance(values, list) and all(isinstance(value, str) for value in values)
        for role, values in roles.items()
    ):
        faults.append("oidc.roles is not a list of texts for each of admin, editor, viewer")
    return faults


def _is_safe_address(given: object) -> bool:
    """https, or http that does not leave this computer."""
    if not isinstance(given, str):
        return False
    address = urlsplit(given)
    return bool(address.hostname) and (
        address.scheme == "https" or (address.scheme == "http" and address.hostname in _ON_THIS_COMPUTER)
    )


APPS: Final = (
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
)


def settings_of(team: Team) -> dict[str, Any]:
    """What Django and django-allauth are told of the team."""
    return {
        "SESSION_COOKIE_AGE": max(int(team.idle_minutes * 60), 1),
        "SESSION_COOKIE_SECURE": team.is_encrypted,
        "CSRF_COOKIE_SECURE": team.is_encrypted,
        "SECURE_HSTS_SECONDS": 31_536_000 if team.is_encrypted else 0,
        "LOGIN_REDIRECT_URL": "/",
        "AUTHENTICATION_BACKENDS": [
            "django.contrib.auth.backends.ModelBackend",
            "allauth.account.auth_backends.AuthenticationBackend",
        ],
        "ACCOUNT_EMAIL_VERIFICATION": "none",
        "SOCIALACCOUNT_ADAPTER": "turnpoint.app.sign_in.Adapter",
        "SOCIALACCOUNT_LOGIN_ON_GET": True,  # a link: nothing is changed before the provider answers with our state
        "SOCIALACCOUNT_PROVIDERS": {
            "openid_connect": {
                "OAUTH_PKCE_ENABLED": True,
                "APPS": [
                    {
                        "provider_id": PROVIDER,
                        "name": "OpenID Connect",
                        "client_id": team.client_id,
                        "secret": team.client_secret,
                        "settings": {"server_url": team.issuer},
                    }
                ],
            }
        },
    }
