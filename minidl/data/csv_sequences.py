"""Sequences from a CSV or Parquet file in long form: a row for each step, with a column that says of which sequence."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.core.errors import ConfigError
from minidl.core.registry import register, suggest
from minidl.data.csv_series import Features
from minidl.data.sequence_sources import NamedSequences
from minidl.data.sequence_table import SequenceTable
from minidl.data.tables.layout import Delimiter, TextLayout
from minidl.data.tables.opening import open_table
from minidl.data.tables.rows import TableRows
from minidl.data.timestamps import parse_time

Order = npt.NDArray[np.int64]


@register
@dataclass(eq=False)
class CSVSequences(NamedSequences):
    """Sequences from a CSV file with a header, in UTF-8, or from a Parquet file; a row for each step.

    Parameters
    ----------
    path : the file; a relative path is relative to the working directory.
    sequence : the column that says of which sequence a row is.
    features : the columns that the model gets, in order: numbers, no gaps.
    time : the column that orders a sequence's rows, numbers or ISO times; None: they are in order.
    label : the column with the class; the same in all rows of a sequence for `Classify`, any for `Label`.
    labels : the classes, in the order of the model's outputs.
    targets : the columns with numbers to learn, the same in all rows of a sequence.
    group : a column for a split that keeps groups together, the same in all rows of a sequence.
    weight : a column with what each sequence counts for in the loss, 0 or more, the same in all rows of a sequence.
        Scores count each once.
    delimiter : one character.

    Raises
    ------
    ConfigError
        The arguments contradict each other.
    """

    path: str
    sequence: str
    features: Features
    time: str | None = None
    label: str | None = None
    labels: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    group: str | None = None
    weight: str | None = None
    delimiter: Delimiter = ","

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.label is None) != (not self.labels):
            given, missing = ("labels", "label") if self.label is None else ("label", "labels")
            raise ConfigError(f"CSVSequences: {given}: also needs {missing}: a column, and the list of its classes.")
        learned = {*self.targets, *([self.label] if self.label else [])}
        both = next((name for name in self.features if name in learned), None)
        if both is not None:
            raise ConfigError(f"CSVSequences: features: {both!r} is what is to be learned; the model must not see it.")

    def read(self, path: Path | None = None) -> SequenceTable:
        """The sequences of `path`, or of the source's own file, in the order in which they first appear.

        Raises
        ------
        DataError
            The file does not hold what it should; the message names line and column.
        StorageError
            It cannot be read.
        """
        where = str(self.path if path is None else path)
        file = open_table(where, TextLayout(delimiter=self.delimiter), blank_rows=True)
        names, order, lengths, times = self._ordered(file)
        starts = np.cumsum(lengths) - lengths
        first = order[starts]
        learned = path is None
        labels = targets = groups = weights = None
        if self.label is not None and (learned or self.label in file.header):
            labels = np.array(file.convert(self.label, self._label_number), np.int64)[order]
        if self.targets and (learned or set(self.targets) <= set(file.header)):
            targets = np.stack([self._constant(file, name, order, lengths) for name in self.targets], axis=1)
        if self.group is not None and (learned or self.group in file.header):
            self._check_constant(file, self.group, file.texts(self.group), order, lengths)
            groups = tuple(file.texts(self.group)[row] for row in first)
        if self.weight is not None and learned:
            weights = self._constant(file, self.weight, order, lengths)
        return SequenceTable(
            np.stack([_numbers(file, name) for name in self.features], axis=1)[order],
            lengths,
            self.feature_names,
            labels=labels,
            label_names=self.label_names,
            targets=targets,
            target_names=self.target_names,
            names=names,
            groups=groups,
            weights=weights,
            times=None if times is None else times[first],
            source=where,
        )

    def _label_number(self, text: str) -> int:
        if text not in self.labels:
            raise ValueError(f"unknown label {text!r}{suggest(text, self.labels)}")
        return self.labels.index(text)

    def _ordered(self, file: TableRows) -> tuple[tuple[str, ...], Order, Order, npt.NDArray[Any] | None]:
        """Names of sequences; rows by sequence and time; lengths; times by row of the file."""
        of = file.texts(self.sequence)
        if "" in of:
            raise file.error(of.index(""), f"column {self.sequence}: an empty cell; every row belongs to a sequence.")
        numbers = {name: i for i, name in enumerate(dict.fromkeys(of))}
        which = np.array([numbers[name] for name in of], np.int64)
        times = None if self.time is None else self._times(file, self.time)
        order = np.argsort(which, kind="stable") if times is None else np.lexsort((times, which))
        if times is not None:
            twice = np.flatnonzero((np.diff(which[order]) == 0) & (times[order][1:] == times[order][:-1]))
            if len(twice):
                row = int(order[twice[0] + 1])
                raise file.error(row, f"column {self.time}: the sequence {of[row]} has a row of this time already.")
        return tuple(numbers), order, np.bincount(which).astype(np.int64), times

    def _times(self, file: TableRows, column: str) -> npt.NDArray[Any]:
        try:
            float(file.texts(column)[0])
        except ValueError:
            return np.array(file.convert(column, parse_time), dtype="datetime64[s]")
        return _numbers(file, column)

    def _constant(self, file: TableRows, column: str, order: Order, lengths: Order) -> npt.NDArray[np.float64]:
        """A column's number of each sequence."""
        numbers = _numbers(file, column)
        self._check_constant(file, column, numbers, order, lengths)
        first: npt.NDArray[np.float64] = numbers[order[np.cumsum(lengths) - lengths]]
        return first

    def _check_constant(self, file: TableRows, column: str, cells: Any, order: Order, lengths: Order) -> None:
        values = np.asarray(cells)[order]
        other = np.flatnonzero(values != np.repeat(values[np.cumsum(lengths) - lengths], lengths))
        if len(other):
            row = int(order[other[0]])
            name = file.texts(self.sequence)[row]
            raise file.error(
                row, f"column {column}: differs from the first row of the sequence {name}; expected one value."
            )


def _numbers(file: TableRows, column: str) -> npt.NDArray[np.float64]:
    """float64 (n,): a column as finite numbers."""
    return np.array(file.convert(column, _number), np.float64)


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]!r} is not a finite number; sequences have no gaps.")
    return value
