"""One function called in several threads at once, none of which can hang another."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from minidl.compiled.emit.waiting import end
from minidl.core.layer import Array


def together(function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]], flags: Array) -> Any:
    """What `function` returns for the first arguments, in this thread; others call it with the rest meanwhile.

    The calls wait for each other by `flags` only. Where one is over, whatever the reason, its
    flag says so, and the others end too. What another thread raised is raised here.
    """
    failures: list[Exception] = []
    processors = _processors(len(arguments))

    def call(thread: int) -> None:
        try:
            with _apart(processors, thread):
                function(*arguments[thread])
        except Exception as err:
            failures.append(err)
        finally:
            end(flags, thread)

    # daemon: a thread that an interrupt left behind does not keep the process alive.
    others = [threading.Thread(target=call, args=[thread], daemon=True) for thread in range(1, len(arguments))]
    try:
        for other in others:
            other.start()
        with _apart(processors, 0):
            result = function(*arguments[0])
    finally:
        end(flags, 0)
        for other in others:
            if other.is_alive():
                other.join()
    if failures:
        raise failures[0]
    return result


def _processors(threads: int) -> list[list[int]]:
    """Those that this thread may use, dealt out to so many; empty where not each gets one, or nobody may choose.

    A system that sees threads sleep and wake in turn leaves two of them on one processor, often for a whole call.
    """
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return [usable[thread::threads] for thread in range(threads)] if len(usable) >= threads else []


@contextlib.contextmanager
def _apart(processors: Sequence[Sequence[int]], thread: int) -> Iterator[None]:
    """The thread that calls this stays on its own processors, where there are such."""
    with contextlib.suppress(OSError):  # a system may refuse it
        if processors:
            os.sched_setaffinity(0, processors[thread])
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if processors:
                os.sched_setaffinity(0, [one for some in processors for one in some])
