"""The kernel protocol: how a layer, an activation, a loss or an optimizer runs in compiled code.

A kernel stands beside the class whose work it does; the class knows nothing of
it. Inside the compiled engine the batch is the last axis, so that one vector
instruction handles many windows: arrays are (time, features, lanes), and a layer
without a time axis has time 1. Lanes beyond the batch hold copies of a window
and get the gradient zero. This module does not need numba.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

Function = Callable[..., Any]
Sizes = tuple[int, int, int]  # time, features, lanes


def _no_scratch(layer: Any, x: Sizes, y: Sizes) -> int:
    return 0


@dataclass(frozen=True)
class LayerKernel:
    """Forward and backward of a layer, both made with `minidl.compiled.jit`.

    Parameters
    ----------
    forward : ``forward(x, y, scratch, *params)`` fills y. The parameters come in
        the order of ``layer.params``.
    backward : ``backward(x, y, dy, dx, scratch, *params, *gradients)`` fills dx
        and every gradient. ``dx.size`` is 0 if nobody needs dx. A dx keeps what
        was written to it in the step before and is zero at first.
    scratch : ``scratch(layer, x_sizes, y_sizes)``, the number of values in the
        flat array `scratch`, which is zero at first and keeps its content.
    carry : ``carry(x, y, scratch)`` makes the state after this window the state
        before the next one; None for a layer without state. The state stands in
        the first ``state_size`` · lanes values of scratch.
    state_size : ``state_size(layer)``, features of the state.
    """

    forward: Function
    backward: Function
    scratch: Callable[[Any, Sizes, Sizes], int] = _no_scratch
    carry: Function | None = None
    state_size: Callable[[Any], int] = lambda layer: 0


@dataclass(frozen=True)
class ActivationKernel:
    """An activation as two functions of one number: ``function(a)`` and ``slope(y)`` = f'(a) from y = f(a)."""

    function: Function
    slope: Function


@dataclass(frozen=True)
class LossKernel:
    """``loss(y, target, dy, n)`` fills dy (0 in the lanes from n on) and returns the loss of the first n lanes."""

    loss: Function


@dataclass(frozen=True)
class OptimizerKernel:
    """An optimizer's step.

    Parameters
    ----------
    update : ``update(params, grads, numbers, *state)`` on flat vectors; `grads` may be overwritten.
    numbers : the optimizer's arguments as a list of floats, asked for before every call.
    state : names of the optimizer's state arrays, in the order of `update`; a function of the optimizer.
    """

    update: Function
    numbers: Callable[[Any], list[float]]
    state: Callable[[Any], tuple[str, ...]] = lambda optimizer: ()


Kernel = LayerKernel | ActivationKernel | LossKernel | OptimizerKernel
Factory = Callable[[Any], Any]
F = TypeVar("F", bound=Factory)

# The library's own factories are named, not imported: they need numba.
_PLACES = "minidl.compiled.kernels."
_FACTORIES: dict[tuple[str, str], Factory | str] = {
    ("minidl.layers.activations", "IdentityActivation"): _PLACES + "activations:identity",
    ("minidl.layers.activations", "ReluActivation"): _PLACES + "activations:relu",
    ("minidl.layers.activations", "SigmoidActivation"): _PLACES + "activations:sigmoid",
    ("minidl.layers.activations", "TanhActivation"): _PLACES + "activations:tanh",
    ("minidl.layers.dense", "Dense"): _PLACES + "dense:dense",
    ("minidl.layers.recurrent", "RecurrentLayer"): _PLACES + "recurrent:recurrent",
    ("minidl.layers.sequence_ends", "LastStep"): _PLACES + "sequence_ends:last_step",
    ("minidl.losses", "HalfMSE"): _PLACES + "losses:half_mse",
    ("minidl.losses", "MAE"): _PLACES + "losses:mae",
    ("minidl.losses", "MSE"): _PLACES + "losses:mse",
    ("minidl.optimizers", "Adam"): _PLACES + "optimizers:adam",
    ("minidl.optimizers", "SGD"): _PLACES + "optimizers:sgd",
}


def _key(cls: type) -> tuple[str, str]:
    return cls.__module__, cls.__qualname__


def register_kernel(cls: type) -> Callable[[F], F]:
    """Decorator: this function makes the kernel of an instance of `cls`.

    ``make(item)`` returns a `LayerKernel`, `ActivationKernel`, `LossKernel` or
    `OptimizerKernel`. It is called only where numba is installed. A class
    without a kernel of its own does not inherit one, for it may compute
    something else.
    """

    def decorate(factory: F) -> F:
        _FACTORIES[_key(cls)] = factory
        return factory

    return decorate


def silent(line: str) -> None:
    """Where lines for people go if nobody asks for them; a named function, which can be pickled."""


def has_kernel(item: object) -> bool:
    """Whether a kernel is registered for exactly this class."""
    return _key(type(item)) in _FACTORIES


def kernel_of(item: Any) -> Any:
    """The kernel of a layer, activation, loss or optimizer; needs numba."""
    factory = _FACTORIES[_key(type(item))]
    if isinstance(factory, str):
        module, name = factory.split(":")
        factory = getattr(importlib.import_module(module), name)
    assert callable(factory)
    return factory(item)
