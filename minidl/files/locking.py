"""Locks that the kernel keeps: a process that is gone, however it ended, holds none.

The lock files stay where they are; to remove one would let two processes hold
locks on two files of one name. Where a file system knows no locks, none is taken.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import TracebackType
from typing import Any

from minidl.core.errors import InUseError, StorageError
from minidl.files.appending import open_own

LOCK = ".lock"
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


class FileLock:
    """Holds a lock from its construction until `release`.

    Parameters
    ----------
    path : the lock file, made if need be.
    wait : whether to wait while another process, or another part of this one, holds it.

    Raises
    ------
    InUseError
        It is held, and `wait` is False.
    StorageError
        The file cannot be made.
    """

    def __init__(self, path: Path, *, wait: bool = False) -> None:
        self._descriptor: int | None = None
        try:
            descriptor = open_own(path, os.O_RDWR | os.O_CREAT)
        except OSError as err:
            raise StorageError(f"{path}: cannot make the lock file: {err.strerror or err}.") from err
        try:
            _lock(descriptor, wait)
        except OSError as err:
            if err.errno not in _NO_LOCKS:
                os.close(descriptor)
                raise InUseError(f"{path.parent}: another process is using this folder; wait until it ends.") from err
        self._descriptor = descriptor

    def __reduce_ex__(self, protocol: Any) -> Any:
        # Two objects would close one descriptor, which may be another file's by then.
        raise StorageError(
            "a lock that is held cannot be copied or pickled; copy what needs it before, or open the run."
        )

    def release(self) -> None:
        """Let others have it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> FileLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def is_locked(path: Path) -> bool:
    """Whether some process holds the lock of this file."""
    if path.is_symlink() or not path.is_file():
        return False
    try:
        FileLock(path).release()
    except InUseError:
        return True
    return False


if os.name == "nt":  # pragma: no cover
    import msvcrt

    def _lock(descriptor: int, wait: bool) -> None:
        while True:
            try:
                msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
                return
            except OSError:  # LK_LOCK gives up after ten seconds
                if not wait:
                    raise

else:
    import fcntl

    def _lock(descriptor: int, wait: bool) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
