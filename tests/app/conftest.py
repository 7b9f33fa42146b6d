"""Servers for the tests of a module, each with its store in a folder of its own, and a PostgreSQL for all of them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.app import postgres
from tests.app.browser import launched
from tests.app.served import Served, start

pytest.importorskip("django")


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    if postgres.MISSING:
        pytest.skip(postgres.MISSING)
    with postgres.cluster() as address:
        yield address


@pytest.fixture(scope="session")
def new_database(cluster: str) -> Callable[[], str]:
    """Makes an empty PostgreSQL database; gives its URL."""
    return lambda: postgres.database(cluster, f"t{uuid.uuid4().hex}")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> list[str]:
    """Options of a command that name an empty store of each kind, beside `--data`."""
    if request.param == "sqlite":
        return []
    return ["--database", request.getfixturevalue("new_database")()]


@pytest.fixture(scope="module")
def served(store: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server on each kind of store."""
    server = start(tmp_path_factory.mktemp("store"), *store)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server on SQLite alone, for what does not depend on the store."""
    server = start(tmp_path_factory.mktemp("store"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium, where there is one."""
    yield from launched()


@pytest.fixture(scope="module")
def desk(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An empty desk for a browser; where there is none, no server is started."""
    server = start(tmp_path_factory.mktemp("desk"))
    yield server
    server.stop()
