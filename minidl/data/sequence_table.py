"""Sequences of rows as they were read: unscaled, each of its own length, with labels or numbers to learn."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.core.errors import DataError
from minidl.data.tables.plain import LARGEST

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class SequenceTable:
    """The rows of all sequences, one sequence after another.

    Parameters
    ----------
    values : float64 (n, F), all finite.
    lengths : int64 (S,), at least 1 each, n in all.
    feature_names : the F columns, in order.
    labels : int64, (S,) one a sequence or (n,) one a row: indices of `label_names`; None: not known.
    label_names : the classes.
    targets : float64 (S, K), numbers to learn; None: not known.
    target_names : the K numbers.
    names : of the sequences; None: they are counted from 0.
    groups : of each sequence, for a split that keeps groups together; None: there are none.
    weights : float64 (S,), 0 or more, what each sequence counts for in the loss; None: 1.
    times : of each sequence, for a split by time; None: not known.
    source : where they come from, for messages.

    Raises
    ------
    DataError
        The parts do not fit together, a sequence is empty, or a value is NaN, infinite or too large.
    """

    values: npt.NDArray[np.float64]
    lengths: Ints
    feature_names: tuple[str, ...]
    labels: Ints | None = None
    label_names: tuple[str, ...] = ()
    targets: npt.NDArray[np.float64] | None = None
    target_names: tuple[str, ...] = ()
    names: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None
    weights: npt.NDArray[np.float64] | None = None
    times: npt.NDArray[Any] | None = None
    source: str = "Sequences"

    def __post_init__(self) -> None:
        n, S = len(self.values), len(self.lengths)
        if self.values.ndim != 2 or self.values.shape[1] != len(self.feature_names):
            features = f"{len(self.feature_names)} features: {', '.join(self.feature_names)}"
            raise DataError(f"{self.source}: rows of shape {self.values.shape[1:]}; expected {features}.")
        if not S:
            raise DataError(f"{self.source}: there are no sequences.")
        if (self.lengths < 1).any():
            raise DataError(f"{self.source}: {self.called(int(self.lengths.argmin()))} is empty.")
        if self.lengths.sum() != n:
            raise DataError(f"{self.source}: the lengths are {self.lengths.sum()} rows in all, but there are {n}.")
        self._check_numbers()
        self._check_labels()
        for what, given in (
            ("names", self.names),
            ("groups", self.groups),
            ("times", self.times),
            ("weights", self.weights),
        ):
            if given is not None and len(given) != S:
                raise DataError(f"{self.source}: {len(given)} {what} for {S} sequences.")
        if self.weights is not None and not ((self.weights >= 0) & (self.weights <= LARGEST)).all():
            i = int(np.argmin((self.weights >= 0) & (self.weights <= LARGEST)))
            raise DataError(f"{self.source}: {self.called(i)}: weight {self.weights[i]:g}; expected 0 or more.")

    def _check_numbers(self) -> None:
        wrong = np.argwhere(~(np.abs(self.values) <= LARGEST))
        if len(wrong):
            row, column = map(int, wrong[0])
            place = f"{self._where(row)}, feature {self.feature_names[column]}"
            raise DataError(f"{self.source}: {place}: {_what(self.values[row, column])}; {_more(len(wrong))}.")
        if self.targets is None:
            return
        if self.targets.shape != (len(self), len(self.target_names)):
            raise DataError(
                f"{self.source}: targets have shape {self.targets.shape}, expected ({len(self)}, "
                f"{len(self.target_names)}): {', '.join(self.target_names)} of each sequence."
            )
        wrong = np.argwhere(~(np.abs(self.targets) <= LARGEST))
        if len(wrong):
            i, column = map(int, wrong[0])
            place = f"{self.called(i)}, target {self.target_names[column]}"
            raise DataError(f"{self.source}: {place}: {_what(self.targets[i, column])}; {_more(len(wrong))}.")

    def _check_labels(self) -> None:
        if self.labels is None:
            return
        if self.labels.shape not in ((len(self),), (len(self.values),)):
            raise DataError(
                f"{self.source}: {self.labels.shape} labels; expected one a sequence, ({len(self)},), "
                f"or one a row, ({len(self.values)},)."
            )
        wrong = np.flatnonzero((self.labels < 0) | (self.labels >= len(self.label_names)))
        if len(wrong):
            place = self.called(int(wrong[0])) if len(self.labels) == len(self) else self._where(int(wrong[0]))
            raise DataError(
                f"{self.source}: {place}: the label {self.labels[wrong[0]]} is none of the classes, which are "
                f"0 to {len(self.label_names) - 1}."
            )

    def __len__(self) -> int:
        return len(self.lengths)

    def __repr__(self) -> str:
        short, long = self.lengths.min(), self.lengths.max()
        return f"SequenceTable({len(self)} sequences of {short} to {long} rows, {', '.join(self.feature_names)})"

    @property
    def starts(self) -> Ints:
        """int64 (S,): the first row of each sequence."""
        return np.cumsum(self.lengths) - self.lengths

    def name(self, i: int) -> str:
        """A sequence's name, or its number counted from 0."""
        return str(i) if self.names is None else self.names[i]

    def called(self, i: int) -> str:
        """A sequence in a message."""
        return f"sequence {self.name(i)}" + " (counted from 0)" * (self.names is None)

    def _where(self, row: int) -> str:
        i = int(np.searchsorted(self.starts, row, side="right")) - 1
        return f"{self.called(i)}, step {row - int(self.starts[i])} (counted from 0)"

    def sequence_labels(self) -> Ints:
        """int64 (S,): one label a sequence.

        Raises
        ------
        DataError
            There are none, or a sequence has several.
        """
        labels = self._known_labels()
        if len(labels) == len(self):
            return labels
        first = labels[self.starts]
        other = np.flatnonzero(labels != np.repeat(first, self.lengths))
        if len(other):
            i = int(np.searchsorted(self.starts, other[0], side="right")) - 1
            two = f"{self.label_names[first[i]]} and {self.label_names[labels[other[0]]]}"
            raise DataError(
                f"{self.source}: {self.called(i)} has the labels {two}; Classify learns one a sequence, Label all."
            )
        return first

    def step_labels(self) -> Ints:
        """int64 (n,): one label a row.

        Raises
        ------
        DataError
            There are none, or only one a sequence.
        """
        labels = self._known_labels()
        if len(labels) != len(self.values):
            raise DataError(
                f"{self.source}: there is one label a sequence, which Classify learns; Label needs one a step."
            )
        return labels

    def known_targets(self) -> npt.NDArray[np.float64]:
        """float64 (S, K): the numbers to learn.

        Raises
        ------
        DataError
            There are none.
        """
        if self.targets is None:
            raise DataError(f"{self.source}: there are no numbers to learn; name them in data.source.targets.")
        return self.targets

    def _known_labels(self) -> Ints:
        if self.labels is None:
            raise DataError(f"{self.source}: there are no labels; name them in data.source.")
        return self.labels

    def facts(self) -> dict[str, Any]:
        """How many rows there are, and the SHA-256 of names, rows, lengths, labels, targets and weights."""
        names = [self.feature_names, self.label_names, self.target_names]
        digest = hashlib.sha256(json.dumps(names).encode())
        of_sequences = ((self.labels, "<i8"), (self.targets, "<f8"), (self.weights, "<f8"))
        for array, kind in ((self.values, "<f8"), (self.lengths, "<i8"), *of_sequences):
            if array is not None:
                digest.update(np.ascontiguousarray(array, kind).tobytes())
        return {"rows": len(self.values), "sha256": digest.hexdigest()}


def joined(
    sequences: Sequence[npt.ArrayLike], n_features: int, source: str
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Rows of all sequences one after another, and their lengths.

    Raises
    ------
    DataError
        One has another form than (time, features), or no rows.
    """
    arrays = []
    for i, sequence in enumerate(sequences):
        try:
            array = np.asarray(sequence, dtype=np.float64)
        except (TypeError, ValueError) as err:
            raise DataError(
                f"{source}: sequence {i} (counted from 0): not rows of numbers, all as long: {err}."
            ) from err
        if array.ndim != 2 or array.shape[1] != n_features:
            raise DataError(
                f"{source}: sequence {i} (counted from 0) has shape {array.shape}; expected (time, {n_features})."
            )
        if not len(array):
            raise DataError(f"{source}: sequence {i} (counted from 0) is empty.")
        arrays.append(array)
    if not arrays:
        raise DataError(f"{source}: there are no sequences.")
    return np.concatenate(arrays), np.array([len(array) for array in arrays], np.int64)


def _what(value: float) -> str:
    return f"{value:g} is too large (at most {LARGEST:g})" if np.isfinite(value) else f"{value} is not a finite number"


def _more(count: int) -> str:
    return f"{count} such values in all" if count > 1 else "the only such value"
