"""Files and folders that are either complete or not there, whatever happens while they are written.

A new state is written beside its place, flushed to the disk, and put in place by
one atomic step of the file system; then that step is flushed too. No link is
followed to what is changed. How files are read stands in reading.py; what the
bytes mean is not decided here.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from minidl.core.errors import CorruptFileError, StorageError
from minidl.files.appending import write_all

# Beside NAME stand .NAME.new while it is written and, where folders cannot be exchanged, .NAME.old for a moment.
NEW, OLD = ".new", ".old"
TRIAL = "trial"  # takes room on the disk for a moment
_BINARY: int = getattr(os, "O_BINARY", 0)
_NOT_SUPPORTED = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM}


def write_file(path: Path, content: bytes) -> None:
    """Write a file, or replace the one that is there, in one step.

    Raises
    ------
    StorageError
        The disk is full or the folder cannot be written; the old file stays. Or a device or a pipe stands there,
        such as ``/dev/stdout``, which a file must not take the place of.
    """
    new = beside(path, NEW)
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            raise OSError(errno.EINVAL, "it is no regular file, which a new one could replace", str(path))
        new.unlink(missing_ok=True)
        _write_through(new, content)
        os.replace(new, path)
        flush_folder(path.parent)
    except OSError as err:
        raise StorageError(f"{path}: cannot write: {err.strerror or err}.") from err


def write_folder(folder: Path, files: Mapping[str, bytes], keep_old_as: Path | None = None) -> None:
    """Write a folder of files, or replace the one that is there, in one step.

    Parameters
    ----------
    folder : its parent is made if need be.
    files : content by name; they are written in this order.
    keep_old_as : the new name of the folder that was replaced; None: it is removed.

    Raises
    ------
    StorageError
        The disk is full or the folder cannot be written. Either the old
        folder or the new one is there, complete.
    """
    new = beside(folder, NEW)
    try:
        shutil.rmtree(new, ignore_errors=True)
        os.makedirs(new)
        try:
            for name, content in files.items():
                _write_through(new / name, content)
            flush_folder(new)
        except OSError:
            shutil.rmtree(new, ignore_errors=True)  # a full disk needs the room
            raise
        replaced = _put_in_place(new, folder)
        flush_folder(folder.parent)
        if replaced is not None and keep_old_as is not None:
            shutil.rmtree(keep_old_as, ignore_errors=True)
            os.rename(replaced, keep_old_as)
        elif replaced is not None:
            shutil.rmtree(replaced)
    except OSError as err:
        raise StorageError(f"{folder}: cannot save: {err.strerror or err}.") from err


def _put_in_place(new: Path, folder: Path) -> Path | None:
    """Move `new` to `folder`; return where the folder is that was there before."""
    if folder.is_symlink():  # to exchange with it would take it for the old folder
        raise OSError(errno.ELOOP, "it is a symbolic link", str(folder))
    if not folder.exists():
        os.rename(new, folder)
        return None
    if exchange(new, folder):
        return new
    old = beside(folder, OLD)
    shutil.rmtree(old, ignore_errors=True)
    os.rename(folder, old)  # a reader that finds no folder looks here
    os.rename(new, folder)
    return old


def exchange(one: Path, other: Path) -> bool:
    """Let two folders swap their names in one step; False where the system cannot."""
    libc = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None
    if sys.platform == "darwin":
        call, arguments = getattr(libc, "renamex_np", None), [os.fsencode(one), os.fsencode(other), 2]
    else:
        at = -100  # AT_FDCWD: relative paths count from the working directory
        call, arguments = getattr(libc, "renameat2", None), [at, os.fsencode(one), at, os.fsencode(other), 2]
    if call is None:
        return False
    if call(*arguments) == 0:
        return True
    number = ctypes.get_errno()
    if number in _NOT_SUPPORTED:
        return False
    raise OSError(number, os.strerror(number), str(one))


def beside(path: Path, ending: str) -> Path:
    """The temporary name of `path`."""
    return path.with_name(f".{path.name}{ending}")


def sweep(folder: Path, names: re.Pattern[str]) -> None:
    """Remove what writes that were cut off have left in a folder, and nothing else.

    An ``.old`` folder whose successor never arrived is put back in its place.
    Only for the process that holds the folder's lock.

    Parameters
    ----------
    folder : not a link; in it, links are left alone.
    names : of the files and folders that minidl writes here; ``.NAME.new`` and ``.NAME.old`` stand beside them.

    Raises
    ------
    CorruptFileError
        The folder is a link.
    StorageError
        Something cannot be removed.
    """
    if folder.is_symlink():
        raise CorruptFileError(f"{folder}: a symbolic link; nothing is tidied up where it leads.")
    try:
        with os.scandir(folder) as items:
            found = [item for item in items if _is_left_over(item, names)]
        for item in sorted(found, key=lambda item: item.name):
            path, is_folder = folder / item.name, item.is_dir(follow_symlinks=False)
            place = folder / item.name[1 : -len(OLD)]
            if item.name.endswith(OLD) and not os.path.lexists(place):
                os.rename(path, place)
            elif is_folder:
                shutil.rmtree(path)  # which follows no link either
            else:
                path.unlink()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as err:
        raise StorageError(f"{folder}: cannot tidy up: {err.strerror or err}.") from err


def _is_left_over(item: os.DirEntry[str], names: re.Pattern[str]) -> bool:
    """Whether an entry of a folder is a file or folder that minidl writes for a moment."""
    name = item.name
    ours = name.startswith(".") and name.endswith((NEW, OLD)) and names.fullmatch(name[1 : -len(NEW)])
    return bool(ours) and (item.is_file(follow_symlinks=False) or item.is_dir(follow_symlinks=False))


def _write_through(path: Path, content: bytes) -> None:
    """Write a new file down to the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
    try:
        write_all(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_folder(folder: Path) -> None:
    """Make new names in a folder last through a loss of power."""
    if os.name == "nt":  # folders cannot be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def try_to_write(folder: Path, n_bytes: int, what: str) -> None:
    """Take `n_bytes` on the disk of `folder` for a moment, so that a lack of room shows now and not after hours.

    Raises
    ------
    StorageError
        There is no room, or the folder cannot be written; the message tells the space needed.
    """
    path = beside(folder / TRIAL, NEW)
    try:
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            _allocate(descriptor, n_bytes)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
            path.unlink()
    except OSError as err:
        free = shutil.disk_usage(folder).free if folder.is_dir() else 0
        raise StorageError(
            f"{folder}: cannot write {what}: {err.strerror or err}; {n_bytes:,} bytes are needed, {free:,} are free."
        ) from err


def _allocate(descriptor: int, n_bytes: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, n_bytes)
        return
    zeros = memoryview(bytes(min(n_bytes, 1 << 20)))
    while n_bytes > 0:
        n_bytes -= os.write(descriptor, zeros[:n_bytes])
