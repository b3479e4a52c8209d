"""Executors as in ``concurrent.futures``: this process, or several; a Dask cluster is in `cluster`."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from minidl.core.errors import ConfigError
from minidl.core.interrupt import leave_signals_to_the_parent, signals_afterwards
from minidl.core.standard_streams import guard_standard_streams
from minidl.training.threads import usable_processors

MakeExecutor = Callable[[], Any]  # a context manager that gives an Executor
ATTEMPTS = 3
MAX_JOBS = 1024
_MOST = 61 if os.name == "nt" else MAX_JOBS  # Windows cannot wait for more processes than that


def ended(future: Future[Any]) -> tuple[Any, BaseException | None]:
    """What has come of a future: a result, or None and an error."""
    try:
        error = future.exception()
    except CancelledError:  # nobody here cancels: whoever should compute it has gone
        error = BrokenExecutor("it was given up")
    return (None, error) if error else (future.result(), None)


class Here(Executor):
    """Runs each trial in this process, when it is submitted."""

    width = 1  # trials at a time

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run now."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as err:
            future.set_exception(err)
        return future


class _Processes(ProcessPoolExecutor):
    """So many processes."""

    def __init__(self, width: int, tell: Connection) -> None:
        context = multiprocessing.get_context("spawn")
        super().__init__(width, mp_context=context, initializer=_start_worker, initargs=(tell,))
        self.width = width

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """The first ones start a process each."""
        with signals_afterwards():
            return super().submit(fn, *args, **kwargs)


@contextmanager
def processes(jobs: int) -> Iterator[Executor]:
    """This process for one job, else so many new ones, each with one BLAS thread.

    The processes are started afresh (not forked), so that no lock or thread of
    this one is copied. They end with the block; at once if it is left by an
    exception, such as Ctrl-C; and within a second if this process is killed.

    Raises
    ------
    ConfigError
        `jobs` is less than 1 or more than 1,024, or the script that Python runs
        has no main guard.
    """
    check_main_guard()
    check_jobs(jobs)
    if jobs == 1:
        yield Here()
        return
    with signals_afterwards():  # Python's helper that tidies up after these processes must outlive them
        if os.name != "nt":
            from multiprocessing import resource_tracker  # Windows has none

            resource_tracker.ensure_running()
    told, tell = multiprocessing.get_context("spawn").Pipe(duplex=False)
    pool = _Processes(min(jobs, _MOST), tell)
    try:
        with told, tell:
            yield pool
            pool.shutdown()
            if getattr(pool, "_broken", False) and not told.poll():  # not one of them came to its first line
                raise ConfigError(NO_GUARD)
    except BaseException:
        workers = list((getattr(pool, "_processes", None) or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.terminate()
        raise


def check_jobs(jobs: int) -> None:
    """Refuse numbers of processes that nobody can mean.

    Raises
    ------
    ConfigError
        `jobs` is less than 1 or more than 1,024.
    """
    if not 1 <= jobs <= MAX_JOBS:
        raise ConfigError(f"--jobs: expected 1 to {MAX_JOBS:,}, got {jobs}.")


NO_GUARD = (
    "no process could be started: each runs the script that Python runs first. Let the script compare "
    'only under: if __name__ == "__main__":'
)


def check_main_guard() -> None:
    """End this process if it is a worker that is about to start workers of its own.

    A worker runs the user's script again for what it registers. Without a main
    guard the script comes here, before the worker is ready; the process that
    started it says what is wrong.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        os._exit(1)


def _start_worker(tell: Connection) -> None:
    """In a new process: it ends with the one that started it, whose business signals are.

    The other end of what a worker waits for is held by its parent alone, so that
    the system itself tells when the parent is gone, however it ended.
    """
    leave_signals_to_the_parent()
    guard_standard_streams()  # of what plugins print
    threading.Thread(target=_end_with_parent, daemon=True).start()
    tell.send_bytes(b"ready")


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def default_jobs() -> int:
    """The processors that this process may use."""
    return min(usable_processors(), MAX_JOBS)
