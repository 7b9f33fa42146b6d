"""The documents name nothing that does not exist: commands, their options, public names, files, and each other."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import turnpoint as tp
from tests.docs.blocks import DOCS, ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
# what was is what these tell, or they quote what somebody ran then
OF_THEIR_TIME = ("decisions", "results")
COMMAND = re.compile(r"(?<![\w/.\"-])(?<!import )turnpoint ((?:[a-z]+(?:-[a-z]+)*)(?: [^\n`|]*)?)")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
OWN_NAME = re.compile(r"\btp\.([A-Za-z_]+)")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
SITES = re.compile(
    r"`(?:\.venv/bin/)?(?:python )?((?:benchmarks|scripts|tests|src/turnpoint)/[\w./-]+\.\w+)[^`]*`"
)


@cache
def commands() -> dict[str, set[str]]:
    """Every command, `map guess` among them, with its options."""
    from typer.main import get_command

    from turnpoint.cli.commands import app

    found: dict[str, set[str]] = {}

    def look(command: Any, name: str) -> None:
        options = {own for one in command.params for own in (*one.opts, *one.secondary_opts)}
        found[name] = options | {"--help", "--version", "--install-completion", "--show-completion"}
        for own, sub in getattr(command, "commands", {}).items():
            look(sub, f"{name} {own}".strip())

    look(get_command(app), "")
    return found


def unknown(said: str) -> str | None:
    """What is wrong with a command as it is written, if anything."""
    first, *rest = said.split()
    known = commands()
    if first not in known:
        return f"no command {first}"
    subcommands = {name.split()[1] for name in known if name.startswith(f"{first} ")}
    name = f"{first} {rest[0]}" if subcommands and rest and rest[0] in subcommands else first
    own = set().union(*(known[one] for one in known if one == name or (one.startswith(f"{name} "))))
    strange = [option for option in OPTION.findall(said.partition("  # ")[0]) if option not in own]
    return f"{name} has no {', '.join(strange)}" if strange else None


def code_of(text: str) -> list[str]:
    """What stands in code: blocks and words between back-ticks, each line for itself."""
    blocks = re.findall(r"^```[^\n]*\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    indented = re.findall(r"^    \S.*$", text, re.MULTILINE)
    return (
        [line for block in blocks for line in block.splitlines()]
        + indented
        + re.findall(r"`([^`\n]+)`", text)
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_page_names_commands_options_and_names_that_exist(page: Path) -> None:
    if page.parent.name in OF_THEIR_TIME:
        pytest.skip("tells of its time")
    lines = code_of(page.read_text(encoding="utf-8"))
    wrong = [
        problem for line in lines for said in COMMAND.findall(line) if (problem := unknown(said)) is not None
    ]
    wrong += [f"no tp.{name}" for line in lines for name in OWN_NAME.findall(line) if name not in dir(tp)]
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_page_links_to_files_that_exist(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    targets = [(first or second).partition("#")[0] for first, second in LINK.findall(text)]
    local = [own for own in targets if own and "://" not in own and not own.startswith("mailto:")]
    drawn = "_generated/"  # by the build of the site, which fails where one is missing
    assert [own for own in local if drawn not in own and not (page.parent / own).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_page_names_programs_that_exist(page: Path) -> None:
    if page.parent.name == "decisions":
        pytest.skip("tells of its time")
    named = SITES.findall(page.read_text(encoding="utf-8"))
    assert [name for name in named if "*" not in name and not (ROOT / name.partition("::")[0]).exists()] == []


def test_every_command_is_in_the_table_of_commands() -> None:
    table = (DOCS / "cli.md").read_text(encoding="utf-8")
    top = {name.split()[0] for name in commands() if name}
    assert top - set(re.findall(r"`turnpoint ([a-z-]+)", table)) == set()


def test_counts_of_the_start_pages_are_those_of_the_results() -> None:
    results = (DOCS / "results" / "lead-time-real.md").read_text(encoding="utf-8")
    ct = results[results.index("## CT") : results.index("## PSA")]
    row = re.search(r"^\| 5 \| ([\d.]+) \([^|]*\| (\d+) of (\d+) [^|]*\| (\d+) \| (\d+) \|", ct, re.MULTILINE)
    whole = re.search(r"(\d+) progressions", ct)
    assert row is not None
    assert whole is not None
    rate, followed, alerts, led, median = row.groups()
    for page, words in {
        "index.md": (whole[1], led, alerts, followed, f"{median} days"),
        "zh/index.md": (whole[1], led, alerts, followed, f"{median} 天"),
        "how-to/what-an-alert-means.md": (
            rate, f"{followed} of {alerts}", f"{led} of {whole[1]}", f"{median} days",
        ),
    }.items():  # fmt: skip
        text = (DOCS / page).read_text(encoding="utf-8")
        assert [word for word in words if word not in text] == [], page
