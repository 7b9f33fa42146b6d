"""The command line answers at once: nothing heavy is imported before a command needs it."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"polars", "numpy", "scipy", "altair", "vl_convert", "jinja2", "babel", "rich"}


def heavy_modules_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint('LOADED', *(set(sys.modules) & {HEAVY!r}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.rsplit("LOADED", 1)[1].split())


def test_importing_the_command_line_loads_nothing_heavy() -> None:
    assert heavy_modules_after("import turnpoint.cli, turnpoint.cli.commands") == set()


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["assess", "--help"], ["asess"]])
def test_nothing_heavy_is_loaded_when_no_command_runs(arguments: list[str]) -> None:
    call = f"sys.argv[1:] = {arguments!r}\nimport turnpoint.cli\ntry:\n    turnpoint.cli.main()\nexcept SystemExit: pass"
    assert heavy_modules_after(call) == set()


def test_polars_is_seen_by_this_test_when_it_is_loaded() -> None:
    assert "polars" in heavy_modules_after("import turnpoint.study.study")
