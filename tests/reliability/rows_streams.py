"""Row 19: every verb, whoever listens: readers that go away, closed streams, full disks, encodings, terminals."""

from __future__ import annotations

import fcntl
import json
import os
import random
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minidl.experiment import load_experiment
from minidl.runs.checkpoints import read_checkpoint
from minidl.runs.run import Run
from minidl.runs.run_folder import RunFolder
from tests.reliability.harness import ROOT, SABOTAGE, Outcome, experiment_file, row

# Without figures, which take most of the time; each process loads minidl as the command does.
_MAIN = f"""
import os, sys
from minidl.plotting import style as plot_style
from minidl import plotting
plotting.have_matplotlib = plot_style.have_matplotlib = lambda: False
if os.environ.get('{SABOTAGE}'):
    from tests.reliability.sabotages import SABOTAGES
    SABOTAGES[os.environ['{SABOTAGE}']]()
from minidl.cli import main
if __name__ == "__main__":
    sys.exit(main())
"""
LAYER = """
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from minidl import INFERENCE, Layer

@dataclass(eq=False)
class Doubling(Layer):
    def forward(self, x, ctx=INFERENCE):
        return 2 * x, None
    def backward(self, dy, cache):
        return dy, {}
"""
LONG = ["--set", "training.epochs=800", "--set", "engine=numpy"]
COMPARE = ["compare", "small.yaml", "twin.yaml", "--seeds", "2", "--jobs", "2", "--no-protocol"]

# A command line, and its exit code where everybody listens.
VERBS: list[tuple[list[str], int]] = [
    (["train", "small.yaml", *LONG, "--run-dir", "new"], 0),
    (["train", "small.yaml", "--json", "--run-dir", "new"], 0),
    (["train", "small.yaml", "--set", "loss=Loss"], 2),
    (["resume", "stopped"], 0),
    (["reproduce", "done"], 0),
    (["reproduce", "changed"], 1),
    (["evaluate", "done", "--json"], 0),
    (["evaluate", "damaged"], 3),
    (COMPARE, 0),
    (["budget", "rnn_single", "--parameters", "85"], 0),
    (["predict", "done", "--output", "forecast.csv"], 0),
    (["predict", "done", "--json"], 0),
    (["summary", "done"], 0),
    (["check", "small.yaml", "wrong.yaml", "twin.yaml"], 2),
    (["check-layer", "doubling.py:Doubling"], 1),
    (["equations", "LSTMLayer"], 0),
    (["list", "losses"], 0),
    (["schema"], 0),
    (["new", "experiment", "mine"], 0),
    (["--help"], 0),
    (["train", "--help"], 0),
    (["trian"], 2),
]


@dataclass(frozen=True)
class Listener:
    """One way not to listen.

    redirect : what stands behind the command in a shell.
    pipe, after : the streams ("1", "2", "12") that go through a pipe whose reader leaves after so many lines.
    environment : of the process.
    terminal : whether it runs on a terminal that is closed after so many lines; ``nohup`` ignores that.
    """

    redirect: str = ""
    pipe: str = ""
    after: int = 0
    environment: str = ""
    terminal: str = ""

    def __str__(self) -> str:
        pipe = f"{self.pipe}| head -{self.after}" if self.pipe else ""
        terminal = f"{self.terminal} closed after {self.after}" if self.terminal else ""
        return self.redirect or pipe or terminal or self.environment


_REDIRECTS = (">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full", "2>/dev/full", ">/dev/full 2>&1")
LISTENERS = [
    *(Listener(redirect=text) for text in _REDIRECTS),
    *(Listener(pipe=streams, after=after) for streams in ("1", "2", "12") for after in (0, 1, 3)),
    *(Listener(environment=f"PYTHONIOENCODING={name}") for name in ("ascii", "gbk", "shift-jis")),
    Listener(environment="LC_ALL=C PYTHONCOERCECLOCALE=0 PYTHONUTF8=0"),
    *(Listener(terminal=name, after=after) for name in ("terminal", "nohup") for after in (1, 6)),
]
EVERYBODY = Listener(environment="LC_ALL=C.UTF-8")


