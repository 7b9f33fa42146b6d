"""What a server is told, and Django set up by it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

import django
from django.conf import settings

from turnpoint.errors import UsageError

STORE = "turnpoint.sqlite3"
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
MOST_UPLOADED_BYTES = 64 * 2**20
SESSION_SECONDS = 8 * 3600
_SECRET = "secret.key"


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
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 8765
    database: str | None = None
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    notebook: bool = False
    names: tuple[str, ...] = ()

    @property
    def is_local(self) -> bool:
        """Nobody outside this computer can reach it."""
        return self.host in ("127.0.0.1", "localhost", "::1")


def set_up(configuration: Configuration) -> None:
    """Make the folder, and Django ready for this configuration; once a process.

    Raises:
        UsageError: the folder cannot be used, or the database's URL means nothing.
    """
    folder = configuration.data
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        key = _secret_key(folder / _SECRET)
    except OSError as error:
        raise UsageError(f"--data: cannot be used ({(error.strerror or 'error').lower()})") from error
    if settings.configured:
        return
    settings.configure(
        DEBUG=False,
        SECRET_KEY=key,
        ALLOWED_HOSTS=[*LOOPBACK, *configuration.names],
        TURNPOINT=configuration,
        ROOT_URLCONF="turnpoint.app.urls",
        INSTALLED_APPS=[
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "django.contrib.sessions",
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
            "turnpoint.app.gate.SignIn",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {"context_processors": []},
            }
        ],
        DATABASES={"default": database_of(configuration)},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        TIME_ZONE="UTC",
        USE_I18N=False,  # words come from the reports' own catalogues
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_AGE=SESSION_SECONDS,
        SESSION_SAVE_EVERY_REQUEST=True,
        CSRF_COOKIE_SAMESITE="Strict",
        CSRF_FAILURE_VIEW="turnpoint.app.pages.refused",
        DATA_UPLOAD_MAX_MEMORY_SIZE=2 * 2**20,
        FILE_UPLOAD_MAX_MEMORY_SIZE=2**20,
        FILE_UPLOAD_TEMP_DIR=None,
        FILE_UPLOAD_PERMISSIONS=0o600,
        SECURE_CONTENT_TYPE_NOSNIFF=True,
        SECURE_REFERRER_POLICY="same-origin",  # with no-referrer a browser calls our own forms those of nobody (Origin: null)
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
    )
    django.setup()


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
                "timeout": 30,
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
