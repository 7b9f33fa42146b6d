"""Put faults into the rooms that people see, one at a time: do the tests notice?

`python scripts/mutation.py [--mutants 40]`. The tests named in `TESTS` run once with a note of which test runs which
line. Then lines are drawn at random, and in each one thing is changed (a comparison, a sign, a number, `and` for `or`,
the first for the last, the smallest for the largest); the tests that run the line are run again until one fails. The
faults of `BY_HAND` go first. The tree is copied: nothing is changed here. Writes docs/results/mutation.md.
"""

from __future__ import annotations

import argparse
import ast
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from coverage import CoverageData

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results" / "mutation.md"
ROOMS = ("pictures", "reports", "charts", "workflows")
TESTS = ("tests/reports", "tests/charts", "tests/turning/test_fan.py", "tests/workflows", "tests/cli")
QUICK = ("tests/reports", "tests/charts", "tests/turning")
MOST_QUICK, MOST_SLOW = (
    40,
    12,
)  # of the tests that run a line: spread over those of pages and charts, and the others
SWAPS = {"min": "max", "max": "min", "first": "last", "last": "first", "head": "tail", "tail": "head",
         "cum_min": "cum_max", "any": "all", "all": "any"}  # fmt: skip
COMPARES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
}  # fmt: skip
# (file, what stands there, the fault); what an earlier review put in, and 705 tests did not see
BY_HAND = (
    ("workflows/picture.py", "PARTIAL_RESPONSE_RATIO * float(", "0.9 * float("),
    ("workflows/report.py", '(pl.col("progression_day") - pl.col("day")).alias("lead_days")',
     '(pl.col("day") - pl.col("progression_day")).alias("lead_days")'),
    ("pictures/snapshot.py", "assessment.row(-1, named=True)", "assessment.row(0, named=True)"),
    ("workflows/report.py", 'pl.col("change_from_baseline_pct").min()', 'pl.col("change_from_baseline_pct").max()'),
    ("turning/fan.py", "_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)", "_LEVELS = (0.25, 0.25, 0.5, 0.75, 0.75)"),
)  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """One change of one file."""

    file: str
    line: int
    first: int  # line of the statement
    last: int
    before: str
    after: str
    source: str


def faults_of(file: Path) -> Iterator[Fault]:
    """Every fault that can be put into a file, by the rules above."""
    raw = file.read_bytes()
    starts = [0, *(place + 1 for place, byte in enumerate(raw) if byte == ord("\n"))]
    name = str(file.relative_to(ROOT / "src" / "turnpoint"))
    for statement, node in _expressions(ast.parse(raw)):
        (line, column), (last_line, last_column) = _span(node)
        begin, end = starts[line - 1] + column, starts[last_line - 1] + last_column
        before = raw[begin:end].decode()
        if not _is(node, before):  # inside an f-string places are not what they say before Python 3.12
            continue
        for changed in _changes(node):
            source = (raw[:begin] + f"({changed})".encode() + raw[end:]).decode()
            last = statement.end_lineno or statement.lineno
            yield Fault(name, line, statement.lineno, last, before, changed, source)


def _expressions(tree: ast.AST, statement: ast.stmt | None = None) -> Iterator[tuple[ast.stmt, ast.expr]]:
    """Every expression with the innermost statement that it is in."""
    for child in ast.iter_child_nodes(tree):
        inside = child if isinstance(child, ast.stmt) else statement
        if isinstance(child, ast.expr) and inside is not None:
            yield inside, child
        yield from _expressions(child, inside)


def _is(node: ast.expr, text: str) -> bool:
    try:
        return ast.dump(ast.parse(f"({text})", mode="eval").body) == ast.dump(node)
    except SyntaxError:
        return False


def _span(node: ast.AST) -> tuple[tuple[int, int], tuple[int, int]]:
    return (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]


