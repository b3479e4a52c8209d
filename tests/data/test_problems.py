"""Problems of a file: errors of its data are kept for one message, all others go on."""

from __future__ import annotations

import pytest

from minidl.core.errors import DataError, StorageError
from minidl.data.tables.problems import Problems


def test_errors_of_data_are_kept_and_told_together_once_each() -> None:
    problems = Problems()
    for text in ("a.csv:1: wrong.", "a.csv:2: wrong too.", "a.csv:1: wrong."):
        with problems:
            raise DataError(text)
    with pytest.raises(DataError) as caught:
        problems.check()
    assert caught.value.lines == ("a.csv:1: wrong.", "a.csv:2: wrong too.")


@pytest.mark.parametrize("error", [StorageError("a.csv: missing."), ValueError("a slip"), KeyboardInterrupt()])
def test_other_errors_are_not_kept(error: BaseException) -> None:
    problems = Problems()
    with pytest.raises(type(error)), problems:
        raise error
    problems.check()


def test_of_many_problems_the_first_nine_are_told() -> None:
    problems = Problems()
    with problems:
        raise DataError(*(f"a.csv:{i}: wrong." for i in range(12)))
    with pytest.raises(DataError) as caught:
        problems.check()
    assert caught.value.lines == (*(f"a.csv:{i}: wrong." for i in range(9)), "and 3 problems more.")
