"""What goes wrong: one message, the right exit code, no identifiers, a traceback only on request."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from turnpoint.errors import MissingExtraError, PriorError, Problem, StudyError, TurnpointError, UsageError
from turnpoint.study.study import Study

Run = Callable[..., Result]
Put = Callable[..., None]


def raising(error: BaseException) -> Callable[..., object]:
    def workflow(*arguments: object, **options: object) -> object:
        raise error

    return workflow


@pytest.fixture
def fail(run: Run, put: Put, study: Study, study_folder: Path) -> Callable[[BaseException], Result]:
    """Run `turnpoint metrics` on a good study with a workflow that raises."""

    def metrics_raises(error: BaseException) -> Result:
        put("workflows.opening", read=lambda *_: study)
        put("workflows.metrics", metrics=raising(error))
        return run("metrics", study_folder)

    return metrics_raises


Fail = Callable[[BaseException], Result]


def test_exit_is_1_and_every_kind_of_problem_is_named_when_the_data_has_errors(
    run: Run, put: Put, study_folder: Path
) -> None:
    problems = [
        Problem("lesions.csv", 4, "diameter_mm", "-4.0", "below 0 mm", "Write status=absent."),
        Problem("markers.csv", 2, "unit", "furlong", "not a unit", "Write ng/mL."),
    ]
    put("workflows.opening", read=raising(StudyError(problems)))
    put("workflows.metrics", metrics=None)
    result = run("metrics", study_folder)
    assert result.exit_code == 1
    assert "the data has 2 errors" in result.stderr
    assert all(str(problem) in result.stderr for problem in problems)
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("--criteria: `recist` is unknown. Choose recist-1.1."), 2),
        (PriorError("prior.json: damaged."), 1),
        (MissingExtraError("PDF needs weasyprint: pip install 'turnpoint[pdf]'."), 1),
        (TurnpointError("something planned."), 1),
    ],
)
def test_planned_error_is_one_line_with_its_exit_code(fail: Fail, error: TurnpointError, code: int) -> None:
    result = fail(error)
    assert result.exit_code == code
    assert result.stderr == f"Error: {error}\n"


def test_system_error_names_the_file_and_the_reason(fail: Fail) -> None:
    result = fail(OSError(errno.ENOSPC, "No space left on device", "results.csv"))
    assert result.exit_code == 1
    assert result.stderr == "Error: results.csv: no space left on device.\n"


def test_unexpected_error_hides_its_message_and_says_how_to_see_the_traceback(fail: Fail) -> None:
    result = fail(KeyError("P001 born 1950"))
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert "KeyError" in result.stderr
    assert "TURNPOINT_DEBUG=1" in result.stderr
    assert "P001" not in result.stderr


def test_traceback_is_shown_when_debugging(fail: Fail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURNPOINT_DEBUG", "1")
    result = fail(KeyError("P001"))
    assert result.exit_code == 1
    assert "Traceback (most recent call last)" in result.stderr


def test_exit_is_130_without_a_traceback_when_interrupted(fail: Fail) -> None:
    result = fail(KeyboardInterrupt())
    assert result.exit_code == 130
    assert result.stderr == "\nStopped.\n"


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["asess", "x"], "assess"),
        (["forcast", "x"], "forecast"),
        (["metrics", "x", "--ouut", "y.csv"], "--out"),
        (["forecast", "x", "--horizn", "6"], "--horizon"),
    ],
)
def test_nearest_is_suggested_when_a_command_or_option_is_unknown(
    run: Run, arguments: list[str], hint: str
) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert hint in result.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "arguments",
    [
        ["metrics"],
        ["metrics", "a", "b"],
        ["metrics", "no-such-study"],
        ["forecast", "STUDY", "--horizon", "0"],
        ["forecast", "STUDY", "--horizon", "nan"],
        ["forecast", "STUDY", "--horizon", "soon"],
        ["assess", "STUDY", "--seed", "-1"],
        ["assess", "STUDY", "--out", "table.xlsx"],
        ["fit", "STUDY"],
        ["fit", "STUDY", "--out", "prior.csv"],
        ["report", "STUDY", "--audience", "nurse"],
        ["report", "STUDY", "--lang", "tlh"],
        ["report", "STUDY", "--out", "report.docx"],
        ["respond", "STUDY", "--out", "-"],
        ["report", "STUDY", "--patient", "p001"],
    ],
)
def test_exit_is_2_with_one_error_when_usage_is_wrong(
    run: Run, put: Put, study: Study, study_folder: Path, arguments: list[str]
) -> None:
    put("workflows.opening", read=lambda *_: study)
    for name in ("assess", "fit", "forecast", "metrics", "report", "respond"):
        put(f"workflows.{name}", **{name: raising(AssertionError("the work must not start"))})
    result = run(*[study_folder if argument == "STUDY" else argument for argument in arguments])
    assert result.exit_code == 2
    assert result.stderr.count("Error:") == 1
    assert result.stdout == ""


def test_patient_hint_names_nobody_when_only_the_case_differs(
    run: Run, put: Put, study: Study, study_folder: Path
) -> None:
    put("workflows.opening", read=lambda *_: study)
    put("workflows.assess", assess=None)
    put("workflows.report", report=None)
    result = run("report", study_folder, "--patient", "p001")
    assert "differs only in case" in result.stderr
    assert "P001" not in result.stderr
    assert "differs only in case" not in run("report", study_folder, "--patient", "P1").stderr


# The next two need a process of their own: a pipe that closes, a signal that arrives.
FAKE_CHECK = """
import sys, time, types
import turnpoint.cli
from turnpoint.errors import Problem
fake = types.ModuleType("turnpoint.workflows.check")
def check(path):
    {body}
    many = tuple(Problem("lesions.csv", row, None, None, "wrong", "Mend it.") for row in range(2, 20000))
    return types.SimpleNamespace(problems=many, study=None, ok=False)
fake.check = check
sys.modules["turnpoint.workflows.check"] = fake
sys.argv[1:] = ["check", sys.argv[1]]
turnpoint.cli.main()
"""


def start(study: Path, body: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", FAKE_CHECK.format(body=body), str(study)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_closed_pipe_ends_quietly_when_the_reader_leaves(study_folder: Path) -> None:
    with start(study_folder, "pass") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "error: lesions.csv row 2: wrong. Mend it.\n"
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 141


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_interrupt_ends_with_130_and_no_traceback_when_the_work_is_long(study_folder: Path) -> None:
    with start(study_folder, 'print("working", flush=True); time.sleep(20)') as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert (out, err) == ("", "\nStopped.\n")
    assert time.monotonic() - started < 10
