"""The public names: chosen by hand, loaded when asked for."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import turnpoint as tp

VERBS = [
    "ahead",
    "assess",
    "harm",
    "check",
    "convert",
    "demo",
    "diagnose",
    "fit",
    "forecast",
    "inference_data",
    "metrics",
    "prior_from",
    "priors",
    "picture",
    "read",
    "report",
    "respond",
    "simulate",
    "trial",
    "watch",
    "partition",
    "by_parts",
    "settle",
    "survival",
    "fit_survival",
]
HOMES = {"read": "opening"}  # the others live in a module of their own name
ERRORS = [
    "MeasurementError",
    "MissingExtraError",
    "PriorError",
    "StudyError",
    "SurvivalLinkError",
    "TurnpointError",
    "UsageError",
]


def test_all_lists_exactly_the_verbs_the_study_the_errors_and_the_version() -> None:
    assert sorted(tp.__all__) == sorted([*VERBS, *ERRORS, "Problem", "Study", "__version__"])


@pytest.mark.parametrize("name", VERBS)
def test_verb_is_the_workflows_function_when_asked_for(name: str) -> None:
    home = importlib.import_module(f"turnpoint.workflows.{HOMES.get(name, name)}")
    assert getattr(tp, name) is getattr(home, name)
    assert getattr(tp, name).__doc__


@pytest.mark.parametrize("name", ["Study", *ERRORS])
def test_class_is_a_documented_type_when_asked_for(name: str) -> None:
    assert isinstance(getattr(tp, name), type)
    assert getattr(tp, name).__doc__


def test_errors_share_one_root_so_that_one_except_catches_them() -> None:
    assert all(issubclass(getattr(tp, name), tp.TurnpointError) for name in ERRORS)


def test_dir_shows_every_public_name_before_it_is_loaded() -> None:
    assert set(tp.__all__) <= set(dir(tp))


def test_unknown_name_raises_attribute_error_naming_it() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'asses'"):
        _ = tp.asses


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, turnpoint; print(*{'polars', 'numpy', 'scipy', 'altair', 'rich'} & set(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []
