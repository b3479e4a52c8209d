"""From sequences as they were read to scaled batches for training, validation and testing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.core.errors import DataError
from minidl.core.registry import register
from minidl.data.batch import Batch
from minidl.data.data import Data
from minidl.data.scalers import LARGEST_SCALED, ScaleFit, Scaler, StandardScaler
from minidl.data.sequence_sources import SequenceSource
from minidl.data.sequence_splits import FractionSplit, Split
from minidl.data.sequence_table import Ints, SequenceTable


@dataclass(frozen=True, eq=False)
class SequenceSet:
    """Some of the sequences of a table, as a source of batches.

    Sequences of a batch are padded with 0 to the longest of them, which stands first.

    Parameters
    ----------
    values : (n, F), the rows of all sequences, scaled; shared, never written to.
    starts, lengths : int64 (S,), the first row of each sequence of this set, and how many it has.
    target : (S, ...), what is to be learned of each; or (n,), of each row of `values`.
    every_step : whether it is of each row.
    weight : (S,), what each counts for in the loss; None: 1.
    """

    values: npt.NDArray[Any] = field(repr=False)
    starts: Ints = field(repr=False)
    lengths: Ints = field(repr=False)
    target: npt.NDArray[Any] = field(repr=False)
    every_step: bool = False
    weight: npt.NDArray[Any] | None = field(repr=False, default=None)

    def __len__(self) -> int:
        return len(self.starts)

    def __repr__(self) -> str:
        return f"SequenceSet({len(self)} sequences of {self.lengths.min()} to {self.lengths.max()} rows)"

    @property
    def time_steps(self) -> int:
        """Rows of the longest sequence."""
        return int(self.lengths.max())

    @property
    def ragged(self) -> bool:
        """Whether there is padding to tell of: sequences differ in length."""
        return bool(self.lengths.min() < self.lengths.max())

    def gather(self, indices: Any) -> Batch:
        """These sequences, longest first; see `Batch.order`."""
        numbers = np.arange(len(self))[indices]
        order = np.argsort(-self.lengths[numbers], kind="stable")
        numbers = numbers[order]
        lengths = self.lengths[numbers]
        steps = np.arange(int(lengths[0]) if len(lengths) else 0)
        real = steps < lengths[:, None]
        rows = np.where(real, self.starts[numbers, None] + steps, 0)
        x = self.values[rows]
        x[~real] = 0
        target = self.target[rows] if self.every_step else self.target[numbers]
        if self.every_step:
            target[~real] = 0
        weight = None if self.weight is None else self.weight[numbers]
        return Batch(x, target, lengths=lengths if self.ragged else None, weight=weight, order=order)


@dataclass(frozen=True, eq=False)
class SequenceParts:
    """A table cut into parts.

    Parameters
    ----------
    table : the sequences, unscaled.
    scale : the fitted scaling of the features, then of the targets where numbers are learned.
    train, validation, test : validation may be None.
    members : the numbers of the sequences of each part.
    how : how the test part was chosen, in words.
    fit_on : what the scaling was fitted on, as `Scaler.fit_on` says.
    """

    table: SequenceTable = field(repr=False)
    scale: ScaleFit = field(repr=False)
    train: SequenceSet
    validation: SequenceSet | None
    test: SequenceSet
    members: tuple[Ints, Ints, Ints] = field(repr=False)
    how: str
    fit_on: str = "train"

    def facts(self) -> dict[str, Any]:
        """Of the table."""
        return self.table.facts()

    def columns(self) -> dict[str, Any]:
        """The columns' names: features, and targets where numbers are learned."""
        return {"columns": [*self.table.feature_names, *self.table.target_names]}

    def assumptions(self) -> list[str]:
        """What scores on the test part rest on, in words."""
        lines = [self.how]
        if self.fit_on == "all":
            lines.append("the scaling was fitted on all sequences, those of the test part included")
        return lines

    def notes(self) -> list[str]:
        """How many sequences each part has, and how long they are."""
        counts = [len(part) for part in self.members]
        short, long = int(self.table.lengths.min()), int(self.table.lengths.max())
        parts = f"{counts[0]} for training, {counts[1]} for validation, {counts[2]} for the test"
        return [f"{len(self.table)} sequences of {short} to {long} steps: {parts}"]


@register
@dataclass(eq=False)
class Sequences(Data):
    """Sequences of any length, each an example: the ``data`` section of a config with this ``type``.

    Parameters
    ----------
    source : where they come from.
    scaler : how features are scaled, and numbers to learn.
    split : which sequences are for training, validation and test.
    """

    source: SequenceSource
    scaler: Scaler = field(default_factory=StandardScaler)
    split: Split = field(default_factory=FractionSplit)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.scaler.check(self.scaled_names)

    @property
    def input_shape(self) -> tuple[int | None, int]:
        """(None, features): time varies; nothing is read."""
        return None, len(self.source.feature_names)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Those of the source."""
        return self.source.feature_names

    @property
    def scaled_names(self) -> tuple[str, ...]:
        """Features, and numbers to learn."""
        return (*self.source.feature_names, *self.source.target_names)

    @property
    def has_validation(self) -> bool:
        """Whether the split keeps a part for validation."""
        return self.split.validation > 0

    @property
    def validation_key(self) -> str:
        """The split's."""
        return "data.split.validation"

    @property
    def has_files(self) -> bool:
        """Whether the source reads files."""
        return self.source.has_files

    def load(
        self,
        dtype: npt.DTypeLike,
        *,
        labels: Ints | None = None,
        every_step: bool = False,
        as_numbers: bool = False,
        table: SequenceTable,
    ) -> SequenceParts:
        """Scale a table and cut it into parts.

        Parameters
        ----------
        dtype : of the scaled values; the scaling itself is done in float64.
        labels : what is to be learned, of each sequence or each row; None: the table's targets, which are scaled too.
        every_step : whether it is of each row.
        as_numbers : labels, which are 0 and 1, as numbers (..., 1); whole numbers (...) otherwise.
        table : what the source has read.

        Raises
        ------
        DataError
            The table cannot be split, or its values cannot be scaled.
        """
        members = self.split.divide(table, labels if labels is not None and not every_step else None)
        fitted = members[0] if self.scaler.fit_on == "train" else np.arange(len(table))
        scale = self._fit(table, fitted, with_targets=labels is None)
        n_features = len(table.feature_names)
        values = scaled(table.values, scale, slice(0, n_features), dtype, table)
        if labels is None:
            target: Any = scaled(table.known_targets(), scale, slice(n_features, None), dtype, table)
        else:
            target = labels[:, None].astype(dtype) if as_numbers else labels
        starts = table.starts

        def part(of: Ints) -> SequenceSet:
            learned = target if every_step else target[of]
            weight = None if table.weights is None else table.weights[of]
            return SequenceSet(values, starts[of], table.lengths[of], learned, every_step, weight)

        validation = part(members[1]) if len(members[1]) else None
        parts = part(members[0]), validation, part(members[2])
        return SequenceParts(table, scale, *parts, members, self.split.how, self.scaler.fit_on)

    def _fit(self, table: SequenceTable, fitted: Ints, *, with_targets: bool) -> ScaleFit:
        """Features are fitted on the rows of these sequences, targets on these sequences."""
        rows = np.zeros(len(table.values), bool)
        for i in fitted:
            rows[table.starts[i] : table.starts[i] + table.lengths[i]] = True
        scale = self.scaler.fit_columns(table.values[rows], table.feature_names)
        if not with_targets:
            return scale
        return scale.beside(self.scaler.fit_columns(table.known_targets()[fitted], table.target_names))


def scaled(
    values: npt.NDArray[np.float64], scale: ScaleFit, columns: slice, dtype: npt.DTypeLike, table: SequenceTable
) -> npt.NDArray[Any]:
    """Values scaled by these columns of a scaling, in `dtype`.

    Raises
    ------
    DataError
        One is too large once it is scaled.
    """
    result = scale.of(columns).transform(values)
    limit = LARGEST_SCALED[np.dtype(dtype).itemsize]
    if not (np.abs(result) <= limit).all():
        row, column = np.argwhere(~(np.abs(result) <= limit))[0]
        raise DataError(
            f"{table.source}: row {row} (counted from 0), column {column}: {values[row, column]:g} is "
            f"{result[row, column]:g} when it is scaled, too large for {np.dtype(dtype).name}."
        )
    return np.ascontiguousarray(result, dtype=dtype)
