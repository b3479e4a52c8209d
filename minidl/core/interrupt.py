"""Ctrl-C, SIGTERM and a terminal that is closed: a request to stop while training, an exception elsewhere."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

# Windows has no SIGHUP.
_HANGUP: int | None = getattr(signal, "SIGHUP", None)
_OF_TERMINALS = (signal.SIGINT,) if _HANGUP is None else (signal.SIGINT, _HANGUP)
_SIGNALS = (*_OF_TERMINALS, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """A signal has arrived; `signal` is its number."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = number


def _nothing(number: int, frame: FrameType | None) -> None:
    """A signal that has been heard already."""


class _Handlers:
    """Context manager: `_on_signal` handles SIGINT, SIGTERM and SIGHUP within it.

    Outside the main thread it does nothing. A SIGHUP that is ignored, as nohup asks for, stays so.
    """

    def __init__(self) -> None:
        self._old: dict[int, Any] = {}
        self._heard = False

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        raise NotImplementedError

    def _install(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                if number != _HANGUP or signal.getsignal(number) is not signal.SIG_IGN:
                    self._old[number] = signal.signal(number, self._handle)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._heard = True
        # A terminal hangs up once, but its shell and the system may both tell: the second time is no sign of haste.
        if _HANGUP in self._old:
            signal.signal(_HANGUP, _nothing)
        self._on_signal(number, frame)

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._old.items():
            # Where one of these is around this one, and a signal was heard, the next is heard as within this one.
            if not (self._heard and isinstance(getattr(handler, "__self__", None), _Handlers)):
                signal.signal(number, handler)
        self._old = {}


def say_nothing(number: int) -> None:
    """What is called before an early end if nobody asks for more."""


class StopOnSignal(_Handlers):
    """Context manager; call it to learn whether a signal has asked to stop.

    From the first call on, the first signal is only noted, in `signal`.
    Before it there is nothing to save: the process ends with exit code 128 + signal
    without waiting for anything, for a compiler may be at work that hears of no
    signal for many seconds. So does a second SIGINT or SIGTERM, by the system's own hand.

    Parameters
    ----------
    leave : called with the signal's number, in another thread, before such an early end.
    """

    def __init__(self, leave: Callable[[int], None] = say_nothing) -> None:
        super().__init__()
        self.signal: int | None = None
        self._leave = leave
        self._asked = False
        self._sockets: tuple[socket.socket, socket.socket] | None = None

    def __call__(self) -> bool:
        self._asked = True
        return self.signal is not None

    def __enter__(self) -> StopOnSignal:
        self._install()
        if self._old:
            sender, receiver = self._sockets = socket.socketpair()
            sender.setblocking(False)
            self._old_wakeup = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
            self._watcher = threading.Thread(target=self._watch, args=[receiver], daemon=True)
            self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, err, trace)
        if self._sockets is not None:
            signal.set_wakeup_fd(self._old_wakeup)
            self._sockets[0].close()
            self._watcher.join()
            self._sockets[1].close()
            self._sockets = None

    def _watch(self, receiver: socket.socket) -> None:
        while number := receiver.recv(1):
            if number[0] in _SIGNALS and not self._asked:
                self._leave(number[0])
                os._exit(128 + number[0])

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        for each in self._old:
            if each != _HANGUP:
                signal.signal(each, signal.SIG_DFL)


class RaiseOnSignal(_Handlers):
    """Context manager: SIGINT, SIGTERM and SIGHUP raise `Interrupted`.

    Python drops an exception that is raised while it clears an object away, and says so. Instead, the signal is
    told again until it is raised elsewhere.
    """

    def __enter__(self) -> RaiseOnSignal:
        self._install()
        self._hook = sys.unraisablehook
        self._again: threading.Thread | None = None
        if self._old and hasattr(signal, "pthread_kill"):  # Windows has none
            sys.unraisablehook = self._dropped
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.unraisablehook, self._again = self._hook, None
        super().__exit__(kind, err, trace)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        within = frame
        while within is not None:
            if within.f_code is RaiseOnSignal._dropped.__code__:  # where Python would drop it, too
                return
            within = within.f_back
        self._again = None
        super()._handle(number, frame)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        raise Interrupted(number)

    def _dropped(self, unraisable: sys.UnraisableHookArgs) -> None:
        err = unraisable.exc_value
        if not isinstance(err, Interrupted):
            self._hook(unraisable)
            return
        signal.signal(err.signal, self._handle)  # a second hangup would not be heard
        self._again = threading.Thread(target=self._tell, args=[threading.get_ident(), err.signal], daemon=True)
        self._again.start()

    def _tell(self, thread: int, number: int) -> None:
        while self._again is threading.current_thread():
            signal.pthread_kill(thread, number)
            time.sleep(0.01)


def leave_signals_to_the_parent() -> None:
    """In a worker: Ctrl-C and a closed terminal are the business of the process that started it.

    That one ends this one by SIGTERM.
    """
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.SIG_IGN)
    _mask("SIG_UNBLOCK", _OF_TERMINALS)


@contextmanager
def signals_afterwards() -> Iterator[None]:
    """What arrives within it is heard when it ends.

    A process that is started within it gets all that it waits for, and what a terminal tells is kept from it until
    it calls `leave_signals_to_the_parent`: an exception while Python starts would be a traceback.
    """
    noted: list[int] = []
    old: dict[int, Any] = {}
    before = _mask("SIG_BLOCK", _OF_TERMINALS)  # in this thread, and in what it starts; others may still hear
    if threading.current_thread() is threading.main_thread():
        handlers = {number: signal.getsignal(number) for number in _SIGNALS}
        old = {number: handler for number, handler in handlers.items() if handler not in (signal.SIG_IGN, None)}
        for number in old:
            signal.signal(number, lambda number, frame: noted.append(number))
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
        _mask("SIG_SETMASK", before)
        for number in noted:
            signal.raise_signal(number)


def _mask(how: str, numbers: Iterable[int]) -> Iterable[int]:
    """Change which signals this thread hears; return those that it did not hear before. Windows has no such thing."""
    if not hasattr(signal, "pthread_sigmask"):
        return ()
    return signal.pthread_sigmask(getattr(signal, how), numbers)


class EndOnSignal(_Handlers):
    """Context manager: SIGINT, SIGTERM and SIGHUP end the process at once.

    For imports: an exception that is raised within one can be lost.
    """

    def __enter__(self) -> EndOnSignal:
        self._install()
        for number in self._old:
            signal.signal(number, signal.SIG_DFL)
        return self
