"""Whether files are the user's alone: for what must never be read if somebody else could have written it.

A folder is trusted if it belongs to the user, no one else may write to it, and no one
else could put another one in its place: every folder above it, as the path is written
and where its links end, belongs to the user or to root, and can be written to by
others only if it is sticky, as /tmp is. Windows has no such bits; there the folder is
trusted as the profile that it lies in.
"""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from minidl.core.text import printable

_SHARED = stat.S_IWGRP | stat.S_IWOTH


def foreign(status: os.stat_result) -> str | None:
    """Why a file or folder is not the user's alone, in a few words; None: it is."""
    if not hasattr(os, "geteuid"):
        return None
    if status.st_uid != os.geteuid():
        return f"belongs to user {status.st_uid}, not to you"
    return "can be written to by others" if status.st_mode & _SHARED else None


def not_private(folder: Path) -> str | None:
    """Why a folder (which need not exist) is not the user's alone, in a sentence; None: it is.

    Parameters
    ----------
    folder : an absolute path.
    """
    try:
        problem = _own_folder(folder) if os.path.lexists(folder) else None
        if problem is not None:
            return f"{printable(folder)} {problem}"
        above = {*Path(os.path.abspath(folder)).parents, *Path(os.path.realpath(folder)).parents}
        for place in sorted(above):
            problem = _replaceable(place)
            if problem is not None:
                return f"{printable(place)}, above it, {problem}"
    except (OSError, ValueError) as err:
        return f"{printable(folder)}: {printable(getattr(err, 'strerror', None) or err)}"
    return None


def _own_folder(folder: Path) -> str | None:
    status = os.lstat(folder)
    if stat.S_ISLNK(status.st_mode):
        return "is a symbolic link"
    return foreign(status) if stat.S_ISDIR(status.st_mode) else "is not a folder"


def _replaceable(place: Path) -> str | None:
    """Why others could put something else in place of what lies in this folder."""
    if not hasattr(os, "geteuid") or not os.path.lexists(place):
        return None
    trusted = (0, os.geteuid())
    for status in (os.lstat(place), os.stat(place)):  # of a link, and of what it leads to
        if status.st_uid not in trusted:
            return f"belongs to user {status.st_uid}"
    if status.st_mode & _SHARED and not status.st_mode & stat.S_ISVTX:
        return "can be written to by others, who could put another one in its place"
    return None


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only the user may read and write, aside and then in its place."""
    descriptor, new = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(new, path)
    except BaseException:
        os.unlink(new)
        raise
