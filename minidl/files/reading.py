"""The way in: every file that minidl reads is opened here, and every JSON becomes a declared type here.

Files come from strangers. Only regular files are read, looked at through the open
descriptor, so that a pipe or a device hangs nothing; only up to a size that the
caller states. A path that the user named may be a link. Inside a folder of
minidl's own kind (a run, a comparison) no link is followed: not the folder, not
one on the way, not the file.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from itertools import islice
from pathlib import Path, PurePath
from typing import Any, TypeVar

import msgspec

from minidl.core.errors import CorruptFileError, StorageError
from minidl.files.private import foreign

T = TypeVar("T")

_MOST_BESIDE = 1000  # files of a folder among which the one that was meant is looked for
_NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
# Without O_NONBLOCK the opening of a pipe waits for a writer; without O_NOCTTY a terminal could take us over.
_OPTIONAL = ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY", "O_NOINHERIT")
_READ: int = os.O_RDONLY | sum(getattr(os, name, 0) for name in _OPTIONAL)
_FOLDER: int = _READ | _NO_FOLLOW | getattr(os, "O_DIRECTORY", 0)
_BY_DESCRIPTOR = os.open in os.supports_dir_fd and _NO_FOLLOW != 0


def user_path(text: str | PurePath) -> Path:
    """A path as a user writes it: ``~`` at its beginning is the home folder. Variables (``$X``) are not replaced."""
    return Path(os.path.expanduser(text))


def no_such(path: str | PurePath, what: str = "file") -> str:
    """``"PATH: no such file"``, and what may be the reason."""
    return f"{path}: no such {what}{variable_hint(path)}"


def variable_hint(path: str | PurePath) -> str:
    """What to say of a path that does not exist: that a ``$VARIABLE`` in it stays what it is."""
    return "; a variable such as $HOME is not replaced in a path, only ~ is" if "$" in str(path) else ""


def _meant(path: Path) -> str:
    """``"; did you mean air.csv?"``: the file of this kind in the same folder whose name is near; "." if none is."""
    import difflib  # which few processes need

    beside: list[str] = []
    with suppress(OSError, ValueError), os.scandir(path.parent) as entries:
        beside = sorted(entry.name for entry in islice(entries, _MOST_BESIDE) if entry.is_file())
    kind = [name for name in beside if Path(name).suffix == path.suffix]
    stems = {Path(name).stem: name for name in kind}
    near = difflib.get_close_matches(path.stem, stems, n=1)
    return f"; did you mean {path.with_name(stems[near[0]])}?" if near else "."


def read_given(path: str | PurePath, limit: int, *, expected: str = "a file") -> bytes:
    """The bytes of a file that the user named: a regular one, perhaps at the end of links, of at most `limit` bytes.

    Parameters
    ----------
    expected : what should be there, for messages: ``"a YAML file"``.

    Raises
    ------
    StorageError
        It is missing, not a regular file, larger than that, or cannot be read.
    """
    path = user_path(path)
    try:
        return _content(os.open(path, _READ), limit)
    except _RefusedError as err:
        problem = f"is a folder; {expected} was expected" if err.folder else f"is {err}"
        if err.size:
            problem = f"is larger than {_size(limit)}, which {expected} may have at most"
        raise StorageError(f"{path}: {problem}.") from err
    except FileNotFoundError as err:
        raise StorageError(f"{no_such(path)}{_meant(path)}") from err
    except ValueError as err:  # worded differently from Python to Python
        raise StorageError(f"{path}: cannot be read: a path holds no null character.") from err
    except OSError as err:
        raise StorageError(f"{path}: {_reason(err)}.") from err


def read_inside(folder: Path, name: str | PurePath, limit: int, *, private: bool = False) -> bytes:
    """The bytes of a file in a folder of minidl's own: a regular one of at most `limit` bytes, reached without links.

    Parameters
    ----------
    folder : not a link; who lets the user name a link takes what `real_folder` makes of it.
    name : relative to it, downwards only: ``checkpoints/last/state.json``.
    private : whether the file must be the user's, and no one else able to write to it.

    Raises
    ------
    CorruptFileError
        It is missing, not a regular file, too large, or there is a link on the way; the message names it.
    StorageError
        It cannot be read.
    """
    path = folder / name
    try:
        return _content(_open_inside(folder, name), limit, private=private)
    except _RefusedError as err:
        raise CorruptFileError(f"{path}: {err}.") from err
    except ValueError as err:
        raise CorruptFileError(f"{path}: a path holds no null character.") from err
    except OSError as err:
        link = next((place for place in _steps(folder, name) if os.path.islink(place)), None)
        if link is not None:
            problem = "a symbolic link; the folder must hold its files itself"
            raise CorruptFileError(f"{link}: {problem}.") from err
        if err.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
            raise CorruptFileError(f"{path}: missing.") from err
        refused = CorruptFileError if err.errno == errno.ENXIO else StorageError
        raise refused(f"{path}: {_reason(err)}.") from err


def real_folder(path: str | PurePath) -> Path:
    """A folder that the user named, where links end: a link is followed once, here, and none below it.

    A path that is no link itself stays as it was written.
    """
    path = user_path(path)
    return Path(os.path.realpath(path)) if os.path.islink(path) else path


def decode_json(content: bytes, kind: type[T], where: object) -> T:
    """A value of a declared type from JSON: strictly, so that a text is no number and 1.0 no whole number.

    Parameters
    ----------
    kind : whatever msgspec decodes: a Struct, a dataclass, ``dict[str, float]``.
    where : the file, for messages.

    Raises
    ------
    CorruptFileError
        It is no JSON, or of another shape; the message tells the place in it.
    """
    try:
        return msgspec.json.decode(content.decode(), type=kind)
    except (ValueError, RecursionError) as err:  # msgspec's own errors are ValueErrors
        raise CorruptFileError(f"{where}: damaged: {err}.") from err


def convert_json(value: Any, kind: type[T], where: object) -> T:
    """As `decode_json`, for values that were decoded already.

    Raises
    ------
    CorruptFileError
        They are of another shape.
    """
    try:
        return msgspec.convert(value, kind)
    except (ValueError, RecursionError) as err:
        raise CorruptFileError(f"{where}: damaged: {err}.") from err


class _RefusedError(ValueError):
    """Not a file that is read; because it is a folder, or because of its size."""

    def __init__(self, message: str, *, folder: bool = False, size: bool = False) -> None:
        super().__init__(message)
        self.folder, self.size = folder, size


def _content(descriptor: int, limit: int, *, private: bool = False) -> bytes:
    """What an open file holds; closes it."""
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _RefusedError("not a regular file", folder=stat.S_ISDIR(status.st_mode))
        problem = foreign(status) if private else None
        if problem is not None:
            raise _RefusedError(problem)
        if status.st_size > limit:
            raise _RefusedError(f"{status.st_size:,} bytes; at most {limit:,} are expected", size=True)
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(status.st_size + 1)
    finally:
        os.close(descriptor)
    if len(content) > status.st_size:
        raise _RefusedError("growing while it is read")
    return content


def _steps(folder: Path, name: str | PurePath) -> list[Path]:
    """The folder, what lies on the way to a file in it, and the file."""
    parts = PurePath(name).parts
    if not parts or PurePath(name).is_absolute() or ".." in parts:
        raise _RefusedError("leads out of its folder")
    return [folder, *(folder.joinpath(*parts[: n + 1]) for n in range(len(parts)))]


def _open_inside(folder: Path, name: str | PurePath) -> int:
    """A descriptor of the file, every step of the way opened as what it is and not what it links to."""
    steps = _steps(folder, name)
    if not _BY_DESCRIPTOR:  # Windows
        if any(os.path.islink(step) for step in steps):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        return os.open(steps[-1], _READ)
    at = os.open(folder, _FOLDER)
    for step in steps[1:]:
        flags = _READ | _NO_FOLLOW if step is steps[-1] else _FOLDER
        try:
            below = os.open(step.name, flags, dir_fd=at)
        finally:
            os.close(at)
        at = below
    return at


def _size(n_bytes: int) -> str:
    return f"{n_bytes // 1_000_000:,} MB" if n_bytes % 1_000_000 == 0 else f"{n_bytes:,} bytes"


def _reason(err: OSError) -> str:
    if err.errno == errno.ENXIO:  # a socket, or a device that nobody serves
        return "is not a regular file"
    reason = err.strerror or str(err)
    return f"cannot be read: {reason[0].lower()}{reason[1:]}"
