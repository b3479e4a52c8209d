"""Ctrl-C and SIGTERM: a request to stop while training, an exception elsewhere."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class Interrupted(KeyboardInterrupt):
    """A signal has arrived; `signal` is its number."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = number


class _Handlers:
    """Context manager: `_on_signal` handles SIGINT and SIGTERM within it; outside the main thread it does nothing."""

    def __init__(self) -> None:
        self._old: dict[int, Any] = {}

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        raise NotImplementedError

    def _install(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._old[number] = signal.signal(number, self._on_signal)

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)
        self._old = {}


class StopOnSignal(_Handlers):
    """Context manager; call it to learn whether a signal has asked to stop.

    The first SIGINT or SIGTERM is only noted, in `signal`. The second ends the
    process at once, by the system's own hand: no saving, no cleaning up, whatever
    the process is doing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.signal: int | None = None

    def __call__(self) -> bool:
        return self.signal is not None

    def __enter__(self) -> StopOnSignal:
        self._install()
        return self

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        for each in self._old:
            signal.signal(each, signal.SIG_DFL)


class RaiseOnSignal(_Handlers):
    """Context manager: SIGINT and SIGTERM raise `Interrupted`."""

    def __enter__(self) -> RaiseOnSignal:
        self._install()
        return self

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        raise Interrupted(number)
