"""Where the states of a model's layers stand in the working memory of compiled code, and in which form outside."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.compiled.layout import Layout
from minidl.core.layer import Array, Layer


class States:
    """The states in working memory, of which each thread has its own.

    Parameters
    ----------
    scratch : where the scratch memory of each step begins; see `GeneratedFunction`.
    work : the working memory of each thread.
    """

    def __init__(self, model: Layer, layout: Layout, scratch: Sequence[int], work: Sequence[Array]) -> None:
        self.model, self.threads = model, len(work)
        self._places: list[list[list[Array]]] = []  # of each layer: the parts of its state, (features, lanes) a thread
        for at, step in zip(scratch, layout.steps, strict=True):
            if step.layer is not None:
                parts = []
                for features in step.kernel.state(step.layer, step.x):
                    size = features * layout.lanes
                    parts.append([own[at : at + size].reshape(features, layout.lanes) for own in work])
                    at += size
                self._places.append(parts)

    def clear(self) -> None:
        """Make them zero."""
        for parts in self._places:
            for values in (values for arrays in parts for values in arrays):
                values[...] = 0

    def read(self, batch: int) -> Any:
        """As `Layer.final_state` gives them: nested tuples of (batch, features) arrays and None."""
        counts = [share.stop - share.start for share in self._shares(batch)]
        states = []
        for places in self._places:
            parts = [[values[:, :n].T for values, n in zip(arrays, counts, strict=True)] for arrays in places]
            found = tuple(np.concatenate(arrays) for arrays in parts)
            states.append(found if len(found) > 1 else next(iter(found), None))
        return _nested(self.model, iter(states))

    def write(self, state: Any) -> None:
        """Set them, but no layer's whose state is None; lanes beyond the batch get the state of its last sequence."""
        for parts, value in zip(self._places, _leaves_of(self.model, state), strict=True):
            for number, arrays in enumerate(parts if value is not None else ()):
                given = np.asarray(value[number] if len(parts) > 1 else value).T
                for values, share in zip(arrays, self._shares(given.shape[1]), strict=True):
                    n = share.stop - share.start
                    if n:
                        values[:, :n], values[:, n:] = given[:, share], given[:, [share.stop - 1]]

    def _shares(self, batch: int) -> list[slice]:
        """The sequences of a batch that each thread takes."""
        ends = [batch * thread // self.threads for thread in range(self.threads + 1)]
        return [slice(*pair) for pair in itertools.pairwise(ends)]


def _nested(model: Layer, parts: Any) -> Any:
    """Values of the layers in order, arranged as the containers are."""
    if model.children():
        return tuple(_nested(child, parts) for child in model.children().values())
    return next(parts)


def _leaves_of(model: Layer, state: Any) -> list[Any]:
    """The values of the layers in order; None everywhere if there is no state."""
    children = model.children().values()
    if children:
        inner = [None] * len(children) if state is None else state
        return [leaf for child, part in zip(children, inner, strict=True) for leaf in _leaves_of(child, part)]
    return [state]
