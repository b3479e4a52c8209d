"""Without what protects runs in several processes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from typing import Any

from minidl.parallel import executors, running
from tests.reliability.sabotage import sabotage


@sabotage("pairing")
def _outcomes_in_order_of_arrival() -> None:
    """The outcome that comes first belongs to the trial that was given first."""

    def results(executor: Any, run: Any, trials: Iterable[Any]) -> Iterator[tuple[Any, Any, BaseException | None]]:
        given = list(trials)
        futures = [executor.submit(run, trial) for trial in given]
        for trial, future in zip(given, running.as_completed(futures), strict=True):
            error = future.exception()
            yield trial, None if error else future.result(), error

    running._results = results


@sabotage("running-again")
def _lost_tasks_stay_lost() -> None:
    """What a worker was doing when it died is not given to another one."""
    os.environ["DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES"] = "0"


@sabotage("ending-with-the-parent")
def _workers_live_on() -> None:
    """Workers do not watch whether the process that started them is there."""
    executors._start_worker = _start_without_watching


def _start_without_watching(tell: Any) -> None:
    tell.send_bytes(b"ready")


@sabotage("signals-afterwards")
def _signals_in_between() -> None:
    """A signal is heard while processes are started, by these, too."""
    executors.signals_afterwards = contextlib.nullcontext  # type: ignore[assignment]


@sabotage("given-up-tasks")
def _given_up_tasks_are_errors() -> None:
    """What a scheduler gave up when it died is an error that nobody expects."""
    running.ended = lambda future: (future.result(), None)
