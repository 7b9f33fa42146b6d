"""One server for the tests of a module, with its store in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.app.served import Served, start

pytest.importorskip("django")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    server = start(tmp_path_factory.mktemp("store"))
    yield server
    server.stop()
