"""Groups of parameters, and the segments of the flat vector that are updated alike."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import numpy as np

from minidl.core.errors import ConfigError
from minidl.core.registry import MOST_NAMED
from minidl.core.text import printable, short
from minidl.optimizers.optimizer import Array, Optimizer, ParameterGroup, State


class Segment(NamedTuple):
    """Parameters that lie side by side in the flat vector and are updated alike; see `ParameterGroup`."""

    start: int
    stop: int
    learning_rate_factor: float
    weight_decay: float | None
    frozen: bool

    def optimizer(self, optimizer: Optimizer, rate: float) -> Optimizer:
        """The optimizer with the numbers that it has here when `rate` is the learning rate."""
        rate *= self.learning_rate_factor
        if rate == optimizer.learning_rate and self.weight_decay is None:
            return optimizer
        own = copy.copy(optimizer)  # it holds arguments only
        own.learning_rate = rate
        if self.weight_decay is not None:
            vars(own)["weight_decay"] = self.weight_decay
        return own


class Segments:
    """All segments of a flat vector of parameters.

    Parameters
    ----------
    sizes : of the parameters by name, as they lie in the vector.

    Attributes
    ----------
    trained, frozen : the segments that the optimizer updates, and the others.

    Raises
    ------
    ConfigError
        A pattern matches no parameter, or nothing is left to train.
    """

    def __init__(self, optimizer: Optimizer, sizes: Mapping[str, int]) -> None:
        found = unmatched(optimizer.groups, list(sizes))
        if found is not None:
            raise ConfigError(f"{type(optimizer).__name__}: {found[0]}: {found[1]}")
        merged: list[Segment] = []
        for segment in _one_by_one(optimizer.groups, sizes):
            if merged and merged[-1][2:] == segment[2:]:
                segment = segment._replace(start=merged.pop().start)
            merged.append(segment)
        self.trained: list[Segment] = [segment for segment in merged if not segment.frozen]
        self.frozen: list[Segment] = [segment for segment in merged if segment.frozen]

    def start(self, optimizer: Optimizer, params: Array) -> State:
        """The optimizer's state before the first step: arrays of which each segment has a part, one after the other."""
        parts = [_started(optimizer, params[segment.start : segment.stop]) for segment in self.trained]
        self._sizes = [{name: len(value) for name, value in part.items()} for part in parts]
        if len(parts) == 1:
            return parts[0]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def places(self) -> Iterator[tuple[Segment, dict[str, slice]]]:
        """Each trained segment, and where its part of each array of the state is; once there was a `start`."""
        ends: dict[str, int] = {}
        for segment, sizes in zip(self.trained, self._sizes, strict=True):
            starts = {name: ends.get(name, 0) for name in sizes}
            ends = {name: starts[name] + size for name, size in sizes.items()}
            yield segment, {name: slice(starts[name], ends[name]) for name in sizes}

    def states(self, state: State) -> Iterator[tuple[Segment, State]]:
        """Each trained segment, and its part of the state as views."""
        if len(self.trained) == 1:
            yield self.trained[0], state
            return
        for segment, places in self.places():
            yield segment, {name: state[name][place] for name, place in places.items()}


def _started(optimizer: Optimizer, params: Array) -> State:
    state: Any = optimizer.start(params)
    if not isinstance(state, dict) or not all(isinstance(array, np.ndarray) and array.ndim for array in state.values()):
        name = type(optimizer).__name__
        raise ConfigError(f"{name}: start must give a dict of arrays with an axis, got {printable(short(state))}")
    return state


def unmatched(groups: Sequence[ParameterGroup], names: Sequence[str]) -> tuple[str, str] | None:
    """Which argument does not fit parameters of these names, and why; None: all do."""
    for i, group in enumerate(groups):
        if not any(fnmatchcase(name, group.parameters) for name in names):
            there = ", ".join(names[:MOST_NAMED]) + (", ..." if len(names) > MOST_NAMED else "")
            return f"groups.{i}.parameters", f"no parameter matches {group.parameters!r}; there are {there}"
    if names and all(segment.frozen for segment in _one_by_one(groups, dict.fromkeys(names, 1))):
        return "groups", "all parameters are frozen; nothing is left to train"
    return None


def _one_by_one(groups: Sequence[ParameterGroup], sizes: Mapping[str, int]) -> Iterator[Segment]:
    """A segment for each parameter: what a later group says counts, what it leaves out stays."""
    start = 0
    for name, size in sizes.items():
        said: dict[str, Any] = {"learning_rate_factor": 1.0, "weight_decay": None, "frozen": False}
        for group in groups:
            if fnmatchcase(name, group.parameters):
                said |= group.changes()
        yield Segment(start, start + size, **said)
        start += size
