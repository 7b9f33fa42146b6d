"""Pages of the reference that are written from the program itself, so that they cannot say anything else.

A page has a line such as `<!-- written: commands -->`; what stands here takes its place when the page is read.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

import turnpoint

DOCS = Path(__file__).parents[1]
_PLACE = re.compile(r"^<!-- written: ([\w-]+) -->$", re.MULTILINE)
_STAMP = re.compile(r"(20\d\d-\d\d-\d\d)(?:, commit ([0-9a-f]{7,}))?")
_SECTION = re.compile(r"(Args|Arguments|Attributes|Returns|Raises|Yields|Examples?|Notes?):")
_WIDTH = 78
# what verbs give back: their own attributes and methods are part of what a reader uses
_GIVEN_BACK = (
    "turnpoint.criteria.responses.Responses",
    "turnpoint.workflows.assess.Assessment",
    "turnpoint.workflows.report.Report",
    "turnpoint.pictures.patient.PatientPicture",
)
_OPENAPI = """
import json, pathlib, tempfile
from turnpoint.app.configuration import Configuration, set_up
set_up(Configuration(pathlib.Path(tempfile.mkdtemp())))
from turnpoint.app.api import api
print(json.dumps(api.get_openapi_schema(path_prefix="/api/v1/"), default=str))
"""


def commands() -> str:
    """Every command's own help, with those of its subcommands."""
    import click  # noqa: PLC0415
    from typer.main import get_command  # noqa: PLC0415

    from turnpoint.cli.commands import app  # noqa: PLC0415

    def pages(command: Any, name: str, above: Any, level: int) -> Iterator[str]:
        context = type(above)(command, info_name=name, parent=above, terminal_width=_WIDTH)
        words = context.command_path
        yield f"{'#' * level} {words}\n\n```text\n{click.unstyle(command.get_help(context)).strip()}\n```\n"
        for own, sub in getattr(command, "commands", {}).items():
            yield from pages(sub, own, context, level + 1)

    root = get_command(app)
    top = root.make_context("turnpoint", ["priors"], resilient_parsing=True)
    top.terminal_width = _WIDTH
    return "\n".join(page for name, own in root.commands.items() for page in pages(own, name, top, 2))


def python() -> str:
    """The public names by their docstrings."""
    names = [name for name in turnpoint.__all__ if not name.startswith("_")]
    verbs = [name for name in names if name[0].islower()]
    errors = [name for name in names if name.endswith("Error")]
    others = [name for name in names if name not in {*verbs, *errors}]
    parts = [
        ("Verbs", [f".. autofunction:: turnpoint.{name}" for name in verbs]),
        ("What they take", [f".. autoclass:: turnpoint.{name}\n   :members:" for name in others]),
        ("What they give back", [f".. autoclass:: {name}\n   :members:" for name in _GIVEN_BACK]),
        (
            "Errors",
            [f".. autoexception:: turnpoint.{name}\n   :show-inheritance:" for name in errors],
        ),
    ]
    return "\n".join(
        f"## {heading}\n\n```{{eval-rst}}\n" + "\n\n".join(directives) + "\n```\n"
        for heading, directives in parts
    )


def picture() -> str:
    """The schema of a picture, a table for each kind of object."""
    schema = json.loads((DOCS / "picture.schema.json").read_text(encoding="utf-8"))
    kinds = schema["$defs"]
    root = schema.get("$ref", "").rpartition("/")[2] or next(iter(kinds))
    ordered = [root, *sorted(name for name in kinds if name != root)]
    return "\n".join(_kind(name, kinds[name]) for name in ordered)


def _kind(name: str, kind: dict[str, Any]) -> str:
    said, of_field = _docstring(kind.get("description", ""))
    lines = [f"## {name}", "", said, ""]
    if "enum" in kind:
        lines.append("One of " + ", ".join(f"`{value}`" for value in kind["enum"]) + ".")
    if kind.get("properties"):
        lines += ["| field | kind | |", "| --- | --- | --- |"]
        lines += [
            f"| `{own}` | {_type(about)} | {of_field.get(own, '')} |"
            for own, about in kind["properties"].items()
        ]
    return "\n".join(lines) + "\n"


def _docstring(text: str) -> tuple[str, dict[str, str]]:
    """What a description says in all, and of each field; a line that is further in goes on."""
    before, _, after = text.partition("Attributes:")
    fields: dict[str, str] = {}
    for own, said in re.findall(r"^ *((?:\w+(?:, )?)+): (.*(?:\n {9,}.*)*)", after, re.MULTILINE):
        for name in own.split(", "):
            fields[name] = " ".join(said.split()).replace("|", "\\|")
    return " ".join(before.split()), fields


def _type(about: dict[str, Any]) -> str:
    several = about.get("anyOf") or about.get("oneOf")
    kind = about.get("type", "anything")
    inside = about.get("items") or about.get("additionalProperties")
    if "$ref" in about:
        name = about["$ref"].rpartition("/")[2]
        said = f"[{name}](#{name.lower()})"
    elif several:
        said = " or ".join(dict.fromkeys(_type(one) for one in several))
    elif "const" in about or "enum" in about:
        said = ", ".join(f"`{value}`" for value in about.get("enum", [about.get("const")]))
    elif isinstance(inside, dict) and inside:
        said = f"{'list' if kind == 'array' else kind} of {_type(inside)}"
    else:
        said = " or ".join(kind) if isinstance(kind, list) else str(kind)
    return said


