"""The files of a run folder: made once, written whole, listed with their SHA-256, read only if unchanged.

What the files mean is the business of `minidl.runs`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minidl.errors import ConfigError, CorruptFileError, InUseError, StorageError
from minidl.files.locking import LOCK, FileLock, is_locked
from minidl.files.manifests import MANIFEST, checked, encode_manifest, entry, read_manifest
from minidl.files.storage import read_file, write_file

MANIFEST_LOCK = ".manifest.lock"
MAX_FILE = 1 << 30
_FOLDERS = ("checkpoints", "figures")


class RunFolder:
    """A folder whose ``manifest.json`` lists its files.

    The manifest has an entry for each file that was written with `write` or
    listed with `list_files`, and the values given to `describe`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

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
        """The folder ``runs/<name>-<NNN>`` with the next free number, locked."""
        parent = Path("runs")
        try:
            parent.mkdir(exist_ok=True)
            used = [
                int(found[1])
                for path in parent.iterdir()
                if (found := re.fullmatch(r".*-(\d+)", path.name)) and path.name.rpartition("-")[0] == name
            ]
        except OSError as err:
            raise StorageError(f"{parent}: cannot make a run folder: {err.strerror or err}.") from err
        number = max(used, default=0) + 1
        while True:  # another process may take a number at the same moment
            try:
                return cls.make(parent / f"{name}-{number:03d}")
            except (ConfigError, InUseError):
                number += 1

    def check_links(self) -> None:
        """Refuse symbolic links, through which a run of somebody else could reach outside its folder.

        Raises
        ------
        CorruptFileError
            There is one; the message names it.
        """
        for folder in (self.path, *(self.path / name for name in _FOLDERS)):
            try:
                links = [item.path for item in os.scandir(folder) if item.is_symlink()]
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as err:
                raise StorageError(f"{folder}: cannot read: {err.strerror or err}.") from err
            if links:
                raise CorruptFileError(f"{links[0]}: a symbolic link; a run folder must hold its files itself.")

    def manifest(self) -> dict[str, Any]:
        """The checked manifest; see `read_manifest`."""
        return read_manifest(self.path)

    def read(self, name: str) -> bytes:
        """A file of the run, checked against the manifest.

        Raises
        ------
        CorruptFileError
            It is missing, damaged or changed.
        """
        return checked(self.path / name, self.manifest(), MAX_FILE)

    def write(self, name: str, text: str) -> None:
        """Write a small file of the run in one step, and list it.

        Raises
        ------
        StorageError
            The disk is full, or the folder cannot be written.
        """
        content = text.encode()
        with FileLock(self.path / MANIFEST_LOCK, wait=True):
            write_file(self.path / name, content)
            self._update({name: entry(content)}, {})

    def list_files(self, *names: str) -> None:
        """List files that were written otherwise, as they are now."""
        with FileLock(self.path / MANIFEST_LOCK, wait=True):
            self._update({name: entry(read_file(self.path / name, MAX_FILE)) for name in names}, {})

    def unlist_file(self, name: str) -> None:
        """Take a file that is going to change from the list."""
        with FileLock(self.path / MANIFEST_LOCK, wait=True):
            manifest = self.manifest()
            files = {key: value for key, value in manifest.pop("files").items() if key != name}
            del manifest["digest"], manifest["format"]
            write_file(self.path / MANIFEST, encode_manifest(files, **manifest))

    def describe(self, **values: Any) -> None:
        """Put further JSON values into the manifest."""
        with FileLock(self.path / MANIFEST_LOCK, wait=True):
            self._update({}, values)

    def _update(self, files: Mapping[str, Mapping[str, Any]], values: Mapping[str, Any]) -> None:
        old = self.manifest() if (self.path / MANIFEST).exists() else {"files": {}}
        more = {key: value for key, value in old.items() if key not in ("files", "format", "digest")}
        write_file(self.path / MANIFEST, encode_manifest({**old["files"], **files}, **{**more, **values}))
