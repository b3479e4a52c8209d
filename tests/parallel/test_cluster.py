"""What an executor of Dask hands back, with a stub in Dask's place: results, errors, and a cluster that fails."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, wait
from types import SimpleNamespace
from typing import Any

import pytest

from minidl.core.errors import ConfigError, NumericalError, StorageError
from minidl.parallel import cluster
from minidl.parallel.cluster import _Cluster, _quiet, check_scheduler

RUNNING = SimpleNamespace(status="running")


class WorkerError(Exception):
    """Stands for an error of Dask's own."""


WorkerError.__module__ = "distributed.scheduler"


class Stub(Executor):
    """Its one trial is still to end."""

    def __init__(self, refuses: Exception | None = None) -> None:
        self.future: Future[Any] = Future()
        self.refuses = refuses
        self.submitted: Any = None

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self.refuses is not None:
            raise self.refuses
        self.submitted = (fn, args, kwargs)
        return self.future


def test_a_task_and_its_result_are_handed_on() -> None:
    stub = Stub()
    outer = _Cluster("tcp://here:1", RUNNING, stub).submit(divmod, 7, 2, by="name")
    assert stub.submitted == (divmod, (7, 2), {"by": "name"})
    assert not outer.done()
    stub.future.set_result((3, 1))
    assert outer.result(timeout=0) == (3, 1)


def failed(error: Exception) -> BaseException | None:
    stub = Stub()
    outer = _Cluster("tcp://here:1", RUNNING, stub).submit(len, "abc")
    stub.future.set_exception(error)
    return outer.exception(timeout=0)


def test_an_error_of_a_task_stays_what_it_is() -> None:
    error = NumericalError("NaN in step 3.")
    assert failed(error) is error


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (WorkerError("it is\ngone"), r"WorkerError: it is\ngone"),
        (ModuleNotFoundError("No module named 'minidl'"), "ModuleNotFoundError: No module named 'minidl'"),
    ],
    ids=["an error of Dask's", "a worker without minidl"],
)
def test_what_keeps_a_worker_from_working_is_one_line(error: Exception, what: str) -> None:
    found = failed(error)
    assert isinstance(found, StorageError)
    assert str(found) == f"tcp://here:1: a worker cannot do it: {what}"


def test_a_scheduler_that_goes_away_breaks_the_tasks_that_wait_so_that_they_run_again() -> None:
    stub = Stub()
    outer = _Cluster("tcp://here:1", RUNNING, stub).submit(len, "abc")
    assert stub.future.cancel()
    error = outer.exception(timeout=0)
    assert isinstance(error, BrokenExecutor)
    assert str(error) == "tcp://here:1: the scheduler has gone"


@pytest.mark.parametrize("error", [OSError("closed"), RuntimeError("closed")])
def test_a_task_that_a_dead_scheduler_cannot_take_is_broken_too(error: Exception) -> None:
    with pytest.raises(BrokenExecutor, match=r"^tcp://here:1: closed$"):
        _Cluster("tcp://here:1", RUNNING, Stub(refuses=error)).submit(len, "abc")


def test_logs_of_dask_are_quiet_for_a_while_and_others_are_not() -> None:
    names = ("minidl.log", "distributed.core", "tornado.application")
    ours, quiet, loud = map(logging.getLogger, names)
    quiet.disabled = True  # the user wanted it so
    try:
        with _quiet():
            assert (ours.disabled, quiet.disabled, loud.disabled) == (False, True, True)
        assert (ours.disabled, quiet.disabled, loud.disabled) == (False, True, False)
    finally:
        quiet.disabled = False


def test_a_trial_that_dask_forgets_ends_with_the_connection() -> None:
    # Its result was being fetched as the scheduler died: it is neither cancelled nor told of.
    client, stub = SimpleNamespace(status="connecting"), Stub()
    with _Cluster("tcp://here:1", client, stub) as cluster:
        outer = cluster.submit(len, "abc")
        assert not wait([outer], timeout=1.2).done  # it may yet connect
        client.status = "closed"
        assert str(outer.exception(timeout=60)) == "tcp://here:1: the scheduler has gone"
        assert isinstance(outer.exception(), BrokenExecutor)
        stub.future.set_result(3)  # too late, and no error
        assert isinstance(outer.exception(), BrokenExecutor)


def test_what_was_handed_on_stays_when_the_connection_ends() -> None:
    client, stub = SimpleNamespace(status="running"), Stub()
    with _Cluster("tcp://here:1", client, stub) as cluster:
        done = cluster.submit(len, "abc")
        stub.future.set_result(3)
        client.status, stub.future = "closed", Future()
        assert cluster.submit(len, "abc").exception(timeout=60) is not None
        assert done.result(timeout=0) == 3


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("tcp://here:8786", ("here", 8786)),
        ("tls://10.0.0.1:1", ("10.0.0.1", 1)),
        ("tcp://[fe80::1%2]:8786", ("fe80::1%2", 8786)),
        ("[::1]:65535", ("::1", 65535)),
    ],
)
def test_whether_somebody_listens_is_asked_at_the_host_and_port_of_an_address(
    address: str, asked: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    calls: list[Any] = []

    def connect(where: tuple[str, int], timeout: float) -> Any:
        calls.append((where, timeout))
        raise ConnectionRefusedError(111, "nobody is there")

    monkeypatch.setattr(cluster.socket, "create_connection", connect)
    with pytest.raises(StorageError, match=r": no Dask scheduler answers there: nobody is there\.$"):
        check_scheduler(address)
    assert calls == [(asked, 5)]


@pytest.mark.parametrize(
    "address", ["here", "tcp://here", "tcp://here:0", "tcp://here:65536", "http://here:1", "::1:5"]
)
def test_what_is_no_address_of_a_scheduler_is_refused(address: str) -> None:
    pytest.importorskip("distributed")
    with pytest.raises(ConfigError, match=r"^--scheduler: expected tcp://HOST:PORT, got "):
        check_scheduler(address)


@pytest.mark.parametrize("closing", [None, OSError("the scheduler has gone")])
def test_a_client_of_ones_own_runs_a_trial_again_for_ten_workers_and_is_closed(
    closing: Exception | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = pytest.importorskip("distributed")
    asked: list[Any] = []

    class Client:
        status = "running"

        def __init__(self, *address: str, **settings: Any) -> None:
            asked.append((address, settings))

        def get_executor(self, **settings: Any) -> Stub:
            asked.append(settings)
            return Stub()

        def close(self, timeout: float) -> None:
            asked.append(timeout)
            if closing is not None:
                raise closing

    monkeypatch.setattr(cluster, "check_scheduler", asked.append)
    monkeypatch.setattr(distributed, "Client", Client)
    with cluster.dask_cluster("tcp://here:1") as executor:
        assert isinstance(executor, _Cluster)
        assert asked == ["tcp://here:1", (("tcp://here:1",), {"set_as_default": False, "timeout": 5}), {"retries": 10}]
    assert asked[3:] == [5]
