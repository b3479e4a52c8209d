"""Without what protects files: order and flushing of writes, checksums, limits, locks and links."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

import safetensors.numpy

from minidl.comparison import folder, records
from minidl.core import initializers
from minidl.core.errors import CorruptFileError
from minidl.files import locking, manifests, reading, storage
from minidl.runs import checkpoints, run_folder, saving
from tests.reliability.sabotage import sabotage


@sabotage("atomic-folders")
def _write_in_place() -> None:
    """Checkpoints are written over the old ones, file by file."""

    def write(folder: Path, files: Mapping[str, bytes], keep_old_as: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)

    checkpoints.write_folder = write  # type: ignore[attr-defined]


@sabotage("manifest-last")
def _manifest_first() -> None:
    """The manifest is written before what it lists, in place."""

    def write(folder: Path, files: Mapping[str, bytes], keep_old_as: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in reversed(files.items()):
            (folder / name).write_bytes(content)

    checkpoints.write_folder = write  # type: ignore[attr-defined]


@sabotage("fsync-of-files")
def _no_flush_of_files() -> None:
    """Files are not flushed before the folder is put in place."""

    def write(path: Path, content: bytes) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        os.write(descriptor, content)
        os.close(descriptor)

    storage._write_through = write


@sabotage("fsync-of-folders")
def _no_flush_of_folders() -> None:
    """New names are not flushed."""
    storage.flush_folder = lambda folder: None


@sabotage("fsync-order")
def _flush_after_the_exchange() -> None:
    """The new folder is put in place first and flushed then."""
    write, put, flush = storage._write_through, storage._put_in_place, storage.flush_folder

    def late(path: Path, content: bytes) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        os.write(descriptor, content)
        os.close(descriptor)

    def put_and_flush(new: Path, folder: Path) -> Any:
        replaced = put(new, folder)
        for path in folder.iterdir():
            descriptor = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)
        flush(folder)
        return replaced

    storage._write_through, storage._put_in_place = late, put_and_flush
    del write


@sabotage("one-step-exchange")
def _remove_then_rename() -> None:
    """The old folder is removed before the new one is put in its place."""

    def put(new: Path, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(new, folder)

    storage._put_in_place = put


@sabotage("sweeping")
def _no_sweep() -> None:
    """What a killed save left stays."""
    storage.sweep = lambda folder, names: None


@sabotage("checksums")
def _no_checksums() -> None:
    """Files are read without a look at their SHA-256."""

    def checked(path: Path, manifest: Mapping[str, Any], limit: int, *, inside: Path | None = None) -> bytes:
        return manifests.read_below(inside or path.parent, path, limit)

    manifests.checked = checkpoints.checked = run_folder.checked = checked  # type: ignore[attr-defined]


@sabotage("lock")
def _no_lock() -> None:
    """Nobody locks anything."""
    locking._lock = lambda descriptor, wait: None


@sabotage("limits")
def _no_limits() -> None:
    """Files of any size and kind are read, layers of any size are built, links are followed."""

    def read(folder: Path, name: str | PurePath, limit: int) -> bytes:
        if not (folder / name).exists():
            raise CorruptFileError(f"{folder / name}: missing.")
        return (folder / name).read_bytes()

    manifests.read_inside = run_folder.read_inside = read  # type: ignore[attr-defined]
    checkpoints.decode_tensors = lambda content, where, expected: dict(safetensors.numpy.load(content))  # type: ignore[attr-defined]
    run_folder.RunFolder.check_links = lambda self: None  # type: ignore[method-assign]
    initializers.MAX_PARAMETERS = 10**30


@sabotage("links")
def _links_are_followed() -> None:
    """Nobody looks for links, and whoever reads follows them."""

    def read(folder: Path, name: str | PurePath, limit: int) -> bytes:
        return reading.read_given(folder / name, limit)

    manifests.read_inside = run_folder.read_inside = read  # type: ignore[attr-defined]
    run_folder.RunFolder.check_links = lambda self: None  # type: ignore[method-assign]


@sabotage("trial-write")
def _no_trial_write() -> None:
    """Training begins without a look at the room on the disk."""
    saving.try_to_write = lambda folder, n_bytes, what: None  # type: ignore[attr-defined]


@sabotage("storage-errors")
def _any_error_of_the_system() -> None:
    """A failed write of a checkpoint is no StorageError, but an error that nobody expects."""
    write = storage.write_folder

    def unexpected(*arguments: Any, **more: Any) -> None:
        try:
            write(*arguments, **more)
        except OSError as err:
            raise RuntimeError(str(err)) from err

    checkpoints.write_folder = unexpected  # type: ignore[attr-defined]


@sabotage("cache-digest")
def _compiled_code_without_a_checksum() -> None:
    """Whatever lies in the cache is loaded."""
    from minidl.compiled import cache

    digest = cache._digest
    cache._digest = lambda key, payload: _Anything(digest(key, payload))


class _Anything(bytes):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = bytes.__hash__


@sabotage("private-cache")
def _compiled_code_of_anybody() -> None:
    """The cache is read whoever could have written it."""
    from minidl.compiled import cache
    from minidl.files import reading

    cache.not_private = lambda folder: None
    reading.foreign = lambda status: None


@sabotage("seals")
def _no_seals() -> None:
    """The files of a comparison are read without a look at their SHA-256."""

    def unchecked(path: Path, manifest: Mapping[str, Any], limit: int) -> bytes:
        return manifests.read_below(path.parent, path, limit)

    folder.checked = unchecked  # type: ignore[attr-defined]
    folder.decode_record = _decode_record  # type: ignore[attr-defined]


def _decode_record(content: bytes, plan: str, where: Path) -> records.RecordFile:
    return reading.decode_json(content, records.RecordFile, where)


@sabotage("links-of-a-comparison")
def _links_are_allowed() -> None:
    """Nobody asks whether a comparison's folder holds links."""
    run_folder.RunFolder.check_links = lambda self: None  # type: ignore[method-assign]
