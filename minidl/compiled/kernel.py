"""The kernel protocol: how a layer, an activation, a loss or an optimizer runs in compiled code.

A kernel stands beside the class whose work it does; the class knows nothing of
it. Inside the compiled engine the batch is the last axis, so that one vector
instruction handles many windows: arrays are (time, features, lanes), and a layer
without a time axis has time 1. Lanes beyond the batch hold copies of a window
and get the gradient zero. This module does not need numba.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, NamedTuple, TypeVar

from minidl.layers.recurrent.cell import Cell

Function = Callable[..., Any]
Sizes = tuple[int, int, int]  # time, features, lanes


class Mask(NamedTuple):
    """What dropout multiplies with, drawn for each window of each step: 0 with probability `drop_rate`; its sizes."""

    drop_rate: float
    time: int
    features: int


class Single(NamedTuple):
    """A layer's kernel where there is a single lane, and no way back.

    Parameters
    ----------
    forward, scratch, carry : as those of `LayerKernel`.
    content : ``content(layer, x_sizes, y_sizes)``, the numbers that scratch begins with, zeros where states stand:
        they are written there once, with the layer's parameters as they are then.
    """

    forward: Function
    scratch: Callable[[Any, Sizes, Sizes], int]
    carry: Function
    content: Callable[[Any, Sizes, Sizes], Any]


class Linked(NamedTuple):
    """A layer's kernel where it goes on from the states of an earlier call in the same step, with the gradient.

    Parameters
    ----------
    pass_on : ``pass_on(x, y, scratch, to)`` writes the state after a window to `to`, the one that the next begins with.
    backward : in place of that of `LayerKernel`; after `scratch` it gets ``after``, dL/d(state) of what came next, and
        ``before``, which it fills with dL/d(state) of what it began with, both flat.
    """

    pass_on: Function
    backward: Function


def _no_scratch(layer: Any, x: Sizes, y: Sizes) -> int:
    return 0


def _no_state(layer: Any, x: Sizes) -> Sequence[int]:
    return ()


def _no_numbers(layer: Any) -> Sequence[int]:
    return ()


def _no_names(optimizer: Any) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True)
class LayerKernel:
    """Forward and backward of a layer, both made with `minidl.compiled.jit`.

    Parameters
    ----------
    forward : ``forward(x, y, scratch, *params)`` fills y. The parameters come in
        the order of ``layer.params``; before them the numbers, if there are any.
    backward : ``backward(x, y, dy, dx, scratch, *params, *gradients)`` fills dx
        and every gradient. ``dx.size`` is 0 if nobody needs dx. A dx keeps what
        was written to it in the step before and is zero at first.
    scratch : ``scratch(layer, x_sizes, y_sizes)``, the number of values in the
        flat array `scratch`, which is zero at first and keeps its content.
    carry : ``carry(x, y, scratch)`` makes the state after this window the state
        before the next one; None for a layer without state.
    state : ``state(layer, x_sizes)``, features of each part of the state; several are a tuple of arrays in place of
        one. They stand one after the other, (features, lanes) each, at the beginning of scratch.
    start : ``start(x, y, scratch, *params)`` writes the state before the first step, wherever a window begins; None:
        zeros, which stand there.
    numbers : ``numbers(layer)``, whole numbers that both functions get as one array.
    mask : ``mask(layer, x_sizes, y_sizes)``, what both functions get as an array (time, features, lanes) after the
        numbers; it is drawn anew for each step of a training, and 1 where the net is used. None: nothing is drawn.
    ragged : forward and backward where lanes have lengths, for a layer that looks ahead, changes the
        time axis or goes on after a lane's end: both get ``lengths``, int64 (lanes,), before the parameters.
        None: they are the same. Beyond its length a lane of x repeats its last step, or holds other
        finite numbers, and dy is 0; y must be finite there, and dx 0.
    refuses : whether the layer refuses some x whose shape is right; y is NaN there, and the layer's own forward is
        asked what it has to say.
    single : what takes the place of forward, scratch and carry where one sequence is forecast; None: they are the same.
    linked : what stands in place of backward where a container calls a layer with a state again, as `Rollout` does
        where its window grows; with `went_on` if the state is multiplied. None: such trainings are left to NumPy.
    went_on : ``went_on(x, y, scratch, *params, *gradients)`` follows backward in a window that began with the state of
        the one before, which still stands in scratch (truncated backpropagation): it adds to the gradients what that
        state multiplied, and makes those of start states zero. None: such trainings are left to NumPy.
    """

    forward: Function
    backward: Function
    scratch: Callable[[Any, Sizes, Sizes], int] = _no_scratch
    carry: Function | None = None
    state: Callable[[Any, Sizes], Sequence[int]] = _no_state
    start: Function | None = None
    numbers: Callable[[Any], Sequence[int]] = _no_numbers
    ragged: tuple[Function, Function] | None = None
    refuses: bool = False
    mask: Callable[[Any, Sizes, Sizes], Mask] | None = None
    went_on: Function | None = None
    single: Single | None = None
    linked: Linked | None = None


@dataclass(frozen=True)
class ActivationKernel:
    """An activation as two functions of one number: ``function(a)`` and ``slope(y)`` = f'(a) from y = f(a)."""

    function: Function
    slope: Function


