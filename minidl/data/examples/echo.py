"""The echo of a stream of bits: whoever answers it must remember the last few."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.core.arguments import PositiveInt
from minidl.core.errors import ConfigError
from minidl.core.registry import register
from minidl.data.sequence_sources import GeneratedSequences


@register
@dataclass(eq=False)
class Echo(GeneratedSequences):
    """Bits x_t drawn by a fair coin, and at every step the label x_{t-delay}; 0 before the first echo.

    Parameters
    ----------
    time_steps : of each sequence.
    delay : steps from a bit to its echo, fewer than `time_steps`.
    """

    time_steps: PositiveInt = 30
    delay: PositiveInt = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.delay >= self.time_steps:
            raise ConfigError(f"Echo: delay: expected less than time_steps {self.time_steps}, got {self.delay}.")

    @property
    def feature_names(self) -> tuple[str, ...]:
        return ("bit",)

    @property
    def label_names(self) -> tuple[str, ...]:
        return ("0", "1")

    def generate(self, rng: np.random.Generator) -> tuple[list[npt.NDArray[Any]], Any]:
        """All bits, and the same ones later."""
        bits = rng.integers(0, 2, (self.n_sequences, self.time_steps))
        echo = np.zeros_like(bits)
        echo[:, self.delay :] = bits[:, : -self.delay]
        return list(bits[..., None].astype(np.float64)), list(echo)
