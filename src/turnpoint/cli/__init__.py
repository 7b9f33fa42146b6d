"""The command line: arguments in, a workflow, text out. It computes nothing itself."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the `turnpoint` command with this process's arguments and leave with its exit code.

    Exit codes: 0 done, 1 the data has errors (or something failed), 2 wrong usage, 130 stopped with Ctrl-C,
    141 the reader of the output went away (`turnpoint ... | head`), as a program ended by SIGPIPE reports it.

    Raises:
        SystemExit: always, with the exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        # A Windows console or a C locale may lack a letter of a patient's data: show `?`, do not fail.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")

    from turnpoint.cli.commands import app
    from turnpoint.cli.failures import CLOSED_PIPE_EXIT_CODE, abandon_stdout

    try:
        try:
            app(prog_name="turnpoint")
        finally:
            sys.stdout.flush()  # here, not at exit, where a closed pipe would print a traceback
    except BrokenPipeError:
        abandon_stdout()
        raise SystemExit(CLOSED_PIPE_EXIT_CODE) from None
