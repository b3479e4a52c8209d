"""Only regular files of a stated size are read, no link leads out, and JSON has the declared shape."""

from __future__ import annotations

import contextlib
import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from minidl.core.errors import CorruptFileError, StorageError
from minidl.files.reading import convert_json, decode_json, read_given, read_inside, real_folder, user_path


def refused(kind: type[Exception], function: Any, *arguments: Any, **more: Any) -> str:
    """The message of an error, which is one line."""
    with pytest.raises(kind) as caught:
        function(*arguments, **more)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


def test_a_file_that_the_user_named_is_read_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"12345")
    assert read_given(path, 5) == b"12345"
    assert refused(StorageError, read_given, path, 4).endswith(
        "a.csv: is larger than 4 bytes, which a file may have at most."
    )


def test_a_file_that_the_user_named_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.csv").write_bytes(b"x")
    (tmp_path / "folder").symlink_to("real")
    (tmp_path / "link.csv").symlink_to("folder/a.csv")
    assert read_given(tmp_path / "link.csv", 9) == read_given(tmp_path / "folder/a.csv", 9) == b"x"


def not_files(folder: Path) -> list[Path]:
    """A pipe that nobody writes to, devices, a socket, a folder: each of them once for itself and once as a link."""
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(folder / "socket"))
    (folder / "folder").mkdir()
    for name in ("zero", "tty", "null"):
        (folder / name).symlink_to(f"/dev/{name}")
    return [folder / name for name in ("pipe", "socket", "folder", "zero", "null", "tty")]


def test_what_is_not_a_regular_file_is_refused_and_hangs_nothing(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path may have about 100 characters
    for path in not_files(Path()):
        message = refused(StorageError, read_given, path, 1 << 20)
        if path.name == "folder":
            assert message == "folder: is a folder; a file was expected."
        elif path.name != "tty":  # which may not be there
            assert message == f"{path}: is not a regular file."
        message = refused(CorruptFileError, read_inside, Path(), path.name, 1 << 20)
        assert message.endswith(
            "the folder must hold its files itself." if path.is_symlink() else "not a regular file."
        )


def test_a_size_is_told_as_one_says_it(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(2_000_001))
    message = refused(StorageError, read_given, path, 2_000_000, expected="a table")
    assert message == f"{path}: is larger than 2 MB, which a table may have at most."
    message = refused(StorageError, read_given, path, 1_500_000)
    assert message == f"{path}: is larger than 1,500,000 bytes, which a file may have at most."
    message = refused(CorruptFileError, read_inside, tmp_path, "a", 1_500_000)
    assert message == f"{path}: 2,000,001 bytes; at most 1,500,000 are expected."


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"123")
    fstat = os.fstat

    def grown(descriptor: int) -> os.stat_result:
        found = fstat(descriptor)
        with path.open("ab") as file:
            file.write(b"4")
        return found

    monkeypatch.setattr(os, "fstat", grown)
    assert refused(StorageError, read_given, path, 9).endswith("a: is growing while it is read.")


def test_what_is_missing_is_said_with_the_reason_that_is_likely(tmp_path: Path) -> None:
    assert refused(StorageError, read_given, tmp_path / "none", 9) == f"{tmp_path}/none: no such file."
    message = refused(StorageError, read_given, "$DATA/air.csv", 9)
    assert message == "$DATA/air.csv: no such file; a variable such as $HOME is not replaced in a path, only ~ is."
    assert refused(StorageError, read_given, "a\0b", 9) == r"a\x00b: cannot be read: a path holds no null character."
    assert refused(CorruptFileError, read_inside, tmp_path, "a\0b", 9).endswith("a path holds no null character.")
    assert refused(CorruptFileError, read_inside, tmp_path, "none", 9) == f"{tmp_path}/none: missing."
    assert refused(CorruptFileError, read_inside, tmp_path / "none", "a", 9) == f"{tmp_path}/none/a: missing."
    assert refused(CorruptFileError, read_inside, tmp_path, "a" * 300, 9).endswith("a: missing.")


def test_a_name_that_is_no_text_for_a_terminal_is_shown_escaped() -> None:
    assert refused(StorageError, read_given, "\x1b[31mred\n", 9) == r"\x1b[31mred\n: no such file."


