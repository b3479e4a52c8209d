"""check_layer finds faults that were planted in containers, in lengths, and where dx is left out.

Every class changes one thing in a layer or container that is right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from minidl import (
    INFERENCE,
    Bidirectional,
    Context,
    Dense,
    LastStep,
    Layer,
    Parallel,
    RecurrentLayer,
    Repeat,
    Residual,
    SelectFeatures,
    Sequential,
    read_only,
)
from minidl.core.lengths import inside, time_reversed
from minidl.testing.check_subject import Subject
from minidl.testing.checks import run_checks
from minidl.testing.container_checks import (
    bound_parameters,
    children_by_name,
    children_get_the_context,
    without_input_gradient,
)
from minidl.testing.fresh_process import CHILD
from minidl.testing.layer_checks import CHECKS
from minidl.testing.length_checks import padded_equals_alone, padding_changes_nothing

# --- layers that are right ---


@dataclass(eq=False)
class MeanOverTime(Layer):
    """y = mean over the steps that there are."""

    def output_shape(self, input_shape: Any) -> Any:
        return input_shape[1:]

    def output_lengths(self, lengths: Any) -> Any:
        return None

    def shares(self, x: Any, ctx: Context) -> Any:
        there = np.ones(x.shape[:2], bool) if ctx.lengths is None else inside(ctx.lengths, x.shape[1])
        return (there / there.sum(axis=1, keepdims=True)).astype(x.dtype)[..., None]

    def forward(self, x: Any, ctx: Context = INFERENCE) -> Any:
        share = self.shares(x, ctx)
        return (x * share).sum(axis=1), (share, x.shape)

    def backward(self, dy: Any, cache: Any) -> Any:
        share, shape = cache
        return np.broadcast_to(dy[:, None] * share, shape).copy(), {}


@dataclass(eq=False)
class Reversed(Layer):
    """Each sequence from its end to its beginning."""

    causal = False

    def forward(self, x: Any, ctx: Context = INFERENCE) -> Any:
        return time_reversed(x, ctx.lengths).copy(), ctx.lengths

    def backward(self, dy: Any, cache: Any) -> Any:
        return time_reversed(dy, cache).copy(), {}


@dataclass(eq=False)
class Shifted(Layer):
    """y_t = x_{t+1}, and 0 at the last step."""

    causal = False

    def forward(self, x: Any, ctx: Context = INFERENCE) -> Any:
        y = np.zeros_like(x)
        y[:, :-1] = x[:, 1:]
        if ctx.lengths is not None:
            y[np.arange(len(x)), ctx.lengths - 1] = 0
        return y, ctx.lengths

    def backward(self, dy: Any, cache: Any) -> Any:
        dx = np.zeros_like(dy)
        dx[:, 1:] = dy[:, :-1]
        if cache is not None:
            dx *= inside(cache, dy.shape[1])[..., None]
        return dx, {}


# --- faults of lengths ---


class MeanOverThePadding(MeanOverTime):
    def shares(self, x, ctx):
        return super().shares(x, INFERENCE)


class MeanOfAllStepsOverThoseThere(MeanOverTime):
    def forward(self, x, ctx=INFERENCE):
        share = self.shares(x, ctx)
        return x.sum(axis=1) * share.max(axis=1), (share, x.shape)


class MeanDividedByTheLongest(MeanOverTime):
    def shares(self, x, ctx):
        share = super().shares(x, ctx)
        return np.where(share > 0, share.dtype.type(1 / x.shape[1]), 0)


class MeanOneStepShort(MeanOverTime):
    def shares(self, x, ctx):
        lengths = None if ctx.lengths is None else np.maximum(ctx.lengths - 1, 1)
        return super().shares(x, Context(lengths=lengths))


class MeanKeepsLengths(MeanOverTime):
    def output_lengths(self, lengths):
        return lengths


class MeanGradientToThePadding(MeanOverTime):
    def backward(self, dy, cache):
        share, shape = cache
        return np.broadcast_to(dy[:, None] * share.max(axis=1, keepdims=True), shape).copy(), {}


class LargestOverThePadding(MeanOverTime):
    def forward(self, x, ctx=INFERENCE):
        place = x.argmax(axis=1)[:, None]
        return np.take_along_axis(x, place, axis=1)[:, 0], (place, x.shape)

    def backward(self, dy, cache):
        place, shape = cache
        dx = np.zeros(shape, dy.dtype)
        np.put_along_axis(dx, place, dy[:, None], axis=1)
        return dx, {}


class LastColumn(LastStep):
    def forward(self, x, ctx=INFERENCE):
        return super().forward(x, replace(ctx, lengths=None))


class LastOfTheLongest(LastStep):
    def forward(self, x, ctx=INFERENCE):
        lengths = None if ctx.lengths is None else np.full(len(x), ctx.lengths[0])
        return super().forward(x, replace(ctx, lengths=lengths))


class LastButOne(LastStep):
    def forward(self, x, ctx=INFERENCE):
        lengths = None if ctx.lengths is None else np.maximum(ctx.lengths - 1, 1)
        return super().forward(x, replace(ctx, lengths=lengths))


class LastKeepsLengths(LastStep):
    def output_lengths(self, lengths):
        return lengths


class LastGradientInTheLastColumn(LastStep):
    def backward(self, dy, cache):
        return super().backward(dy, (cache[0], None, None))


class LastAddsUpInTheWorkspace(LastStep):
    def backward(self, dy, cache):
        x, ws, last = cache
        if last is None or ws is None:
            return super().backward(dy, cache)
        dx = ws.plan("kept", x.shape, lambda: np.zeros(x.shape, x.dtype))
        dx[last] = dy
        return dx, {}


class ReversedOverThePadding(Reversed):
    def forward(self, x, ctx=INFERENCE):
        return x[:, ::-1].copy(), None


class ReversedForwardOnly(Reversed):
    def backward(self, dy, cache):
        return dy[:, ::-1].copy(), {}


class ReversedByTheLongest(Reversed):
    def forward(self, x, ctx=INFERENCE):
        lengths = None if ctx.lengths is None else np.full(len(x), ctx.lengths[0])
        return super().forward(x, Context(lengths=lengths))


class ShiftedFromThePadding(Shifted):
    def forward(self, x, ctx=INFERENCE):
        return super().forward(x)[0], ctx.lengths


class ShiftedGradientIntoThePadding(Shifted):
    def backward(self, dy, cache):
        return super().backward(dy, None)


class LengthsOneLess(Shifted):
    def output_lengths(self, lengths):
        return np.maximum(lengths - 1, 1)


class LengthsInAnotherOrder(Shifted):
    def output_lengths(self, lengths):
        return lengths[::-1].copy()


class LengthsAsFloats(Shifted):
    def output_lengths(self, lengths):
        return lengths / 1.0


class NoLengthsAfter(Shifted):
    def output_lengths(self, lengths):
        return None


class CentredOverTheBatch(Layer):
    """y = x - mean over time, padding counted."""

    causal = False

    def forward(self, x, ctx=INFERENCE):
        return x - x.mean(axis=1, keepdims=True), None

    def backward(self, dy, cache):
        return dy - dy.mean(axis=1, keepdims=True), {}


class BiasForEveryStep(Dense):
    """db counts steps, whatever dy is in the padding."""

    def backward(self, dy, cache):
        dx, grads = super().backward(dy, cache)
        if cache[-1] is not None:
            grads["b"] = grads["b"] * (dy.shape[1] / cache[-1].mean())
        return dx, grads


class GradientOfTheFirstLengthOnly(Dense):
    def backward(self, dy, cache):
        lengths = cache[-1]
        if lengths is not None:
            dy = np.where(inside(np.full_like(lengths, lengths[-1]), dy.shape[1])[..., None], dy, 0)
        return super().backward(dy, cache)


class StateAfterThePadding(RecurrentLayer):
    def final_state(self, cache):
        return cache[0].h[-1].copy()


class StateOneStepEarly(RecurrentLayer):
    def final_state(self, cache):
        plan = cache[0]
        lengths = getattr(plan, "lengths", None)
        return super().final_state(cache) if lengths is None else plan.h[lengths - 1, np.arange(len(lengths))].copy()


class RunsIntoTheNextSequence(RecurrentLayer):
    """One step too many for each sequence."""

    def forward(self, x, ctx=INFERENCE):
        if ctx.lengths is not None:
            ctx = replace(ctx, lengths=np.minimum(ctx.lengths + 1, x.shape[1]))
        return super().forward(x, ctx)


class StopsEarly(RecurrentLayer):
    def forward(self, x, ctx=INFERENCE):
        if ctx.lengths is not None:
            ctx = replace(ctx, lengths=np.maximum(ctx.lengths - 1, 1))
        return super().forward(x, ctx)


class AllAsLongAsTheShortest(RecurrentLayer):
    def forward(self, x, ctx=INFERENCE):
        if ctx.lengths is not None:
            ctx = replace(ctx, lengths=np.full_like(ctx.lengths, ctx.lengths[-1]))
        return super().forward(x, ctx)


# --- faults of containers ---


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


# --- faults where dx is left out ---


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


def branches(*layers: Layer) -> list[Layer]:
    return list(layers or (Dense(2), RecurrentLayer(2)))


FAULTS: list[Layer] = [
    MeanOverThePadding(), MeanOfAllStepsOverThoseThere(), MeanDividedByTheLongest(), MeanOneStepShort(),
    MeanKeepsLengths(), MeanGradientToThePadding(), LargestOverThePadding(), LastColumn(), LastOfTheLongest(),
    LastButOne(), LastKeepsLengths(), LastGradientInTheLastColumn(), LastAddsUpInTheWorkspace(),
    ReversedOverThePadding(), ReversedForwardOnly(), ReversedByTheLongest(), ShiftedFromThePadding(),
    ShiftedGradientIntoThePadding(), LengthsOneLess(), LengthsInAnotherOrder(), LengthsAsFloats(), NoLengthsAfter(),
    CentredOverTheBatch(), BiasForEveryStep(2), GradientOfTheFirstLengthOnly(2), StateAfterThePadding(2),
    StateOneStepEarly(2), RunsIntoTheNextSequence(2), StopsEarly(2), AllAsLongAsTheShortest(2),
    DropsTheContext(RecurrentLayer(3)), DropsTheLengths([RecurrentLayer(2), LastStep()]),
    LengthsAfterTheFirst([Dense(2), LastStep()]),
    DropsTraining(Dense(3)), DropsTheGenerator(Dense(3)), DropsTheWorkspace(Dense(3)),
    OneWorkspaceForAll(branches()), SavesEveryDx([Dense(2), RecurrentLayer(2)]),
    StateOfTheFirstForAll([RecurrentLayer(2), RecurrentLayer(2)]), StatesReversed(RecurrentLayer(3), times=2),
    StateNotHandedOn([RecurrentLayer(2)]), WayAroundWithoutGradient(Dense(3)), WayAroundOnlyForward(Dense(3)),
    GradientOfTheLastBranch(branches()), BranchesSwapped(branches(), merge="concat"),
    BranchGradientsSwapped(branches(Dense(2), Dense(2)), merge="concat"), ForgetsABranch(branches()),
    NamesOutOfOrder(branches()),
    BindsTheFirstOnly(branches()), BindsCopies([Dense(2)]), BackwardReadsTheWrongWay(RecurrentLayer(2)),
    OutputsNotTurnedBack(RecurrentLayer(2)), TurnedOverThePadding(RecurrentLayer(2)),
    GradientTurnedOverThePadding(RecurrentLayer(2)), GradientsOfOneDirectionForBoth(RecurrentLayer(2)),
    PromisesTooFewFeatures(branches(), merge="concat"), SumsIntoTheFirstGradient(Dense(3), times=2),
    KeepsTheContexts([RecurrentLayer(2), LastStep()]), NoGradientsWithoutDx(2), OtherGradientsWithoutDx(2),
    ZerosWithoutDx(2), NeedsDx(2),
]  # fmt: skip

RIGHT: list[Layer] = [
    MeanOverTime(),
    Reversed(),
    Shifted(),
    Bidirectional(Residual(RecurrentLayer(3))),
    Residual(Parallel([Dense(3), Bidirectional(RecurrentLayer(3), merge="add")])),
    Sequential([Parallel([SelectFeatures([0]), RecurrentLayer(40)], merge="concat"), LastStep(), Dense(1)]),
    Repeat(Residual(Dense(3)), times=2),
]


@pytest.fixture(autouse=True)
def no_new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the one check that starts a process."""
    monkeypatch.setenv(CHILD, "")


