"""Some of a source's examples as a source of their own, for trainings that are to be short."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.data.batch import Batch
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
    """The first n examples of a source, or all if there are fewer; windows of a series stay windows of it."""
    if isinstance(source, Windows):
        return dataclasses.replace(source, starts=np.sort(source.starts)[:n])
    return Selection(source, np.arange(min(n, len(source))))


def spread_examples(source: Source, n: int) -> Source:
    """n examples of a source at equal distances, the first and the last among them, or all if there are fewer."""
    numbers = np.unique(np.linspace(0, len(source) - 1, min(n, len(source))).round().astype(np.int64))
    return Selection(source, numbers)
