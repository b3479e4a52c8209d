"""The errors that minidl raises for a user's mistake or a broken file.

Each derives from MinidlError and from the builtin that fits, and carries the
exit code with which the command line ends.
"""

from __future__ import annotations

from minidl.core.text import printable


class MinidlError(Exception):
    """Base of all errors that minidl raises on purpose.

    Parameters
    ----------
    lines : the message, one argument a line. Names and values from files may be part of
        a line, but never make another one: each is shown by `printable`. After a question there is no full stop.
    """

    exit_code = 2

    def __init__(self, *lines: object) -> None:
        super().__init__(*lines)
        shown = map(printable, lines)
        self.lines: tuple[str, ...] = tuple(line[:-1] if line.endswith("?.") else line for line in shown)

    def __str__(self) -> str:
        return "\n".join(self.lines)


class ConfigError(MinidlError, ValueError):
    """A wrong config, argument or command; one line per problem."""


class ShapeError(MinidlError, ValueError):
    """An array or a layer does not fit its neighbour.

    ``path`` leads to the layer from the object that was built, for example
    ``("layers", 2)``; the config loader turns it into a line and column.
    """

    def __init__(self, message: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.path = path


class DataError(MinidlError, ValueError):
    """A data file or an array does not hold what it should (text among numbers, gaps, masks, too few rows)."""

    exit_code = 3


class CorruptFileError(MinidlError, ValueError):
    """A file of a run is damaged or belongs to another model."""

    exit_code = 3


class StorageError(MinidlError, OSError):
    """A file or folder cannot be read or written."""

    exit_code = 4


class MissingPackageError(MinidlError, ImportError):
    """An optional package that is needed is not installed."""

    exit_code = 4


class NumericalError(MinidlError, ArithmeticError):
    """Training met NaN or Inf."""

    exit_code = 5


class InUseError(MinidlError, OSError):
    """Another process is working in this run folder."""

    exit_code = 75


class IncompatibleRunError(CorruptFileError):
    """A run cannot go on as it was: its config, data or versions have changed."""