def errors_of(layer: Layer) -> list[str]:
    return [result.error for result in run_checks(layer, (5, 3)) if result.error]


def test_there_are_fifty_faults() -> None:
    assert len({type(layer) for layer in FAULTS}) == len(FAULTS) >= 50


@pytest.mark.parametrize("layer", FAULTS, ids=lambda layer: type(layer).__name__)
def test_a_planted_fault_is_caught(layer: Layer) -> None:
    assert errors_of(layer)


# Each check with a fault that it must find itself.
OWN_FAULTS: list[tuple[Any, Layer]] = [
    (padded_equals_alone, LastColumn()),
    (padding_changes_nothing, LargestOverThePadding()),
    (without_input_gradient, OtherGradientsWithoutDx(2)),
    (bound_parameters, BindsTheFirstOnly(branches())),
    (children_by_name, NamesWithoutPlaces([Dense(2)])),
    (children_get_the_context, DropsTraining(Dense(3))),
]


@pytest.mark.parametrize(("check", "layer"), OWN_FAULTS, ids=lambda part: getattr(part, "__name__", ""))
def test_each_check_finds_a_fault_itself(check: Any, layer: Layer) -> None:
    assert check in CHECKS
    with pytest.raises(AssertionError):
        check(Subject(layer, (5, 3)))


def test_every_check_of_lengths_and_containers_is_tried() -> None:
    modules = {"minidl.testing.container_checks", "minidl.testing.length_checks"}
    assert {check for check, _ in OWN_FAULTS} == {check for check in CHECKS if check.__module__ in modules}


@pytest.mark.parametrize("layer", RIGHT, ids=lambda layer: type(layer).__name__)
def test_what_is_right_passes(layer: Layer) -> None:
    assert errors_of(layer) == []
