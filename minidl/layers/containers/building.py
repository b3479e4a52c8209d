"""What a container makes sure of before it builds its layers: its arguments, and that the layers are its own."""

from __future__ import annotations

import copy
import operator
import weakref
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.core.arguments import Seed, convert
from minidl.core.errors import ConfigError, ShapeError
from minidl.core.layer import Layer, Shape
from minidl.core.walk import walk

Places = Sequence[tuple[str, Layer]]  # name and child, each child once
PathOf = Callable[[str], tuple[str | int, ...]]


def checked_shape(given: Any, where: str) -> Shape:
    """An input shape without the batch axis; an int n stands for (None, n).

    Raises
    ------
    ShapeError
        It is none.
    """
    try:
        shape = (None, operator.index(given)) if not isinstance(given, Iterable) else tuple(given)
        shape = tuple(None if n is None else operator.index(n) for n in shape)
    except TypeError:
        shape = ()
    if not shape or any(n is not None and n < 1 for n in shape):
        raise ShapeError(
            f"{where}: expected an input shape such as (24, 6) or (None, 6), "
            f"time steps and features without the batch, got {given!r}."
        )
    return shape


def returned_shape(shape: Any, where: str) -> Shape:
    """The shape that a method of a layer returned, if it is one.

    Raises
    ------
    ShapeError
        It is none, for example because the layer forgot to return it.
    """
    if not isinstance(shape, (tuple, list)) or not shape or not all(n is None or isinstance(n, int) for n in shape):
        raise ShapeError(f"{where} must return the output shape, such as (24, 6) or (6,), got {shape!r}.")
    return tuple(shape)


def build_as_promised(layer: Layer, shape: Shape, rng: np.random.Generator, dtype: npt.DTypeLike) -> Shape:
    """Build a layer on the shape that goes into it; returns its output shape.

    Raises
    ------
    ShapeError
        The layer cannot take the shape, or `build` and `output_shape` say different things.
    """
    who = type(layer).__name__
    output = returned_shape(layer.build(shape, rng, dtype), f"{who}: build")
    promised = returned_shape(layer.output_shape(shape), f"{who}: output_shape")
    if output != promised:
        raise ShapeError(
            f"{who}: build returns {output} for input {shape}, but output_shape {promised}; a layer "
            "that changes the shape says so in output_shape(input_shape), and its build returns the same."
        )
    return output


def build_child(child: Layer, shape: Shape, rng: np.random.Generator, dtype: npt.DTypeLike, *, again: bool) -> None:
    """Build a layer; one that stands twice is one set of parameters, built once."""
    layer = copy.deepcopy(child) if again else child
    build_as_promised(layer, shape, rng, dtype)
    layer.close_params()
    for name, value in child.params.items():
        if layer.params[name].shape != value.shape:
            raise ShapeError(
                f"{type(child).__name__}: used twice, but its {name} would need shape "
                f"{layer.params[name].shape} here and {value.shape} before; got input {shape}."
            )


def checked_generator(rng: Any, where: str) -> np.random.Generator:
    """A generator, or the one of an int seed.

    Raises
    ------
    ConfigError
        It is neither.
    """
    if isinstance(rng, np.random.Generator):
        return rng
    try:
        return np.random.default_rng(convert(rng, Seed))
    except ConfigError as err:
        raise ConfigError(f"{where}: rng: expected a Generator or a seed; {err}.") from err


def check_shared(children: Places, path: PathOf) -> None:
    """A layer may stand twice in one container, but not in two: its parameters would have two names."""
    homes: dict[int, str] = {}
    for name, child in children:
        for _, part in walk(child):
            if homes.setdefault(id(part), name) != name:
                text = f"{type(part).__name__}: it stands in layer {homes[id(part)]} too, in another stack."
                raise ShapeError(text, path(name))


def take_in(stack: Layer, children: Places, path: PathOf) -> None:
    """Make every child the container's own, without parameters, so that a build which fails leaves none behind.

    Raises
    ------
    ShapeError
        A child was built in another stack that is still there: its weights would be replaced there too.
    """
    for name, child in children:
        home: _Home | None = vars(child).get("_home")
        other = None if home is None else home.stack()
        if other is not None and other is not stack and any(part is child for part in other.children().values()):
            raise ShapeError(
                f"{type(child).__name__}: it was built in another {type(other).__name__}, whose weights would be "
                "replaced; give each its own, for example copy.deepcopy(layer).",
                path(name),
            )
    for _, child in children:
        vars(child)["_home"] = _Home(stack)
        child.params = {}


class _Home:
    """In which stack a layer was built; a copy of the layer was built in none."""

    def __init__(self, stack: Layer | None = None) -> None:
        self.stack: Callable[[], Layer | None] = _nowhere if stack is None else weakref.ref(stack)

    def __reduce__(self) -> Any:
        return _Home, ()


def _nowhere() -> None:
    return None
