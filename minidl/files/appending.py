"""Files that are changed where they stand: logs that grow, lock files, and new files that the user asked for.

A link in the place of one is never followed, and a pipe or a device never opened
for long. What must be complete or not there is written by storage.py instead.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

from minidl.core.errors import StorageError

_BINARY: int = getattr(os, "O_BINARY", 0)
_OWN: int = _BINARY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC"))


def append(path: Path, content: bytes) -> None:
    """Add to the end of a file, which is made if need be; a link or a pipe in its place is refused.

    Raises
    ------
    StorageError
        It cannot be written.
    """
    _change(path, os.O_APPEND | os.O_CREAT, lambda descriptor: write_all(descriptor, content))


def flush_file(path: Path) -> None:
    """Make what was appended to a file last through a loss of power.

    Raises
    ------
    StorageError
        It cannot be written.
    """
    _change(path, 0, os.fsync)


def cut_file(path: Path, n_bytes: int) -> None:
    """Leave the first bytes of a file only.

    Raises
    ------
    StorageError
        It cannot be written.
    """

    def cut(descriptor: int) -> None:
        os.ftruncate(descriptor, n_bytes)
        os.fsync(descriptor)

    _change(path, 0, cut)


def write_new(path: Path, content: bytes) -> None:
    """Write a file that must not be there yet, not even as a link. One that could not be written is removed.

    Raises
    ------
    FileExistsError
        It is there.
    StorageError
        It cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
        try:
            try:
                write_all(descriptor, content)
            finally:
                os.close(descriptor)
        except OSError:
            path.unlink()
            raise
    except FileExistsError:
        raise
    except (OSError, ValueError) as err:
        reason = err.strerror if isinstance(err, OSError) and err.strerror else err
        raise StorageError(f"{path}: cannot write: {reason}.") from err


def open_own(path: Path, flags: int) -> int:
    """A descriptor of a file in one of minidl's folders, to be written: a regular one, and no link to another.

    Raises
    ------
    OSError
        It is none, or cannot be opened.
    """
    descriptor = os.open(path, flags | _OWN, 0o666)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return descriptor


def write_all(descriptor: int, content: bytes) -> None:
    """Write to an open file until nothing is left."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _change(path: Path, flags: int, function: Callable[[int], None]) -> None:
    try:
        descriptor = open_own(path, os.O_WRONLY | flags)
        try:
            if os.fstat(descriptor).st_nlink > 1:
                raise OSError(errno.EMLINK, "it has another name too (a hard link); put a copy in its place")
            function(descriptor)
        finally:
            os.close(descriptor)
    except OSError as err:
        reason = "it is a symbolic link" if err.errno == errno.ELOOP else err.strerror or err
        raise StorageError(f"{path}: cannot write: {reason}.") from err
