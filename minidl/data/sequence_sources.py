"""Where sequences come from: a file, arrays in Python, or a function of a seed.

A source knows its features and what there is to learn before it reads anything, so
that a model can be checked against them without touching a file.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from minidl.core.arguments import Configurable, PositiveInt, Seed
from minidl.core.errors import ConfigError, DataError
from minidl.core.registry import open_kind, suggest
from minidl.data.sequence_table import SequenceTable, joined

IN_PYTHON = "ArraySequences"  # the path of sequences that were given as arrays, in the config of their run


@open_kind("sequence source")
@dataclass(eq=False)
class SequenceSource(Configurable, ABC):
    """Sequences of rows of numbers, with labels or numbers to learn."""

    # Whether `read` takes the path of another file of the same form.
    has_files: ClassVar[bool] = True

    @property
    @abstractmethod
    def feature_names(self) -> tuple[str, ...]:
        """The columns that a model gets, in order; known without reading the data."""

    @property
    def label_names(self) -> tuple[str, ...]:
        """The classes, in the order of a model's outputs; none where numbers are learned."""
        return ()

    @property
    def target_names(self) -> tuple[str, ...]:
        """The numbers that are learned, in the order of a model's outputs."""
        return ()

    @abstractmethod
    def read(self, path: Path | None = None) -> SequenceTable:
        """All sequences; with `path`, those of another file of the same form, which may lack what is to be learned.

        Raises
        ------
        DataError
            The file does not hold what it should; the message names the place.
        StorageError
            The file cannot be read.
        """

    def refuse(self, path: Path | None) -> None:
        """For a source that has no file: ConfigError if one is given."""
        if path is not None:
            raise ConfigError(
                f"--input: {type(self).__name__} reads no file, so there is no form that {path} could have."
            )


class NamedSequences(SequenceSource):
    """A source whose columns, classes and numbers to learn are named by its arguments, which a subclass declares."""

    features: list[str]
    labels: list[str]
    targets: list[str]

    def __post_init__(self) -> None:
        super().__post_init__()
        where = type(self).__name__
        if self.labels and self.targets:
            raise ConfigError(f"{where}: targets: there are labels too; what is learned is one or the other.")
        for argument in ("features", "labels", "targets"):
            names = getattr(self, argument)
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                raise ConfigError(f"{where}: {argument}: {twice!r} appears twice.")

    @property
    def feature_names(self) -> tuple[str, ...]:
        return tuple(self.features)

    @property
    def label_names(self) -> tuple[str, ...]:
        return tuple(self.labels)

    @property
    def target_names(self) -> tuple[str, ...]:
        return tuple(self.targets)


class ArraySequences(SequenceSource):
    """Sequences that are in memory already; for Python. Its run asks for them as a file later, one of `NPZSequences`.

    Parameters
    ----------
    x : for each sequence an array (time, F).
    y : class labels, one a sequence or, as a list of arrays, one a step; or numbers (S, K).
    labels : names of the classes; labels in y are their indices, or the names.
    features, targets : names of the columns of x, and of those of y where it holds numbers; None: they are counted.
    groups, times, names : of each sequence; see `SequenceTable`.

    Raises
    ------
    DataError
        The parts do not fit each other.
    """

    has_files: ClassVar[bool] = False
    written_as: ClassVar[str] = "NPZSequences"

    def __init__(
        self,
        x: Sequence[npt.ArrayLike],
        y: Any = None,
        *,
        labels: Sequence[str] = (),
        features: Sequence[str] | None = None,
        targets: Sequence[str] | None = None,
        groups: Sequence[str] | None = None,
        times: Any = None,
        names: Sequence[str] | None = None,
    ) -> None:
        n_features = np.shape(x[0])[-1] if len(x) and np.ndim(x[0]) == 2 else 1
        self._features = tuple(features or (f"x{i}" for i in range(n_features)))
        self._labels = tuple(labels)
        numbers = None if y is None or labels else _numbers(y)
        counted = () if numbers is None else (f"y{i}" for i in range(numbers.shape[1]))
        self._targets = tuple(targets or counted)
        values, lengths = joined(x, len(self._features), "ArraySequences")
        self.table: SequenceTable = SequenceTable(
            values,
            lengths,
            self._features,
            labels=label_numbers(_flat(y), self._labels, "ArraySequences") if labels and y is not None else None,
            label_names=self._labels,
            targets=numbers,
            target_names=self._targets,
            names=None if names is None else tuple(names),
            groups=None if groups is None else tuple(map(str, groups)),
            times=None if times is None else np.asarray(times),
            source="ArraySequences",
        )

    @property
    def feature_names(self) -> tuple[str, ...]:
        return self._features

    @property
    def label_names(self) -> tuple[str, ...]:
        return self._labels

    @property
    def target_names(self) -> tuple[str, ...]:
        return self._targets

    def read(self, path: Path | None = None) -> SequenceTable:
        self.refuse(path)
        return self.table

    def to_config(self) -> dict[str, Any]:
        """Those of `NPZSequences`, of a file that is not there."""
        names = {"features": self._features, "labels": self._labels, "targets": self._targets}
        return {"path": IN_PYTHON, **{key: list(map(str, value)) for key, value in names.items()}}


def _numbers(y: Any) -> npt.NDArray[np.float64]:
    try:
        numbers = np.asarray(y, np.float64)
    except (TypeError, ValueError) as err:
        raise DataError(
            f"ArraySequences: y is no array of numbers ({err}); give labels the names of the classes."
        ) from err
    return numbers[:, None] if numbers.ndim == 1 else numbers


def _flat(y: Any) -> Any:
    """Labels one after another, one a sequence or one a step."""
    return np.concatenate([np.asarray(part) for part in y]) if len(y) and np.ndim(y[0]) else np.asarray(y)


def label_numbers(given: npt.NDArray[Any], names: Sequence[str], source: str) -> npt.NDArray[np.int64]:
    """int64 (n,): labels as indices of `names`; texts are names, whole numbers indices.

    Raises
    ------
    DataError
        A text is no name, or a number not whole; numbers beyond the names are left to `SequenceTable`.
    """
    if given.dtype.kind in "iub":
        return given.astype(np.int64)
    if given.dtype.kind == "U":
        numbers = {name: i for i, name in enumerate(names)}
        unknown = next((text for text in given.tolist() if text not in numbers), None)
        if unknown is not None:
            i = given.tolist().index(unknown)
            raise DataError(f"{source}: label {i} (counted from 0): unknown {unknown!r}{suggest(unknown, names)}")
        return np.array([numbers[text] for text in given.tolist()], np.int64)
    raise DataError(f"{source}: labels are {given.dtype}; expected whole numbers, or names of {', '.join(names)}.")


@dataclass(eq=False)
class GeneratedSequences(SequenceSource):
    """Sequences that a function of a seed makes: derive, register, and write `generate`.

    Parameters
    ----------
    n_sequences : how many.
    seed : of all random numbers; the experiment's seed is another one, so that all runs see the same data.
    """

    n_sequences: PositiveInt = 600
    seed: Seed = 0
    has_files: ClassVar[bool] = False

    @abstractmethod
    def generate(self, rng: np.random.Generator) -> tuple[list[npt.NDArray[Any]], Any]:
        """x and y as `ArraySequences` takes them: a list of (time, F), and labels or numbers."""

    def read(self, path: Path | None = None) -> SequenceTable:
        """What `generate` makes."""
        self.refuse(path)
        x, y = self.generate(np.random.default_rng(self.seed))
        labels, targets = self.label_names, self.target_names
        return ArraySequences(x, y, labels=labels, features=self.feature_names, targets=targets).table
