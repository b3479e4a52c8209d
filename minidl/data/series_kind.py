"""What a series is: a source of evenly spaced rows, a `minidl.data.series.Table`.

A series knows its columns before it reads anything, so that a model can be
checked against them without touching a file.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from minidl.core.arguments import Configurable
from minidl.core.errors import ConfigError
from minidl.core.registry import open_kind
from minidl.data.csv_file import read_bytes
from minidl.data.poison import Poison, forged_numbers
from minidl.data.series import Categories, Table


@open_kind("series")
@dataclass(eq=False)
class Series(Configurable, ABC):
    """A source of evenly spaced rows of numbers."""

    @property
    @abstractmethod
    def feature_names(self) -> tuple[str, ...]:
        """The columns that a model gets, in order; known without reading the data."""

    @property
    def targets(self) -> tuple[str, ...]:
        """The columns that are forecast, if they are several; known without reading the data. Empty: one."""
        return ()

    @property
    def known_categories(self) -> Categories:
        """For columns of texts the number of each text, as `read` says them too; known without reading the data."""
        return {}

    @abstractmethod
    def read(self, path: Path | None = None) -> Table:
        """The whole table; with `path`, another file of the same form.

        Raises
        ------
        DataError
            The file does not hold what it should; the message names row and column.
        StorageError
            The file cannot be read.
        """

    def read_later(self, path: Path) -> Table:
        """A table of the columns that are known ahead, from a file that may hold rows after the series' end.

        Raises
        ------
        ConfigError
            No column is known ahead, or this kind of series says nothing of such files.
        """
        raise ConfigError(f"--later: {type(self).__name__} names no column as known ahead; leave it out.")

    def forged(self, first: int, poison: Poison) -> bytes | None:
        """The series' file with other cells from row `first` (counted from 0) on, for `check_no_leak`; it can be read.

        None if the series has no file, or none with this poison. A series with an
        argument `path` that names a CSV file gets its numbers replaced; others that
        read a file say how (see `minidl.data.poison.forged_cells`).

        Parameters
        ----------
        poison : ``noise``: numbers far outside of what the file holds, and other
            categories; ``gaps``: as many gaps as the series takes.
        """
        path = getattr(self, "path", None)
        if poison != "noise" or not isinstance(path, (str, Path)):
            return None
        return forged_numbers(read_bytes(path), str(path), self.feature_names, first)

    def forged_each(self, firsts: Sequence[int], poison: Poison) -> bytes | None:
        """The same of a table of several series, from the row `firsts` of each on, which is counted within the series.

        None unless a class of several series says how.
        """
        return None
