"""The views for tests as a fixture: test modules cannot import one another."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def views() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "views_for_tests", Path(__file__).with_name("views_for_tests.py")
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
