"""Containers and branches with one fault each, and layers that are wrong where dx is left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from minidl import INFERENCE, Bidirectional, Dense, Parallel, Repeat, Residual, Sequential, read_only
from minidl.core.lengths import time_reversed


class DropsTheContext(Residual):
    def contexts(self, ctx):
        return [INFERENCE]


class DropsTheLengths(Sequential):
    def child_lengths(self, lengths):
        return [None] * len(self.layers)


class LengthsAfterTheFirst(Sequential):
    def output_lengths(self, lengths):
        return self.layers[0].output_lengths(lengths)


class DropsTraining(Residual):
    def _new_contexts(self, ctx):
        return super()._new_contexts(replace(ctx, training=False))


class DropsTheGenerator(Residual):
    def _new_contexts(self, ctx):
        return super()._new_contexts(replace(ctx, rng=np.random.default_rng(0)))


class DropsTheWorkspace(Residual):
    def _new_contexts(self, ctx):
        return super()._new_contexts(replace(ctx, workspace=None))


class OneWorkspaceForAll(Parallel):
    def _new_contexts(self, ctx):
        return [replace(own, workspace=ctx.workspace) for own in super()._new_contexts(ctx)]


class SavesEveryDx(Sequential):
    def wants_input_gradient(self, i, ctx):
        return ctx.input_gradient


class StateOfTheFirstForAll(Sequential):
    def final_state(self, cache):
        states = super().final_state(cache)
        return (states[0],) * len(states)


class StatesReversed(Repeat):
    def final_state(self, cache):
        return super().final_state(cache)[::-1]


class StateNotHandedOn(Sequential):
    def _new_contexts(self, ctx):
        return super()._new_contexts(replace(ctx, state=None))


class WayAroundWithoutGradient(Residual):
    def backward(self, dy, cache):
        (inner,) = cache[0]
        dx, own = self.layer.backward(dy, inner)
        return dx, {f"inner.{name}": value for name, value in own.items()}


class WayAroundOnlyForward(Residual):
    def forward(self, x, ctx=INFERENCE):
        y, cache = super().forward(x, ctx)
        return y + x, cache


class GradientOfTheLastBranch(Parallel):
    def backward(self, dy, cache):
        _, grads = super().backward(dy, cache)
        return self.branches[-1].backward(dy, cache[0][-1])[0], grads


class BranchesSwapped(Parallel):
    def backward(self, dy, cache):
        half = dy.shape[-1] // 2
        return super().backward(np.concatenate([dy[..., half:], dy[..., :half]], axis=-1), cache)


class BranchGradientsSwapped(Parallel):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx, {name: grads[f"{1 - int(name[0])}{name[1:]}"] for name in grads}


class ForgetsABranch(Parallel):
    def children(self):
        return {"0": self.branches[0]}


class NamesOutOfOrder(Parallel):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx, {"x" + name: value for name, value in grads.items()}


class NamesWithoutPlaces(Sequential):
    @property
    def params(self):
        return self.layers[0].params

    @params.setter
    def params(self, arrays):
        pass


class BindsTheFirstOnly(Parallel):
    def bind(self, params):
        first = self.branches[0]
        first.bind({name[2:]: value for name, value in params.items() if name.startswith("0.")})


class BindsCopies(Sequential):
    def bind(self, params):
        super().bind({name: value.copy() for name, value in params.items()})


class BackwardReadsTheWrongWay(Bidirectional):
    def backward(self, dy, cache):
        caches, ws, widths, lengths = cache
        return super().backward(dy, (caches[::-1], ws, widths, lengths))


class OutputsNotTurnedBack(Bidirectional):
    def forward(self, x, ctx=INFERENCE):
        y, cache = super().forward(x, ctx)
        half = y.shape[-1] // 2
        return read_only(np.concatenate([y[..., :half], time_reversed(y[..., half:], ctx.lengths)], axis=-1)), cache


class TurnedOverThePadding(Bidirectional):
    """Forward and backward agree: only the lengths tell."""

    def forward(self, x, ctx=INFERENCE):
        return super().forward(x, replace(ctx, lengths=None))


class GradientTurnedOverThePadding(Bidirectional):
    def backward(self, dy, cache):
        return super().backward(dy, (*cache[:3], None))


class GradientsOfOneDirectionForBoth(Bidirectional):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx, {name: grads["forward." + name.split(".", 1)[1]] for name in grads}


class PromisesTooFewFeatures(Parallel):
    def output_shape(self, input_shape):
        shape = super().output_shape(input_shape)
        return (*shape[:-1], shape[-1] - 1)


class SumsIntoTheFirstGradient(Repeat):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        grads["0.W"] += 1e-3
        return dx, grads


class KeepsTheContexts(Sequential):
    """Contexts of an earlier batch, with its lengths."""

    def contexts(self, ctx):
        ws = ctx.workspace
        return self._new_contexts(ctx) if ws is None else ws.plan("kept", 0, lambda: self._new_contexts(ctx))


class NoGradientsWithoutDx(Dense):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx, grads if dx is not None else {}


class OtherGradientsWithoutDx(Dense):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx, grads if dx is not None else {name: value / 2 for name, value in grads.items()}


class ZerosWithoutDx(Dense):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return np.zeros((*dy.shape[:-1], 3), dy.dtype) if dx is None else dx, grads


class NeedsDx(Dense):
    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        return dx + 0, grads
