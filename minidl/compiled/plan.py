"""Places in memory: where the arrays of compiled code lie in a few flat ones, so that a call has few arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.compiled.emit.vectors import VECTOR_BYTES
from minidl.core.layer import Array, Layer

# Bytes of a line of the cache: a vector that begins inside of one takes two of them.
_LINE = 64
# What is placed takes a multiple of so many numbers, a line of those of four bytes.
_NUMBERS = 16


def zeros(size: int, dtype: npt.DTypeLike) -> Array:
    """So many zeros, the first one at the beginning of a cache line."""
    dtype = np.dtype(dtype)
    bytes_ = np.zeros(size * dtype.itemsize + _LINE, np.uint8)
    start = -bytes_.ctypes.data % _LINE
    found: Array = bytes_[start : start + size * dtype.itemsize].view(dtype)
    return found


def lanes_for(batch: int, dtype: npt.DTypeLike, vector_bytes: int = VECTOR_BYTES) -> int:
    """The batch, rounded up to whole vectors."""
    width = vector_bytes // np.dtype(dtype).itemsize
    return -(-batch // width) * width


def threads_for(threads: int, batch: int, dtype: npt.DTypeLike) -> int:
    """So many threads, but no more than the batch fills vectors: a part of one costs a thread as much as all of it."""
    return min(threads, lanes_for(batch, dtype) * np.dtype(dtype).itemsize // VECTOR_BYTES)


@dataclass
class Memory:
    """Places in flat arrays, as numbers for compiled code; see `generated` for how they are read."""

    numbers: list[int] = field(default_factory=list)
    size: int = 0
    arrays: list[tuple[int, Sequence[int]]] = field(default_factory=list)

    def place(self, *shape: int) -> str:
        """Take room for an array; returns the expression that finds it in the array ``work``."""
        expression = self.at("work", self.size, shape)
        numbers = int(np.prod(shape))
        self.size += -(-numbers // _NUMBERS) * _NUMBERS
        return expression

    def whole(self, numbers: Sequence[int]) -> str:
        """Keep whole numbers; returns the expression that finds them as an array, however many there are."""
        k = len(self.numbers)
        self.numbers += [0, 0]
        self.arrays.append((k, numbers))
        return f"sizes[sizes[{k}] : sizes[{k + 1}]]"

    def sizes(self) -> list[int]:
        """All numbers; the last are those kept as arrays, which move no other one."""
        found = list(self.numbers)
        for k, numbers in self.arrays:
            found[k : k + 2] = len(found), len(found) + len(numbers)
            found += numbers
        return found

    def at(self, array: str, start: int, shape: Sequence[int]) -> str:
        """The expression for an array that lies in `array` from `start` on."""
        k = len(self.numbers)
        self.numbers += [start, *shape]
        axes = ", ".join(f"sizes[{k + 1 + i}]" for i in range(len(shape)))
        return f"view({array}, sizes[{k}], ({axes},))"


def parameter_places(model: Layer) -> dict[str, tuple[int, tuple[int, ...]]]:
    """Start and shape of every parameter in the flat vector of all."""
    places, start = {}, 0
    for name, value in model.params.items():
        places[name] = start, value.shape
        start += value.size
    return places


def flat(array: Array) -> Any:
    """All entries in a row; a view if the array is contiguous."""
    return np.ascontiguousarray(array).reshape(-1)
