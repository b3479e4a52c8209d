"""Rows 3, 11 and 15: killed and resumed, many starts at once, results that depend on the run."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minidl.compiled.jit import numba_installed
from minidl.core.errors import InUseError
from minidl.files.locking import LOCK, FileLock, is_locked
from tests.reliability.harness import (
    ROOT,
    Outcome,
    command,
    experiment_file,
    fork,
    fresh_command,
    kill,
    row,
    wait,
    wait_for,
    wait_for_beginning,
)

ARRAYS = ("weights", "optimizer", "own")
FILES = [f"checkpoints/{name}/{file}.safetensors" for name in ("init", "best", "last", "refit") for file in ARRAYS]
FILES += ["parameters.csv", "saturation.csv"]
KILLS_PER_CONFIG = 5


def result_of(run: Path) -> dict[str, Any]:
    """All that a training leaves, without its times."""
    found: dict[str, Any] = {name: (run / name).read_bytes() for name in FILES if (run / name).exists()}
    records = [json.loads(line) for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    found["log.jsonl"] = [{key: value for key, value in record.items() if key != "seconds"} for record in records]
    for name in ("best", "last", "refit"):
        path = run / "checkpoints" / name / "state.json"
        if path.exists():
            state = json.loads(path.read_bytes())
            state.get("position", {}).pop("seconds", None)
            state.pop("log", None)  # its SHA-256 covers the seconds
            found[f"{name}/state.json"] = state
    found["evaluation.json"] = json.loads((run / "evaluation.json").read_bytes())
    return found


def random_experiment(rng: random.Random) -> list[str]:
    """The command-line arguments of some training, with a part of each kind that has a state."""
    activation = rng.choice(["TanhActivation", "SigmoidActivation", "ReluActivation"])
    size = rng.choice([2, 3, 5, 33])
    layers = [
        f"{{type: RecurrentLayer, hidden_size: {size}, activation: {activation}, bias: {rng.choice(CELLS_BIAS)}}}"
    ]
    cell, dropout = rng.choice(CELLS), rng.random() < 0.4
    rates = ", recurrent_dropout: 0.2" if dropout and cell != "RecurrentLayer" else ""
    layers += [f"{{type: {cell}, hidden_size: 3{rates}}}"] * rng.randrange(3)
    if dropout:
        shared = rng.choice(["true", "false"])
        place = rng.randrange(1, len(layers) + 1)
        layers.insert(place, f"{{type: Dropout, drop_rate: 0.3, shared_over_time: {shared}}}")
    truncated = rng.random() < 0.3
    kernels = not dropout and not truncated and cell == "RecurrentLayer"
    engine = "compiled" if kernels and rng.random() < 0.5 and numba_installed() else "numpy"
    optimizer = rng.choice(
        [
            "{type: SGD, learning_rate: 0.05}",
            "{type: SGD, learning_rate: 0.02, momentum: 0.9}",
            "{type: Adam}",
            "{type: AdamW, learning_rate: 0.01, groups: [{parameters: '*.W*', learning_rate_factor: 0.5}]}",
        ]
    )
    drawn = [
        "evaluation.horizons=[2]",
        f"model.layers=[{', '.join(layers)}, {'' if truncated else 'LastStep, '}{{type: Dense, output_size: 1}}]",
        f"optimizer={optimizer}",
        f"engine={engine}",
        f"seed={rng.randrange(1000)}",
        f"dtype={rng.choice(['float32', 'float64'])}",
        f"training.clip_norm={rng.choice(['null', '0.05', '1.0'])}",
        f"training.moving_average={rng.choice(['null', '0.9'])}",
        f"training.schedule={rng.choice(SCHEDULES)}",
        f"training.shuffle={rng.choice(['true', 'true', 'false'])}",
        f"training.checkpoint_every={rng.choice(['1', '3', '{steps: 1}', '{steps: 7}', '{steps: 50}'])}",
        f"training.batch_size={rng.choice([4, 7] if truncated else [7, 16, 134])}",
        f"training.bptt_steps={rng.choice([1, 4, 6]) if truncated else 'null'}",
        f"training.epochs={rng.randrange(12, 40)}",
    ]
    more = random.Random(repr(drawn))  # its own, so that the rest stays as it was drawn before there were these
    drawn.append(f"training.callbacks={more.choice(CALLBACKS)}")
    watched = any("ReduceOnPlateau" in line for line in drawn)
    return [*drawn, f"training.refit={'true' if not watched and more.random() < 0.5 else 'false'}"]


CELLS_BIAS = ("true", "false")
SCHEDULES = (
    "Constant",
    "{type: Cosine, warmup_steps: 30}",
    "{type: ReduceOnPlateau, patience: 0, threshold: 0.5, decay: 0.8}",
    "{type: ReduceOnPlateau, patience: 1, cooldown: 1, threshold: 0.2, decay: 0.5, warmup_steps: 20}",
)
CALLBACKS = (
    "[]",
    "[{type: EarlyStopping, metric: train_loss, min_delta: 0.001, patience: 5}]",
    "[{type: EarlyStopping, metric: validation_r2, larger_is_better: true, patience: 4}, CSVLog]",
    "[{type: EarlyStopping, patience: 3}, ParameterStatistics, {type: Saturation, margin: 0.3, every: 2}]",
)
CELLS = ("RecurrentLayer", "LSTMLayer", "GRULayer")


def quiet(*arguments: str) -> Callable[[], int]:
    """A command line without figures, which take most of the time."""
    from minidl import plotting

    def run() -> int:
        plotting.have_matplotlib = lambda: False
        return command(*arguments)()

    return run


@row(3, "killed in training, resumed", full=100, sample=5)
def killed_and_resumed(trials: int, rng: random.Random, outcome: Outcome) -> None:
    """Kill at a random moment, resume, perhaps kill again; compare with the run that was never killed."""
    kill_and_resume(trials, rng, outcome, random_experiment)


def kill_and_resume(trials: int, rng: random.Random, outcome: Outcome, draw: Callable[..., list[str]]) -> None:
    """Kill trainings that are drawn; see `killed_and_resumed`."""
    for n in range(trials):
        if n % KILLS_PER_CONFIG == 0:
            overrides = draw(rng)
            arguments = experiment_file(*overrides)
            shutil.rmtree("whole", ignore_errors=True)
            code = wait(fork(quiet("train", *arguments, "--run-dir", "whole"), f"whole-{n}.txt"), 300)
            if code:
                outcome.check(False, f"{overrides}: exit {code}: {Path(f'whole-{n}.txt').read_text()[-300:]}")
                continue
            whole = result_of(Path("whole"))
            pid = fork(quiet("train", *arguments, "--run-dir", f"timed-{n}"))
            wait_for_beginning(Path(f"timed-{n}"))
            started = time.monotonic()
            wait(pid, 300)
            duration = time.monotonic() - started
        if code == 0:
            outcome.check(*one_kill(Path(f"killed-{n}"), arguments, whole, rng, duration, overrides))


def one_kill(
    run: Path, arguments: list[str], whole: dict[str, Any], rng: random.Random, duration: float, what: list[str]
) -> tuple[bool, str]:
    output = f"{run}.txt"
    pid = fork(quiet("train", *arguments, "--run-dir", str(run)), output)
    wait_for_beginning(run)
    moments = []
    while True:
        moments.append(rng.uniform(0, duration))
        time.sleep(moments[-1])
        kill(pid)
        if rng.random() < 0.6:
            break
        pid = fork(quiet("resume", str(run)), output)
    code = wait(fork(quiet("resume", str(run)), output), 300)
    if code:
        return False, f"{what}: exit {code} after kills at {moments}: {Path(output).read_text()[-400:]}"
    found = result_of(run)
    differing = [name for name in whole if found.get(name) != whole[name]]
    return not differing, f"{what}: after kills at {moments}: {differing} differ"


@row(11, "many starts at once, one name", full=50, sample=12)
def many_starts(trials: int, rng: random.Random, outcome: Outcome) -> None:
    """Processes start together; then some want a folder that is in use, also after its owner was killed."""
    arguments = experiment_file("training.epochs=1", "evaluation.horizons=[1]")
    gate = Path("gate")

    def start() -> int:
        wait_for(gate.exists)
        return quiet("train", *arguments)()

    pids = [fork(start, "starts.txt") for _ in range(trials)]
    gate.touch()
    codes = [wait(pid, 120) for pid in pids]
    folders = sorted(Path("runs").iterdir())
    complete = [folder for folder in folders if (folder / "evaluation.json").exists()]
    for n, code in enumerate(codes):
        outcome.check(code == 0, f"start {n}: exit {code}: {Path('starts.txt').read_text()[-300:]}")
    outcome.check(len(complete) == len(folders) == trials, f"{len(folders)} folders, {len(complete)} complete")
    busy = experiment_file("training.epochs=100000")
    pid = fork(quiet("train", *busy, "--run-dir", "busy"), "busy.txt")
    outcome.check(wait_for(lambda: Path("busy/checkpoints/init").exists()), "the first did not start")
    for verb in (["train", *busy, "--run-dir", "busy"], ["resume", "busy"]):
        code = wait(fork(quiet(*verb), "second.txt"))
        outcome.check(code == 75, f"{verb[0]} in a folder in use: exit {code}")
    kill(pid)
    outcome.check(not is_locked(Path("busy", LOCK)), "the lock outlived its owner")
    try:
        FileLock(Path("busy", LOCK)).release()
    except InUseError:
        outcome.check(False, "the lock cannot be taken again")


@row(15, "results that depend on the run", full=20, sample=3)
def same_bytes(trials: int, rng: random.Random, outcome: Outcome) -> None:
    """Fresh processes with random hash seeds, one, two or four at a time."""
    arguments = experiment_file("training.epochs=3", "optimizer={type: Adam}", "seed=5")
    digests: dict[str, str] = {}
    n = 0
    while n < trials:
        jobs = (1, 2, 4)[n % 3]
        processes = {}
        for _ in range(min(jobs, trials - n)):
            run = f"run-{n}"
            env = os.environ | {"PYTHONHASHSEED": str(rng.randrange(2**32)), "PYTHONPATH": str(ROOT)}
            processes[run] = subprocess.Popen(
                fresh_command("train", *arguments, "--run-dir", run),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=env,
            )
            n += 1
        for run, process in processes.items():
            if process.wait(120) == 0:
                digests[run] = hashlib.sha256(repr(sorted(result_of(Path(run)).items())).encode()).hexdigest()
            outcome.check(digests.get(run) == digests.get("run-0"), f"{run}: exit {process.returncode}, other bytes")