@row(19, "nobody listens, whatever the verb", full=len(VERBS) * len(LISTENERS), sample=3)
def nobody_listens(trials: int, rng: random.Random, outcome: Outcome) -> None:
    """The exit code and the files are those of the same command when everybody listens."""
    prepare()
    ways = rng.sample(LISTENERS, len(LISTENERS))
    # A terminal is closed most often while something trains, which is the first of the verbs.
    verbs = [VERBS if way.terminal else rng.sample(VERBS, len(VERBS)) for way in ways]
    # Every way not to listen comes once, before any comes twice.
    pairs = [(order[n], listener) for n in range(len(VERBS)) for order, listener in zip(verbs, ways, strict=True)]
    chosen = pairs[:trials]
    needed = {" ".join(arguments): (arguments, code) for (arguments, code), _ in chosen}
    with ThreadPoolExecutor(2) as two:  # each waits for a process
        whole = dict(zip(needed, two.map(undisturbed, needed.values(), range(len(needed))), strict=True))
        for name, (_, problem) in whole.items():
            outcome.check(not problem, f"minidl {name}, everybody listens: {problem}")
        tried = two.map(lambda n: disturbed(*chosen[n], f"trial-{n}", whole), range(len(chosen)))
        for ((arguments, _), listener), problem in zip(chosen, tried, strict=True):
            outcome.check(not problem, f"minidl {' '.join(arguments)} {listener}: {problem}")


def undisturbed(verb: tuple[list[str], int], number: int) -> tuple[dict[str, Any], str]:
    """The files of a command that everybody listens to, and what was wrong."""
    arguments, code = verb
    folder = f"whole-{number}"
    found, text = run(arguments, EVERYBODY, folder)
    return result(folder), "" if found == code else f"exit {found}, not {code}; {text[-300:]}"


def disturbed(
    verb: tuple[list[str], int], listener: Listener, folder: str, whole: dict[str, tuple[dict[str, Any], str]]
) -> str:
    """What was wrong with the exit code, the files and the JSON of a command that nobody listens to."""
    arguments, code = verb
    found, text = run(arguments, listener, folder)
    if listener.terminal == "terminal" and found == 128 + signal.SIGHUP:
        # Interrupted, after saving: it must go on to the same end.
        again = {"train": ["resume", "new"], "resume": ["resume", "stopped"], "compare": COMPARE}.get(arguments[0])
        if code or again is None or not Path(folder, again[1]).exists():
            return ""
        if again[0] == "resume" and (lost := epochs_lost(Path(folder, again[1]))):
            return f"exit {found}, {lost} epochs were not saved"
        found, text = run_in(folder, again, EVERYBODY)
    there = result(folder)
    expected = whole[" ".join(arguments)][0]
    differing = sorted(name for name in {**expected, **there} if expected.get(name) != there.get(name))
    shutil.rmtree(folder)
    if found != code or "Traceback" in text:
        return f"exit {found}, not {code}; {text[-300:]}"
    if "--json" in arguments and listener.environment:
        json.loads(text[text.index("{") : text.rindex("}") + 1])
    return f"other files: {differing}" if differing else ""


def prepare() -> None:
    """The folder ``start``: configs, runs that are done, stopped, changed and damaged, and a layer that is wrong."""
    Path("main.py").write_text(_MAIN, encoding="utf-8")
    start = Path("start")
    start.mkdir()
    os.chdir(start)
    try:
        experiment_file()
        Path("twin.yaml").write_text("extends: small.yaml\noptimizer: {learning_rate: 0.01}\n", encoding="utf-8")
        Path("wrong.yaml").write_text("extends: small.yaml\nloss: µ²\n", encoding="utf-8")
        Path("doubling.py").write_text(LAYER, encoding="utf-8")
        experiment = load_experiment("small.yaml")
        splits = experiment.load_data()
        for name in ("done", "changed", "damaged"):
            made = Run.create(experiment, Path(name), ())
            made.train(splits, (), lambda: False)
            made.evaluate(splits)
            experiment = load_experiment("small.yaml")
        log = Path("changed/log.jsonl")
        log.write_bytes(log.read_bytes().replace(b'"train_loss": 0.0', b'"train_loss": 0.1', 1))
        RunFolder(Path("changed")).list_files("log.jsonl")
        Path("damaged/checkpoints/best/weights.safetensors").write_bytes(b"")
        asked = iter([False] * 150 + [True] * 10**6)
        experiment = load_experiment("small.yaml", LONG[1::2])
        Run.create(experiment, Path("stopped"), ()).train(splits, (), lambda: next(asked))
    finally:
        os.chdir("..")