@dataclass(frozen=True)
class LossKernel:
    """``loss(y, target, dy, n)`` fills dy (0 in the lanes from n on) and returns the loss of the first n lanes.

    Targets have the sizes of y, or one number for each `per_target` of y's (see `minidl.losses.Loss`);
    labels are numbers of y's type, one at each time step.

    Parameters
    ----------
    weighted : ``weighted(y, target, dy, share)``, the same with a share of the mean for each number of the
        target, all of which are 1 together or 0; None: examples with weights or lengths are left to NumPy.
    """

    loss: Function
    weighted: Function | None = None


@dataclass(frozen=True)
class OptimizerKernel:
    """An optimizer's step.

    Parameters
    ----------
    update : ``update(params, grads, numbers, *state)`` on flat vectors; `grads` may be overwritten.
    numbers : the optimizer's arguments as a list of floats, as many each time; asked for many steps at once: the
        learning rate, which stands in the optimizer, is an array of theirs, and so is what is computed from it.
    state : names of the optimizer's state arrays, in the order of `update`; a function of the optimizer.
    """

    update: Function
    numbers: Callable[[Any], list[float]]
    state: Callable[[Any], tuple[str, ...]] = _no_names


Kernel = LayerKernel | ActivationKernel | LossKernel | OptimizerKernel
Factory = Callable[[Any], Any]
F = TypeVar("F", bound=Factory)

# The library's own factories are named, not imported: they need numba.
_OWN: dict[tuple[str, str], tuple[type[Kernel], str]] = {
    ("minidl.layers.activations", "IdentityActivation"): (ActivationKernel, "activations:identity"),
    ("minidl.layers.activations", "ReluActivation"): (ActivationKernel, "activations:relu"),
    ("minidl.layers.activations", "SigmoidActivation"): (ActivationKernel, "activations:sigmoid"),
    ("minidl.layers.activations", "TanhActivation"): (ActivationKernel, "activations:tanh"),
    ("minidl.layers.ahead", "StepsAhead"): (LayerKernel, "ahead:steps_ahead"),
    ("minidl.layers.dense", "Dense"): (LayerKernel, "dense:dense"),
    ("minidl.layers.dropout", "Dropout"): (LayerKernel, "dropout:dropout"),
    ("minidl.layers.embedding", "Embedding"): (LayerKernel, "embedding:embedding"),
    ("minidl.layers.layer_norm", "LayerNorm"): (LayerKernel, "layer_norm:layer_norm"),
    ("minidl.layers.over_time", "MaxOverTime"): (LayerKernel, "over_time:max_over_time"),
    ("minidl.layers.over_time", "MeanOverTime"): (LayerKernel, "over_time:mean_over_time"),
    ("minidl.layers.recurrent.elman", "RecurrentLayer"): (LayerKernel, "recurrent:recurrent"),
    ("minidl.layers.select_features", "SelectFeatures"): (LayerKernel, "select_features:select_features"),
    ("minidl.layers.sequence_ends", "LastStep"): (LayerKernel, "sequence_ends:last_step"),
    ("minidl.layers.softmax", "Softmax"): (LayerKernel, "softmax:softmax"),
    ("minidl.losses.binary_cross_entropy", "BinaryCrossEntropy"): (
        LossKernel,
        "binary_cross_entropy:binary_cross_entropy",
    ),
    ("minidl.losses.cross_entropy", "CrossEntropy"): (LossKernel, "cross_entropy:cross_entropy"),
    ("minidl.losses.differences", "HalfMSE"): (LossKernel, "differences:half_mse"),
    ("minidl.losses.differences", "MAE"): (LossKernel, "differences:mae"),
    ("minidl.losses.differences", "MSE"): (LossKernel, "differences:mse"),
    ("minidl.losses.gaussian_nll", "GaussianNLL"): (LossKernel, "gaussian_nll:gaussian_nll"),
    ("minidl.losses.huber", "Huber"): (LossKernel, "differences:huber"),
    ("minidl.losses.log_cosh", "LogCosh"): (LossKernel, "differences:log_cosh"),
    ("minidl.losses.quantile", "Quantile"): (LossKernel, "quantile:quantile"),
    ("minidl.losses.sum_of_losses", "SumOfLosses"): (LossKernel, "sum_of_losses:sum_of_losses"),
    ("minidl.losses.weighted_leads", "WeightedLeads"): (LossKernel, "weighted_leads:weighted_leads"),
    ("minidl.optimizers.adagrad", "Adagrad"): (OptimizerKernel, "optimizers:adagrad"),
    ("minidl.optimizers.adam", "Adam"): (OptimizerKernel, "optimizers:adam"),
    ("minidl.optimizers.adamw", "AdamW"): (OptimizerKernel, "optimizers:adamw"),
    ("minidl.optimizers.lion", "Lion"): (OptimizerKernel, "optimizers:lion"),
    ("minidl.optimizers.rmsprop", "RMSProp"): (OptimizerKernel, "optimizers:rmsprop"),
    ("minidl.optimizers.sgd", "SGD"): (OptimizerKernel, "optimizers:sgd"),
}
_FACTORIES: dict[type, Factory] = {}


