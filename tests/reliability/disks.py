"""A model of a disk that loses its power: which of the calls of a save have reached it.

What a file system promises is little, and only that is used here: a file's data
are safe once the file was flushed; the names in a folder change in order, each
change whole or not at all, and are safe once the folder was flushed. Different
files and folders know nothing of each other.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minidl.files import storage


@dataclass(eq=False)
class File:
    """Its content after each call that changed it, and the calls that flushed it."""

    contents: list[tuple[int, bytes]] = field(default_factory=list)
    flushed: list[int] = field(default_factory=list)

    def after(self, call: int) -> bytes:
        return next((data for number, data in reversed(self.contents) if number <= call), b"")

    def flushed_by(self, call: int) -> int:
        return max((number for number in self.flushed if number <= call), default=0)


@dataclass(eq=False)
class Folder:
    """Its entries after each call that changed them, and the calls that flushed it."""

    entries: list[tuple[int, dict[str, Any]]] = field(default_factory=lambda: [(0, {})])
    flushed: list[int] = field(default_factory=list)

    def after(self, call: int) -> dict[str, Any]:
        return next(entries for number, entries in reversed(self.entries) if number <= call)

    def flushed_by(self, call: int) -> int:
        return max((number for number in self.flushed if number <= call), default=0)

    @property
    def now(self) -> dict[str, Any]:
        return self.entries[-1][1]


class Recorder:
    """Context manager: notes every call of minidl.files.storage that changes what is below `root`."""

    def __init__(self, root: Path, *, exchange: bool) -> None:
        self.root, self.exchange = root.resolve(), exchange
        self.calls = 0
        self.names: list[str] = ["start"]
        self.descriptors: dict[int, Path] = {}
        self.top = self.read(self.root)
        self.folders: list[Folder] = []

    def read(self, path: Path) -> Any:
        """What is on the disk already, all of it flushed."""
        if path.is_dir():
            return Folder([(0, {child.name: self.read(child) for child in path.iterdir()})], [0])
        return File([(0, path.read_bytes())], [0])

    def find(self, path: Path) -> tuple[Folder, str]:
        folder = self.top
        relative = path.relative_to(self.root)
        for part in relative.parent.parts:
            folder = folder.now[part]
        return folder, relative.name

    def change(self, name: str, *changes: tuple[Path, Any]) -> None:
        """One call that sets entries (None: removes them)."""
        self.calls += 1
        self.names.append(name)
        for path, item in changes:
            folder, entry = self.find(path)
            entries = {key: value for key, value in folder.now.items() if key != entry}
            if item is not None:
                entries[entry] = item
            folder.entries.append((self.calls, entries))

    def __enter__(self) -> Recorder:
        self.real: dict[str, Any] = {name: getattr(os, name) for name in _HOOKS}
        self.real["exchange"] = storage.exchange
        for name in _HOOKS:
            setattr(os, name, getattr(self, f"on_{name}"))
        storage.exchange = self.on_exchange
        return self

    def __exit__(self, *_: object) -> None:
        for name in _HOOKS:
            setattr(os, name, self.real[name])
        storage.exchange = self.real["exchange"]

    def path(self, path: Any, dir_fd: int | None = None) -> Path | None:
        """Where a path leads, if that is below the root."""
        whole = Path(self.descriptors.get(dir_fd, Path()) if dir_fd is not None else "", path).absolute()
        return whole if whole.is_relative_to(self.root) and whole != self.root else None

    def on_open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        descriptor: int = self.real["open"](path, flags, mode, dir_fd=dir_fd)
        whole = Path(self.descriptors.get(dir_fd, Path()) if dir_fd is not None else "", path).absolute()
        if whole.is_relative_to(self.root):
            self.descriptors[descriptor] = whole
            if flags & os.O_CREAT:
                self.change(f"create {whole.name}", (whole, File()))
        return descriptor

    def item(self, descriptor: int) -> Any:
        path = self.descriptors.get(descriptor)
        if path is None:
            return None
        if path == self.root:
            return self.top
        folder, name = self.find(path)
        return folder.now[name]

    def on_write(self, descriptor: int, data: Any) -> int:
        count: int = self.real["write"](descriptor, data)
        if (item := self.item(descriptor)) is not None:
            self.calls += 1
            self.names.append("write")
            item.contents.append((self.calls, item.after(self.calls) + bytes(data)[:count]))
        return count

    def on_fsync(self, descriptor: int) -> None:
        self.real["fsync"](descriptor)
        if (item := self.item(descriptor)) is not None:
            self.calls += 1
            self.names.append(f"fsync {self.descriptors[descriptor].name}")
            item.flushed.append(self.calls)

    def on_close(self, descriptor: int) -> None:
        self.real["close"](descriptor)
        self.descriptors.pop(descriptor, None)

    def on_mkdir(self, path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        self.real["mkdir"](path, mode, dir_fd=dir_fd)
        if (whole := self.path(path, dir_fd)) is not None:
            self.change(f"mkdir {whole.name}", (whole, Folder()))

    def on_unlink(self, path: Any, *, dir_fd: int | None = None) -> None:
        self.real["unlink"](path, dir_fd=dir_fd)
        if (whole := self.path(path, dir_fd)) is not None:
            self.change(f"remove {whole.name}", (whole, None))

    def on_rmdir(self, path: Any, *, dir_fd: int | None = None) -> None:
        self.real["rmdir"](path, dir_fd=dir_fd)
        if (whole := self.path(path, dir_fd)) is not None:
            self.change(f"remove {whole.name}", (whole, None))

    def on_rename(self, source: Any, target: Any, **more: Any) -> None:
        self.real["rename"](source, target, **more)
        self._moved("rename", Path(source).absolute(), Path(target).absolute())

    def on_replace(self, source: Any, target: Any, **more: Any) -> None:
        self.real["replace"](source, target, **more)
        self._moved("replace", Path(source).absolute(), Path(target).absolute())

    def _moved(self, how: str, source: Path, target: Path) -> None:
        folder, name = self.find(source)
        item = folder.now[name]
        self.calls += 1
        self.names.append(f"{how} {source.name} {target.name}")
        entries = {key: value for key, value in folder.now.items() if key != name} | {target.name: item}
        folder.entries.append((self.calls, entries))  # within one folder: one change

    def on_exchange(self, one: Path, other: Path) -> bool:
        if not (self.exchange and self.real["exchange"](one, other)):
            return False
        folder, name = self.find(one.absolute())
        self.calls += 1
        self.names.append("exchange")
        swapped = {name: folder.now[other.name], other.name: folder.now[name]}
        folder.entries.append((self.calls, folder.now | swapped))
        return True

    def crashes(self) -> Iterator[Crashed]:
        """Every different state of the disk, for a loss of power after each call."""
        seen = set()
        for call in range(self.calls + 1):
            first = self.top.flushed_by(call)
            for top, lazy, data in itertools.product(range(first, call + 1), (False, True), ("all", "half", "lost")):
                state = self._state(self.top, call, lazy, data, top)
                crashed = Crashed(self.names[call], call == self.calls, state)
                if (key := (crashed.finished, frozenset(state.items()))) not in seen:
                    seen.add(key)
                    yield crashed

    def _state(self, folder: Folder, call: int, lazy: bool, data: str, cut: int) -> dict[str, bytes]:
        """Content by path, if `folder` is on the disk as after call `cut`."""
        found: dict[str, bytes] = {}
        for name, item in folder.after(cut).items():
            safe = item.flushed_by(call)
            if isinstance(item, Folder):
                found[name + "/"] = b""
                inner = self._state(item, call, lazy, data, safe if lazy else call)
                found |= {f"{name}/{path}": content for path, content in inner.items()}
                continue
            whole, kept = item.after(call), item.after(safe)
            found[name] = {"all": whole, "half": whole[: max(len(kept), len(whole) // 2)], "lost": kept}[data]
        return found


_HOOKS = ("open", "write", "fsync", "close", "mkdir", "unlink", "rmdir", "rename", "replace")


@dataclass
class Crashed:
    """What is left on a disk: content by path; folders end with a slash."""

    after: str
    finished: bool
    state: dict[str, bytes]

    def __str__(self) -> str:
        return f"{self.after!r}{' (the end)' * self.finished}, left: {sorted(self.state)}"

    @contextlib.contextmanager
    def written(self) -> Iterator[Path]:
        """A folder in this state."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for path, content in sorted(self.state.items()):
                if path.endswith("/"):
                    (folder / path).mkdir(parents=True, exist_ok=True)
                else:
                    (folder / path).parent.mkdir(parents=True, exist_ok=True)
                    (folder / path).write_bytes(content)
            yield folder