def api() -> str:
    """The app's own description of its API."""
    described = json.loads(
        subprocess.run([sys.executable, "-c", _OPENAPI], check=True, capture_output=True, text=True).stdout
    )
    parts = []
    for address, methods in described["paths"].items():
        for method, operation in methods.items():
            words = operation.get("description") or operation.get("summary") or ""
            about = [f"`{one['name']}` ({one['in']})" for one in operation.get("parameters", [])]
            answers = [status for status in operation["responses"] if int(status) < 400]
            parts.append(
                f"## {method.upper()} {address}\n\n{words}\n\n"
                + (f"Takes {', '.join(about)}.\n\n" if about else "")
                + f"Answers {', '.join(map(str, answers))}.\n"
            )
    return "\n".join(parts)


def results() -> str:
    """Every page of results, with the date and commit that it names itself."""
    lines = ["| what | made on | commit |", "| --- | --- | --- |"]
    for page in sorted((DOCS / "results").glob("*.md")):
        if page.name == "index.md":
            continue
        text = page.read_text(encoding="utf-8")
        found = _STAMP.search(text)
        title = text.partition("\n")[0].removeprefix("# ")
        day, commit = (found[1], found[2] or "") if found else ("", "")
        lines.append(f"| [{title}]({page.name}) | {day} | {f'`{commit}`' if commit else ''} |")
    return "\n".join(lines)


def decisions() -> str:
    """The decisions by number."""
    pages = sorted((DOCS / "decisions").glob("0*.md"))
    titles = [page.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ") for page in pages]
    return "\n".join(f"- [{title}]({page.name})" for page, title in zip(pages, titles, strict=True))


def words(lang: str) -> str:
    """The app's own words, so that the site means by them what the app does; the other language beside each."""
    from turnpoint.app.words import GLOSSARY  # noqa: PLC0415
    from turnpoint.reports.catalogue import language  # noqa: PLC0415

    own, other = language(lang), language("zh" if lang == "en" else "en")
    return "\n".join(
        f"{own.text(name)} ({other.text(name)})\n: {own.text(meaning)}\n"
        for name, meaning in GLOSSARY.values()
    )


def diseases() -> str:
    """The table of diseases, and of half-lives, as the program reads it."""
    from turnpoint.study.diseases import diseases as table  # noqa: PLC0415
    from turnpoint.study.diseases import half_lives  # noqa: PLC0415

    parts = []
    for own in table().values():
        rows = [
            ("called", ", ".join((*own.words, *own.words_zh))),
            (
                "markers",
                ", ".join(own.markers) + f" ({own.markers_source or 'recalled'})" if own.markers else "",
            ),
            ("regimens, recalled", "; ".join(own.regimens)),
            ("a scan every, recalled", _weeks(own.scans_every_weeks)),
            ("markers every, recalled", _weeks(own.markers_every_weeks)),
            ("prior", ", ".join(f"`{name}`" for name in own.priors) or "`generic`"),
            ("why", own.why),
        ]
        lines = [f"| {name} | {said} |" for name, said in rows if said]
        parts.append(
            "\n".join([f"## {own.title.capitalize()} ({own.zh})", "", "| | |", "| --- | --- |", *lines, ""])
        )
    lines = [
        f"| {own.marker} | {own.days[0]:g} to {own.days[1]:g} | {own.source}"
        f"{'' if own.checked else ' (not verified)'} |"
        for own in half_lives().values()
    ]
    parts.append(
        "\n".join(["## Half-lives", "", "| marker | days | source |", "| --- | --- | --- |", *lines, ""])
    )
    return "\n".join(parts)


def _weeks(ends: tuple[float, ...]) -> str:
    if not ends:
        return ""
    low, high = ends
    return f"{low:g} weeks" if low == high else f"{low:g} to {high:g} weeks"


WRITTEN = {
    "diseases": diseases,
    "words-en": lambda: words("en"),
    "words-zh": lambda: words("zh"),
    "commands": commands,
    "python": python,
    "picture": picture,
    "api": api,
    "results": results,
    "decisions": decisions,
}


def fill(_app: Sphinx, page: str, content: list[str]) -> None:
    """Put what is written by the program where the page asks for it."""
    content[0] = _PLACE.sub(lambda found: WRITTEN[found[1]](), content[0])
    if page == "study-folder":  # `study.schema.as_markdown` starts at the third level
        content[0] = re.sub(r"^### ", "## ", content[0], flags=re.MULTILINE)


def literal(_app: Sphinx, _what: str, _name: str, _object: Any, _options: Any, lines: list[str]) -> None:
    """Show the indented blocks of a docstring (formulas, tables) as they stand, outside of its sections."""
    shown: list[str] = []
    in_section = in_block = False
    for line in lines:
        indented = line.startswith("    ")
        if line and not indented:
            in_section, in_block = bool(_SECTION.fullmatch(line)), False
        elif indented and not in_section and not in_block and shown and not shown[-1]:
            shown += ["::", ""]
            in_block = True
        shown.append(line)
    lines[:] = shown


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("source-read", fill)
    app.connect("autodoc-process-docstring", literal, priority=300)  # before napoleon
    return {"parallel_read_safe": True, "parallel_write_safe": True}
