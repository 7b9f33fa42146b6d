"""The chores of the Makefile."""

from __future__ import annotations

import re
from pathlib import Path

MAKEFILE = (Path(__file__).parents[1] / "Makefile").read_text(encoding="utf-8")


def test_make_help_names_every_chore() -> None:
    (phony,) = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    chores = set(phony.split()) - {"FORCE"}

    # what the recipe of `help` looks for
    assert set(re.findall(r"^([a-z-]+):.*## .", MAKEFILE, re.MULTILINE)) == chores
