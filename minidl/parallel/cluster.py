"""A Dask cluster that is running, as an executor.

Whoever controls its scheduler controls its workers, and its answers are pickles:
it must be trusted as much as the programs one runs. What can go wrong with an
honest one ends in one line.
"""

from __future__ import annotations

import contextlib
import logging
import re
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager
from typing import Any

from minidl.core.errors import ConfigError, MissingPackageError, StorageError
from minidl.core.extras import install_command
from minidl.core.text import printable

LOOK_SECONDS = 0.5  # how often a client is asked whether it is closed
SECONDS = 5  # a scheduler that runs answers within milliseconds
_ADDRESS = re.compile(r"(?:(?:tcp|tls)://)?(?:\[([0-9a-fA-F:.%]+)\]|([^\s:/\[\]]+)):([0-9]{1,5})")


def check_scheduler(scheduler: str) -> None:
    """Refuse, within seconds, an address at which no scheduler answers.

    Parameters
    ----------
    scheduler : ``tcp://host:8786``.

    Raises
    ------
    ConfigError
        It is no such address.
    MissingPackageError
        dask.distributed is not installed.
    StorageError
        Nobody listens there, or nobody who says that it is a scheduler.
    """
    import asyncio  # only here: --help must be quick

    try:
        import distributed
    except ImportError as err:
        raise MissingPackageError(f"--executor dask needs dask.distributed: {install_command('dask')}") from err
    found = _ADDRESS.fullmatch(scheduler)
    if found is None or not 0 < int(found[3]) < 1 << 16:
        raise ConfigError(f"--scheduler: expected tcp://HOST:PORT, got {printable(scheduler)!r}.")
    try:
        socket.create_connection((found[1] or found[2], int(found[3])), timeout=SECONDS).close()
        with _quiet():
            answer = asyncio.run(asyncio.wait_for(_who_is_there(distributed, scheduler), SECONDS))
    except (asyncio.TimeoutError, OSError, ValueError, TypeError) as err:  # until Python 3.11 the first is no OSError
        raise _nobody(scheduler, err) from err
    if not (isinstance(answer, dict) and answer.get("type") == "Scheduler"):
        raise _nobody(scheduler, ValueError("something else does"))


async def _who_is_there(distributed: Any, scheduler: str) -> Any:
    """What an address says of itself. Opening a client there would wait for ever for a silent one."""
    arguments = distributed.Security().get_connection_args("client")
    async with distributed.core.rpc(scheduler, connection_args=arguments) as remote:
        return await remote.identity()


def _nobody(scheduler: str, err: Exception) -> StorageError:
    what = printable(getattr(err, "strerror", None) or str(err) or f"none within {SECONDS} seconds").removesuffix(".")
    return StorageError(f"{printable(scheduler)}: no Dask scheduler answers there: {what}.")


@contextmanager
def dask_cluster(scheduler: str) -> Iterator[Executor]:
    """The workers of a Dask cluster that is running. They must have minidl and find the same data.

    Dask itself runs a trial again whose worker has died. If the scheduler dies,
    the trials that wait are broken.

    Parameters
    ----------
    scheduler : its address, ``tcp://host:8786``.

    Raises
    ------
    ConfigError, StorageError
        As for `check_scheduler`.
    """
    check_scheduler(scheduler)
    import distributed

    untyped: Any = distributed
    with _quiet():
        try:
            client: Any = untyped.Client(scheduler, set_as_default=False, timeout=SECONDS)
        except (OSError, ValueError, TypeError) as err:
            raise _nobody(scheduler, err) from err
        try:
            # Every trial is pure: run again, it gives the same bytes. Ten workers may die under one trial.
            with _Cluster(scheduler, client, client.get_executor(retries=10)) as cluster:
                yield cluster
        finally:
            with contextlib.suppress(OSError):  # of a scheduler that has gone
                client.close(timeout=SECONDS)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep distributed, and tornado below it, from telling in many lines what ends in one of ours."""
    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] in ("distributed", "tornado")]
    logs = [logging.getLogger(name) for name in names]
    disabled = [log.disabled for log in logs]
    for log in logs:
        log.disabled = True
    try:
        yield
    finally:
        for log, before in zip(logs, disabled, strict=True):
            log.disabled = before


class _Cluster(Executor):
    """Dask's executor, with the errors that executors have.

    Dask forgets a future whose result it is fetching as the scheduler dies. So a thread looks
    whether the client is closed, and ends those that nobody else will end.
    """

    def __init__(self, scheduler: str, client: Any, executor: Executor) -> None:
        self._scheduler, self._client, self._executor = scheduler, client, executor
        self._waiting: set[Future[Any]] = set()
        self._lock, self._left = threading.Lock(), threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    @property
    def width(self) -> int:
        """Tasks that its workers do at a time, now."""
        return max(1, int(sum(self._client.nthreads().values())))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Look no more; what Dask has begun is its own affair."""
        self._left.set()

    def _watch(self) -> None:
        while not self._left.wait(LOOK_SECONDS):
            if self._client.status not in ("running", "connecting"):
                with self._lock:
                    lost = [*self._waiting]
                for outer in lost:
                    self._end(outer, self._gone())

    def _gone(self) -> BrokenExecutor:
        return BrokenExecutor(f"{self._scheduler}: the scheduler has gone")

    def _end(self, outer: Future[Any], error: BaseException | None, result: Any = None) -> None:
        """Give a future its outcome, unless it has one."""
        with self._lock:
            if outer not in self._waiting:
                return
            self._waiting.remove(outer)
        if error is None:
            outer.set_result(result)
        else:
            outer.set_exception(error)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Hand a trial over.

        Raises
        ------
        BrokenExecutor
            The scheduler has gone.
        """
        try:
            inner = self._executor.submit(fn, *args, **kwargs)
        except (OSError, RuntimeError) as err:
            raise BrokenExecutor(f"{self._scheduler}: {err}") from err
        outer: Future[Any] = Future()
        with self._lock:
            self._waiting.add(outer)
        inner.add_done_callback(lambda done: self._hand_on(done, outer))
        return outer

    def _hand_on(self, done: Future[Any], outer: Future[Any]) -> None:
        error = self._gone() if done.cancelled() else done.exception()
        of_dask = type(error).__module__.partition(".")[0] in ("dask", "distributed")
        if error is not None and (of_dask or isinstance(error, ImportError)):
            what = f"{type(error).__name__}: {printable(error)}"
            error = StorageError(f"{self._scheduler}: a worker cannot do it: {what}")
        self._end(outer, error, done.result() if error is None else None)
