"""What another program says of the sequences of the test part, from a CSV file as `minidl predict` writes one.

The file has a column ``sequence``, ``step`` (counted from 0) where there is an answer for each, and the answer:
``class``, or a column for each number. Sequences of the other parts, and other columns, are not looked at.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from minidl.core.errors import DataError
from minidl.core.layer import Array
from minidl.core.registry import suggest
from minidl.core.text import printable
from minidl.data import SequenceParts
from minidl.data.csv_file import CSVFile, read_bytes

Ints = npt.NDArray[np.int64]


class Answers:
    """A file's answers in the order of the test part: one a sequence, or one a step.

    Raises
    ------
    DataError
        One line: the file has not this form, has an answer twice, or lacks one that is scored.
    StorageError
        It cannot be read.
    """

    def __init__(self, path: Path, parts: SequenceParts, *, every_step: bool) -> None:
        self.file = CSVFile(read_bytes(path), name=printable(path))
        table, tested = parts.table, parts.members[2]
        lengths = table.lengths[tested] if every_step else np.ones(len(tested), np.int64)
        places = zip((np.cumsum(lengths) - lengths).tolist(), lengths.tolist(), strict=True)
        first = dict(zip(map(table.name, tested.tolist()), places, strict=True))
        steps = self.file.convert("step", _step) if every_step else [0] * len(self.file)
        self.rows: Ints = np.full(int(lengths.sum()), -1)
        for i, (name, step) in enumerate(zip(self.file.texts("sequence"), steps, strict=True)):
            if name not in first:
                continue
            start, length = first[name]
            if step >= length:
                raise self.file.error(
                    i, f"sequence {printable(name)} has {length} steps, counted from 0; got step {step}."
                )
            if self.rows[start + step] >= 0:
                raise self.file.error(
                    i, f"an answer for this {'step' if every_step else 'sequence'} stands there twice."
                )
            self.rows[start + step] = i
        missing = np.flatnonzero(self.rows < 0)
        if len(missing):
            k = int(np.searchsorted(np.cumsum(lengths), missing[0], side="right"))
            step_words = f", step {missing[0] - lengths[:k].sum()}" if every_step else ""
            raise DataError(
                f"{self.file.name}: {len(missing):,} of {len(self.rows):,} answers that are scored are missing; the "
                f"first is of {table.called(int(tested[k]))}{step_words}. Every "
                f"{'step of a sequence' if every_step else 'sequence'} of the test part needs one."
            )

    def classes(self, names: tuple[str, ...]) -> Array:
        """(n, K): 1 for the class of each answer, 0 for the others."""
        number = {name: k for k, name in enumerate(names)}

        def known(text: str) -> int:
            if text not in number:
                raise ValueError(f"{text[:40]!r} is none of the classes{suggest(text, names)}")
            return number[text]

        found: Array = np.eye(len(names))[np.array(self.file.convert("class", known, self.rows))]
        return found

    def numbers(self, names: tuple[str, ...]) -> Array:
        """float64 (n, K): the columns of these names."""
        return np.stack([self.file.numbers(name)[self.rows] for name in names], axis=1)


def _step(text: str) -> int:
    if not (text.isdecimal() and 1 <= len(text) <= 9):
        raise ValueError(f"{text[:40]!r} is no step; expected a whole number from 0 on.")
    return int(text)
