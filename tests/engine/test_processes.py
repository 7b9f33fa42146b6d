import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.engine.batch_functions import dying, failing, multiplier
from turnpoint.engine.processes import Workers


def test_workers_give_each_batch_its_own_result_from_other_processes():
    with Workers(multiplier, (3,), 2) as workers, ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(workers, range(40)))
    assert [number for number, _ in answers] == [3 * number for number in range(40)]
    assert os.getpid() not in {process for _, process in answers}


def test_workers_raise_what_the_function_raises_and_go_on():
    with Workers(failing, (), 1) as workers:
        for number in (1, 2):
            with pytest.raises(ValueError, match=f"no {number}"):
                workers(number)


def test_function_runs_here_when_its_worker_dies(monkeypatch):
    monkeypatch.setenv("TURNPOINT_TEST_PARENT", str(os.getpid()))
    with Workers(dying, (), 1) as workers:
        assert [workers(number) for number in (1, 2)] == [(1, os.getpid()), (2, os.getpid())]


@pytest.mark.parametrize("executable", ["", "/no/such/python"])
def test_function_runs_here_when_no_worker_can_be_started(monkeypatch, executable):
    monkeypatch.setattr(sys, "executable", executable)
    with Workers(multiplier, (2,), 1) as workers:
        assert workers(4) == (8, os.getpid())


def test_workers_are_gone_afterwards():
    with Workers(multiplier, (2,), 1) as workers:
        (worker,) = workers._all
        assert worker.poll() is None
    assert worker.returncode == 0
