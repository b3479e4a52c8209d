"""Noisy waves of random shape, period and length: sequences to try the tasks on, made by a function of a seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from minidl.core.arguments import NonNegativeFloat
from minidl.core.registry import register
from minidl.data.sequence_sources import GeneratedSequences

SHAPES = ("sine", "square", "sawtooth")
HALVES = ("first", "second")
NUMBERS = ("height", "period", "offset")


@register
@dataclass(eq=False)
class Waves(GeneratedSequences):
    """Waves of 20 to 60 steps, sine, square or sawtooth, of a random period, height, offset and phase, with noise.

    Parameters
    ----------
    learn : ``shape``, one label a sequence; ``half``, one a step: whether it is in the first or the second half of its
        period; ``numbers``, height, period and offset.
    noise : standard deviation of what is added to each step.
    """

    learn: Literal["shape", "half", "numbers"] = "shape"
    noise: NonNegativeFloat = 0.3

    @property
    def feature_names(self) -> tuple[str, ...]:
        return ("x",)

    @property
    def label_names(self) -> tuple[str, ...]:
        return {"shape": SHAPES, "half": HALVES, "numbers": ()}[self.learn]

    @property
    def target_names(self) -> tuple[str, ...]:
        return NUMBERS if self.learn == "numbers" else ()

    def generate(self, rng: np.random.Generator) -> tuple[list[npt.NDArray[Any]], Any]:
        """One wave after another."""
        x, y = [], []
        for _ in range(self.n_sequences):
            length, kind = int(rng.integers(20, 61)), int(rng.integers(3))
            period, height, offset = rng.uniform(6, 16), rng.uniform(0.5, 1.5), rng.uniform(-1, 1)
            turns = np.arange(length) / period + rng.uniform()
            part = turns % 1  # of a period
            clean = (np.sin(2 * np.pi * turns), np.where(part < 0.5, 1.0, -1.0), 2 * part - 1)[kind]
            noise = self.noise * rng.standard_normal(length)
            x.append((offset + height * clean + noise)[:, None])
            halves = (part >= 0.5).astype(np.int64)
            y.append({"shape": kind, "half": halves, "numbers": (height, period, offset)}[self.learn])
        return x, y
