"""A look into a model while it is trained: gradients, and what its layers put through tanh and sigmoids.

Both are of one batch, always the same, computed by the layers themselves without dropout. So they do not
depend on the engine, on the order of an epoch's examples, or on whether a training was stopped in between.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from minidl.core.layer import INFERENCE, Array, Bounded, Context, Grads, Layer
from minidl.core.lengths import inside, without_padding
from minidl.core.walk import walk
from minidl.core.workspace import Workspace
from minidl.data.batch import Batch
from minidl.losses import Loss
from minidl.training.outputs import prepared
from minidl.training.sources import Source, gathered
from minidl.training.truncated import epoch_order, next_steps

Looked = dict[tuple[str, str], Bounded]


@dataclass(frozen=True, eq=False)
class FirstBatch:
    """A model on the first examples of a training, or on the first windows of its first streams.

    Parameters
    ----------
    model, loss : as they are when they are asked.
    source : the training's examples.
    batch_size : how many.
    """

    model: Layer
    loss: Loss
    source: Source
    batch_size: int

    def _batch(self) -> tuple[Batch, Array | None]:
        order = epoch_order(self.source, None, self.batch_size)
        first, _ = next_steps(self.source, order, self.batch_size, 1)
        return prepared(gathered(self.source, first), self.model)

    def gradients(self) -> Grads:
        """dL/d(each parameter) by name, without dropout and before clipping."""
        batch, lengths = self._batch()
        ctx = Context(workspace=Workspace(), input_gradient=False, lengths=batch.lengths)
        y, cache = self.model.forward(batch.x, ctx)
        _, dy = self.loss(without_padding(y, lengths), batch.target, batch.weight)
        return self.model.backward(dy, cache)[1]

    def bounded(self) -> Looked:
        """What each layer itself puts through tanh, a sigmoid or the like, by its path and a name; see `Layer.bounded`.

        The arrays are (values, units); padding is left out.
        """
        batch, _ = self._batch()
        twin, found, seen = copy.deepcopy(self.model), Looked(), set[int]()
        for path, layer in walk(twin):
            if id(layer) not in seen:  # one that stands twice has the path of its first place
                seen.add(id(layer))
                vars(layer)["forward"] = _watched(layer, layer.forward, path, found)
        twin.forward(batch.x, Context(lengths=batch.lengths))
        return found


def _watched(layer: Layer, forward: Callable[..., tuple[Array, Any]], path: str, found: Looked) -> Callable[..., Any]:
    def watched(x: Array, ctx: Context = INFERENCE) -> tuple[Array, Any]:
        y, cache = forward(x, ctx)
        for name, (values, low, high) in layer.bounded(y, cache).items():
            real = values[inside(ctx.lengths, values.shape[1])] if ctx.lengths is not None else values
            found[path, name] = Bounded(real.reshape(-1, values.shape[-1]).copy(), low, high)
        return y, cache

    return watched
