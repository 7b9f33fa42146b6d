"""The code of a page as its reader runs it: every block in order, in one empty folder, with what it prints.

- a `console` block: each line after `$ ` is a command, what stands below it is its output;
- a `python` block: all of a page share their names; a `text` block right after it is what it prints;
- a link into `data/` is a file that the reader downloads first;
- `...` in an output stands for anything; white space counts once.

`python -m tests.docs.blocks PAGE ...` writes what the blocks print now into pages, for their author to read again.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
BLOCK = re.compile(r"^```(console|python)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
DATA = re.compile(r"\]\((?:\.\./)*(?:tutorials/)?data/([^)]+)\)")
# serves until it is stopped: a browser does what follows (test_app_tutorials.py)
STAYS = "turnpoint serve"
_CHECK = doctest.OutputChecker()
_HOW = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True, slots=True)
class Printed:
    """What one command or Python block printed, and what the page says that it prints."""

    code: str
    expected: str
    printed: str

    @property
    def is_as_told(self) -> bool:
        return _CHECK.check_output(self.expected, self.printed, _HOW)


def pages() -> list[Path]:
    """Every page that tells to run something."""
    places = (DOCS / "tutorials", DOCS / "how-to", DOCS / "zh" / "tutorials")
    return [page for place in places for page in sorted(place.glob("*.md")) if BLOCK.search(_text(page))]


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def fetch(page: Path, folder: Path) -> None:
    """The files that the page links to, into the folder."""
    for name in dict.fromkeys(DATA.findall(_text(page))):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(DOCS / "tutorials" / "data" / name, target)


def run(page: Path, folder: Path) -> list[Printed]:
    """Every block of the page in the folder."""
    fetch(page, folder)
    with pl.Config():  # what a page sets is its own
        return _run(page, folder)


def _run(page: Path, folder: Path) -> list[Printed]:
    names: dict[str, Any] = {"__name__": "__main__"}
    found: list[Printed] = []
    for kind, code, after in BLOCK.findall(_text(page)):
        if kind == "console":
            for command, expected in commands(code):
                printed = expected if command.startswith(STAYS) else _shell(command, folder)
                found.append(Printed(command, expected, printed))
        else:
            found.append(Printed(code, after, _python(code, names, folder)))
    return found


def commands(block: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with its output."""
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    split = (re.match(r"((?:[^\n]*\\\n)*[^\n]*)\n(.*)", part, re.DOTALL) for part in parts)
    return [(found[1], found[2]) for found in split if found is not None]


def _shell(command: str, folder: Path) -> str:
    tools = folder / ".tools"
    if not tools.exists():
        tools.mkdir()
        tool = tools / "turnpoint"
        tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m turnpoint "$@"\n', encoding="utf-8")
        tool.chmod(0o755)
    env = {name: value for name, value in os.environ.items() if not name.startswith("COV_")}
    env |= {"PATH": f"{tools}{os.pathsep}{env['PATH']}", "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    return done.stdout


def _python(code: str, names: dict[str, Any], folder: Path) -> str:
    printed = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(printed):
        exec(compile(code, "page", "exec"), names)  # noqa: S102  (our own text)
    return printed.getvalue()


def rewritten(page: Path) -> str:
    """The page with what its blocks print now, where it is not as told."""
    with tempfile.TemporaryDirectory() as folder:
        found = iter(run(page, Path(folder)))

    def anew(block: re.Match[str]) -> str:
        kind, code, after = block.groups()
        if kind == "python":
            own = next(found)
            shown = after if own.is_as_told else own.printed
            return f"```python\n{code}```\n" + (f"\n```text\n{shown.rstrip()}\n```\n" if shown else "")
        parts = []
        for _ in commands(code):
            own = next(found)
            shown = own.expected if own.is_as_told else own.printed.strip("\n") + "\n"
            parts.append(f"$ {own.code}\n{shown if shown.strip() else ''}")
        return "```console\n" + "".join(parts) + "```\n" + (f"\n```text\n{after}```\n" if after else "")

    return BLOCK.sub(anew, _text(page))


if __name__ == "__main__":
    for name in sys.argv[1:]:
        Path(name).write_text(rewritten(Path(name)), encoding="utf-8")