def test_a_file_of_a_near_name_in_the_same_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("load.csv", "laod.yaml"):
        (tmp_path / name).write_text("x")
    (tmp_path / "laods.csv").mkdir()
    monkeypatch.chdir(tmp_path)
    for path, told in (
        ("laod.csv", "laod.csv: no such file; did you mean load.csv?"),
        ("quite.csv", "quite.csv: no such file."),
        ("none/load.csv", "none/load.csv: no such file."),
    ):
        with pytest.raises(StorageError) as caught:
            read_given(path, 9)
        assert str(caught.value) == told


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a").write_bytes(b"x")
    assert user_path("~/a") == tmp_path / "a"
    assert user_path("~") == tmp_path
    assert user_path("no~/a") == Path("no~/a")
    assert read_given("~/a", 9) == b"x"


@pytest.mark.parametrize("place", ["", "a", "a/b", "a/b/file"])
def test_no_link_is_followed_inside_a_folder(tmp_path: Path, place: str) -> None:
    """Neither the folder itself, nor one on the way, nor the file; wherever it leads, and if only beside itself."""
    (tmp_path / "run/a/b").mkdir(parents=True)
    (tmp_path / "run/a/b/file").write_bytes(b"x")
    assert read_inside(tmp_path / "run", "a/b/file", 9) == b"x"
    path = tmp_path / "run" / place
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    message = refused(CorruptFileError, read_inside, tmp_path / "run", "a/b/file", 9)
    assert message == f"{path}: a symbolic link; the folder must hold its files itself."


@pytest.mark.parametrize("name", ["../secret", "a/../../secret", "/etc/hostname", "", "."])
def test_no_name_leads_out_of_a_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    (tmp_path / "run/a").mkdir(parents=True)
    assert "leads out of its folder" in refused(CorruptFileError, read_inside, tmp_path / "run", name, 9)


def test_without_descriptors_of_folders_links_are_refused_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minidl.files.reading._BY_DESCRIPTOR", False)
    (tmp_path / "run").mkdir()
    (tmp_path / "run/file").write_bytes(b"x")
    (tmp_path / "run/link").symlink_to("file")
    assert read_inside(tmp_path / "run", "file", 9) == b"x"
    assert "a symbolic link" in refused(CorruptFileError, read_inside, tmp_path / "run", "link", 9)


def test_a_folder_that_the_user_named_may_be_a_link_which_is_followed_once(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "latest").symlink_to("run")
    assert real_folder(tmp_path / "latest") == tmp_path.resolve() / "run"
    assert real_folder(Path("some/run")) == Path("some/run")
    (tmp_path / "loop").symlink_to("loop")
    refused(CorruptFileError, read_inside, real_folder(tmp_path / "loop"), "a", 9)


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/file").write_bytes(b"12345")
    before = len(os.listdir("/proc/self/fd"))
    for name in ("a/file", "a/none", "a", "a/file/b", "none/b"):
        for limit in (9, 1):
            with contextlib.suppress(CorruptFileError):
                read_inside(tmp_path, name, limit)
    assert len(os.listdir("/proc/self/fd")) == before


@dataclass
class Point:
    x: int
    y: float = 0.0


def test_json_becomes_the_declared_type() -> None:
    assert decode_json(b'{"x": 1, "y": 2}', Point, "f") == Point(1, 2.0)
    assert decode_json(b'{"x": 340282366920938463463374607431768211455}', dict[str, int], "f") == {"x": 2**128 - 1}
    assert convert_json({"x": 1}, Point, "f") == Point(1)
    assert "Expected `int`, got `str`" in refused(CorruptFileError, convert_json, {"x": "1"}, Point, "f")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[1]",
        b"null",
        b"NaN",
        b'{"x": 1.0}',
        b'{"x": "1"}',
        b'{"x": true}',
        b'{"x": null}',
        b'{"y": 1}',
        b'{"x": 1, "y": 1e999}',
        b'{"x": 1, "y": Infinity}',
        b'{"x": 1}{"x": 1}',
        b'{"x": 1}\0',
        b'\xef\xbb\xbf{"x": 1}',
        b'{"x": 1, "\xff": 2}',
        b'{"x": "\x1b[31m\n"}',
        b"[" * 100_000,
        b'{"x":' * 5_000 + b"1" + b"}" * 5_000,
        b"\0" * 100,
    ],
)
def test_json_of_another_shape_is_refused_in_one_line(content: bytes) -> None:
    message = refused(CorruptFileError, decode_json, content, Point, "folder/a.json")
    assert re.match(r"folder/a\.json: damaged: .", message)
    assert message.isprintable()
