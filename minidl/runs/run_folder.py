"""The files of a run folder: made once, written whole, listed with their SHA-256, read only if unchanged.

What the files mean is the business of `minidl.runs.run`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

from minidl.core.errors import ConfigError, CorruptFileError, InUseError, StorageError
from minidl.core.layer import Array
from minidl.core.registry import nearest
from minidl.core.text import printable
from minidl.files.locking import LOCK, FileLock, is_locked
from minidl.files.manifests import MANIFEST, FileEntry, Manifest, checked, encode_manifest, entry, read_manifest
from minidl.files.reading import convert_json, no_such, read_inside, real_folder
from minidl.files.storage import sweep, write_file
from minidl.runs.checkpoints import STATE, Checkpoint, EpochAndStep, read_checkpoint
from minidl.runs.environment import decode_environment
from minidl.runs.log import MAX_LOG, parse_log
from minidl.runs.saving import CHECKPOINT_NAMES
from minidl.training.records import EpochRecord

MANIFEST_LOCK = ".manifest.lock"
CHECKPOINTS = "checkpoints"
CONFIG, ENVIRONMENT, SCALE, LOG = "config.yaml", "environment.json", "scale.json", "log.jsonl"
MAX_FILE = 1 << 26  # of any other file that is listed
# What minidl writes into a run's folders, in one step each: what is left of that is swept away.
_SWEPT = {
    "": re.compile(r"(config\.yaml|(environment|scale|manifest|evaluation(-\w+)?)\.json)"),
    CHECKPOINTS: CHECKPOINT_NAMES,
    "figures": re.compile(r"\w+\.png"),
}


class DataFacts(TypedDict):
    """What the data of a run, or of a config to compare, are."""

    rows: int
    sha256: str


class RunManifest(Manifest, total=False):
    """What the manifest of a run says.

    run : SHA-256 of the config at the start.
    identity : a random number that no other run has; runs of earlier versions have none.
    engines : what computed the training's steps, ``numpy`` or ``compiled``, in their order.
    pending : a file that is being written, as it will be.
    """

    run: str
    identity: str
    data: DataFacts
    engines: list[str]
    pending: dict[str, FileEntry]


class RunFolder:
    """A folder whose ``manifest.json`` lists its files.

    The manifest has an entry for each file that was written with `write` or
    listed with `list_files`, and the values given to `describe`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r})"

    @classmethod
    def make(cls, path: Path) -> tuple[RunFolder, FileLock]:
        """A new folder with this path, locked.

        Raises
        ------
        ConfigError
            It exists.
        InUseError
            It exists, and a process is using it.
        StorageError
            It cannot be made.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise StorageError(f"{path.parent}: cannot make this folder: {err.strerror or err}.") from err
        try:
            path.mkdir()
        except FileExistsError as err:
            if is_locked(path / LOCK):
                raise InUseError(f"{path}: another process is using this run; choose a new folder.") from err
            raise ConfigError(f"{path}: exists already; a run never overwrites another, choose a new folder.") from err
        except (OSError, ValueError) as err:
            raise StorageError(f"{path}: cannot make the run folder: {getattr(err, 'strerror', None) or err}.") from err
        return cls(path), FileLock(path / LOCK)

    @classmethod
    def number(cls, name: str) -> tuple[RunFolder, FileLock]:
        """The folder ``runs/<name>-<NNN>`` with the next free number (of at most nine digits), locked."""
        parent = Path("runs")
        try:
            parent.mkdir(exist_ok=True)
            parts = [path.name.rpartition("-") for path in parent.iterdir()]
        except OSError as err:
            raise StorageError(f"{parent}: cannot make a run folder: {err.strerror or err}.") from err
        used = [int(end) for start, _, end in parts if start == name and re.fullmatch("[0-9]{1,9}", end)]
        number = max(used, default=0) + 1
        while True:  # another process may take a number at the same moment
            try:
                return cls.make(parent / f"{name}-{number:03d}")
            except (ConfigError, InUseError):
                number += 1

    def check_links(self) -> None:
        """Refuse symbolic links, through which a run of somebody else could reach outside its folder.

        Folders that a process which is training here renames or removes in between are passed over.

        Raises
        ------
        CorruptFileError
            There is one; the message names it.
        """
        folders = [self.path]
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(folder) as items:
                    for item in items:
                        if item.is_symlink():
                            problem = "a symbolic link; the folder must hold its files itself"
                            raise CorruptFileError(f"{item.path}: {problem}.")
                        if item.is_dir(follow_symlinks=False):
                            folders.append(Path(item.path))
            except OSError as err:
                if isinstance(err, FileNotFoundError) and folder != self.path:
                    continue
                raise StorageError(f"{folder}: cannot read: {err.strerror or err}.") from err

    def sweep(self) -> None:
        """Remove what writes that were cut off have left; for the process that holds the lock."""
        for name, names in _SWEPT.items():
            sweep(self.path / name, names)

    def manifest(self) -> RunManifest:
        """The checked manifest; see `read_manifest`."""
        return read_manifest(self.path, RunManifest)

    def read(self, name: str) -> bytes:
        """A file of the run, checked against the manifest.

        Raises
        ------
        CorruptFileError
            It is missing, damaged or changed.
        """
        return checked(self.path / name, self.manifest(), _limit(name))

    def log(self) -> list[EpochRecord]:
        """The epochs in log.jsonl, which is checked once the training has ended or was stopped."""
        listed = os.path.lexists(self.path / MANIFEST) and LOG in self.manifest()["files"]
        return parse_log(self.read(LOG) if listed else read_inside(self.path, LOG, MAX_LOG), self.path / LOG)

    def environment(self) -> dict[str, Any]:
        """What environment.json says of the last process that trained in the folder.

        Raises
        ------
        CorruptFileError
            It is damaged.
        """
        recorded = decode_environment(self.read(ENVIRONMENT), self.path / ENVIRONMENT)
        last: dict[str, Any] = recorded["resumed"][-1] if recorded.get("resumed") else recorded
        return last

    def checkpoint(
        self, name: str, params: Mapping[str, Array] | None, optimizer: Mapping[str, Array] | None = None
    ) -> Checkpoint:
        """A checkpoint of this run and of no other; see `read_checkpoint`.

        Raises
        ------
        CorruptFileError
            It is missing, damaged, not this model's, or was moved here from another run.
        """
        folder, manifest = self.path / CHECKPOINTS / name, self.manifest()
        found = read_checkpoint(folder, params, optimizer, inside=self.path)
        convert_json(found.state, EpochAndStep, folder / STATE)
        about = found.state.get("about") or {}
        same = all(about.get(key) == manifest.get(key) for key in ("run", "data"))
        if not same or found.identity != manifest.get("identity"):
            raise CorruptFileError(f"{folder}: a checkpoint of another run.")
        return found

    def add_engine(self, name: str) -> None:
        """Note what computes the steps from now on."""
        engines = self.manifest().get("engines", [])
        if engines[-1:] != [name]:
            self.describe(engines=[*engines, name])

    def write(self, name: str, text: str) -> None:
        """Write a small file of the run in one step, and list it.

        Raises
        ------
        StorageError
            The disk is full, the folder cannot be written, or the file would be larger than one that is read.
        """
        content = text.encode()
        if len(content) > _limit(name):
            problem = f"{len(content):,} bytes; at most {_limit(name):,} can be read again"
            raise StorageError(f"{self.path / name}: {problem}.")
        with FileLock(self.path / MANIFEST_LOCK, wait=True):
            self._update({}, {"pending": {name: entry(content)}})
            write_file(self.path / name, content)
            self._update({}, {})

    def list_files(self, *names: str) -> None:
        """List files that were written otherwise, as they are now."""
        with FileLock(self.path / MANIFEST_LOCK, wait=True):
            self._update({name: entry(read_inside(self.path, name, _limit(name))) for name in names}, {})

    def unlist_file(self, name: str) -> None:
        """Take a file that is going to change from the list."""
        with FileLock(self.path / MANIFEST_LOCK, wait=True):
            self._update({name: None}, {})

    def describe(self, **values: Any) -> None:
        """Put further JSON values into the manifest."""
        with FileLock(self.path / MANIFEST_LOCK, wait=True):
            self._update({}, values)

    def _update(self, files: Mapping[str, FileEntry | None], values: Mapping[str, Any]) -> None:
        """Write the manifest with other entries (None: without them) and values; lists a pending file that is there."""
        old: Mapping[str, Any] = self.manifest() if os.path.lexists(self.path / MANIFEST) else {"files": {}}
        more = {key: value for key, value in old.items() if key not in ("files", "format", "digest", "pending")}
        pending = {name: value for name, value in old.get("pending", {}).items() if self._is_now(name, value)}
        entries = {**old["files"], **pending, **files}
        listed = {name: value for name, value in entries.items() if value is not None}
        write_file(self.path / MANIFEST, encode_manifest(listed, **{**more, **values}))

    def _is_now(self, name: str, expected: FileEntry) -> bool:
        """Whether a file is there and is what a manifest says."""
        there = os.path.lexists(self.path / name)
        return there and entry(read_inside(self.path, name, _limit(name))) == expected


def existing_run(path: str | Path) -> Path:
    """The folder of a run that the user named, where links end.

    Raises
    ------
    ConfigError
        No run is there; the message names one below ``runs/`` that may have been meant.
    """
    path = real_folder(path)
    if path.is_dir():
        if os.path.lexists(path / CONFIG):
            return path
        raise ConfigError(f"{path}: not a run folder (it has no {CONFIG}).")
    if os.path.lexists(path):
        raise ConfigError(f"{path}: is a file; the folder of a run was expected.")
    near = nearest(path.name, [config.parent.name for config in Path("runs").glob(f"*/{CONFIG}")])
    meant = f"; did you mean {printable(Path('runs', near))}?" if near else "."
    raise ConfigError(f"{no_such(path, 'run folder')}{meant}")


def _limit(name: str) -> int:
    return MAX_LOG if name == LOG else MAX_FILE