def register_kernel(cls: type) -> Callable[[F], F]:
    """Decorator: this function makes the kernel of an instance of `cls`.

    ``make(item)`` returns a `LayerKernel`, `ActivationKernel`, `LossKernel` or
    `OptimizerKernel`. It is called only where numba is installed. A class
    without a kernel of its own does not inherit one, for it may compute
    something else.
    """

    def decorate(factory: F) -> F:
        _FACTORIES[cls] = factory
        return factory

    return decorate


def silent(line: str) -> None:
    """Where lines for people go if nobody asks for them; a named function, which can be pickled."""


def _own(cls: type) -> tuple[type[Kernel], str] | None:
    """The library's own kernel of a class; a class of the same name is another class.

    Those of cells are written from their equations, a user's included.
    """
    if issubclass(cls, Cell) and cls.is_its_equations():
        return LayerKernel, "cells:cell"
    found = _OWN.get((cls.__module__, cls.__qualname__))
    return found if getattr(sys.modules.get(cls.__module__), cls.__name__, None) is cls else None


def no_kernel(item: Any, kinds: tuple[type[Kernel], ...]) -> str | None:
    """Why an object has no kernel of these kinds, in a few words; None: it has one. Needs numba for users' classes."""
    cls = type(item)
    changed = sorted(name for name in vars(item) if _is_method(cls, name))
    if changed:
        return f"has another {changed[0]} than its class"
    own = _own(cls)
    if cls in _FACTORIES:
        kernel = _FACTORIES[cls](item)
        kind: type = type(kernel)
        if kind not in (LayerKernel, ActivationKernel, LossKernel, OptimizerKernel):
            return f"has a kernel that is a {kind.__name__}"
    elif own is not None:
        kind = own[0]
    else:
        return "has no kernel"
    if kind not in kinds:
        return f"has the kernel of another sort, {kind.__name__} for {' or '.join(k.__name__ for k in kinds)}"
    return None


def _is_method(cls: type, name: str) -> bool:
    """Whether a class has a method of this name; its arguments' defaults, which may be functions, are none."""
    arguments = {field.name for field in fields(cls)} if is_dataclass(cls) else set()
    return name not in arguments and callable(getattr(cls, name, None))


def has_part(item: Any, name: str) -> bool:
    """Whether the kernel of an object that has one has this part; the library's own are known to have all they need."""
    factory = _FACTORIES.get(type(item))
    return factory is None or getattr(factory(item), name, None) is not None


def kernel_of(item: Any) -> Any:
    """The kernel of a layer, activation, loss or optimizer that has one; needs numba."""
    factory = _FACTORIES.get(type(item))
    own = _own(type(item))
    if factory is None and own is not None:
        module, name = own[1].split(":")
        factory = getattr(importlib.import_module("minidl.compiled.kernels." + module), name)
    assert factory is not None
    return factory(item)
