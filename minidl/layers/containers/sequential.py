"""Layers one after the other, and copies of one layer in a row."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, ClassVar, overload

from minidl.core.arguments import PositiveInt
from minidl.core.errors import ConfigError, ShapeError
from minidl.core.layer import INFERENCE, Array, Context, Grads, Layer, Shape
from minidl.core.registry import register
from minidl.core.walk import n_layers
from minidl.core.workspace import Workspace
from minidl.layers.containers.back import ChildBackward, StateContainer
from minidl.layers.containers.calls import forward_of
from minidl.layers.containers.container import by_position

MAX_LAYERS = 10_000


@dataclass(eq=False)
class Chain(StateContainer):
    """Children in a row, each fed with the output of the one before; named by position (``0.W_xh``)."""

    _row: Sequence[Layer] = field(init=False, repr=False, default=())
    in_a_row: ClassVar[bool] = True

    def children(self) -> Mapping[str, Layer]:
        """By position: "0", "1", ..."""
        return by_position(self._row)

    @overload
    def __getitem__(self, place: int) -> Layer: ...

    @overload
    def __getitem__(self, place: slice) -> Sequential: ...

    def __getitem__(self, place: int | slice) -> Layer:
        """The layer at a position, -1 the last one; or part of the row, as a stack of the same layers.

        Raises
        ------
        IndexError
            There is no such position.
        ConfigError
            The part has no layers.
        """
        return self._part(place) if isinstance(place, slice) else super().__getitem__(place)

    def _part(self, place: slice) -> Sequential:
        part = Sequential(list(self._row[place]))
        if self.input_shape is not None:
            part.note_build(self._shapes(self.input_shape)[:-1][place][0], self.dtype)
        return part

    def placed(self, err: ShapeError, name: str) -> ShapeError:
        """The error of a child, with its place and the layer before it."""
        i = int(name)
        before = f" (the output of layer {i - 1}, {type(self._row[i - 1]).__name__})" if i and not err.path else ""
        return super().placed(ShapeError(str(err).rstrip(".") + before + ".", err.path), name)

    def _shapes(self, input_shape: Shape) -> list[Shape]:
        """What goes into each child, and what comes out of the last one."""
        shapes = [tuple(input_shape)]
        for i, child in enumerate(self._row):
            try:
                shapes.append(child.output_shape(shapes[-1]))
            except ShapeError as err:
                raise self.placed(err, str(i)) from err
        return shapes

    def child_inputs(self, input_shape: Shape) -> Mapping[str, Shape]:
        """The output shape of the child before."""
        return {str(i): shape for i, shape in enumerate(self._shapes(input_shape)[:-1])}

    def output_shape(self, input_shape: Shape) -> Shape:
        """That of the last child."""
        return self._shapes(input_shape)[-1]

    def child_lengths(self, lengths: Array | None) -> Sequence[Array | None]:
        """The lengths after the child before."""
        return self._all_lengths(lengths)[:-1]

    def output_lengths(self, lengths: Array | None) -> Array | None:
        """Those after the last child."""
        return self._all_lengths(lengths)[-1]

    def _all_lengths(self, lengths: Array | None) -> list[Array | None]:
        found = [lengths]
        for child in self._row:
            found.append(child.output_lengths(found[-1]))
        return found

    def wants_input_gradient(self, i: int, ctx: Context) -> bool:
        """The first child alone may leave it out."""
        return ctx.input_gradient or i > 0

    def forward(self, x: Array, ctx: Context = INFERENCE) -> tuple[Array, Any]:
        """Every child's forward in turn. ``ctx.state`` is a tuple, one entry a child."""
        caches = []
        for child, child_ctx in zip(self._row, self.contexts(ctx), strict=True):
            x, cache = forward_of(child, x, child_ctx)
            caches.append(cache)
        return x, (caches, ctx.workspace)

    def back(self, dy: Array, cache: Any, child_backward: ChildBackward) -> tuple[Array | None, Grads]:
        """Every child's backward in reverse."""
        caches, ws = cache[0], cache[1] or Workspace()
        by_child: dict[str, Grads] = {}
        dx: Array | None = dy
        for i in reversed(range(len(self._row))):
            if dx is None:
                above = f"layer {i + 1} ({type(self._row[i + 1]).__name__})"
                raise ShapeError(f"{type(self).__name__}: {above} returned None for dx; only the first layer may.")
            dx, by_child[str(i)] = child_backward(i, self._row[i], dx, caches[i])
        return dx, self.summed_gradients(by_child, ws)


@register
@dataclass(eq=False)
class Sequential(Chain):
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
        self._row = self.layers

    def config_path(self, name: str) -> tuple[str | int, ...]:
        """``layers.<position>``."""
        return ("layers", int(name))


@register
@dataclass(eq=False)
class Repeat(Chain):
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
        self._row = [copy.deepcopy(self.layer) for _ in range(self.times)]

    def config_path(self, name: str) -> tuple[str | int, ...]:
        """``layer``, which all copies are made of."""
        return ("layer",)
