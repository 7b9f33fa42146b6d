"""What goes wrong becomes one clear message on stderr and an exit code; a traceback only on request."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from turnpoint import __version__
from turnpoint.cli.terminal import coloured, printable, width_of, wrapped
from turnpoint.errors import StudyError, TurnpointError, UsageError

DATA_EXIT_CODE = 1
USAGE_EXIT_CODE = 2
STOPPED_EXIT_CODE = 130  # 128 + SIGINT, as shells report it
CLOSED_PIPE_EXIT_CODE = 141  # 128 + SIGPIPE

DEBUG_VARIABLE = "TURNPOINT_DEBUG"


class GuardedGroup(TyperGroup):
    """The command group; whatever a command raises leaves as a message and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command.

        Raises:
            typer.Exit: with the exit code of what went wrong.
        """
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            typer.echo("\nStopped.", err=True)
            raise typer.Exit(STOPPED_EXIT_CODE) from None
        except BrokenPipeError:
            abandon_stdout()
            raise typer.Exit(CLOSED_PIPE_EXIT_CODE) from None
        except Exception as error:
            # Typer's own exits and usage errors carry their exit code; it prints them itself.
            if hasattr(error, "exit_code") or isinstance(error, typer.Abort):
                raise
            if os.environ.get(DEBUG_VARIABLE):
                traceback.print_exception(error)
            raise typer.Exit(explain(error)) from None


def abandon_stdout() -> None:
    """Send what is left of stdout nowhere: its reader is gone, and Python flushes once more at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def explain(error: Exception) -> int:
    """Print what went wrong on stderr, and say which exit code it means.

    Args:
        error: anything a workflow may raise, expected or not.

    Returns:
        1, or 2 when the command was used wrongly.
    """
    if isinstance(error, StudyError):
        from turnpoint.cli.problems import print_grouped_errors

        print_grouped_errors(error.problems)
        return DATA_EXIT_CODE
    if isinstance(error, UsageError):
        _complain(str(error))
        return USAGE_EXIT_CODE
    if isinstance(error, TurnpointError):
        _complain(str(error))
    elif isinstance(error, OSError):
        _complain(_system_message(error))
    elif isinstance(error, MemoryError):
        _complain("this study does not fit in memory. Split it by patient and run the parts one by one.")
    else:
        _complain(
            f"a fault inside Turnpoint {__version__} ({type(error).__name__}{_place(error)}). Set "
            f"{DEBUG_VARIABLE}=1 and run again to see the traceback; it may quote patients' data, so look "
            f"through it before you share it."
        )
    return DATA_EXIT_CODE


def _complain(message: str) -> None:
    """One message on stderr, as Typer prints its own: `Error: ...`."""
    head = "Error:"
    whole = " ".join(printable(line) for line in (head, *message.splitlines()))
    first, *rest = wrapped(whole, width_of(sys.stderr))
    typer.echo(first.replace(head, coloured(head, "red", sys.stderr), 1), err=True)
    for line in rest:
        typer.echo(line, err=True)


def _system_message(error: OSError) -> str:
    """What the operating system refused, with the file: `cannot use out.csv: no space left on device`."""
    reason = (error.strerror or type(error).__name__).lower()
    return f"{error.filename}: {reason}." if error.filename is not None else f"{reason}."


def _place(error: Exception) -> str:
    """Where in the package it happened; the message itself is left out, as it may quote a patient's data."""
    package = Path(__file__).parents[1]
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(package) and not path.is_relative_to(package / "cli"):
            return f" in {path.relative_to(package).as_posix()} line {frame.lineno}"
    return ""
