"""Logs grow, are cut and flushed; new files are written whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from minidl.core.errors import StorageError
from minidl.files.appending import append, cut_file, flush_file, open_own, write_new


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of files as they were flushed to the disk."""
    sizes: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: sizes.append(os.fstat(descriptor).st_size))
    return sizes


def test_a_log_grows_is_flushed_and_cut(tmp_path: Path, flushed: list[int]) -> None:
    log = tmp_path / "log"
    append(log, b"one\n")
    append(log, b"two\n")
    assert log.read_bytes() == b"one\ntwo\n"
    flush_file(log)
    assert flushed == [8]
    cut_file(log, 4)
    assert log.read_bytes() == b"one\n"
    assert flushed == [8, 4]
    append(log, b"three\n")
    assert log.read_bytes() == b"one\nthree\n"


def test_what_was_written_in_parts_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: write(descriptor, bytes(content)[:3]))
    append(tmp_path / "log", b"0123456789")
    write_new(tmp_path / "new", b"0123456789")
    assert (tmp_path / "log").read_bytes() == (tmp_path / "new").read_bytes() == b"0123456789"


def test_a_new_file_is_not_written_over_another_and_not_left_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = tmp_path / "new"
    write_new(new, b"x")
    with pytest.raises(FileExistsError):
        write_new(new, b"y")
    assert new.read_bytes() == b"x"
    new.unlink()
    write = os.write

    def full(descriptor: int, content: bytes) -> int:
        write(descriptor, content[:1])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StorageError, match=r"new: cannot write: No space left on device\.$"):
        write_new(new, b"xyz")
    assert not new.exists()
    with pytest.raises(StorageError, match=r"null"):
        write_new(Path("a\0b"), b"x")


def test_permissions_are_those_that_the_user_wants(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        append(tmp_path / "log", b"x")
        write_new(tmp_path / "new", b"x")
    finally:
        os.umask(before)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("log", "new")] == [0o666, 0o666]


def test_no_descriptor_stays_open_or_goes_to_other_programs(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    append(tmp_path / "log", b"x")
    write_new(tmp_path / "new", b"x")
    for path in (tmp_path, tmp_path / "none" / "log"):
        with pytest.raises(StorageError, match="cannot write: "):
            append(path, b"x")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        open_own(tmp_path / "pipe", os.O_RDWR)
    assert os.listdir("/proc/self/fd") == before
    descriptor = open_own(tmp_path / "log", os.O_WRONLY)
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)
