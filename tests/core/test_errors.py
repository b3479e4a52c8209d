"""Errors say one thing a line, whatever stands in the names they tell of."""

from __future__ import annotations

import pickle

import pytest

from minidl.core.errors import ConfigError, InUseError, MinidlError, ShapeError, StorageError


@pytest.mark.parametrize("kind", [ConfigError, StorageError, InUseError])
def test_each_argument_is_one_line(kind: type[MinidlError]) -> None:
    err = kind("a\nb: wrong", "c\x1b[31m\r: wrong", "d: wrong", "e: wrong")
    assert err.lines == (r"a\nb: wrong", r"c\x1b[31m\r: wrong", "d: wrong", "e: wrong")
    assert str(err).splitlines() == list(err.lines)


@pytest.mark.parametrize("err", [ConfigError("a"), StorageError("a", "b", "c", "d"), ShapeError("a", ("layers", 2))])
def test_an_error_comes_whole_from_another_process(err: MinidlError) -> None:
    copy = pickle.loads(pickle.dumps(err))
    assert (type(copy), copy.lines, str(copy)) == (type(err), err.lines, str(err))
    assert vars(copy) == vars(err)


def test_a_question_that_ends_a_line_has_no_full_stop() -> None:
    # A suggestion that is put before the end of a sentence: "did you mean pm2.5?."
    err = ConfigError("no feature 'pm2'; did you mean pm2.5?.", "Why? Because.", "really?")
    assert err.lines == ("no feature 'pm2'; did you mean pm2.5?", "Why? Because.", "really?")
