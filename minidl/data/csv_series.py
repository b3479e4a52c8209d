"""Any table of numbers and categories in a CSV file, by column names."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from minidl.core.arguments import Number
from minidl.core.errors import ConfigError, DataError
from minidl.core.registry import register, suggest
from minidl.data.csv_file import CSVFile, read_bytes
from minidl.data.gaps import Gaps
from minidl.data.poison import Poison, forged_cells
from minidl.data.series import Categories, Series, Table

Delimiter = Annotated[str, msgspec.Meta(min_length=1, max_length=1)]
Features = Annotated[list[str], msgspec.Meta(min_length=1)]


@register
@dataclass(eq=False)
class CSVSeries(Series):
    """A series from a CSV file with a header, in UTF-8.

    Parameters
    ----------
    path : the file; a relative path is relative to the working directory.
    target : the column that is forecast; one of `features`.
    features : the columns that the model gets, in order.
    time : column of ISO times (``2014-12-31 23:00``), or the list of the
        columns for year, month, day and perhaps hour; None: rows have no
        times. Times must be evenly spaced, or follow the calendar (months,
        quarters, years). With offsets (``+01:00``) they become UTC.
    categories : for a column of texts, the number of each text.
    gaps : ``refuse`` stops at a gap; ``interpolate`` draws straight lines
        between the neighbours within a part, and gives a gap at a part's end the
        nearest value; in the test part a gap takes the last known value.
    missing : the texts that mean a gap; one that is a number means the number, however it is written.
    delimiter : one character.
    units : of the target, for messages and plots.

    Raises
    ------
    ConfigError
        The arguments contradict each other.
    """

    path: str
    target: str
    features: Features
    time: str | list[str] | None = None
    categories: dict[str, dict[str, Number]] = field(default_factory=dict)
    gaps: Literal["refuse", "interpolate"] = "refuse"
    missing: list[str] = field(default_factory=lambda: ["", "NA", "nan", "NaN"])
    delimiter: Delimiter = ","
    units: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.features:
            if self.features.count(name) > 1:
                raise ConfigError(f"CSVSeries: features: {name!r} appears twice.")
        if self.target not in self.features:
            raise ConfigError(
                f"CSVSeries: target: {self.target!r} is not among the features{suggest(self.target, self.features)}"
            )
        for name in self.categories:
            if name not in self.features:
                raise ConfigError(
                    f"CSVSeries: categories: {name!r} is not among the features{suggest(name, self.features)}"
                )
        if isinstance(self.time, list) and len(self.time) not in (3, 4):
            raise ConfigError(
                f"CSVSeries: time: expected one column, or those for year, month, day and perhaps hour, got {self.time}"
            )
        if self.delimiter in '\r\n"':
            raise ConfigError(f"CSVSeries: delimiter: {self.delimiter!r} cannot separate cells.")

    @property
    def feature_names(self) -> tuple[str, ...]:
        return tuple(self.features)

    @property
    def known_categories(self) -> Categories:
        return self.categories

    def read(self, path: Path | None = None) -> Table:
        """The table of `path`, or of the series' own file.

        Raises
        ------
        DataError
            The file does not hold what it should; the message names line and column.
        StorageError
            The file cannot be read.
        """
        file = self._file(self.path if path is None else path)
        times = self._times(file)
        columns = [self._column(file, name) for name in self.features]
        values = np.stack(columns, axis=1)
        where, gaps = np.isnan(values), None
        if where.any():
            self._check_gaps(file, where)
            gaps = Gaps(where)
            values = gaps.fill(values)
        utc = isinstance(self.time, str) and file.in_utc(self.time)
        target = self.features.index(self.target)
        return Table(values, times, self.feature_names, target, self.units, gaps, utc, self.known_categories)

    def forged(self, first: int, poison: Poison) -> bytes | None:
        gaps = self.missing if self.gaps == "interpolate" or poison == "noise" else []
        numbers = {name: gaps for name in self.features if name not in self.categories}
        return forged_cells(self._file(self.path), first, numbers, self.categories, poison)

    def _file(self, path: str | Path) -> CSVFile:
        return CSVFile(read_bytes(path), name=str(path), delimiter=self.delimiter)

    def _times(self, file: CSVFile) -> npt.NDArray[np.datetime64] | None:
        if self.time is None:
            return None
        return file.timestamps(self.time) if isinstance(self.time, str) else file.timestamps_from_parts(self.time)

    def _column(self, file: CSVFile, name: str) -> npt.NDArray[np.float64]:
        if name in self.categories:
            return file.categories(name, self.categories[name], self.missing)
        return file.numbers(name, self.missing)

    def _check_gaps(self, file: CSVFile, gaps: npt.NDArray[np.bool_]) -> None:
        for name, column in zip(self.features, gaps.T, strict=True):
            if column.all():
                raise DataError(f"{file.name}: column {name}: every row is a gap; leave it out of `features`.")
        if self.gaps == "refuse":
            row, column = np.argwhere(gaps)[0]
            rest = f"{gaps.sum()} gaps in all" if gaps.sum() > 1 else "the only gap"
            raise file.error(
                int(row), f"column {self.features[column]}: a gap ({rest}); `gaps: interpolate` fills gaps."
            )
