"""Binary subtraction, bit by bit from the last one: whoever answers must remember whether one was borrowed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from msgspec import Meta

from minidl.core.errors import ConfigError
from minidl.core.registry import register
from minidl.data.sequence_sources import GeneratedSequences


@register
@dataclass(eq=False)
class Subtraction(GeneratedSequences):
    """Two whole numbers a ≥ b in binary, the last digit first, and at every step the digit of a - b.

    No pair is drawn twice, so that those of the test part are new.

    Parameters
    ----------
    bits : digits of each number, which is also how many steps there are.
    """

    bits: Annotated[int, Meta(ge=1, le=30)] = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        pairs = self._n_pairs()
        if self.n_sequences > pairs:
            raise ConfigError(
                f"Subtraction: n_sequences: there are {pairs:,} pairs of numbers with {self.bits} bits, "
                f"got {self.n_sequences:,}; lower it, or raise bits."
            )

    def _n_pairs(self) -> int:
        n: int = 1 << self.bits
        return n * (n + 1) // 2

    @property
    def feature_names(self) -> tuple[str, ...]:
        return ("a", "b")

    @property
    def label_names(self) -> tuple[str, ...]:
        return ("0", "1")

    def generate(self, rng: np.random.Generator) -> tuple[list[npt.NDArray[Any]], Any]:
        """Pairs by their numbers: number a (a + 1) / 2 + b is the pair (a, b)."""
        pair = rng.choice(self._n_pairs(), self.n_sequences, replace=False, shuffle=True)
        a = ((np.sqrt(8.0 * pair + 1) - 1) / 2).astype(np.int64)
        a -= a * (a + 1) // 2 > pair  # the root's rounding, which comes out too large alone: that of (2a + 1)² is exact
        b = pair - a * (a + 1) // 2
        digits = [(number[:, None] >> np.arange(self.bits)) & 1 for number in (a, b, a - b)]
        return list(np.stack(digits[:2], axis=-1).astype(np.float64)), list(digits[2])
