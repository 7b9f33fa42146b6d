"""The server: the store brought up to date, the list's assessor beside it, all behind one address."""

from __future__ import annotations

import ctypes
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from threading import Thread
from typing import Any

from turnpoint.app.configuration import MOST_UPLOADED_BYTES, Configuration, set_up
from turnpoint.app.team import FILE, SECRET_IN_ENVIRONMENT
from turnpoint.errors import UsageError

_THREADS = 8
_M_ARENA_MAX = -8  # malloc.h


def serve(configuration: Configuration, ready: Callable[[str], None]) -> None:
    """Serve until interrupted.

    Args:
        configuration: what the server is told.
        ready: called once with the address, its token in it, when requests are answered.

    Raises:
        UsageError: the folder, the database or the port cannot be used.
    """
    from waitress.server import create_server  # noqa: PLC0415  (an extra)

    if configuration.team and not configuration.team.client_secret:
        raise UsageError(
            f"{FILE}: oidc.client_secret is missing. Write it there, or in {SECRET_IN_ENVIRONMENT}."
        )

    _take_few_arenas()
    with opened(configuration) as application, _listening(configuration) as listening:
        port = listening.getsockname()[1]
        server = create_server(
            application,
            sockets=[listening],
            threads=_THREADS,
            ident=None,
            max_request_body_size=MOST_UPLOADED_BYTES + 2**20,
            channel_timeout=60,
            clear_untrusted_proxy_headers=True,
            # behind a proxy that ends TLS; then cookies and addresses say https
            url_scheme="https" if configuration.team and configuration.team.is_encrypted else "http",
        )
        host = f"[{configuration.host}]" if ":" in configuration.host else configuration.host
        ready(f"http://{host}:{port}/?token={configuration.token}")
        Thread(target=_warm_up, name="warm-up", daemon=True).start()
        try:
            server.run()
        finally:
            server.close()


@contextmanager
def opened(configuration: Configuration) -> Iterator[Any]:
    """The application with its store brought up to date and its assessor at work; tests use it without a socket."""
    prepared(configuration)
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415  (needs the settings)
    from whitenoise import WhiteNoise  # noqa: PLC0415

    from turnpoint.app.assessor import Assessor  # noqa: PLC0415

    assessor = Assessor()
    assessor.start()
    try:
        yield WhiteNoise(
            get_wsgi_application(),
            root=str(files("turnpoint.app") / "static"),
            prefix="static/",
            max_age=3600,
        )
    finally:
        assessor.stop()
        assessor.join(timeout=5)


def prepared(configuration: Configuration) -> None:
    """Django set up, and the store brought forward to this version.

    Raises:
        UsageError: the folder or the database cannot be used.
    """
    set_up(configuration)
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import DatabaseError  # noqa: PLC0415

    try:
        call_command("migrate", verbosity=0, interactive=False)
    except DatabaseError as error:
        raise UsageError(f"--database: cannot be used ({type(error).__name__})") from error


def _warm_up() -> None:
    from turnpoint.workflows.warm_up import warm_up  # noqa: PLC0415  (takes a second, and the address does not wait)

    with suppress(Exception):  # a picture that fails will say so to whoever asks for one
        warm_up()


def _take_few_arenas() -> None:
    """Glibc keeps freed memory by thread: with eight of them, twice what is used; elsewhere there is no such thing."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


@contextmanager
def _listening(configuration: Configuration) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in configuration.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((configuration.host, configuration.port))
        listening.listen(256)
        yield listening
    except OSError as error:
        raise UsageError(
            f"--port {configuration.port}: cannot be listened on ({(error.strerror or 'error').lower()}). "
            "Name another one, or 0 for one that is free."
        ) from error
    finally:
        listening.close()
