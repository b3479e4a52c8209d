"""Containers: layers one after the other, and copies of one layer."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.arguments import PositiveInt
from minidl.arrays import float_dtype
from minidl.errors import ConfigError, ShapeError
from minidl.initializers import MAX_PARAMETERS
from minidl.layer import INFERENCE, Array, Context, Grads, Layer, Shape, n_parameters
from minidl.layers.building import (
    check_shared,
    checked_generator,
    checked_shape,
    layers_in,
    returned_shape,
    take_in,
)
from minidl.layers.streaming import Stream
from minidl.parameters import Parameters, snapshot
from minidl.registry import register
from minidl.workspace import Workspace

MAX_LAYERS = 10_000


def n_layers(layer: Layer) -> int:
    """How many layers a layer consists of, itself included."""
    return len(layers_in(layer))


@dataclass(eq=False)
class Stack(Layer):
    """What all containers share: children in a row, parameters named by position (``0.W_xh``).

    The parameters are the children's own: whatever happens to a child is seen here.
    """

    children: list[Layer] = field(init=False, repr=False, default_factory=list)

    @property
    def params(self) -> dict[str, Array]:
        """The children's parameters by their names in the whole, then those that a subclass adds."""
        named = {f"{i}.{name}": value for i, child in self._first_places() for name, value in child.params.items()}
        return snapshot(type(self).__name__, {**named, **vars(self)["_params"]})

    @params.setter
    def params(self, arrays: Mapping[str, Array]) -> None:
        parts, own = self._by_child(arrays)
        for i, child in self._first_places():
            if parts[i]:
                child.bind(parts[i])
        vars(self)["_params"] = Parameters(type(self).__name__, own)

    def build(
        self, input_shape: Shape | int, rng: np.random.Generator | int, dtype: npt.DTypeLike = "float32"
    ) -> Shape:
        """Build every child on its predecessor's output shape, each with its own spawned generator.

        Parameters
        ----------
        input_shape : (time, features) or (features,), without the batch axis;
            an int n stands for (None, n): sequences of any length.
        rng : a Generator, or an int seed.
        dtype : of all parameters, float32 or float64.

        Raises
        ------
        ShapeError
            Layers do not fit each other, or one was built in another stack; then none has parameters.
        """
        who = type(self).__name__
        shape, rng, dtype = checked_shape(input_shape, who), checked_generator(rng, who), float_dtype(dtype, who)
        own = self._first_places()
        check_shared(own, self._place)
        take_in(self, own, self._place)
        built: set[int] = set()
        n_numbers = 0
        for i, (child, child_rng) in enumerate(zip(self.children, rng.spawn(len(self.children)), strict=True)):
            try:
                # A layer that stands twice is one set of parameters, built once.
                if id(child) in built:
                    shape = self._repeated(child, shape, child_rng, dtype)
                else:
                    shape = returned_shape(child.build(shape, child_rng, dtype), type(child).__name__)
                    child.close_params()
            except ShapeError as err:
                before = f" (the output of layer {i - 1}, {type(self.children[i - 1]).__name__})" if i else ""
                text = str(err).rstrip(".") + (before if not err.path else "")
                raise ShapeError(text + ".", (*self._place(i), *err.path)) from err
            n_numbers += n_parameters(child) * (id(child) not in built)
            if n_numbers > MAX_PARAMETERS:
                raise ShapeError(f"the stack has more than {MAX_PARAMETERS:,} parameters.", self._place(i))
            built.add(id(child))
        return shape

    def _place(self, i: int) -> tuple[str | int, ...]:
        """Where child i stands among the constructor's arguments."""
        return "layers", i

    @staticmethod
    def _repeated(child: Layer, shape: Shape, rng: np.random.Generator, dtype: npt.DTypeLike) -> Shape:
        twin = copy.deepcopy(child)
        output_shape = twin.build(shape, rng, dtype)
        for name, value in child.params.items():
            if twin.params[name].shape != value.shape:
                raise ShapeError(
                    f"{type(child).__name__}: used twice, but its {name} would need shape "
                    f"{twin.params[name].shape} here and {value.shape} before; got input {shape}."
                )
        return output_shape

    def to_config(self) -> dict[str, Any]:
        """The constructor's arguments; see `Configurable.to_config`.

        Raises
        ------
        ConfigError
            A layer stands twice: a config has no words for shared parameters.
        """
        if len(set(map(id, self.children))) < len(self.children):
            raise ConfigError(f"{type(self).__name__}: a layer stands in it twice, which a config cannot say.")
        return super().to_config()

    def _first_places(self) -> list[tuple[int, Layer]]:
        first: dict[int, int] = {}
        return [(i, child) for i, child in enumerate(self.children) if first.setdefault(id(child), i) == i]

    def _by_child(self, params: Mapping[str, Array]) -> tuple[list[dict[str, Array]], dict[str, Array]]:
        """The entries of each child by its own names, and those that are of no child."""
        parts: list[dict[str, Array]] = [{} for _ in self.children]
        own = {}
        for full, value in params.items():
            position, _, name = full.partition(".")
            if name and position.isdecimal() and int(position) < len(parts):
                parts[int(position)][name] = value
            else:
                own[full] = value
        return parts, own

    def bind(self, params: Mapping[str, Array]) -> None:
        """Hand every child its part; see `Layer.bind`."""
        self.check_fit(params)
        self.params = dict(params)

    def check_fit(self, params: Mapping[str, Array]) -> None:
        """Every child's check; see `Layer.check_fit`."""
        parts = self._by_child(params)[0]
        for i, child in self._first_places():
            child.check_fit(parts[i])
        super().check_fit(params)

    def forward(self, x: Array, ctx: Context = INFERENCE) -> tuple[Array, Any]:
        """Every child's forward in turn. ``ctx.state`` is a tuple, one entry a child.

        Raises
        ------
        ShapeError
            A child cannot take its input, or the state has not one entry for each child.
        """
        caches = []
        for child, child_ctx in zip(self.children, self._contexts(ctx), strict=True):
            made = child.forward(x, child_ctx)
            if type(made) is not tuple or len(made) != 2 or not isinstance(made[0], np.ndarray):
                raise ShapeError(f"{type(child).__name__}: forward must return (y, cache), y an array.")
            x, cache = made
            caches.append(cache)
        return x, (caches, ctx.workspace)

    def _contexts(self, ctx: Context) -> list[Context]:
        """One context a child; made once for a caller that lends a workspace and hands over no state."""
        state, ws = ctx.state, ctx.workspace
        if state is not None and not (isinstance(state, (tuple, list)) and len(state) == len(self.children)):
            got = f"{len(state)} entries" if isinstance(state, (tuple, list)) else type(state).__name__
            raise ShapeError(
                f"{type(self).__name__}: expected a state of {len(self.children)} entries, one a layer, got {got}."
            )

        def make() -> list[Context]:
            return [
                Context(
                    ctx.training,
                    ctx.rng,
                    None if state is None else state[i],
                    None if ws is None else ws.child(str(i)),
                    ctx.input_gradient or i > 0,
                )
                for i in range(len(self.children))
            ]

        if ws is None or state is not None:
            return make()
        return ws.plan("contexts", (len(self.children), ctx.training, id(ctx.rng), ctx.input_gradient), make)

    def backward(self, dy: Array, cache: Any) -> tuple[Array | None, Grads]:
        """Every child's backward in reverse; the gradients of a layer that stands twice add up."""
        caches, ws = cache[0], cache[1] or Workspace()
        grads: Grads = {}
        dx: Array | None = dy
        first: dict[int, int] = {}
        places = [first.setdefault(id(child), i) for i, child in enumerate(self.children)]
        for i in reversed(range(len(self.children))):
            if dx is None:
                above = f"layer {i + 1} ({type(self.children[i + 1]).__name__})"
                raise ShapeError(f"{type(self).__name__}: {above} returned None for dx; only the first layer may.")
            made = self.children[i].backward(dx, caches[i])
            if type(made) is not tuple or len(made) != 2 or not isinstance(made[1], dict):
                who = type(self.children[i]).__name__
                raise ShapeError(f"{who}: backward must return (dx, gradients), gradients a dict by parameter name.")
            dx, own = made
            for name, value in own.items():
                full = f"{places[i]}.{name}"
                if full in grads:
                    value = np.add(grads[full], value, out=ws.array("sum " + full, value.shape, value.dtype))
                grads[full] = value
        return dx, grads

    def stream(self, state: Any = None) -> Stream:
        """Feed this model one time step at a time; see `Stream`."""
        return Stream(self, state)

    def final_state(self, cache: Any) -> Any:
        """A tuple with every child's final state."""
        return tuple(child.final_state(part) for child, part in zip(self.children, cache[0], strict=True))


@register
@dataclass(eq=False)
class Sequential(Stack):
    """Layers one after the other: y = f_n(... f_1(x)).

    Parameters
    ----------
    layers : at least one layer. One that stands twice shares its parameters,
        which are named by its first position.
    """

    layers: list[Layer]

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.layers:
            raise ConfigError("Sequential: layers: expected at least one layer, got an empty list.")
        self.children = self.layers


@register
@dataclass(eq=False)
class Repeat(Stack):
    """`times` independent copies of one layer in a row: depth as a number.

    ``Repeat(RecurrentLayer(8), times=3)`` is a stack of three layers with their
    own parameters, named ``0.W_xh``, ``1.W_xh``, ``2.W_xh``.
    """

    layer: Layer
    _: KW_ONLY
    times: PositiveInt

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.times * n_layers(self.layer) > MAX_LAYERS:
            raise ConfigError(f"Repeat: times: {self.times:,} copies would be more than {MAX_LAYERS:,} layers.")
        self.children = [copy.deepcopy(self.layer) for _ in range(self.times)]

    def _place(self, i: int) -> tuple[str | int, ...]:
        return ("layer",)
