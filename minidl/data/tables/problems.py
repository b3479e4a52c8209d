"""What is wrong with a file, told at once."""

from __future__ import annotations

from types import TracebackType

from minidl.core.errors import DataError

_MOST = 10  # lines


class Problems:
    """Collects what `DataError`s say: ``with problems: ...`` goes on after one."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def __enter__(self) -> None:
        """Nothing happens until an error comes."""

    def __exit__(self, kind: type | None, error: BaseException | None, traceback: TracebackType | None) -> bool:
        if not isinstance(error, DataError):
            return False
        self._lines += error.lines
        return True

    def __len__(self) -> int:
        """How many lines there are."""
        return len(self._lines)

    def check(self) -> None:
        """
        Raises
        ------
        DataError
            There was an error; up to ten lines.
        """
        lines = list(dict.fromkeys(self._lines))
        if len(lines) > _MOST:
            lines[_MOST - 1 :] = [f"and {len(lines) - _MOST + 1} problems more."]
        if lines:
            raise DataError(*lines)
