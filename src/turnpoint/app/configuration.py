"""What a server is told, and Django set up by it."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

import django
from django.conf import settings

from turnpoint.app.team import APPS, Team, settings_of
from turnpoint.errors import UsageError

STORE = "turnpoint.sqlite3"
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
MOST_UPLOADED_BYTES = 64 * 2**20
SESSION_SECONDS = 8 * 3600
_KEY_FILE = "secret.key"


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a server is told.

    Attributes:
        data: folder of the store, made for its owner only.
        host: address that is listened to.
        port: 0 takes one that is free.
        database: URL of a PostgreSQL database (`postgresql://user@host/name`); None keeps an SQLite file in `data`.
        token: lets whoever has it in, as the person at this computer.
        notebook: opens the patient's notebook, not the clinic's desk.
        names: further host names under which the server may be called.
        team: how a team signs in; None for one person at this computer.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 8765
    database: str | None = None
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    notebook: bool = False
    names: tuple[str, ...] = ()
    team: Team | None = None

    @property
    def is_local(self) -> bool:
        """Nobody outside this computer can reach it."""
        return self.host in ("127.0.0.1", "localhost", "::1")


def set_up(configuration: Configuration) -> None:
    """Make the folder, and Django ready for this configuration; once a process.

    Raises:
        UsageError: the folder cannot be used, the database's URL means nothing, or others could reach patients' data
            without signing in.
    """
    if not configuration.is_local and not (configuration.team and configuration.team.is_encrypted):
        raise UsageError(
            f"--host {configuration.host}: other computers could reach it without signing in, or could listen in. Set "
            "up sign-in and an https:// address in turnpoint.toml (docs/security.md), or leave --host out."
        )
    folder = configuration.data
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        key = _secret_key(folder / _KEY_FILE)
    except OSError as error:
        raise UsageError(f"--data: cannot be used ({(error.strerror or 'error').lower()})") from error
    if settings.configured:
        return
    _be_quiet()
    team = configuration.team
    settings.configure(
        DEBUG=False,
        SECRET_KEY=key,
        ALLOWED_HOSTS=[*LOOPBACK, *configuration.names, *([team.host] if team else [])],
        TURNPOINT=configuration,
        ROOT_URLCONF="turnpoint.app.urls",
        INSTALLED_APPS=[
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "django.contrib.sessions",
            *(APPS if team else ()),
            "turnpoint.app.apps.App",
        ],
        MIDDLEWARE=[
            "turnpoint.app.gate.Calm",
            "django.middleware.security.SecurityMiddleware",
            "csp.middleware.CSPMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "turnpoint.app.gate.Gate",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            *(("allauth.account.middleware.AccountMiddleware",) if team else ()),
            "turnpoint.app.gate.SignIn",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": team is not None,  # django-allauth's page on the way back from the provider
                "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
            }
        ],
        DATABASES={"default": database_of(configuration)},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        TIME_ZONE="UTC",
        USE_I18N=False,  # words come from the reports' own catalogues
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_SAVE_EVERY_REQUEST=True,
        CSRF_COOKIE_SAMESITE="Strict",
        CSRF_FAILURE_VIEW="turnpoint.app.pages.refused",
        DATA_UPLOAD_MAX_MEMORY_SIZE=2 * 2**20,
        FILE_UPLOAD_MAX_MEMORY_SIZE=2**20,
        FILE_UPLOAD_TEMP_DIR=None,
        FILE_UPLOAD_PERMISSIONS=0o600,
        SECURE_CONTENT_TYPE_NOSNIFF=True,
        SECURE_REFERRER_POLICY="same-origin",  # with none, a browser names no origin for our own forms either
        SECURE_CROSS_ORIGIN_OPENER_POLICY="same-origin",
        X_FRAME_OPTIONS="DENY",
        CONTENT_SECURITY_POLICY={
            "DIRECTIVES": {
                "default-src": ["'none'"],
                "script-src": ["'self'"],
                "style-src-elem": ["'self'"],
                "style-src-attr": ["'unsafe-inline'"],  # sizes inside the charts' pictures
                "img-src": ["'self'", "data:"],
                "font-src": ["'self'"],
                "connect-src": ["'self'"],
                "form-action": ["'self'"],
                "frame-ancestors": ["'none'"],
                "base-uri": ["'none'"],
            }
        },
        LOGGING_CONFIG=None,
        **{"SESSION_COOKIE_AGE": SESSION_SECONDS, **(settings_of(team) if team else {})},
    )
    django.setup()


def _be_quiet() -> None:
    """Libraries log addresses, values and tracebacks, which may hold patients' data; `wrong.note` says what we say."""
    for name in ("django", "allauth", "waitress", "urllib3", "py.warnings"):
        logging.getLogger(name).addHandler(logging.NullHandler())
        logging.getLogger(name).propagate = False


def database_of(configuration: Configuration) -> dict[str, object]:
    """Django's own words for the database.

    Raises:
        UsageError: an URL of another kind.
    """
    if configuration.database is None:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(configuration.data / STORE),
            "OPTIONS": {
                # a write waits for its turn at the beginning, so that it never has to be begun again
                "transaction_mode": "IMMEDIATE",
                "timeout": 120,  # whoever writes waits their turn, on a busy machine too
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
            },
        }
    url = urlsplit(configuration.database)
    if url.scheme not in ("postgresql", "postgres") or not url.path.strip("/"):
        raise UsageError(
            "--database: not the URL of a PostgreSQL database. Write postgresql://USER@HOST:PORT/NAME, with the "
            "password in PGPASSWORD or a password file."
        )
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(url.path.strip("/")),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": unquote(url.hostname or ""),
        "PORT": str(url.port or ""),
        "CONN_MAX_AGE": 60,
        "OPTIONS": {"pool": False},
    }


def _secret_key(place: Path) -> str:
    """Of this store: signs sessions, so that they outlive a restart."""
    if not place.exists():
        place.touch(mode=0o600)
        place.write_text(secrets.token_urlsafe(64), encoding="ascii")
    return place.read_text(encoding="ascii").strip()
