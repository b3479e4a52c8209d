"""A real scheduler and two workers over loopback, one of which is killed while it works."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from minidl.cli import main
from minidl.comparison.session import make_plan, run_missing, start
from minidl.core.errors import ConfigError, StorageError
from minidl.parallel.cluster import check_scheduler, dask_cluster
from minidl.parallel.executors import processes

pytest.importorskip("distributed", reason="dask.distributed is not installed")

# A training that tells that it has begun, and then waits until it may go on: a kill can hit it for certain.
PLUGIN = """\
import os
import time
from pathlib import Path

from minidl import HalfMSE, register


@register
class Watched(HalfMSE):
    def __call__(self, y, target, weight=None, out=None):
        here = Path({folder!r})
        if not (here / "go").exists():
            (here / f"began-{{os.getpid()}}").touch()
            while not (here / "go").exists():
                time.sleep(0.01)
        return super().__call__(y, target, weight, out)
"""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Any]:
    """Address of the scheduler, and the two worker processes."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONWARNINGS": "ignore"}
    told = tmp_path / "scheduler.json"
    scheduler = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment, "cwd": tmp_path}
    started = [subprocess.Popen([*scheduler, "--no-dashboard", "--scheduler-file", str(told)], **quiet)]  # type: ignore[call-overload]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(told), "--no-nanny"]
    worker += ["--nthreads", "1", "--no-dashboard", "--death-timeout", "60", "--local-directory", str(tmp_path)]
    try:
        wait_for(lambda: told.exists() and told.read_text().rstrip().endswith("}"))  # it may be half written
        workers = [subprocess.Popen(worker, **quiet) for _ in range(2)]  # type: ignore[call-overload]
        started += workers
        yield json.loads(told.read_text())["address"], workers
    finally:
        for process in started:
            process.kill()
            process.wait()


def wait_for(happened: Any) -> None:
    deadline = time.monotonic() + 100
    while not happened():
        assert time.monotonic() < deadline, "nothing happened for 100 seconds"
        time.sleep(0.02)


@pytest.mark.filterwarnings("ignore")
def test_the_seeds_of_a_worker_that_dies_run_elsewhere_with_the_same_results(folder: Path, cluster: Any) -> None:
    import threading

    address, workers = cluster
    plugin = folder / "watched.py"
    plugin.write_text(PLUGIN.format(folder=str(folder)))
    from minidl.files.plugins import load_plugin

    load_plugin(plugin)
    csv = f"data.series.path={folder / 'air.csv'}"
    plan, data = make_plan(
        ["small.yaml", "deep.yaml"], seeds=2, overrides=["loss=Watched", csv], plugins=[plugin], protocol=False
    )

    def kill_one() -> None:
        pids = {worker.pid for worker in workers}
        wait_for(lambda: any(int(path.name[6:]) in pids for path in folder.glob("began-*")))
        victim = next(int(path.name[6:]) for path in folder.glob("began-*"))
        os.kill(victim, signal.SIGKILL)
        (folder / "go").touch()

    killer = threading.Thread(target=kill_one)
    killer.start()
    session = start(plan, data, plugins=[plugin], fresh=True)
    with session.lock:
        run_missing(session, lambda: dask_cluster(address))
    killer.join()
    assert sum(worker.poll() is not None for worker in workers) == 1
    local = start(plan, data, plugins=[plugin], fresh=True)
    with local.lock:
        run_missing(local, lambda: processes(1))
    ours, theirs = local.folder.records(), session.folder.records()
    assert len(ours) == 4
    for one, other in zip(ours, theirs, strict=True):
        one.pop("seconds"), other.pop("seconds")
    assert ours == theirs


def test_no_scheduler_is_one_clear_line() -> None:
    with pytest.raises(StorageError, match=r"^tcp://127.0.0.1:1: no Dask scheduler answers there: .+refused.$"):
        check_scheduler("tcp://127.0.0.1:1")


@pytest.mark.parametrize(
    "address", ["http://here:8786", "here", "tcp://here", "here:port", "here:0", "here:65536", "a b:1"]
)
def test_what_is_no_address_of_a_scheduler_is_refused_at_once(address: str) -> None:
    with pytest.raises(ConfigError, match=r"^--scheduler: expected tcp://HOST:PORT, got "):
        check_scheduler(address)


def test_a_server_that_is_no_scheduler_is_refused_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minidl.parallel.cluster.SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(StorageError, match=r": no Dask scheduler answers there: none within 0.2 seconds.$"):
            check_scheduler(address)


def test_a_comparison_with_a_wrong_scheduler_leaves_no_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["compare", "small.yaml", "deep.yaml", "--executor", "dask", "--scheduler"]
    assert main([*arguments, "tcp://127.0.0.1:1"]) == 4
    assert main([*arguments, "nowhere"]) == 2
    assert capsys.readouterr().err.count("\n") == 2
    assert not Path("runs").exists()
