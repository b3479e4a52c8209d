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
from minidl.training.sources import Arrays, Source, gathered


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
        They are neither windows of a series, nor sequences of a table, nor arrays; or arrays of other shapes.
    """
    if isinstance(train, Windows) and isinstance(validation, Windows):
        starts = np.union1d(train.given, validation.given)
        gaps = np.flatnonzero((np.diff(starts) > 1) & (np.diff(starts) <= train.span))
        between = [np.arange(starts[i] + 1, starts[i + 1]) for i in gaps]
        return dataclasses.replace(train, starts=np.sort(np.concatenate([starts, *between])))
    if isinstance(train, SequenceSet) and isinstance(validation, SequenceSet):
        parts = [
            np.concatenate([getattr(part, name) for part in (train, validation)]) for name in ("starts", "lengths")
        ]
        target = train.target if train.every_step else np.concatenate([train.target, validation.target])
        given = [part.weight for part in (train, validation) if part.weight is not None]  # of one table: both or none
        weight = np.concatenate(given) if given else None
        return dataclasses.replace(train, starts=parts[0], lengths=parts[1], target=target, weight=weight)
    if isinstance(train, Arrays) and isinstance(validation, Arrays):
        return _joined_arrays(train, validation)
    kinds = f"{type(train).__name__} and {type(validation).__name__}"
    raise ConfigError(f"refit: {kinds} cannot be joined; expected Windows, SequenceSet or Arrays, both the same.")


def _joined_arrays(*parts: Arrays) -> Arrays:
    """What has no lengths or weights where the other part has some has whole examples, or such as count 1."""
    first, second = parts
    for name in ("x", "y"):
        shapes = [getattr(part, name).shape[1:] for part in parts]
        if shapes[0] != shapes[1]:
            raise ConfigError(
                f"refit: {name} of a training example has shape {shapes[0]}, of a validation example {shapes[1]}; "
                "expected the same, sequences padded to the same length."
            )
    lengths = weight = None
    if any(part.lengths is not None for part in parts):
        whole = [np.full(len(part), part.x.shape[1]) if part.lengths is None else part.lengths for part in parts]
        lengths = np.concatenate(whole)
    given = [part.weight for part in parts if part.weight is not None]
    if given:
        shape = max((one.shape[1:] for one in given), key=len)
        ones = [np.ones(len(part)) if part.weight is None else part.weight for part in parts]
        weight = np.concatenate([np.broadcast_to(_with_axes(one, shape), (len(one), *shape)) for one in ones])
    return Arrays(np.concatenate([first.x, second.x]), np.concatenate([first.y, second.y]), lengths, weight)


def _with_axes(weight: npt.NDArray[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    return weight.reshape(*weight.shape, *[1] * (1 + len(shape) - weight.ndim))


def spread_examples(source: Source, n: int) -> Source:
    """n examples of a source at equal distances, the first and the last among them, or all if there are fewer."""
    numbers = np.unique(np.linspace(0, len(source) - 1, min(n, len(source))).round().astype(np.int64))
    return Selection(source, numbers)
