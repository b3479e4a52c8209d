"""Some of a source's examples, or those of two sources, as a source of their own."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.core.errors import ConfigError
from minidl.data.batch import Batch
from minidl.data.sequences import SequenceSet
from minidl.data.windows import Windows
from minidl.training.sources import Source, gathered


@dataclass(frozen=True, eq=False)
class Selection:
    """Examples of another source.

    Parameters
    ----------
    source : whose examples they are.
    numbers : int64 (N,), which.
    """

    source: Source
    numbers: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.numbers)

    def gather(self, indices: Any) -> Batch:
        """These of them, as the source gives them."""
        return gathered(self.source, self.numbers[indices])


def first_examples(source: Source, n: int) -> Source:
    """The first n examples of a source, or all if there are fewer; of the library's own sources one of its kind."""
    if isinstance(source, Windows):
        return dataclasses.replace(source, starts=np.sort(source.starts)[:n])
    if isinstance(source, SequenceSet):
        target = source.target if source.every_step else source.target[:n]
        return dataclasses.replace(source, starts=source.starts[:n], lengths=source.lengths[:n], target=target)
    return Selection(source, np.arange(min(n, len(source))))


def joined(train: Source, validation: Source) -> Source:
    """The examples of both parts, each once; windows of a series that reach from one into the other too.

    Raises
    ------
    ConfigError
        They are neither windows of a series nor sequences of a table.
    """
    if isinstance(train, Windows) and isinstance(validation, Windows):
        starts = np.union1d(train.starts, validation.starts)
        gaps = np.flatnonzero((np.diff(starts) > 1) & (np.diff(starts) <= train.span))
        between = [np.arange(starts[i] + 1, starts[i + 1]) for i in gaps]
        return dataclasses.replace(train, starts=np.sort(np.concatenate([starts, *between])))
    if isinstance(train, SequenceSet) and isinstance(validation, SequenceSet):
        parts = [
            np.concatenate([getattr(part, name) for part in (train, validation)]) for name in ("starts", "lengths")
        ]
        target = train.target if train.every_step else np.concatenate([train.target, validation.target])
        return dataclasses.replace(train, starts=parts[0], lengths=parts[1], target=target)
    kinds = f"{type(train).__name__} and {type(validation).__name__}"
    raise ConfigError(f"training.refit: {kinds} cannot be joined; expected Windows or SequenceSet, both the same.")


def spread_examples(source: Source, n: int) -> Source:
    """n examples of a source at equal distances, the first and the last among them, or all if there are fewer."""
    numbers = np.unique(np.linspace(0, len(source) - 1, min(n, len(source))).round().astype(np.int64))
    return Selection(source, numbers)
