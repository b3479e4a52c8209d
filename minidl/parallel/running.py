"""Running many trainings on an executor, each until it has an outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, as_completed
from typing import TypeVar

from minidl.core.errors import StorageError
from minidl.parallel.executors import ATTEMPTS, MakeExecutor, ended

T = TypeVar("T")
R = TypeVar("R")


def run_all(
    run: Callable[[T], R],
    trials: Sequence[T],
    make_executor: MakeExecutor,
    on_outcome: Callable[[T, R], None],
) -> list[tuple[T, BaseException]]:
    """Run every trial; hand over each outcome as it comes, in any order.

    Tasks that were lost with their process run again in a new executor, up to
    three times in all. Results do not depend on the executor.

    Parameters
    ----------
    run : of a trial gives its outcome; it and they can be pickled.
    make_executor : see `minidl.parallel`; called again after a breakdown.
    on_outcome : called in this process; stores the outcome.

    Returns
    -------
    The trials that gave no outcome, with their errors. (A training that meets
    NaN does give one.)
    """
    failed: list[tuple[T, BaseException]] = []
    waiting = list(trials)
    for _ in range(ATTEMPTS):
        lost: list[tuple[T, BaseException]] = []
        if waiting:
            with make_executor() as executor:
                for trial, outcome, error in _results(executor, run, waiting):
                    if outcome is not None:
                        on_outcome(trial, outcome)
                    elif isinstance(error, BrokenExecutor):
                        lost.append((trial, error))
                    elif error is not None:
                        failed.append((trial, error))
        waiting = [trial for trial, _ in lost]
    return failed + [(trial, StorageError(f"its process ended {ATTEMPTS} times: {error}")) for trial, error in lost]


def _results(
    executor: Executor, run: Callable[[T], R], trials: Iterable[T]
) -> Iterator[tuple[T, R | None, BaseException | None]]:
    """Outcome or error of each trial, as they come."""
    futures: dict[Future[R], T] = {}
    for trial in trials:
        try:
            future = executor.submit(run, trial)
        except BrokenExecutor as err:
            yield trial, None, err
            continue
        if future.done():  # it ran here, or was quick: let it be stored before the next one starts
            yield trial, *ended(future)
        else:
            futures[future] = trial
    for future in as_completed(futures):
        yield futures[future], *ended(future)
