"""A search on a real Dask cluster of one worker, over loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from searching import Capture, search, trials

from minidl.cli import main

pytest.importorskip("optuna", reason="Optuna is not installed")
pytest.importorskip("distributed", reason="dask.distributed is not installed")


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    """Its address."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONWARNINGS": "ignore"}
    told = tmp_path / "scheduler.json"
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    server = ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(told)]
    worker = ["distributed.cli.dask_worker", "--scheduler-file", str(told), "--no-nanny", "--nthreads", "1"]
    worker += ["--death-timeout", "60", "--local-directory", str(tmp_path)]
    started = []
    try:
        for command in (server, worker):
            words = [sys.executable, "-m", *command, "--no-dashboard"]
            started.append(subprocess.Popen(words, env=environment, **quiet))
            deadline = time.monotonic() + 100
            while not (told.exists() and told.read_text().rstrip().endswith("}")):  # it may be half written
                assert time.monotonic() < deadline, "no scheduler for 100 seconds"
                time.sleep(0.02)
        yield json.loads(told.read_text())["address"]
    finally:
        for process in started:
            process.kill()
            process.wait()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_of_one_worker_makes_the_trials_of_one_job(folder: Path, scheduler: str, capsys: Capture) -> None:
    assert main(["search", "small.yaml", "--trials", "4", "--executor", "dask", "--scheduler", scheduler]) == 0
    assert search("small.yaml", "--trials", "4") == 0
    assert trials(capsys) == trials(capsys, "search-002")
