"""In how many threads matrix products run, and how many processors there are for them."""

from __future__ import annotations

import os
import threading
from types import TracebackType
from typing import Any

from threadpoolctl import ThreadpoolController


def blas_threads(n: int) -> Any:
    """Context manager: matrix products run in `n` threads; small ones are far slower in two than in one.

    Nothing is set where they do already. A fork leaves both processes without the threads of OpenBLAS, and whatever is
    set then begins them anew, each of which keeps a processor busy for 0.1 s: so fork where one thread is set.
    """
    blas = ThreadpoolController().select(user_api="blas")
    others = [library.filepath for library in blas.lib_controllers if library.num_threads != n]
    return blas.select(filepath=others).limit(limits=n)


def one_blas_thread() -> Any:
    """`blas_threads(1)`, the default for all that computes."""
    return blas_threads(1)


def usable_processors() -> int:
    """The processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _OneThread:
    """Context manager: BLAS computes in one thread while any thread of this process is inside."""

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0
        self._limit: Any = None

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._limit = one_blas_thread()

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._limit.restore_original_limits()


ONE_THREAD = _OneThread()
