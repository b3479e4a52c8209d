"""What signals do to this process, at once and the second time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from minidl.core.interrupt import EndOnSignal, Interrupted, RaiseOnSignal, StopOnSignal, signals_afterwards

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals as on POSIX")


@pytest.fixture(autouse=True)
def the_handlers_of_before() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    assert [signal.getsignal(number) for number in numbers] == before


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_is_raised_outside_training(name: str) -> None:
    number = getattr(signal, name)
    with pytest.raises(Interrupted) as caught, RaiseOnSignal():
        signal.raise_signal(number)
    assert caught.value.signal == number


class Cleared:
    """A signal arrives while Python clears it away."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        signal.raise_signal(self.number)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_that_python_drops_is_told_again(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    number, hook = getattr(signal, name), sys.unraisablehook

    def clear() -> None:
        with RaiseOnSignal():
            Cleared(number)
            threading.Event().wait(60)

    with pytest.raises(Interrupted) as caught:
        clear()
    assert caught.value.signal == number
    assert capsys.readouterr().err == ""
    assert sys.unraisablehook is hook


def test_a_second_signal_while_python_tells_of_the_dropped_one_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    start = threading.Thread.start

    def late(self: threading.Thread) -> None:
        signal.raise_signal(signal.SIGHUP)
        start(self)

    def clear() -> None:
        with RaiseOnSignal():
            cleared, never = Cleared(signal.SIGHUP), threading.Event()
            monkeypatch.setattr(threading.Thread, "start", late)
            del cleared
            never.wait(10)

    with pytest.raises(Interrupted):
        clear()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_hangup_after_another_signal_is_no_haste(name: str) -> None:
    # A shell tells its jobs that the terminal is gone, and the system tells them too; after Ctrl-C as well.
    with StopOnSignal() as stop:
        assert not stop()
        signal.raise_signal(getattr(signal, name))
        signal.raise_signal(signal.SIGHUP)
        assert stop()
        assert stop.signal == getattr(signal, name)
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_second_hangup_does_not_disturb_tidying_up() -> None:
    tidied = False

    def interrupted() -> None:
        nonlocal tidied
        with RaiseOnSignal():
            try:
                signal.raise_signal(signal.SIGHUP)
            finally:
                signal.raise_signal(signal.SIGHUP)
                tidied = True

    with pytest.raises(Interrupted):
        interrupted()
    assert tidied


def test_after_a_training_that_was_stopped_nothing_raises_any_more() -> None:
    # What is raised between two lines of the end can fall into a destructor, which shows a traceback.
    with RaiseOnSignal():
        with StopOnSignal() as stop:
            assert not stop()
            signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL


def test_after_a_training_that_was_not_stopped_a_signal_is_raised_as_before_it() -> None:
    def hung_up() -> None:
        with RaiseOnSignal():
            with StopOnSignal():
                pass
            signal.raise_signal(signal.SIGHUP)

    with pytest.raises(Interrupted):
        hung_up()


@pytest.mark.parametrize("context", [StopOnSignal, RaiseOnSignal, EndOnSignal])
def test_a_hangup_that_nohup_ignores_stays_ignored(context: type) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with context():
            signal.raise_signal(signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_worker_leaves_signals_to_its_parent() -> None:
    code = (
        "import signal; from minidl.core.interrupt import leave_signals_to_the_parent as leave; leave();"
        "signal.raise_signal(signal.SIGINT); signal.raise_signal(signal.SIGHUP); print('here', flush=True);"
        "signal.raise_signal(signal.SIGTERM)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (-signal.SIGTERM, "here\n")


def test_signals_end_the_process_while_modules_are_imported_and_do_what_they_did_afterwards() -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as for a worker, not what the system does
    try:
        with EndOnSignal():
            assert [signal.getsignal(number) for number in numbers] == [signal.SIG_DFL] * 3
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_what_arrives_while_a_process_is_started_is_heard_afterwards(name: str) -> None:
    number, done = getattr(signal, name), []

    def start() -> None:
        with RaiseOnSignal(), signals_afterwards():
            signal.raise_signal(number)
            started = subprocess.run([sys.executable, "-c", _BLOCKED, name], capture_output=True, check=True)
            done.append(started.stdout.split())

    with pytest.raises(Interrupted) as caught:
        start()
    assert caught.value.signal == number
    assert done == [[str(number != signal.SIGTERM).encode()]]  # by which it would be ended
    assert number not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


_BLOCKED = "import signal, sys; print(getattr(signal, sys.argv[1]) in signal.pthread_sigmask(signal.SIG_BLOCK, ()))"


def test_a_thread_that_hears_signals_does_not_disturb_the_start_of_a_process() -> None:
    end = threading.Event()
    other = threading.Thread(target=end.wait)  # the system may choose it, for it blocks nothing
    other.start()
    steps = []

    def start() -> None:
        with RaiseOnSignal(), signals_afterwards():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)
            steps.append("started")

    try:
        with pytest.raises(Interrupted):
            start()
    finally:
        end.set()
        other.join()
    assert steps == ["started"]