def run(arguments: list[str], listener: Listener, folder: str) -> tuple[int, str]:
    """Exit code, and what could be read, of a command line in a fresh copy of ``start``."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree("start", folder)
    return run_in(folder, arguments, listener)


def run_in(folder: str, arguments: list[str], listener: Listener) -> tuple[int, str]:
    """The same in a folder that is there."""
    settings = dict(part.split("=") for part in listener.environment.split())
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", **settings}
    command = [sys.executable, str(Path("main.py").resolve()), *arguments]
    reader = on_terminal if listener.terminal else through_pipes
    return reader(command, listener, folder, environment)


def through_pipes(command: list[str], listener: Listener, folder: str, environment: dict[str, str]) -> tuple[int, str]:
    start = ["sh", "-c", f'exec "$@" {listener.redirect}', "sh", *command]
    if listener.pipe == "12":
        start[2] += " 2>&1"
    files = {number: Path(f"{folder}-{number}.txt") for number in "12" if number not in listener.pipe}
    targets: dict[str, Any] = {number: path.open("wb") for number, path in files.items()}
    targets |= dict.fromkeys(listener.pipe, subprocess.PIPE)
    process = subprocess.Popen(
        start, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=targets["1"], stderr=targets["2"]
    )
    lines = b""
    for number, stream in (("1", process.stdout), ("2", process.stderr)):
        if stream is not None:
            for _ in range(listener.after if number == listener.pipe[0] else 0):
                lines += stream.readline()
            stream.close()
    code = ended(process)
    for number in files:
        targets[number].close()
    encoding = environment.get("PYTHONIOENCODING", "utf-8")
    text = "".join(path.read_bytes().decode(encoding, "backslashreplace") for path in files.values())
    return code, text + lines.decode(encoding, "replace")


def on_terminal(command: list[str], listener: Listener, folder: str, environment: dict[str, str]) -> tuple[int, str]:
    """The process leads a session on a terminal of its own, as in a window that is then closed."""
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    ignore = "trap '' HUP; " if listener.terminal == "nohup" else ""
    start = ["sh", "-c", f'{ignore}t=$1; shift; exec "$@" <"$t" >"$t" 2>&1', "sh", os.ttyname(slave), *command]
    process = subprocess.Popen(start, cwd=folder, env=environment, start_new_session=True)
    text = b""
    while text.count(b"\n") + text.count(b"\r") < listener.after and process.poll() is None:
        if select.select([master], [], [], 0.05)[0]:
            text += os.read(master, 1 << 16)
    os.close(slave)
    os.close(master)
    return ended(process), text.decode("utf-8", "replace")


def ended(process: subprocess.Popen[bytes]) -> int:
    """The exit code, as a shell has it; a process that hangs is killed."""
    try:
        code = process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        code = process.wait()
    return code if code >= 0 else 128 - code


def epochs_lost(made: Path) -> int:
    """How many epochs the log of a run has that its last checkpoint does not have."""
    log, last = made / "log.jsonl", made / "checkpoints" / "last"
    logged = len(log.read_bytes().splitlines()) if log.exists() else 0
    return logged - (read_checkpoint(last).state["epoch"] if last.exists() else 0)


def result(folder: str) -> dict[str, Any]:
    """All files of a folder, without times and what holds them."""
    found: dict[str, Any] = {}
    for path in sorted(Path(folder).rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_dir() or path.name in _WITH_TIMES or path.name.startswith("report."):
            continue
        if path.suffix in (".json", ".jsonl"):
            found[name] = [without_times(json.loads(line)) for line in _documents(path)]
        else:
            found[name] = path.read_bytes()
    return found


_WITH_TIMES = ("manifest.json", "environment.json")


def _documents(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    return text.splitlines() if path.suffix == ".jsonl" else [text]


def without_times(value: Any) -> Any:
    """A JSON value without seconds, and without hashes of what has some."""
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items() if key not in ("seconds", "log", "sha256")}
    if isinstance(value, list):
        return [without_times(item) for item in value]
    return re.sub(r"[0-9.]+ s of training", "", value) if isinstance(value, str) else value
