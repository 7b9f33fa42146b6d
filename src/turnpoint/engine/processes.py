"""A function over many batches in worker processes.

Threads share one interpreter lock: where the arrays are small enough for a core's cache, two of them spend a third of
their time waiting for each other. A worker is a fresh Python that is told the function once and then gets batch after
batch through a pipe. It is started as a plain child process, not by `multiprocessing`, whose children run the caller's
script again unless it guards against that.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Generic, TypeVar

Batch = TypeVar("Batch")
Result = TypeVar("Result")

_SERVE = "from turnpoint.engine.processes import serve; serve()"
# each worker has one core to itself
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
_SECONDS_TO_END = 5.0


class Workers(Generic[Batch, Result]):
    """Worker processes that all run one function; call it with a batch from as many threads as there are workers.

    The function is what `make(*arguments)` returns in the worker, so that it can hold what cannot be sent. `make`, the
    arguments, the batches and the results must be picklable. A worker that cannot be started, or dies, is replaced by
    the function in this process: slower, and the same result.
    """

    def __init__(
        self, make: Callable[..., Callable[[Batch], Result]], arguments: tuple[Any, ...], processes: int
    ) -> None:
        self._make, self._arguments = make, arguments
        self._here: Callable[[Batch], Result] | None = None
        self._all = [_started(make, arguments) for _ in range(processes)]
        self._free: SimpleQueue[subprocess.Popen[bytes] | None] = SimpleQueue()
        for worker in self._all:
            self._free.put(worker)

    def __enter__(self) -> Workers[Batch, Result]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._all:
            if worker is not None:
                _end(worker)

    def __call__(self, batch: Batch) -> Result:
        """The function's result for this batch; what it raises in the worker is raised here."""
        worker, answer = self._free.get(), None
        try:
            if worker is not None:
                answer = _asked(worker, batch)
        except (OSError, EOFError, pickle.UnpicklingError):
            worker = None
        finally:
            self._free.put(worker)
        if answer is None:
            return self._in_this_process(batch)
        succeeded, result = answer
        if not succeeded:
            raise result
        found: Result = result
        return found

    def _in_this_process(self, batch: Batch) -> Result:
        if self._here is None:
            self._here = self._make(*self._arguments)
        return self._here(batch)


def _started(
    make: Callable[..., Callable[[Any], Any]], arguments: tuple[Any, ...]
) -> subprocess.Popen[bytes] | None:
    """A worker that has been told its function; None where none can be started."""
    if not sys.executable or getattr(sys, "frozen", False):
        return None
    path = os.pathsep.join(part for part in sys.path if part)
    try:
        worker = subprocess.Popen(  # noqa: S603  (this interpreter, and a text of our own)
            [sys.executable, "-c", _SERVE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | _ONE_THREAD | {"PYTHONPATH": path},
        )
        _send(worker, (make, arguments))
    except OSError:
        return None
    return worker


def _send(worker: subprocess.Popen[bytes], message: object) -> None:
    if worker.stdin is None:
        raise EOFError
    pickle.dump(message, worker.stdin, protocol=pickle.HIGHEST_PROTOCOL)
    worker.stdin.flush()


def _asked(worker: subprocess.Popen[bytes], batch: object) -> tuple[bool, Any]:
    """Whether the worker succeeded, and its result or its exception."""
    _send(worker, batch)
    if worker.stdout is None:
        raise EOFError
    answer: tuple[bool, Any] = pickle.load(worker.stdout)  # noqa: S301  (from our own child)
    return answer


def _end(worker: subprocess.Popen[bytes]) -> None:
    """Let a worker finish, and see to it that it does."""
    for pipe in (worker.stdin, worker.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:  # a batch that was never sent is stuck in the pipe of a dead worker
                continue
    try:
        worker.wait(_SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()


def serve() -> None:
    """What a worker does: make the function, then answer batch after batch until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the function prints must not get between the answers
    requests = sys.stdin.buffer
    make, arguments = pickle.load(requests)  # noqa: S301  (from our own parent)
    work = make(*arguments)
    while True:
        try:
            batch = pickle.load(requests)  # noqa: S301
        except EOFError:
            return
        try:
            answer: tuple[bool, Any] = (True, work(batch))
        except Exception as error:  # noqa: BLE001  (whatever it is, the caller gets it)
            answer = (False, error)
        pickle.dump(answer, answers, protocol=pickle.HIGHEST_PROTOCOL)
        answers.flush()
