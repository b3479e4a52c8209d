"""One seed, one generator per purpose, no global state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

MAX_SPAWNED = 1_000_000  # more than that no state that is read may ask for; as many take a second


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


def generator_state(rng: np.random.Generator) -> dict[str, Any]:
    """All that decides what a generator draws and spawns next, as plain JSON values."""
    spawned = getattr(rng.bit_generator.seed_seq, "n_children_spawned", 0)
    return {"bits": dict(rng.bit_generator.state), "spawned": spawned}


def restore_generator(rng: np.random.Generator, state: dict[str, Any]) -> None:
    """Put a generator that was made from the same seed into a state of `generator_state`.

    Raises
    ------
    ValueError
        The state is of another kind of generator, or is none.
    """
    try:
        rng.bit_generator.state = state["bits"]
        missing = int(state["spawned"]) - getattr(rng.bit_generator.seed_seq, "n_children_spawned", 0)
        if missing > 0:
            rng.bit_generator.seed_seq.spawn(missing)  # type: ignore[attr-defined]
    except (KeyError, TypeError, OverflowError) as err:
        raise ValueError(f"not a state of {type(rng.bit_generator).__name__}: {err}") from err
