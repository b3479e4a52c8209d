"""One way through a model: every layer with its path, and what goes into each.

A path is a layer's place among the children of its containers, ``1.inner.0``, and
begins the names of its parameters; that of the model itself is "".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from minidl.core.layer import Array, Layer, Shape


def walk(layer: Layer, path: str = "") -> Iterator[tuple[str, Layer]]:
    """The layer, then all layers inside it, each before its own children; a layer that stands twice comes twice."""
    yield path, layer
    for name, child in layer.children().items():
        yield from walk(child, joined(path, name))


def leaves(layer: Layer) -> Iterator[tuple[str, Layer]]:
    """The layers of `walk` that have no children."""
    return ((path, part) for path, part in walk(layer) if not part.children())


def walk_shapes(layer: Layer, input_shape: Shape, path: str = "") -> Iterator[tuple[str, Layer, Shape]]:
    """As `walk`, with the shape that goes into each layer.

    Raises
    ------
    ShapeError
        Layers do not fit each other.
    """
    yield path, layer, input_shape
    inputs = layer.child_inputs(input_shape)
    for name, child in layer.children().items():
        yield from walk_shapes(child, inputs[name], joined(path, name))


def n_layers(layer: Layer) -> int:
    """How many layers a layer consists of, itself included."""
    return sum(1 for _ in walk(layer))


def longest_path(layer: Layer, counts: Callable[[Layer], bool]) -> int:
    """How many layers that count a number passes through from input to output, on the way with the most."""
    inside = [longest_path(child, counts) for child in layer.children().values()]
    return counts(layer) + (sum(inside) if layer.in_a_row else max(inside, default=0))


def own_parameters(layer: Layer) -> dict[str, Array]:
    """The parameters of a layer that are not those of a child."""
    children = layer.children()
    return {name: value for name, value in layer.params.items() if name.partition(".")[0] not in children}


def owner(model: Layer, parameter: str) -> Layer:
    """The layer that a parameter of a model belongs to, by its name (``1.0.W_xh``)."""
    name, _, rest = parameter.partition(".")
    children = model.children()
    return owner(children[name], rest) if name in children else model


def config_path(model: Layer, path: str) -> tuple[str | int, ...]:
    """Where in a config the layer stands that `walk` finds at this path."""
    found: list[str | int] = []
    for name in path.split(".") if path else ():
        found += model.config_path(name)
        model = model.children()[name]
    return tuple(found)


def joined(path: str, name: str) -> str:
    """The path of the child `name` of the layer at `path`."""
    return f"{path}.{name}" if path else name
