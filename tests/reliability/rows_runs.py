"""Row 18, for runs, configs and tables: forged, linked and odd files of strangers, under an audit hook."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import random
import shutil
import signal
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from minidl.files.manifests import MANIFEST, encode_manifest, entry
from tests.reliability.harness import Outcome, command, experiment_file, fork, row, wait
from tests.reliability.rows_files import HOSTILE_VALUES, damage, trained
from tests.reliability.watching import Hook, mutated, odd_thing

RUN, WHOLE, OUTSIDE = Path("run"), Path("whole"), Path("outside")
SECONDS = 20  # after which a trial counts as hung
VERBS = (["summary"], ["evaluate"], ["predict"], ["resume"], ["reproduce"], ["resume", "--allow-fallback"])
JSONS = ("environment.json", "scale.json", "evaluation.json", MANIFEST)
STATES = tuple(f"checkpoints/{kind}/{name}" for kind in ("init", "best", "last") for name in ("state.json", MANIFEST))


@row(18, "runs, configs and tables of strangers", full=10_000, sample=100)
def strangers(trials: int, rng: random.Random, outcome: Outcome) -> None:
    """Files are damaged, forged, linked or odd things; a child lets every verb loose on them, and tells."""
    trained(str(RUN), "optimizer={type: Adam}", "engine=numpy", "training.epochs=2")
    shutil.copytree(RUN, WHOLE)
    OUTSIDE.mkdir()
    Path("sub").mkdir()
    for name in (".last.new", ".last.old", ".config.yaml.new", "hostile.py", "state.json", "secret.yaml"):
        (OUTSIDE / name).write_text("open('hacked', 'w')\n", encoding="utf-8")
    before = look(OUTSIDE)
    code = wait(fork(lambda: child(trials, rng), "told.txt"), timeout=SECONDS * trials)
    lines = Path("told.txt").read_text(encoding="utf-8").splitlines()
    for line in lines:
        outcome.check(line.startswith("good "), line)
    outcome.check(code == 0 and len(lines) == trials, f"exit {code}, {len(lines)} of {trials}: {lines[-3:]}")
    outcome.check(look(OUTSIDE) == before and not Path("hacked").exists(), "something outside was touched")
    outcome.note = f"{sum(line.startswith('good refused') for line in lines):,} refused, the rest harmless"


def look(folder: Path) -> dict[str, Any]:
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in [folder, *folder.rglob("*")]}


def child(trials: int, rng: random.Random) -> int:
    """Print a line for each trial: ``good refused``, ``good harmless``, or what went wrong."""
    from minidl import plotting

    plotting.have_matplotlib = lambda: False
    warnings.simplefilter("error")
    for verb in VERBS:  # so that all is imported
        said(verb[0], str(RUN), *verb[1:])
    said("check", "small.yaml", "--set", "extends=none.yaml")
    said("train", "small.yaml", "--run-dir", "sub/new")
    Path("tmp").mkdir()
    tempfile.tempdir = os.path.abspath("tmp")
    hook = Hook(str(RUN), "sub", "tmp", os.devnull)
    signal.signal(signal.SIGALRM, hung)
    for _ in range(trials):
        shutil.rmtree(RUN)
        shutil.copytree(WHOLE, RUN)
        experiment_file()
        what, arguments, needed = rng.choice([forged, forged, linked, linked, broken, config])(rng)
        hook.events.clear()
        hook.on = True
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        told = trial(arguments, needed)
        signal.setitimer(signal.ITIMER_REAL, 0)
        hook.on = False
        if hook.events:
            told = f"bad: {hook.events[:3]}"
        print(f"{told} | {what} | {' '.join(arguments)}".replace("\n", " / "), flush=True)
        for path in Path("sub").iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    return 0


def hung(number: int, frame: FrameType | None) -> None:
    raise RuntimeError(f"hung after {SECONDS} seconds")


def said(*arguments: str) -> tuple[int, str]:
    """Exit code and what stood on standard error."""
    errors = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
        code = command(*arguments)()
    return code, errors.getvalue()


def trial(arguments: list[str], needed: bool) -> str:
    """One command line; whatever the files hold, it ends in order.

    Parameters
    ----------
    needed : whether it must refuse them.
    """
    try:
        code, errors = said(*arguments)
    except BaseException as err:
        return f"bad: {err!r}"
    if "Traceback" in errors or any(not line.isprintable() for line in errors.splitlines()):
        return f"bad: {errors!r}"
    if code in (0, 1):
        return f"bad: accepted: {errors[-200:]}" if needed else "good harmless"
    if code in (2, 3, 4, 5) and errors.strip():
        return f"good refused: {errors.strip().splitlines()[-1][:200]}"
    return f"bad: exit {code}: {errors[-300:]}"


def verb_for(name: str, rng: random.Random) -> list[str]:
    verb = rng.choice(VERBS)
    return [verb[0], str(RUN), *verb[1:]]


def forged(rng: random.Random) -> tuple[str, list[str], bool]:
    """A value of a JSON file is another one, and all digests are right."""
    name = rng.choice([*JSONS, *STATES, "log.jsonl"])
    path = RUN / name
    if name == "log.jsonl":
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        what = mutated(rows, rng, HOSTILE_VALUES)
        content = "".join(json.dumps(line) + "\n" for line in rows).encode()
    else:
        value = json.loads(path.read_bytes())
        what = mutated(value, rng, HOSTILE_VALUES)
        content = json.dumps(value).encode()
    if path.name == MANIFEST:
        path.write_bytes(sealed(content))
    else:
        path.write_bytes(content)
        manifest = json.loads((path.parent / MANIFEST).read_bytes())
        more = {key: value for key, value in manifest.items() if key not in ("files", "format", "digest")}
        (path.parent / MANIFEST).write_bytes(encode_manifest({**manifest["files"], path.name: entry(content)}, **more))
    return f"{name}: {what}", verb_for(name, rng), False


def sealed(content: bytes) -> bytes:
    """A manifest in its one spelling, with the digest of what it says."""
    values = json.loads(content)
    values.pop("digest", None)

    def spelled(value: Any) -> bytes:
        return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()

    return spelled({**values, "digest": hashlib.sha256(spelled(values)).hexdigest()})


def linked(rng: random.Random) -> tuple[str, list[str], bool]:
    """A file or folder of a run is a link, a pipe, ...; or a link stands beside it."""
    paths = [path for path in sorted(RUN.rglob("*")) if path.name not in (".lock", ".manifest.lock")]
    place = rng.choice(paths)
    kind, is_link = odd_thing(place, rng, OUTSIDE)
    # Every verb looks for links first; whatever else is there may be of no use to it.
    return f"{place}: {kind}", verb_for(place.name, rng), is_link


def broken(rng: random.Random) -> tuple[str, list[str], bool]:
    """Bytes of a file of a run are changed."""
    files = [path for path in sorted(RUN.rglob("*")) if path.is_file() and path.name[0] != "."]
    file = rng.choice(files)
    kind, content = damage(file.read_bytes(), rng, [rng.choice(files).read_bytes()])
    file.write_bytes(content)
    return f"{file}: {kind}", verb_for(file.name, rng), False


CONFIGS: list[Callable[[str], list[str]]] = [
    lambda path: ["check", path],
    lambda path: ["summary", path],
    lambda path: ["check", "small.yaml", "--set", f"model={path}"],
    lambda path: ["check", "small.yaml", "--set", f"data.series={path}"],
    lambda path: ["train", "small.yaml", "--set", f"data.series.path={path}", "--run-dir", "sub/new"],
    lambda path: ["predict", str(RUN), "--input", path],
    lambda path: ["check", "small.yaml", "--plugin", path],
    lambda path: ["evaluate", path],
    lambda path: ["resume", path],
]


def config(rng: random.Random) -> tuple[str, list[str], bool]:
    """A config, what one extends or includes, a table, a plugin, or a run's folder is an odd thing."""
    place = Path("sub", rng.choice(["odd.yaml", "odd.py", "odd.csv", "odd"]))
    place.write_bytes(rng.choice(["small.yaml", "air.csv"]).encode())
    kind, _ = odd_thing(place, rng, OUTSIDE)
    named = str(place)
    if rng.random() < 0.4:
        Path("sub/base.yaml").write_text(f"extends: {place.name}\n", encoding="utf-8")
        named = "sub/base.yaml"
    return f"{named} {place}: {kind}", rng.choice(CONFIGS)(named), True
