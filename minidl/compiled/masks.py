"""Masks of dropout in compiled code: drawn as the layers draw them, in the same order from the same generator.

So both engines train the same net from one seed, and a training goes on with the same masks. Each thread draws all
masks of a batch, for what is drawn for one example depends on all that was drawn before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.compiled.emit.pcg64 import NUMBERS, numbers_of, set_numbers
from minidl.compiled.kernel import Mask
from minidl.compiled.plan import zeros
from minidl.core.layer import Array


class Masks:
    """What compiled code draws masks with.

    Parameters
    ----------
    drawn : the masks of each layer that draws some, in the order in which they do.
    batch : examples of a step at most.
    """

    def __init__(self, drawn: Sequence[Mask], batch: int, dtype: npt.DTypeLike, threads: int) -> None:
        self.drawn = drawn
        self.sizes = [mask.time * mask.features for mask in drawn]
        most = batch * max(self.sizes, default=0)
        # Each thread writes to its own.
        self.values = [zeros(most, dtype) for _ in range(threads)]
        self.random = [np.zeros(NUMBERS + most // 2 + 1, np.uint64) for _ in range(threads)]
        # A number of float32 is a whole one of 24 bits over 2^24; it is compared with p as float32 has it.
        least = [math.ceil(float(np.float32(mask.drop_rate)) * 2**24) for mask in drawn]
        self.rates = np.array([least, [1 / (1 - mask.drop_rate) for mask in drawn]]).T.reshape(-1)
        self.places: Array = np.concatenate([np.arange(batch) * size for size in [0, *self.sizes]])[batch:]

    def begin(self, rng: np.random.Generator) -> None:
        """Take the generator's state over, in all threads."""
        numbers = numbers_of(rng) if self.drawn else []
        for random in self.random:
            random[: len(numbers)] = numbers

    def end(self, rng: np.random.Generator) -> None:
        """Hand it back."""
        if self.drawn:
            set_numbers(rng, self.random[0])

    def arguments(self, thread: int, lengths: Array | None, batch: int) -> tuple[Any, ...]:
        """What the function of a stack is given for steps of so many examples; nothing, where no layer draws."""
        if not self.drawn:
            return ()
        places = self.places if lengths is None else self._ragged_places(lengths, batch)
        return self.values[thread], self.random[thread], places, self.rates

    def _ragged_places(self, lengths: Array, batch: int) -> Array:
        """Where the masks of each example begin among those of its batch, layer by layer.

        A batch has the longest sequence first, and no steps after its end, where the layers draw.
        """
        places = np.zeros((len(self.drawn), len(lengths)), np.int64)
        for first in range(0, len(lengths), batch):
            own = lengths[first : first + batch]
            rank = np.argsort(np.argsort(-own, kind="stable"))
            for row, mask in zip(places, self.drawn, strict=True):
                row[first : first + batch] = rank * min(mask.time, int(own.max())) * mask.features
        return places.reshape(-1)
