"""Running tasks on any ``concurrent.futures.Executor``: here, in processes, or on a Dask cluster."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

from minidl.comparison.tasks import Outcome, Task, run_task
from minidl.errors import ConfigError, StorageError
from minidl.extras import install_command

MakeExecutor = Callable[[], Any]  # a context manager that gives an Executor
ATTEMPTS = 3


def run_tasks(
    tasks: Sequence[Task], make_executor: MakeExecutor, on_outcome: Callable[[Task, Outcome], None]
) -> list[tuple[Task, BaseException]]:
    """Run every task; hand over each outcome as it comes, in any order.

    Tasks that were lost with their process run again in a new executor, up to
    three times in all. Results do not depend on the executor.

    Parameters
    ----------
    make_executor : see `processes` and `dask_cluster`; called again after a breakdown.
    on_outcome : called in this process; stores the outcome.

    Returns
    -------
    The tasks that gave no outcome, with their errors. (A training that meets
    NaN does give one.)
    """
    failed: list[tuple[Task, BaseException]] = []
    waiting = list(tasks)
    for _ in range(ATTEMPTS):
        lost: list[tuple[Task, BaseException]] = []
        if waiting:
            with make_executor() as executor:
                for task, outcome, error in _results(executor, waiting):
                    if outcome is not None:
                        on_outcome(task, outcome)
                    elif isinstance(error, BrokenExecutor):
                        lost.append((task, error))
                    elif error is not None:
                        failed.append((task, error))
        waiting = [task for task, _ in lost]
    return failed + [(task, StorageError(f"its process ended {ATTEMPTS} times: {error}")) for task, error in lost]


def _results(executor: Executor, tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome | None, BaseException | None]]:
    """Outcome or error of each task, as they come."""
    futures: dict[Future[Outcome], Task] = {}
    for task in tasks:
        try:
            future = executor.submit(run_task, task)
        except BrokenExecutor as err:
            yield task, None, err
            continue
        if future.done():  # it ran here, or was quick: let it be stored before the next one starts
            yield task, None if future.exception() else future.result(), future.exception()
        else:
            futures[future] = task
    for future in as_completed(futures):
        error = future.exception()
        yield futures[future], None if error else future.result(), error


class Here(Executor):
    """Runs each task in this process, when it is submitted."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run now."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as err:
            future.set_exception(err)
        return future


@contextmanager
def processes(jobs: int) -> Iterator[Executor]:
    """This process for one job, else so many new ones, each with one BLAS thread.

    The processes are started afresh (not forked), so that no lock or thread of
    this one is copied. They end with the block; at once if it is left by an
    exception, such as Ctrl-C.

    Raises
    ------
    ConfigError
        `jobs` is less than 1.
    """
    if jobs < 1:
        raise ConfigError(f"--jobs: expected at least 1, got {jobs}.")
    if jobs == 1:
        yield Here()
        return
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_start_worker)
    try:
        yield pool
    except BaseException:
        workers = list((getattr(pool, "_processes", None) or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.terminate()
        raise
    pool.shutdown()


def _start_worker() -> None:
    """In a new process: Ctrl-C is the business of the process that started it; it ends this one by SIGTERM."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def dask_cluster(scheduler: str) -> Iterator[Executor]:
    """The workers of a Dask cluster that is running. They must have minidl and find the same data.

    Dask itself runs a task again whose worker has died.

    Parameters
    ----------
    scheduler : its address, ``tcp://host:8786``.

    Raises
    ------
    ConfigError
        dask.distributed is not installed.
    StorageError
        No scheduler answers there.
    """
    try:
        import distributed
    except ImportError as err:
        raise ConfigError(f"--executor dask needs dask.distributed: {install_command('dask')}") from err
    untyped: Any = distributed
    try:
        client: Any = untyped.Client(scheduler, set_as_default=False, timeout=10)
    except (OSError, ValueError, TypeError) as err:
        raise StorageError(f"{scheduler}: no Dask scheduler answers there: {err}.") from err
    try:
        # Every task is pure: run again, it gives the same bytes. Ten workers may die under one task.
        yield client.get_executor(retries=10)
    finally:
        client.close()


def default_jobs() -> int:
    """The processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
