"""One seed, one generator per purpose, no global state."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Streams:
    """Independent generators, so that more draws of one kind do not shift another.

    Parameters
    ----------
    weights : initial parameters.
    shuffling : the order of windows in each epoch.
    layers : what layers draw while they train (dropout).
    sampling : which windows are drawn for validation.
    """

    weights: np.random.Generator
    shuffling: np.random.Generator
    layers: np.random.Generator
    sampling: np.random.Generator

    @classmethod
    def from_seed(cls, seed: int) -> Streams:
        """All streams of one seed (an int >= 0); the same seed gives the same streams."""
        return cls(*map(np.random.default_rng, np.random.SeedSequence(seed).spawn(4)))
