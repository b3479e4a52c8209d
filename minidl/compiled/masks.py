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

from minidl.compiled.emit.pcg64 import numbers_of, set_numbers
from minidl.compiled.emit.pcg64_lanes import NUMBERS
from minidl.compiled.kernel import Mask
from minidl.compiled.plan import lanes_for, zeros
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
        # Each thread writes to its own.
        most, lanes = max((mask.time * mask.features for mask in drawn), default=0), lanes_for(batch, dtype)
        self.values = [zeros(most * lanes, dtype).reshape(most, lanes) for _ in range(threads)]
        self.random = [zeros(NUMBERS, np.uint64) for _ in range(threads)]
        # A number of float32 is a whole one of 24 bits over 2^24; it is compared with p as float32 has it.
        least = [math.ceil(float(np.float32(mask.drop_rate)) * 2**24) for mask in drawn]
        self.rates = np.array([least, [1 / (1 - mask.drop_rate) for mask in drawn]]).T.reshape(-1)
        self.ranks: Array = np.arange(batch)

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
        ranks = self.ranks if lengths is None else _ranks(lengths, batch)
        return self.values[thread], self.random[thread], ranks, self.rates


def _ranks(lengths: Array, batch: int) -> Array:
    """The place of each example among those of its batch, which has the longest sequence first."""
    ranks = [np.argsort(np.argsort(-lengths[i : i + batch], kind="stable")) for i in range(0, len(lengths), batch)]
    return np.concatenate(ranks)