def _changes(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARES:
        yield ast.unparse(ast.Compare(node.left, [COMPARES[type(node.ops[0])]()], node.comparators))
    elif (
        isinstance(node, ast.BinOp) and type(node.op) in OPERATORS and not isinstance(node.left, ast.Constant)
    ):
        if not isinstance(node.right, ast.Constant) or isinstance(node.right.value, int | float):
            yield ast.unparse(ast.BinOp(node.left, OPERATORS[type(node.op)](), node.right))
    elif isinstance(node, ast.BoolOp):
        yield ast.unparse(ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield ast.unparse(node.operand)
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield repr(node.value + 1 if isinstance(node.value, int) else node.value * 1.25 or 1.0)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SWAPS:
        other = ast.Call(
            ast.Attribute(node.func.value, SWAPS[node.func.attr], ast.Load()), node.args, node.keywords
        )
        yield ast.unparse(other)


def by_hand(copy: Path) -> Iterator[Fault]:
    """The faults of `BY_HAND`."""
    for file, before, after in BY_HAND:
        text = (copy / "src" / "turnpoint" / file).read_text(encoding="utf-8")
        if before not in text:
            raise SystemExit(f"{file}: {before} does not stand there any more")
        line = text[: text.index(before)].count("\n") + 1
        yield Fault(file, line, max(line - 6, 1), line + 6, before, after, text.replace(before, after, 1))


def covered(copy: Path, known: Path | None) -> dict[str, dict[int, list[str]]]:
    """Which tests run each line of each file: from an earlier run with contexts, or from one here."""
    if known is None:
        _pytest(
            copy, ["--cov=turnpoint", "--cov-context=test", "--cov-report=", "--cov-fail-under=0", *TESTS]
        )
    data = CoverageData(str(known or copy / ".coverage"))
    data.read()
    found = {}
    for path in data.measured_files():
        runs = {
            line: [name.partition("|")[0] for name in names if name]
            for line, names in data.contexts_by_lineno(path).items()
        }
        found[path.partition("/src/turnpoint/")[2]] = runs
    return found


def tests_of(fault: Fault, runs: dict[str, dict[int, list[str]]]) -> list[str]:
    """The tests that run the statement that the fault is in."""
    by_line = runs.get(fault.file, {})
    own = {name for line in range(fault.first, fault.last + 1) for name in by_line.get(line, [])}
    # what runs when the file is imported is run by no test: those that run anything in the file may notice
    return sorted(own or {name for names in by_line.values() for name in names})


def _pytest(copy: Path, arguments: list[str]) -> bool:
    """Whether all of them pass."""
    environment = os.environ | {"PYTHONPATH": str(copy / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, check=False)
    return done.returncode == 0


def some(tests: list[str], file: str) -> list[str]:
    """Those to run: the golden pages first, then all that are named after the file, then some of the others."""
    golden = [name for name in tests if "test_golden_pages" in name]
    own = [name for name in tests if f"/test_{Path(file).stem}" in name]
    quick = [name for name in sorted({*tests} - {*golden, *own}) if name.startswith(QUICK)]
    slow = sorted({*tests} - {*golden, *own, *quick})
    return golden + own + quick[:: len(quick) // MOST_QUICK + 1] + slow[:: len(slow) // MOST_SLOW + 1]


def noticed(copy: Path, fault: Fault, tests: list[str]) -> bool:
    """Whether one of the tests fails with the fault in."""
    target = copy / "src" / "turnpoint" / fault.file
    kept = target.read_text(encoding="utf-8")
    target.write_text(fault.source, encoding="utf-8")
    try:
        return not _pytest(copy, some(tests, fault.file))
    finally:
        target.write_text(kept, encoding="utf-8")


def main() -> None:
    """Draw, try, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--coverage", type=Path, help="data of an earlier run with --cov-context=test")
    parser.add_argument("--out", type=Path, default=RESULTS)
    wanted, begun = parser.parse_args(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "turnpoint"
        ignore = shutil.ignore_patterns(".git", ".venv", "build", "__pycache__", "*.egg-info")
        shutil.copytree(ROOT, copy, ignore=ignore)
        runs = covered(copy, wanted.coverage)
        files = [own for room in ROOMS for own in sorted((ROOT / "src" / "turnpoint" / room).rglob("*.py"))]
        every = [fault for file in files for fault in faults_of(file)]
        places = np.random.default_rng(wanted.seed).permutation(len(every))[: wanted.mutants]
        drawn = [every[place] for place in places]
        rows = []
        for kind, fault in [("by hand", own) for own in by_hand(copy)] + [("drawn", own) for own in drawn]:
            tests = tests_of(fault, runs)
            outcome = (
                "noticed" if tests and noticed(copy, fault, tests) else "SURVIVED" if tests else "NOT RUN"
            )
            rows.append((kind, fault, len(set(tests)), outcome))
            print(outcome, fault.file, fault.line, fault.before[:60], "->", fault.after[:60], flush=True)
    wanted.out.write_text(page(rows, len(every), wanted.seed, time.perf_counter() - begun), encoding="utf-8")


def page(rows: list[tuple[str, Fault, int, str]], possible: int, seed: int, seconds: float) -> str:
    """The results."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    drawn = [row for row in rows if row[0] == "drawn"]
    lines = [
        "# Mutation: do the tests notice a fault in what people see?",
        "",
        str(__doc__).split("\n\n", 1)[1].strip(),
        "",
        f"{datetime.now(tz=UTC).date()}, commit {commit.stdout.strip()}, seed {seed}, {seconds:.0f} s.",
        f"{possible} can be drawn; of {len(drawn)} drawn {sum(row[3] == 'noticed' for row in drawn)} were noticed.",
        "",
        "| | where | before | after | tests that run the line | |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for kind, fault, tests, outcome in rows:
        before, after = (
            text.replace("|", "\\|").replace("\n", " ")[:90] for text in (fault.before, fault.after)
        )
        lines.append(f"| {kind} | {fault.file}:{fault.line} | `{before}` | `{after}` | {tests} | {outcome} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
