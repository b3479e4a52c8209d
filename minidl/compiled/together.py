"""One function called in several threads at once, none of which can hang another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from minidl.compiled.emit.waiting import end
from minidl.core.layer import Array


def together(function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]], flags: Array) -> Any:
    """What `function` returns for the first arguments, in this thread; others call it with the rest meanwhile.

    The calls wait for each other by `flags` only. Where one is over, whatever the reason, its
    flag says so, and the others end too. What another thread raised is raised here.
    """
    failures: list[Exception] = []

    def call(thread: int) -> None:
        try:
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
        result = function(*arguments[0])
    finally:
        end(flags, 0)
        for other in others:
            if other.is_alive():
                other.join()
    if failures:
        raise failures[0]
    return result
