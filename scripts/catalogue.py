"""Collect every human string of charts, reports and the app, and bring the catalogues up to date.

    python scripts/catalogue.py            write messages.pot and update the .po files
    python scripts/catalogue.py --check    write nothing; exit 1 when a file is out of date or untranslated

What `problem_texts` finds has catalogues of its own (`problems.po`), in the other languages only.

English stands in the code, so its catalogue repeats each string. In the others a new string is left empty for a
translator, and a string no longer used is dropped.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "turnpoint"
LOCALE = PACKAGE / "reports" / "locale"
TEMPLATE = LOCALE / "messages.pot"
DOMAIN = "turnpoint"
PROBLEMS = "problems"
ENGLISH = "en"
TRANSLATED = ("zh_Hans",)
METHODS = [
    ("charts/**.py", "python"),
    ("reports/**.py", "python"),
    ("reports/templates/**.html", "jinja2"),
    ("app/**.py", "python"),
    ("virtual/policies.py", "python"),
    ("app/templates/**.html", "jinja2"),
]
# names of the calls that hold a string: Language.text, Language.plural, charts.language.mark, virtual.policies.Kind
KEYWORDS = {"text": None, "plural": (1, 2), "mark": None, "Kind": (1,)}
OPTIONS = {pattern: {"silent": "false"} for pattern, method in METHODS if method == "jinja2"}


def collected() -> Catalog:
    """Every string in the code, by file; without line numbers, which change with every edit."""
    catalogue = Catalog(project=DOMAIN, charset="utf-8", fuzzy=False)
    found = extract_from_dir(
        PACKAGE, METHODS, OPTIONS, keywords=KEYWORDS, comment_tags=("translators:",), strip_comment_tags=True
    )
    for file_name, _, message, comments, context in sorted(found, key=lambda row: (row[0], row[1])):
        catalogue.add(message, locations=[(file_name, None)], auto_comments=comments, context=context)
    for message in catalogue:
        message.flags.discard("python-format")  # "90% interval" is no %-format: braces are used
    return catalogue


def collected_problems() -> Catalog:
    """Every text of a problem."""
    catalogue = Catalog(project=PROBLEMS, charset="utf-8", fuzzy=False)
    sys.path.insert(0, str(Path(__file__).parent))
    from problem_texts import texts  # noqa: PLC0415  (beside this file, which tests load by its path)

    for module, text in texts():
        catalogue.add(text, locations=[(module, None)])
    return catalogue


def place_of(folder: str, domain: str) -> Path:
    """The file of a catalogue."""
    return LOCALE / folder / "LC_MESSAGES" / f"{domain}.po"


def updated(folder: str, domain: str = DOMAIN) -> Catalog:
    """The catalogue of one language with exactly the code's strings; translations there are kept."""
    path = place_of(folder, domain)
    catalogue = Catalog(locale=folder, project=domain, charset="utf-8", fuzzy=False)
    if path.exists():
        with path.open("rb") as po_file:
            catalogue = read_po(po_file, locale=folder, domain=domain)
    catalogue.update(collected() if domain == DOMAIN else collected_problems(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    for message in catalogue:
        message.flags.discard("python-format")
        if folder == ENGLISH and message.id:
            message.string = message.id
    return catalogue


def written(catalogue: Catalog) -> bytes:
    """The file's bytes, the same for the same strings: no dates, no line numbers, no names."""
    buffer = BytesIO()
    write_po(buffer, catalogue, width=100, omit_header=True, sort_by_file=True)
    header = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n'
    if catalogue.locale is not None:
        header += f'"Language: {catalogue.locale_identifier}\\n"\n'
        header += f'"Plural-Forms: {catalogue.plural_forms}\\n"\n'
    return (header + "\n").encode() + buffer.getvalue().lstrip(b"\n")


def missing(catalogue: Catalog) -> list[str]:
    """Strings without a translation, in any of their forms."""
    lacking = []
    for message in catalogue:
        forms = message.string if isinstance(message.string, list | tuple) else [message.string]
        if message.id and (not forms or not all(forms)):
            lacking.append(message.id if isinstance(message.id, str) else message.id[0])
    return lacking


def main(arguments: list[str]) -> int:
    """Write or check the files."""
    check = "--check" in arguments
    files = {TEMPLATE: collected()}
    for folder in (ENGLISH, *TRANSLATED):
        files[place_of(folder, DOMAIN)] = updated(folder)
    for folder in TRANSLATED:
        files[place_of(folder, PROBLEMS)] = updated(folder, PROBLEMS)
    failed = False
    for path, catalogue in files.items():
        content = written(catalogue)
        stale = not path.exists() or path.read_bytes() != content
        if stale and check:
            print(f"{path.relative_to(ROOT)}: out of date. Run: python scripts/catalogue.py")
        elif stale:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            print(f"{path.relative_to(ROOT)}: written")
        lacking = missing(catalogue) if catalogue.locale is not None else []
        for message in lacking:
            print(f"{path.relative_to(ROOT)}: no translation for {message!r}")
        failed = failed or (check and stale) or bool(lacking)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
