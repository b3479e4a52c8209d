"""Row 10: signals, to a training, and to a comparison or a search with all its processes."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

from minidl.runs.checkpoints import read_checkpoint
from tests.reliability import harness
from tests.reliability.harness import (
    ROOT,
    Outcome,
    experiment_file,
    fresh_command,
    processes,
    row,
    wait_for,
    within,
)


@row(10, "Ctrl-C, SIGTERM, SIGHUP, twice, at any moment", full=100, sample=6)
def signals(trials: int, rng: random.Random, outcome: Outcome) -> None:
    """A signal at a random moment of a training; every third time a second one."""
    slow = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    # A hundred thousand epochs: the signal always comes before the end.
    arguments = experiment_file("training.epochs=100000", "training.checkpoint_every=1000", "engine=numpy")
    for n in range(trials):
        run, output = Path(f"run-{n}"), Path(f"run-{n}.txt")
        number = rng.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
        with output.open("wb") as file:
            process = subprocess.Popen(
                fresh_command("train", *arguments, "--run-dir", str(run)),
                stdout=file,
                stderr=file,
                env=slow,
            )
        # Of four signals one comes at any moment, also while Python starts, one after the
        # first checkpoint, and two after the first epoch.
        running = n % 4 > 0
        sign = run / "log.jsonl" if n % 4 > 1 else run / "checkpoints" / "init"
        if running:
            wait_for(sign.exists)
        time.sleep(rng.uniform(0, 0.3 if running else 1.0))
        outcome.check(*one_signal(process, number, rng if n % 3 == 0 else None, run, output, running))


def one_signal(
    process: subprocess.Popen[bytes], number: int, again: random.Random | None, run: Path, output: Path, running: bool
) -> tuple[bool, str]:
    started = time.monotonic()
    process.send_signal(number)
    if again is not None:
        time.sleep(again.uniform(0, 0.02))
        process.send_signal(number)
    try:
        code = process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False, f"{run}: still running"
    seconds, text = time.monotonic() - started, output.read_text(encoding="utf-8")
    # A shell reports a process that a signal ended (here -N) as 128 + N.
    good = code in (128 + number, -number) and within(seconds, 2)
    if running:
        good &= "Traceback" not in text
    elif code == 1:  # Python's own start, before minidl is imported
        good = within(seconds, 2) and "KeyboardInterrupt" in text
    saved = {name: read_checkpoint(run / "checkpoints" / name).state for name in ("init", "last") if made(run, name)}
    # The second signal may have ended it before it could save.
    left_at_once = again is not None and text.endswith("interrupted\n")
    if code == 128 + number and running and not left_at_once:
        good &= f"minidl resume {run}" in text and bool(saved)
        epochs = text.count("\nepoch ")
        good &= not epochs or ("last" in saved and saved["last"]["epoch"] >= epochs)
    elif running and again is None:
        good = False
    return bool(
        good
    ), f"{run}: signal {number}, twice {again is not None}: exit {code} after {seconds:.2f} s; {text[-200:]}"


def made(run: Path, name: str) -> bool:
    return (run / "checkpoints" / name).exists()


TWO = "{optimizer.learning_rate: [0.1, 0.2]}"
# What is there before the first worker is, and the command line.
MANY = {
    "compare": ("compare-001/plan.json", ["--no-protocol", "--seeds", "4", "--set", f"sweep={TWO}"]),
    "search": ("search-001/study.db", ["--trials", "4", "--set", f"search={TWO}"]),
}


@row(10, "the same in a comparison and a search, to all processes", full=60, sample=2)
def signals_to_many(trials: int, rng: random.Random, outcome: Outcome) -> None:
    """As a terminal tells them: a signal to the command and to its workers, while these start and afterwards."""
    arguments = experiment_file("training.epochs=100000", "engine=numpy")
    for n in range(trials):
        verb = ("compare", "search")[n % 2]
        outcome.check(*one_of_many(verb, arguments, rng.choice([signal.SIGINT, signal.SIGHUP]), rng, Path(f"of-{n}")))


def one_of_many(verb: str, arguments: list[str], number: int, rng: random.Random, folder: Path) -> tuple[bool, str]:
    first, more = MANY[verb]
    folder.mkdir()
    for name in ("small.yaml", "air.csv"):
        shutil.copy(name, folder)
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            fresh_command(verb, *arguments, *more, "--jobs", "2"), cwd=folder, stdout=output, stderr=output,
            env=os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}, start_new_session=True,
        )  # fmt: skip
    wait_for(lambda: (folder / "runs" / first).exists() or process.poll() is not None)
    time.sleep(rng.uniform(0, 1.5))
    started = time.monotonic()
    os.killpg(process.pid, number)
    try:
        code = process.wait(60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
    seconds = time.monotonic() - started
    alone = wait_for(lambda: not processes(group=process.pid), timeout=5 * harness.slack)
    text = (folder / "output.txt").read_text(encoding="utf-8")
    nothing = text == f"minidl {verb}: interrupted\n"  # had begun
    told = "Traceback" not in text and (nothing or f"go on with: minidl {verb} --resume" in text)
    good = code == 128 + number and told and alone and within(seconds, 2)
    return good, f"{verb}: signal {number}: exit {code} after {seconds:.2f} s, alone {alone}; {text[-300:]}"
