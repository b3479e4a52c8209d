"""Rows 4 and 5: damaged files, hidden code."""

from __future__ import annotations

import itertools
import random
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minidl.core.errors import MinidlError
from minidl.experiment import load_experiment
from minidl.files.manifests import MANIFEST, encode_manifest, entry
from minidl.runs.checkpoints import STATE, read_checkpoint
from minidl.runs.run import Run
from tests.reliability.harness import Outcome, experiment_file, fork, row, run_command, wait


def trained(name: str, *overrides: str) -> Run:
    """A finished run."""
    config, *rest = experiment_file(*overrides)
    experiment = load_experiment(config, [part for part in rest if part != "--set"])
    run = Run.create(experiment, Path(name))
    splits = experiment.load_data()
    run.train(splits)
    run.evaluate(splits)
    return run


def load(run: Run, file: Path) -> None:
    """What the library does with this file of a run."""
    name = str(file.relative_to(run.path))
    if name in ("config.yaml", "environment.json", MANIFEST):
        Run.open(run.path)
    elif name == "scale.json":
        run.scale()
    elif name == "log.jsonl":
        run.log()
    elif file.parent.parent.name == "checkpoints":
        run.checkpoint(file.parent.name, run.experiment.model.params)
    else:
        run.read(name)


KINDS = ["one bit", "one bit", "some bytes", "cut", "longer", "another file", "spliced", "zeros", "empty"]


def damage(content: bytes, rng: random.Random, others: list[bytes]) -> tuple[str, bytes]:
    """A kind of damage, and the damaged content; what happens to change nothing is drawn again."""
    kind, changed = _damage(content, rng, others)
    while changed == content:
        kind, changed = _damage(content, rng, others)
    return kind, changed


def _damage(content: bytes, rng: random.Random, others: list[bytes]) -> tuple[str, bytes]:
    n = len(content)
    kind = rng.choice(KINDS)
    changed = bytearray(content)
    if kind == "one bit":
        changed[rng.randrange(n)] ^= 1 << rng.randrange(8)
    elif kind == "some bytes":
        for _ in range(rng.randint(1, 20)):
            changed[rng.randrange(n)] = rng.randrange(256)
    elif kind == "cut":
        del changed[rng.randrange(n) :]
    elif kind == "longer":
        changed += rng.randbytes(rng.randint(1, 100))
    elif kind == "another file":
        changed[:] = rng.choice(others)
    elif kind == "spliced":
        at = rng.randrange(n)
        changed[at:] = rng.choice(others)[at:]
    elif kind == "zeros":
        at = rng.randrange(n)
        changed[at : at + 512] = bytes(len(changed[at : at + 512]))
    else:
        changed.clear()
    return kind, bytes(changed)


@row(4, "bit flips, truncation, splicing of any file", full=10_000, sample=400)
def damaged_files(trials: int, rng: random.Random, outcome: Outcome) -> None:
    """A file of a run is damaged and read; another run's files and whole checkpoints are put in its place."""
    run, other = trained("run", "optimizer={type: Adam}"), trained("other", "optimizer={type: Adam}", "seed=4")
    same = trained("same", "optimizer={type: Adam}")  # and yet another run
    files = [path for path in sorted(run.path.rglob("*")) if path.is_file() and path.name[0] != "."]
    whole = {path: path.read_bytes() for path in files}
    while outcome.trials < trials:
        file = rng.choice(files)
        twin = other.path / file.relative_to(run.path)
        others = [twin.read_bytes(), whole[rng.choice(files)]]
        kind, content = damage(whole[file], rng, others)
        file.write_bytes(content)
        outcome.check(*refused(run, file, kind))
        if outcome.trials % 100 == 0:  # the whole way, down to the exit code
            code, text = run_command("evaluate", str(run.path))
            used = file.parent.name == "best" or file.relative_to(run.path).name == str(file.relative_to(run.path))
            used &= file.name not in (
                "scale.json",
                "evaluation.json",
            )  # the one is for predict, the other is the result
            # Another checkpoint's manifest is right in itself; then a file beside it is named.
            named = str(file.parent if kind in ("another file", "spliced") else file) in text
            good = code == 3 and named if used else code == 0
            outcome.check(good and "Traceback" not in text, f"{file}: {kind}: evaluate: exit {code}: {text[:200]}")
        file.write_bytes(whole[file])
        restore(run.path, whole)
    for name, stranger in itertools.product(("init", "best", "last"), (other, same)):
        folder = run.path / "checkpoints" / name
        shutil.rmtree(folder)
        shutil.copytree(stranger.path / "checkpoints" / name, folder)
        outcome.check(*refused(run, folder / STATE, "checkpoint of another run"))
        shutil.rmtree(folder)
        restore(run.path, whole)


def restore(folder: Path, whole: dict[Path, bytes]) -> None:
    """Bring back what evaluate has written anew."""
    for path, content in whole.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)


