"""What is printed for people: the only place of the library that prints.

A line stays one line: whatever stands in a name from a file, it makes no second one.
"""

from __future__ import annotations

import sys
from typing import Any, TextIO

from minidl.core.text import printable


def show(*lines: object) -> None:
    """Lines of the result, on standard output."""
    for line in lines:
        print(printable(line))


def say(*lines: object) -> None:
    """Lines for people, on standard error."""
    for line in lines:
        print(printable(line), file=sys.stderr, flush=True)


class Bar:
    """tqdm where standard error is a terminal; elsewhere nothing is drawn, and `drawn` is False.

    Parameters
    ----------
    total, done : how many there are, and how many of them were done before.
    unit : of what.
    """

    def __init__(self, total: int, done: int, unit: str) -> None:
        self._bar: Any = None
        self._file: TextIO = sys.stderr
        if sys.stderr.isatty():
            from tqdm import tqdm

            # It moves the cursor, which the guarded stream would show as text.
            self._file = getattr(sys.stderr, "as_it_is", lambda: sys.stderr)()
            self._bar = tqdm(total=total, initial=done, unit=unit, dynamic_ncols=True, file=self._file)

    @property
    def drawn(self) -> bool:
        """Whether there is a bar."""
        return self._bar is not None

    def update(self, text: str | None = None) -> None:
        """One more is done; `text` stands behind the bar."""
        if self._bar is not None:
            if text is not None:
                self._bar.set_postfix_str(printable(text), refresh=False)
            self._bar.update()

    def say(self, line: object) -> None:
        """A line for people, above the bar."""
        if self._bar is None:
            say(line)
        else:
            self._bar.write(printable(line), file=self._file)

    def close(self) -> None:
        """Leave the terminal in order."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
