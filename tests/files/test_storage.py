"""What is written, appended or swept away never passes a link, and only what minidl writes is removed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from minidl.core.errors import CorruptFileError, StorageError
from minidl.files.appending import append, cut_file, flush_file, write_new
from minidl.files.locking import FileLock, is_locked
from minidl.files.storage import sweep, write_file, write_folder

ANY = re.compile(".*")


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A folder of somebody else, with names as minidl's own."""
    folder = tmp_path / "precious"
    for name in (".last.new", ".last.old", "kept"):
        (folder / name).mkdir(parents=True)
        (folder / name / "x").write_text("x")
    (folder / ".plan.json.new").write_text("x")
    (folder / "file").write_text("x")
    return folder


def listing(folder: Path) -> list[str]:
    """All that is in a folder, with the content of its files."""
    return sorted(f"{path} {path.read_text() if path.is_file() else ''}" for path in folder.rglob("*"))


def test_a_folder_that_is_a_link_is_not_swept(tmp_path: Path, precious: Path) -> None:
    before = listing(precious)
    (tmp_path / "run").symlink_to(precious)
    with pytest.raises(CorruptFileError, match=r"run: a symbolic link; nothing is tidied up where it leads\.$"):
        sweep(tmp_path / "run", ANY)
    assert listing(precious) == before


def test_links_in_a_folder_are_neither_followed_nor_removed_by_a_sweep(tmp_path: Path, precious: Path) -> None:
    before = listing(precious)
    run = tmp_path / "run"
    run.mkdir()
    (run / ".a.new").symlink_to(precious)
    (run / ".b.old").symlink_to(precious)
    (run / ".c.new").symlink_to(precious / "file")
    (run / ".d.new").mkdir()
    (run / ".d.new" / "link").symlink_to(precious)
    sweep(run, ANY)
    assert sorted(path.name for path in run.iterdir()) == [".a.new", ".b.old", ".c.new"]
    assert listing(precious) == before


def test_an_old_folder_is_not_put_where_a_link_stands(tmp_path: Path) -> None:
    (tmp_path / ".last.old").mkdir()
    (tmp_path / "last").symlink_to("nowhere")
    sweep(tmp_path, re.compile("last"))
    assert [path.name for path in tmp_path.iterdir()] == ["last"]


@pytest.mark.parametrize("name", [".bashrc.new", ".env.old", ".last.news", "last.new", ".laster.new", ".new", "..new"])
def test_what_minidl_does_not_write_is_not_swept(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x")
    sweep(tmp_path, re.compile("last|best"))
    assert (tmp_path / name).read_text() == "x"


@pytest.mark.parametrize(
    "change",
    [
        lambda path: append(path, b"y"),
        flush_file,
        lambda path: cut_file(path, 0),
        lambda path: write_new(path, b"y"),
        lambda path: write_folder(path, {"a": b"y"}),
        lambda path: FileLock(path),
    ],
)
@pytest.mark.parametrize("target", ["file", "kept", "missing"])
def test_nothing_is_changed_through_a_link(
    tmp_path: Path, precious: Path, change: Callable[[Path], None], target: str
) -> None:
    before = listing(precious)
    (tmp_path / "link").symlink_to(precious / target)
    with pytest.raises((StorageError, FileExistsError)):
        change(tmp_path / "link")
    assert listing(precious) == before
    assert not is_locked(tmp_path / "link")


def test_a_file_that_replaces_a_link_leaves_alone_where_it_led(tmp_path: Path, precious: Path) -> None:
    before = listing(precious)
    (tmp_path / "link").symlink_to(precious / "file")
    (tmp_path / ".link.new").symlink_to(precious / "file")
    write_file(tmp_path / "link", b"new")
    assert (tmp_path / "link").read_bytes() == b"new"
    assert not (tmp_path / "link").is_symlink()
    assert listing(precious) == before


def test_a_pipe_in_the_place_of_a_log_or_a_lock_hangs_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StorageError, match="pipe: cannot write: "):
        append(tmp_path / "pipe", b"x")
    with pytest.raises(StorageError, match="pipe: cannot make the lock file: not a regular file"):
        FileLock(tmp_path / "pipe")


@pytest.mark.parametrize("through_a_link", [False, True])
def test_a_pipe_or_a_device_is_not_replaced_by_a_file(tmp_path: Path, through_a_link: bool) -> None:
    # As root, minidl export RUN --output /dev/stdout once left a file in the place of the link.
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    path = tmp_path / ("link" if through_a_link else "pipe")
    before = listing(tmp_path)
    with pytest.raises(
        StorageError, match=r"^\S+: cannot write: it is no regular file, which a new one could replace\.$"
    ):
        write_file(path, b"x")
    assert listing(tmp_path) == before
    assert (tmp_path / "pipe").is_fifo()
    assert (tmp_path / "link").is_symlink()


def test_a_name_that_cannot_be_looked_up_is_refused_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot write: File name too long\.$"):
        write_file(tmp_path / ("a" * 300), b"x")


def test_a_file_with_another_name_elsewhere_is_not_written_to(tmp_path: Path, precious: Path) -> None:
    os.link(precious / "file", tmp_path / "log.jsonl")
    for change in (lambda path: append(path, b"y"), lambda path: cut_file(path, 0)):
        with pytest.raises(StorageError, match="it has another name too"):
            change(tmp_path / "log.jsonl")
    assert (precious / "file").read_text() == "x"
