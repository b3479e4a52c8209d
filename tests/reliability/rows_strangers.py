"""Row 18: folders of comparisons from strangers, damaged or forged, under an audit hook."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
import signal
import socket
import warnings
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from minidl.core.errors import MinidlError
from tests.forged import LISTED, seal, seal_record
from tests.reliability.harness import Outcome, command, experiment_file, fork, row, wait
from tests.reliability.rows_files import HOSTILE_VALUES, damage
from tests.reliability.watching import Hook, in_folder, mutated

ONE, OTHER, OUTSIDE = Path("runs/compare-001"), Path("other"), Path("outside")
CONFIGS = ["compare", "small.yaml", "other.yaml", "--seeds", "2", "--no-protocol", "--jobs", "1"]
READ = (*LISTED, "manifest.json")
SECONDS = 20  # after which a trial counts as hung
LABELS = ["../../outside", "/outside", "", ".", "..", "a/../../outside", "a\0b", "x" * 300, "a\nb", "CON", "é" * 120]


@row(18, "comparisons of strangers, damaged and forged", full=10_000, sample=80)
def strangers(trials: int, rng: random.Random, outcome: Outcome) -> None:
    """Files and folders of a comparison are damaged, forged and exchanged; a child reads them and tells."""
    try:
        import scipy  # noqa: F401
    except ImportError as err:
        outcome.note = f"left out: {err}"
        return
    experiment_file()
    text = Path("small.yaml").read_text(encoding="utf-8")
    Path("other.yaml").write_text(text.replace("hidden_size: 3", "hidden_size: 4"), encoding="utf-8")
    OUTSIDE.mkdir()
    for name in (".seed-0000.json.new", ".plan.json.old", "seed-0000.json", "hostile.py"):
        (OUTSIDE / name).write_text("open('hacked', 'w')\n")
    before = look(OUTSIDE)
    code = wait(fork(lambda: child(trials, rng), "told.txt"), timeout=SECONDS * trials)
    lines = Path("told.txt").read_text(encoding="utf-8").splitlines()
    for line in lines:
        outcome.check(line.startswith("good "), line)
    outcome.check(code == 0 and len(lines) == trials, f"exit {code}, {len(lines)} of {trials}: {lines[-3:]}")
    outcome.check(look(OUTSIDE) == before and not Path("hacked").exists(), "something outside was touched")
    outcome.check(not any(Path("..").glob("outside*")), "something was made outside")
    outcome.note = f"{sum(line.startswith('good refused') for line in lines):,} refused, the rest harmless"


def look(folder: Path) -> dict[str, Any]:
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in [folder, *folder.rglob("*")]}


def with_subclasses(cls: type) -> Iterator[type]:
    yield cls
    for one in cls.__subclasses__():
        yield from with_subclasses(one)


def child(trials: int, rng: random.Random) -> int:
    """Print a line for each trial: ``good refused``, ``good harmless``, or what went wrong."""
    from minidl.comparison import session
    from minidl.core.arguments import Configurable, argument_hints
    from minidl.plotting import style as plot_style

    plot_style.have_matplotlib = lambda: False
    warnings.simplefilter("error")
    for more in (["--set", "optimizer.learning_rate=0.04"], []):
        if more == []:
            shutil.move(ONE, OTHER)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            assert command(*CONFIGS, *more)() == 0
    finish(session.reopen(ONE))  # so that all is imported
    for one in with_subclasses(Configurable):  # texts of type hints are compiled once, when a class is first named
        if is_dataclass(one):
            argument_hints(one)
    shutil.copytree(ONE, "whole")
    signal.signal(signal.SIGALRM, hung)
    hook = Hook("runs")
    for n in range(trials):
        what, needed = rng.choice([damaged, damaged, forged, forged, forged, replaced])(rng)
        hook.events.clear()
        hook.on = True
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        told = trial(needed) if n % 50 else plain_command()
        signal.setitimer(signal.ITIMER_REAL, 0)
        hook.on = False
        if hook.events:
            told = f"bad: {hook.events[:3]}"
        print(f"{told} | {what}".replace("\n", " / "), flush=True)
        shutil.rmtree("runs")
        Path("runs").mkdir()
        shutil.copytree("whole", ONE)
    return 0


def hung(number: int, frame: FrameType | None) -> None:
    raise RuntimeError(f"hung after {SECONDS} seconds")


def finish(session: Any) -> None:
    from minidl.comparison import session as module

    with session.lock:
        if not session.folder.missing():
            module.finish(session)


def trial(needed: bool) -> str:
    """Go on with the folder; what is accepted is analysed and reported too.

    Parameters
    ----------
    needed : whether it must be refused.
    """
    from minidl.comparison import session

    try:
        finish(session.reopen(ONE))
    except MinidlError as err:
        text = str(err)
        if err.exit_code == 3 and "\n" not in text and text.isprintable() and "compare-001" in text:
            return f"good refused: {text}"
        return f"bad: exit {err.exit_code}: {text}"
    except Exception as err:
        return f"bad: {err!r}"
    return "bad: accepted" if needed else "good harmless"


def plain_command() -> str:
    """The command of the start finds the folder: it goes on with it, starts anew, or refuses it in one line."""
    (ONE / "comparison.json").unlink(missing_ok=True)
    told = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(told):
        try:
            code = command(*CONFIGS)()
        except Exception as err:
            return f"bad: {err!r}"
    text = told.getvalue()
    if code == 0 and ("4/4" in text or "4 of 4 runs are done" in text):
        return "good harmless"
    return f"{'good refused' if code == 3 and text.count('compare-001') == 1 else f'bad: exit {code}'}: {text}"


def damaged(rng: random.Random) -> tuple[str, bool]:
    """Bytes of a file are changed, or exchanged with those of another comparison."""
    files = [path for path in sorted(ONE.rglob("*")) if path.is_file() and path.name != ".lock"]
    read = [path for path in files if path.name in READ or path.name.startswith("seed-")]
    file = rng.choice(read if rng.random() < 0.95 else files)
    twin = OTHER / file.relative_to(ONE)
    kind, content = damage(file.read_bytes(), rng, [twin.read_bytes(), rng.choice(files).read_bytes()])
    file.write_bytes(content)
    return f"{file}: {kind}", file in read


def forged(rng: random.Random) -> tuple[str, bool]:
    """A value of a JSON file is another one, and all digests are right."""
    name = rng.choice([*LISTED, *LISTED, "runs/small/seed-0000.json", "runs/other/seed-0001.json"])
    path = ONE / name
    value = json.loads(path.read_bytes())
    if name == "plan.json" and rng.random() < 0.3:
        what, needed = known_forgery(value, rng)
    else:
        what, needed, value = mutated(value, rng, [*LABELS, *HOSTILE_VALUES]), False, value
    if "seed-" in name:
        seal_record(path, value)
    else:
        path.write_text(json.dumps(value))
        seal(ONE)
    return f"{name}: {what}", needed


def known_forgery(plan: Any, rng: random.Random) -> tuple[str, bool]:
    """A plan that names code, or a folder elsewhere."""
    if rng.random() < 0.5:
        hostile = str(rng.choice([OUTSIDE, OUTSIDE.resolve()]) / "hostile.py")
        shape = rng.choice([hostile, {"name": hostile, "sha256": "0" * 64}, {"path": hostile, "sha256": ""}])
        plan["plugins"] = [shape]
        return f"plugins {shape}", True
    label, old = rng.choice(LABELS), plan["entries"][0]["label"]
    data = json.loads((ONE / "data.json").read_bytes())
    data["assumptions"][label] = data["assumptions"].pop(old)
    (ONE / "data.json").write_text(json.dumps(data))
    plan["data"][label] = plan["data"].pop(old)
    shutil.rmtree(ONE / "runs")  # nothing is left that belongs to the other plan
    plan["entries"][0]["label"] = label
    return f"label {label!r}", label != "CON"  # that one is a name like others here


def replaced(rng: random.Random) -> tuple[str, bool]:
    """A file or folder is a link, a pipe, a socket, a folder, gone, or huge; or a link stands beside it."""
    paths = [path for path in sorted(ONE.rglob("*")) if path.name != "comparison.json"]
    place = rng.choice(paths)
    kind = rng.choice(["link", "link", "pipe", "socket", "folder", "gone", "huge", "beside"])
    if kind == "beside":
        folder = place if place.is_dir() else place.parent
        (folder / "zz").symlink_to(OUTSIDE.resolve())
        return f"{folder}/zz: a link", True
    was_file = place.is_file()
    shutil.rmtree(place) if not was_file else place.unlink()
    if kind == "link":
        place.symlink_to(OUTSIDE.resolve() / "seed-0000.json" if was_file else OUTSIDE.resolve())
    elif kind == "pipe":
        os.mkfifo(place)
    elif kind == "socket":
        with in_folder(place.parent), socket.socket(socket.AF_UNIX) as made:
            made.bind(place.name)
    elif kind == "folder":
        place.mkdir()
    elif kind == "huge":
        with place.open("wb") as file:
            file.truncate(1 << 40)
    return f"{place}: {kind}", kind == "link" or place.name in READ or place.suffix == ".safetensors"
