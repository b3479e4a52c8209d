"""Processes that compute the runs: how many, how they end, and scripts that cannot have any."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from minidl.cli import main
from minidl.comparison.running import run_trials
from minidl.core.errors import ConfigError
from minidl.parallel import executors
from minidl.parallel.executors import default_jobs, processes

Capture = pytest.CaptureFixture[str]
HUGE = str(10**20)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--jobs", HUGE], f"--jobs: expected 1 to 1,024, got {HUGE}."),
        (["--jobs", "0"], "--jobs: expected 1 to 1,024, got 0."),
        (["--seeds", HUGE], f"--seeds: expected 1 to 10,000, got {HUGE}."),
        (["--seeds", "2", "--shard", f"1/{HUGE}"], "--shard: expected I/N with 1 <= I <= N <= 4, the number of runs"),
        (["--shard", "1/" + "1" * 5000], "--shard: expected I/N with 1 <= I <= N, such as 1/4"),
    ],
)
def test_numbers_that_nobody_can_mean_are_refused_and_leave_no_folder(
    folder: Path, arguments: list[str], message: str, capsys: Capture
) -> None:
    assert main(["compare", "small.yaml", "deep.yaml", *arguments]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert not Path("runs").exists()


def test_more_processes_than_anybody_has_are_refused_from_python_too() -> None:
    with pytest.raises(ConfigError, match=r"--jobs: expected 1 to 1,024, got 1025"), processes(1025):
        pass


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot wait for more than 61 processes")
def test_as_many_processes_work_as_are_asked_for() -> None:
    with processes(100) as pool:  # they are started as trials come: none here
        assert pool._max_workers == 100


@pytest.mark.parametrize(("processors", "jobs"), [(3, 3), (None, 1), (5000, 1024)])
def test_there_are_as_many_jobs_as_processors_that_the_process_may_use(
    processors: int | None, jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {1, 5} if pid == 0 else {1}, raising=False)
    assert default_jobs() == 2
    monkeypatch.delattr(os, "sched_getaffinity")  # as on macOS and Windows, where nobody may know
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    assert default_jobs() == jobs


def run_script(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "script.py").write_text(text)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "script.py"]
    # Into files: a pipe would be waited for as long as any worker has it.
    with (folder / "out").open("w+") as out, (folder / "err").open("w+") as err:
        done = subprocess.run(command, cwd=folder, env=environment, stdout=out, stderr=err, timeout=100, check=False)
    texts = ((folder / name).read_text() for name in ("out", "err"))
    return subprocess.CompletedProcess(command, done.returncode, *texts)


UNGUARDED = """\
from minidl.parallel import executors
from minidl.parallel.executors import default_jobs, processes
from minidl.core.errors import ConfigError
try:
    with processes(2) as pool:
        pool.submit(len, "abc").exception()
except ConfigError as err:
    print(err)
"""


def test_a_script_without_a_main_guard_is_told_so_in_one_line(tmp_path: Path) -> None:
    done = run_script(tmp_path, UNGUARDED)
    assert done.stderr == ""
    assert done.stdout == (
        "no process could be started: each runs the script that Python runs first. "
        'Let the script compare only under: if __name__ == "__main__":\n'
    )


KILLED = """\
import os
import signal
import threading
from minidl.parallel import executors
from minidl.parallel.executors import default_jobs, processes
if __name__ == "__main__":
    with processes(2) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        pool.submit(signal.pause)
        os.kill(os.getpid(), signal.SIGKILL)
"""


def wait_for_the_end_of(pid: int) -> None:
    place, deadline = Path("/proc", str(pid), "stat"), time.monotonic() + 60
    while place.exists() and place.read_text().rpartition(")")[2].split()[0] != "Z":
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)  # or this process would wait for it in the end
            pytest.fail("the worker lives on")
        time.sleep(0.02)


asks_linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks Linux whether a process is alive")


@asks_linux
def test_a_worker_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    done = run_script(tmp_path, KILLED)
    assert done.returncode == -9
    wait_for_the_end_of(int(done.stdout))


def begin_and_wait(folder: Path) -> None:
    (folder / str(os.getpid())).touch()
    signal.pause()


def leave_by_an_exception(folder: Path) -> None:
    with processes(2) as pool:
        pool.submit(begin_and_wait, folder)
        deadline = time.monotonic() + 60
        while not any(folder.iterdir()):
            assert time.monotonic() < deadline, "the worker does not begin"
            time.sleep(0.02)
        raise KeyError("stop")


@asks_linux
def test_workers_do_not_outlive_an_exception_even_in_the_middle_of_a_task(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="stop"):
        leave_by_an_exception(tmp_path)
    (began,) = tmp_path.iterdir()
    wait_for_the_end_of(int(began.name))


@pytest.mark.skipif(os.name == "nt", reason="there are no hangups on Windows")
def test_workers_leave_a_terminals_signals_to_the_process_that_started_them() -> None:
    with processes(2) as pool:
        handlers = [
            pool.submit(signal.getsignal, getattr(signal, name)).result() for name in ("SIGINT", "SIGHUP", "SIGTERM")
        ]
        blocked = pool.submit(signal.pthread_sigmask, signal.SIG_BLOCK, ()).result()
    assert handlers == [signal.SIG_IGN, signal.SIG_IGN, signal.SIG_DFL]
    assert not blocked & {signal.SIGINT, signal.SIGHUP, signal.SIGTERM}


def test_a_worker_waits_for_its_parent_to_end_and_then_ends_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[object] = []
    parent = SimpleNamespace(join=lambda: done.append("joined"))
    monkeypatch.setattr(executors.multiprocessing, "parent_process", lambda: parent)
    monkeypatch.setattr(executors.os, "_exit", done.append)
    executors._end_with_parent()
    assert done == ["joined", 1]
    monkeypatch.setattr(executors.multiprocessing, "parent_process", lambda: None)
    executors._end_with_parent()  # a process that nobody started has no parent to wait for
    assert done == ["joined", 1]


def test_each_trial_ends_as_a_result_or_as_an_error_and_only_lost_ones_run_again() -> None:
    tries: list[str] = []

    class Wonky(executors.Here):
        def submit(self, fn: Any, /, trial: Any) -> Any:  # type: ignore[override]
            tries.append(trial)

            def work() -> str:
                if trial == "wrong":
                    raise ConfigError("no such thing")
                if trial == "lost" or (trial == "once" and tries.count("once") == 1):
                    raise BrokenExecutor("gone")
                return f"result of {trial}"

            return super().submit(work)

    done: list[tuple[Any, Any]] = []
    asked: Any = ["fine", "wrong", "lost", "once"]
    failed = run_trials(asked, lambda: nullcontext(Wonky()), lambda *pair: done.append(pair))
    assert done == [("fine", "result of fine"), ("once", "result of once")]
    assert [(trial, str(error)) for trial, error in failed] == [
        ("wrong", "no such thing"),
        ("lost", "its process ended 3 times: gone"),
    ]
    assert {name: tries.count(name) for name in asked} == {"fine": 1, "wrong": 1, "lost": 3, "once": 2}
