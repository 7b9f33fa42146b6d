"""Every text that a `Problem` or the reason of a side table may be made of, as the source writes it.

They are written in English where the rules stand, some put together in expressions over whole tables, so no call marks
them. What looks like words is taken from the modules below: `{0}` stands for each value put into a text, and the pieces
of a text that is put together are texts of their own (`turnpoint.reports.problem_text` puts them together again).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "turnpoint"
# Whatever reads; those that write, guess or name codes say nothing of a file's problems.
MODULES = (
    "study/*.py",
    "formats/ledger.py",
    "formats/reported.py",
    "formats/text_tables.py",
    "formats/sdtm/*.py",
    "formats/datasets/*.py",
    "formats/fhir/*.py",
    "formats/omop/*.py",
    "formats/cbioportal/*.py",
    "formats/dicom_sr/*.py",
    "formats/model_tables/*.py",
    "formats/mapped/*.py",
    "criteria/marker_series.py",
    "criteria/recist/eligibility.py",
    "workflows/opening.py",
    "app/api.py",
    "app/cells.py",
    "app/intake.py",
    "app/reader.py",
    "app/store.py",
)
NOT_READERS = (
    "study/markers.py",
    "study/writing.py",
    "formats/sdtm/out.py",
    "formats/datasets/writing.py",
    "formats/fhir/codes.py",
    "formats/fhir/drugs.py",
    "formats/fhir/out.py",
    "formats/fhir/study_out.py",
    "formats/fhir/writing.py",
    "formats/dicom_sr/codes.py",
    "formats/model_tables/out.py",
    "formats/mapped/dates.py",
    "formats/mapped/headers.py",
    "formats/mapped/vocabulary.py",
)
# Single words that are put into texts.
VALUES = (
    "days",
    "comma",
    "semicolon",
    "tab",
    "bar",
    "{0} times",
    "molar mass of {0}",
    "definition of the enzyme unit: 1 U = 1 umol/min",
    "1 IU = 1.21 ng, not verified",
    "empty",
    "a PDF document",
    "GB 18030 (Chinese)",
    "{0} and day or date.",
    "no such file or directory",
    "permission denied",
    "is a directory",
    "Write {0}.",
    "Write {0} = ...: {1}.",
    "Write n = [1, 2, 3].",
    "{0} Cells: {1}",
    "not read, as the mapping says: {0}: {1}",
    "the mapping names nothing for {0}: {1}",
    "{0}; the column has no others",
    "UCUM unit",
    "CTCAE term",
    "CTCAE grade",
    "{0} lesions and {1} markers",
    "not given",
    "not taken",
    "not in force",
    "{0} of the workbook is",
    "{0} of the workbook are",
    "{0} patient has {1} (RECIST 1.1, section 4.2)",
    "{0} patients have {1} (RECIST 1.1, section 4.2)",
    "below {0} days, which is rare",
    "above {0} days, which is rare",
    "the file holds no data set",
    "medications",
    "procedures",
    "no code",
    "{0} Row {1} of {2} has {3}.",
    "Remove it if it is the same dose as row {0} of {1}.",
    "Remove it; row {0} of {1} says the same and is read.",
    "Keep this row or row {0} of {1}, and remove the other.",
)
# Keys of columns and of tables, which nobody reads.
NO_TEXTS = (
    "lesion key",
    "course key",
    "ctDNA copies",
    "named reader",
    "first row",
    "doses.{0}.drug",
    "{0} record {}",
    "(.*)[_ ](mm|cm)",
    "turnpoint mapping 1",
)
_NO_WORDS_IN = (
    "col",
    "alias",
    "over",
    "when",
    "drop",
    "select",
    "sort",
    "rename",
    "group_by",
    "Entry",
    "Table",
)
_NO_WORDS_AS = ("meaning", "hints", "aliases", "synonyms")
_PUT_TOGETHER_IN = ("lit", "add", "rows", "count", "set_aside", "empty_cells", "demote", "Problem", "format")
_DESCRIBING = (
    "_KIND_WORDS",
    "_warn_and_keep",
    "_markdown_row",
    "_range_words",
    "as_markdown",
    "as_read",
    "failed",
    "kept",
    "get_openapi_schema",
)
_SHOWN = (
    "Refused",
    "Forbidden",
    "StudyError",
    "_DamagedError",
)  # errors that carry problems, or are shown as one
_WORD = re.compile(r"[A-Za-z]*[a-z]{2,}")
# A line of a mapping or of a program, and no text: TOML, patterns, addresses, names of parts.
_CODE = re.compile(
    r"[\\^$]|\(\?|^\W*[a-z_]+ =( |$)|filename=|^\{0\}\.\w+$|\.[a-z]+\(|^[a-z_]+/|^[#\[]"
    r"|^\{\d\}(\.\w+)? = |^[a-z]+\.\S+( = ?.*)?$"
)


def texts() -> Iterator[tuple[str, str]]:
    """Each text and the module that writes it, by module and in its order."""
    yield from (("problems", value) for value in VALUES)
    names = {path for pattern in MODULES for path in PACKAGE.glob(pattern)}
    for path in sorted(names):
        name = path.relative_to(PACKAGE).as_posix()
        if name not in NOT_READERS:
            yield from (
                (name, text)
                for text in dict.fromkeys(
                    _texts_of(ast.parse(path.read_text(encoding="utf-8")), is_put_together=False)
                )
            )


def _texts_of(node: ast.AST, *, is_put_together: bool) -> Iterator[str]:
    match node:
        case ast.Raise(exc=ast.Call(func=func, args=args)) if _name(func) in _SHOWN:
            yield from _texts_of_all(args, is_put_together=True)
        case ast.Expr(value=ast.Constant()) | ast.Raise() | ast.Import() | ast.ImportFrom() | ast.Subscript():
            return
        case ast.FunctionDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)) if name in _DESCRIBING:
            return
        case ast.Constant(value=str() as text):
            yield from _if_words(_numbered(text.replace("{}", "\0")), 2)
        case ast.JoinedStr() | ast.BinOp(op=ast.Add()):
            template = _template(node)
            if template is not None:
                yield from _if_words(_numbered(template), 1 if is_put_together else 2)
            yield from _values_of(node)
        case ast.Call():
            yield from _texts_of_call(node)
        case _:
            yield from _texts_of_all(ast.iter_child_nodes(node), is_put_together=is_put_together)


def _texts_of_all(nodes: Iterable[ast.AST], *, is_put_together: bool = False) -> Iterator[str]:
    for node in nodes:
        yield from _texts_of(node, is_put_together=is_put_together)


def _texts_of_call(call: ast.Call) -> Iterator[str]:
    name = _name(call.func)
    match call.args:
        case [_, ast.Constant(value=str() as one), *rest] if name == "counted":
            many = rest[0].value if rest and isinstance(rest[0], ast.Constant) else f"{one}s"
            yield from (f"{{0}} {one}", f"{{0}} {many}")
        case [ast.Constant(value=str() as template), *values] if name == "format":
            yield from _if_words(_numbered(template.replace("{}", "\0")), 1)
            yield from _texts_of_all(values)
        case args:
            yield from _texts_of(call.func, is_put_together=False)
            some = [one for one in args if not (name in _NO_WORDS_IN and isinstance(one, ast.Constant))]
            if name == "Column":  # the meaning of a column that must be there
                some = args[2:3] if any(one.arg == "required" for one in call.keywords) else []
            yield from _texts_of_all(some, is_put_together=name in _PUT_TOGETHER_IN)
    keywords = (one.value for one in call.keywords if one.arg not in _NO_WORDS_AS)
    yield from _texts_of_all(keywords)


def _values_of(node: ast.AST) -> Iterator[str]:
    """Texts inside what is put into a text."""
    match node:
        case ast.JoinedStr(values=values):
            for part in values:
                if isinstance(part, ast.FormattedValue):
                    yield from _texts_of(part.value, is_put_together=False)
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            yield from _values_of(left)
            yield from _values_of(right)
        case ast.Constant():
            return
        case _:
            yield from _texts_of(node, is_put_together=True)


def _template(node: ast.AST) -> str | None:
    """The text with a zero byte for each value; None for what is no text."""
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.JoinedStr(values=values):
            return "".join(part.value if isinstance(part, ast.Constant) else "\0" for part in values)
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            parts = [_template(left), _template(right)]
            return (
                None if parts == [None, None] else "".join("\0" if part is None else part for part in parts)
            )
        case _:
            return None


def _numbered(template: str) -> str:
    pieces = template.split("\0")
    return "".join(piece + f"{{{place}}}" for place, piece in enumerate(pieces[:-1])) + pieces[-1]


def _if_words(text: str, least: int) -> Iterator[str]:
    """The text without blanks around it, where it has so many words."""
    words = re.sub(r"\{\d+\}", " ", text).strip()
    if text in NO_TEXTS:
        return
    if len(_WORD.findall(words)) >= least and (least == 1 or " " in words) and not _CODE.search(text.strip()):
        yield text.strip()


def _name(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")


if __name__ == "__main__":
    for module, found in texts():
        print(f"{module}\t{found!r}")