def refused(run: Run, file: Path, kind: str) -> tuple[bool, str]:
    try:
        load(run, file)
    except MinidlError as err:
        text = str(err)
        good = err.exit_code == 3 and "\n" not in text and text.startswith(str(run.path))
        return good, f"{file}: {kind}: {text}"
    except Exception as err:
        return False, f"{file}: {kind}: {err!r}"
    return False, f"{file}: {kind}: accepted"


CODE = """import os; os.system('touch hacked')"""
PICKLE = b"cos\nsystem\n(S'touch hacked'\ntR."
HOSTILE_VALUES = [
    "!!python/object/apply:os.system ['touch hacked']",
    "!!python/name:os.system",
    "!!python/module:hostile",
    "!!python/object/new:hostile.Layer {}",
    "os.system",
    "hostile",
    "hostile.Layer",
    "{type: os.system, command: touch hacked}",
    "{type: hostile.Layer}",
    "{type: builtins.eval, source: '1'}",
    "{type: __import__, name: hostile}",
    "${oc.env:HOME}",
    "$(touch hacked)",
    "hostile.py",
    "file:hostile.py",
    "{type: Sequential, layers: [{type: hostile:Layer}]}",
    "{__class__: os.system}",
    "{type: RecurrentLayer, hidden_size: 2, activation: os.system}",
    "{type: RecurrentLayer, hidden_size: 2, input_initializer: os.system}",
]
SUSPICIOUS = (
    *("os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen"),
    *("pickle.find_class", "socket.connect"),
)


@row(5, "code hidden in a config or a run", full=1, sample=1)
def hidden_code(trials: int, rng: random.Random, outcome: Outcome) -> None:
    """Hostile values in every place of a config, pickles in place of weights; an audit hook watches."""
    run = trained("run")
    base = Path("small.yaml").read_text(encoding="utf-8")
    Path("hostile.py").write_text(CODE, encoding="utf-8")
    cases: list[tuple[str, Callable[[], Any]]] = []
    keys = ["model", "loss", "optimizer", "data", "data.series", "data.scaler", "data.validation", "model.layers.0"]
    for key in [*keys, "model.layers.0.activation", "extends", "seed", "engine", "evaluation.checkpoint"]:
        for value in HOSTILE_VALUES:
            setting = f"{key}={value}"
            cases.append((f"--set {setting}", lambda setting=setting: load_experiment("small.yaml", [setting])))
    for n, value in enumerate(HOSTILE_VALUES):
        path = Path(f"hostile-{n}.yaml")
        path.write_text(base.replace("loss: HalfMSE", f"loss: {value}"), encoding="utf-8")
        cases.append((f"{path}: {value}", lambda path=path: load_experiment(path)))
    for name in ("weights.safetensors", "state.json", MANIFEST):
        for content in (PICKLE, CODE.encode(), b"\x80\x04" + PICKLE):
            cases.append((f"{name}: {content[:20]!r}", lambda name=name, content=content: forged(run, name, content)))
    code = wait(fork(lambda: watched(cases), "watched.txt"))
    lines = Path("watched.txt").read_text(encoding="utf-8").splitlines()
    for line in lines:
        outcome.check(line.endswith(" refused"), line)
    outcome.check(code == 0 and len(lines) == len(cases), f"exit {code}, {len(lines)} of {len(cases)}: {lines[-3:]}")
    outcome.check(not Path("hacked").exists(), "code was run")


def forged(run: Run, name: str, content: bytes) -> None:
    """A checkpoint with a forged file, its manifest right."""
    folder = run.path / "checkpoints" / "last"
    before = {path: path.read_bytes() for path in folder.iterdir()}
    try:
        (folder / name).write_bytes(content)
        if name != MANIFEST:
            files = {path.name: entry(path.read_bytes()) for path in folder.iterdir() if path.name != MANIFEST}
            (folder / MANIFEST).write_bytes(encode_manifest(files))
        read_checkpoint(folder, run.experiment.model.params, {})  # SGD without momentum keeps nothing
    finally:
        for path, old in before.items():
            path.write_bytes(old)


def watched(cases: list[tuple[str, Callable[[], Any]]]) -> int:
    """Print a line for each case; suspicious events are in it."""
    import importlib.metadata as importlib_metadata  # what a look-up may load anyway

    from minidl.core import registry

    assert importlib_metadata
    registry.load_entry_points()
    events: list[str] = []

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event.startswith(SUSPICIOUS) or (event == "import" and str(arguments[0]).split(".")[0] in ("hostile", "os")):
            events.append(f"{event} {arguments[0]}")
        if event in ("exec", "compile") and "hostile" in str(getattr(arguments[0], "co_filename", arguments[0])):
            events.append(f"{event} {arguments[0]}")
        if event == "open" and str(arguments[0]).endswith(("hostile.py", "hacked")):
            events.append(f"open {arguments[0]}")

    sys.path.insert(0, "")  # so that hostile.py could be imported
    sys.addaudithook(hook)
    for name, case in cases:
        try:
            case()
            said = "accepted"
        except MinidlError:
            said = "refused"
        except Exception as err:
            said = repr(err)
        shown = name.replace("\n", " ")
        print(f"{shown} {events or ''} {said}" if events else f"{shown} {said}")
        events.clear()
    return 0
