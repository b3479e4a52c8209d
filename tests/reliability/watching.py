"""What the parts of row 18 share: an audit hook, changes of JSON values, and odd things in the place of files."""

from __future__ import annotations

import contextlib
import copy
import os
import random
import shutil
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

QUIET = ("import", "exec", "compile", "ctypes.dlopen")  # what a second look at a folder has no reason to do
# Events that change a disk: where their paths stand, and where the folders that these begin at.
WRITES = {
    "os.remove": {0: 1},
    "os.rmdir": {0: 1},
    "os.mkdir": {0: 2},
    "os.truncate": {0: 9},
    "os.rename": {0: 2, 1: 3},
    "os.link": {0: 2, 1: 3},
    "os.symlink": {1: 2},
}
SUSPICIOUS = ("os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen", "pickle.", "socket.connect")
VALUES: list[Any] = [
    *(None, True, 0, -1, 1.5, 10**20, -(10**400), 1e300, "", "x", [], {}, [1], [[[]]], {"a": 1}, "\x1b[31m\n<script>"),
    *("../../outside", "/outside", ".", "..", "a\0b", "x" * 300),
]


class Hook:
    """Notes what happens that reading files has no reason for: imports, code, changes outside of some folders."""

    def __init__(self, *inside: str) -> None:
        self.events: list[str] = []
        self.inside = tuple(os.path.realpath(path) for path in inside)
        self.on = False
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event in QUIET or event.startswith(SUSPICIOUS):
            self.events.append(f"{event} {str(arguments)[:100]}")
        elif event == "open" and int(arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
            self.place(event, arguments[0])
        elif event in WRITES:
            for path, folder in WRITES[event].items():
                self.place(event, arguments[path], arguments[folder] if folder < len(arguments) else -1)

    def place(self, event: str, path: Any, folder: int = -1) -> None:
        """Note a change of a path (or of an open file), relative to an open folder, unless it is inside."""
        path = os.readlink(f"/proc/self/fd/{path}") if isinstance(path, int) else os.fsdecode(path)
        base = "" if folder < 0 else os.readlink(f"/proc/self/fd/{folder}")
        parent, name = os.path.split(os.path.abspath(os.path.join(base, path)))
        real = os.path.join(os.path.realpath(parent), name)
        if not any(real == folder or real.startswith(folder + os.sep) for folder in self.inside):
            self.events.append(f"{event} {path!r}")


def mutated(value: Any, rng: random.Random, more: Sequence[Any] = ()) -> str:
    """Change one to three places in a JSON value; say which."""
    return "; ".join(_mutate(value, rng, [*VALUES, *more]) for _ in range(rng.randint(1, 3)))


def _mutate(value: Any, rng: random.Random, values: Sequence[Any]) -> str:
    path: list[Any] = []
    while True:
        keys = [*value] if isinstance(value, dict) else [*range(len(value))]
        if not keys:
            return f"{path}: left"
        key = rng.choice(keys)
        path.append(key)
        child = value[key]
        if not (isinstance(child, (dict, list)) and child) or rng.random() < 0.15:
            break
        value = child
    kind = rng.choice(["other", "other", "other", "gone", "added", "again"])
    if kind == "gone":
        del value[key]
    elif kind == "other":
        value[key] = copy.deepcopy(rng.choice(values))
    elif isinstance(value, dict):
        value[str(rng.choice(values))] = copy.deepcopy(child if kind == "again" else rng.choice(values))
    else:
        value.insert(key, copy.deepcopy(child if kind == "again" else rng.choice(values)))
    return f"{path}: {kind} {str(value[key] if kind == 'other' else '')[:60]!r}"


KINDS = ("link", "link", "loop", "pipe", "socket", "device", "folder", "gone", "huge", "beside")


def odd_thing(place: Path, rng: random.Random, outside: Path) -> tuple[str, bool]:
    """Put something else in the place of a file or folder, or a link beside it; what, and whether it is a link."""
    kind = rng.choice(KINDS)
    if kind == "beside":
        folder = place if place.is_dir() else place.parent
        (folder / "zz").symlink_to(outside.resolve())
        if folder == place.parent:
            place.unlink() if place.is_file() else shutil.rmtree(place)
            place.symlink_to("zz/state.json")
        return f"{folder}/zz: a link", True
    was_file = place.is_file()
    shutil.rmtree(place) if not was_file else place.unlink()
    if kind == "link":
        place.symlink_to(outside.resolve() / "state.json" if was_file else outside.resolve())
    elif kind == "loop":
        place.symlink_to(place.name)
    elif kind == "device":
        place.symlink_to(f"/dev/{rng.choice(['zero', 'null', 'tty', 'random'])}")
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
    return kind, kind in ("link", "loop", "device")


@contextlib.contextmanager
def in_folder(path: Path) -> Iterator[None]:
    """Names of sockets are short."""
    here = Path.cwd()
    os.chdir(path)
    try:
        yield
    finally:
        os.chdir(here)
