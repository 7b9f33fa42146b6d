"""A progress bar on stderr, for work that takes more than two seconds on a terminal."""

from __future__ import annotations

import sys
from threading import Lock, Timer
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from turnpoint.cli.terminal import is_plain

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

PATIENCE_SECONDS = 2.0


class ProgressBar:
    """Context manager that is also the `Progress` callback of the workflows: `(done, total)`.

    Nothing is shown before the patience runs out, nor ever when the stream is no capable terminal. A timer
    brings the bar up even if the work reports nothing by then; it then pulses. It goes away when the work
    ends, so that the summary stands alone.

    Args:
        task: what is being done, for example `Assessing`.
        stream: where to draw; stderr by default, so that stdout stays data.
        patience_seconds: how long to wait before drawing.
    """

    def __init__(
        self, task: str, *, stream: TextIO | None = None, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        self._task = task
        self._stream = stream or sys.stderr
        self._patience_seconds = patience_seconds
        self._lock = Lock()
        self._timer: Timer | None = None
        self._bar: Progress | None = None
        self._task_id: TaskID | None = None
        self._closed = False
        self._done = 0
        self._total: int | None = None

    def __enter__(self) -> Self:
        if not is_plain(self._stream):
            self._timer = Timer(self._patience_seconds, self._show)
            self._timer.daemon = True  # Ctrl-C must not wait for it
            self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        with self._lock:
            self._closed = True
            if self._bar is not None:
                self._bar.stop()

    def __call__(self, done: int, total: int) -> None:
        """Note that `done` of `total` parts are finished; redraw if the bar is up."""
        self._done, self._total = done, total
        if self._bar is not None and self._task_id is not None:
            self._bar.update(self._task_id, completed=done, total=total)

    def _show(self) -> None:
        """Bring the bar up; runs in the timer's thread."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        with self._lock:
            if self._closed:
                return
            bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=None),
                TaskProgressColumn(),
                TimeRemainingColumn(),
                console=Console(file=self._stream),
                transient=True,
                expand=True,
            )
            self._task_id = bar.add_task(self._task, total=self._total, completed=self._done)
            bar.start()
            self._bar = bar
