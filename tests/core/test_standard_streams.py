"""Streams that never fail, and show what they are given."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Any

import pytest

from minidl.core.standard_streams import ShownStream, guard_standard_streams, guarded_standard_streams


def in_bytes(encoding: str) -> tuple[io.BytesIO, ShownStream]:
    content = io.BytesIO()
    return content, ShownStream(io.TextIOWrapper(content, encoding=encoding, newline=""))


@pytest.mark.parametrize(
    ("encoding", "text", "shown"),
    [
        ("ascii", "R² ½·MSE, µg/m³ and μ", "R2 1/2*MSE, ug/m3 and u"),
        ("ascii", "“same” ★ 北京 é", r'"same" * \u5317\u4eac \xe9'),
        ("gbk", "R² 北京 µ", "R2 北京 u"),
        ("shift_jis", "R² ½", "R2 1/2"),
        ("latin-1", "R² µ 北", "R² µ \\u5317"),
        ("cp1252", "\U0001f44d", r"\U0001f44d"),
        ("utf-8", "R² 北京 \udce9", r"R² 北京 \udce9"),
    ],
)
def test_what_an_encoding_lacks_is_replaced(encoding: str, text: str, shown: str) -> None:
    content, stream = in_bytes(encoding)
    print(text, file=stream, flush=True)
    assert content.getvalue().decode(encoding) == shown + "\n"


def test_control_characters_are_escaped_and_lines_stay_lines() -> None:
    content, stream = in_bytes("utf-8")
    stream.writelines(["\x1b[2J\r\x07a\n", "b\u202e\n"])
    stream.flush()
    assert content.getvalue() == b"\\x1b[2J\\r\\x07a\nb\\u202e\n"


def test_a_bar_moves_the_cursor_where_it_asks_for_it() -> None:
    content, stream = in_bytes("utf-8")
    bar = stream.as_it_is()
    bar.write("\r\x1b[A")
    bar.flush()
    assert content.getvalue() == b"\r\x1b[A"


def test_a_stream_looks_like_the_one_below() -> None:
    _, stream = in_bytes("gbk")
    assert (stream.encoding, stream.isatty(), stream.writable()) == ("gbk", False, True)
    assert stream.write("µ\x1b") == 2  # as if both had been written


class Failing(io.StringIO):
    """Every write is refused."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_write_that_fails_is_remembered_and_no_error() -> None:
    stream = ShownStream(Failing())
    stream.write("a")
    stream.flush()
    assert stream.lost is not None
    assert stream.lost.errno == errno.ENOSPC


def test_a_stream_that_a_plugin_has_closed_is_no_error() -> None:
    inner = io.StringIO()
    inner.close()
    stream = ShownStream(inner)
    print("a", file=stream, flush=True)
    stream.close()


def pipe_without_reader() -> io.TextIOWrapper:
    read, write = os.pipe()
    os.close(read)
    return open(write, "w", encoding="utf-8")


def test_a_reader_that_has_gone_leaves_nothing_that_fails_later() -> None:
    inner = pipe_without_reader()
    stream = ShownStream(inner)
    for _ in range(10_000):
        print("a line that is read by nobody", file=stream)
    stream.flush()
    assert isinstance(stream.lost, BrokenPipeError)
    inner.flush()  # as Python does at its end: what was waiting is gone
    inner.close()


def test_the_streams_of_before_come_back(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    before = sys.stdout, sys.stderr
    with guarded_standard_streams():
        assert isinstance(sys.stdout, ShownStream)
        print("a\rb")
    assert (sys.stdout, sys.stderr) == before
    assert capsys.readouterr().out == "a\\rb\n"


@pytest.mark.parametrize(("full", "line"), [(True, "minidl: standard output: No space left on device\n"), (False, "")])
def test_only_a_disk_that_is_full_is_worth_a_line(
    full: bool, line: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    with Failing() if full else pipe_without_reader() as inner, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", inner)
        with guarded_standard_streams():
            print("a")
    assert capsys.readouterr().err == line


def test_a_process_without_streams_has_some_within(monkeypatch: pytest.MonkeyPatch) -> None:
    # As Python leaves them after `minidl ... >&- 2>&-`.
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    with guarded_standard_streams():
        print("a")
        print("b", file=sys.stderr)
        assert not sys.stderr.isatty()
    assert (sys.stdout, sys.stderr) == (None, None)


def test_the_guard_of_a_worker_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Failing())
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    out, err = guard_standard_streams()
    print("a", flush=True)
    assert (sys.stdout, sys.stderr) == (out, err)
