"""The layer protocol: what a layer is, and what one call of it needs.

A layer computes; it remembers nothing of a call. ``forward`` returns its output
together with a cache, ``backward`` takes that cache. So one layer can be used
twice in a stack, from several threads, and forward twice before backward.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from minidl.core.arguments import Configurable
from minidl.core.arrays import numbers_array
from minidl.core.errors import ShapeError
from minidl.core.lengths import checked_lengths, longest_first, without_padding
from minidl.core.parameters import Parameters
from minidl.core.registry import open_kind
from minidl.core.states import arrays_in
from minidl.core.workspace import Workspace

Array = npt.NDArray[Any]
Shape = tuple[int | None, ...]
Grads = dict[str, Array]


class Bounded(NamedTuple):
    """Values (batch, time, units) or (batch, units) of a function that never leaves the range from low to high."""

    values: Array
    low: float
    high: float


@dataclass(frozen=True)
class Context:
    """What one call needs besides its input.

    Parameters
    ----------
    training : whether dropout and the like are active.
    rng : source of random numbers for layers that draw some.
    state : start state h_0, as `final_state` returned it; None means zeros.
    workspace : buffers that one caller lends from call to call; None: every
        call allocates. Arrays returned from a call with a workspace are valid
        until the next forward with the same workspace.
    input_gradient : whether backward must return dL/dx. The trainer turns it
        off for the first layer of a stack, whose dx nobody reads; dx is then None.
    lengths : int64 (batch,), the longest first: time steps of each sequence. What
        stands after them in x and dy is padding; see `minidl.core.lengths`, also for who must
        heed it. None: all are whole.
    """

    training: bool = False
    rng: np.random.Generator | None = None
    state: Any = None
    workspace: Workspace | None = None
    input_gradient: bool = True
    lengths: Array | None = None


INFERENCE = Context()


@open_kind("layer")
@dataclass(eq=False, repr=False)
class Layer(Configurable, ABC):
    """A differentiable function of one array, with parameters.

    Arrays are (batch, time, feature) or (batch, feature) at this boundary. A
    subclass writes `forward` and `backward`; one with parameters also `build`; one
    that changes the shape, or cannot take every shape, `output_shape`; one that
    changes the number of time steps `output_lengths`; one that
    is made of layers `children`, unless it derives from `Container`.
    Nothing but `build` and `bind` may write to ``self``.
    """

    # Whether y at a time step depends on this step and earlier ones only.
    causal: ClassVar[bool] = True
    # Whether each child is fed with the output of the one before; otherwise they stand side by side.
    in_a_row: ClassVar[bool] = False
    # Whether its matrices are multiplied with something; otherwise their rows are looked up.
    multiplies: ClassVar[bool] = True

    def __new__(cls, *args: Any, **more: Any) -> Any:
        """With no parameters yet, whatever the constructor does."""
        layer = super().__new__(cls)
        vars(layer)["_params"] = Parameters(cls.__name__, {})
        return layer

    @property
    def params(self) -> dict[str, Array]:
        """Parameters by name, filled by `build`; assigning to a name writes into its array."""
        return vars(self)["_params"]  # type: ignore[no-any-return]

    @params.setter
    def params(self, arrays: Mapping[str, Array]) -> None:
        vars(self)["_params"] = Parameters(type(self).__name__, arrays)

    def children(self) -> Mapping[str, Layer]:
        """The layers that this one is made of, by name; the names begin those of their parameters."""
        return {}

    @property
    def child_calls(self) -> int:
        """How often each child computes in one forward."""
        return 1

    def config_path(self, name: str) -> tuple[str | int, ...]:
        """Where the child `name` stands among the constructor's arguments: ``("layers", 2)``."""
        return (name,)

    def child_inputs(self, input_shape: Shape) -> Mapping[str, Shape]:
        """The shape that goes into each child for an input of this shape; the same one, by default."""
        return dict.fromkeys(self.children(), input_shape)

    def output_shape(self, input_shape: Shape) -> Shape:
        """The shape of y for x of this shape; nothing is allocated or drawn.

        Shapes are without the batch axis; the time axis may be None (any
        length). The default suits a layer that keeps the shape.

        Raises
        ------
        ShapeError
            The layer cannot take this input shape.
        """
        return input_shape

    def output_lengths(self, lengths: Array | None) -> Array | None:
        """`Context.lengths` of y for those of x: the same, by default; None if y has no time axis."""
        return lengths

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: npt.DTypeLike) -> Shape:
        """Allocate ``self.params`` and return `output_shape`.

        The default suits a layer without parameters.

        Raises
        ------
        ShapeError
            The layer cannot take this input shape.
        """
        return self.output_shape(input_shape)

    def example_input(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """Some x of this shape, batch included, to try the layer on; random normal numbers, by default."""
        return rng.normal(size=shape)

    @abstractmethod
    def forward(self, x: Array, ctx: Context = INFERENCE) -> tuple[Array, Any]:
        """y = f(x), and the cache that `backward` needs.

        `x` is not written to, but the cache may refer to it: the caller must leave
        it as it is until `backward` has run.
        """

    @abstractmethod
    def backward(self, dy: Array, cache: Any, /) -> tuple[Array | None, Grads]:
        """(dL/dx, {name: dL/dparam}) from dy = dL/dy, which has the shape of y.

        The cache stays valid. Without a lent workspace the arrays are new in every call.
        """

    def bounded(self, y: Array, cache: Any) -> Mapping[str, Bounded]:
        """By name, what this layer itself put through tanh, a sigmoid or the like in the call that gave (y, cache).

        Whoever looks for saturated units asks for it; nothing, by default.
        """
        return {}

    def final_state(self, cache: Any) -> Any:
        """Start state for the next window; None for a layer without state."""
        return None

    def backward_from(self, dy: Array, d_final: Any, cache: Any) -> tuple[Array | None, Grads, Any]:
        """As `backward`, where the final state is used too: (dL/dx, gradients, dL/d(start state)).

        So the last state of one stack can start another one, whose dL/d(start state) is the `d_final` of the first.

        Parameters
        ----------
        d_final : dL/d(final state), in the form in which `final_state` gives the state; None: 0.

        Returns
        -------
        dL/d(start state) has that form, too; None for a layer without state, which the default suits, and for a
        state that no gradient goes through, such as a count; then this method must say so.

        Raises
        ------
        ShapeError
            This layer has a state, and not this method; or `d_final` has another form than the state.
        """
        if d_final is not None or [*arrays_in(self.final_state(cache))]:
            raise ShapeError(f"{type(self).__name__}: no gradient goes through its state; it has no backward_from.")
        return *self.backward(dy, cache), None

    def bind(self, params: Mapping[str, Array]) -> None:
        """Use these arrays (same names and shapes) as parameters, for example views of one flat vector.

        Raises
        ------
        ShapeError
            A parameter is missing, has another shape, or is none of this layer's; nothing was changed.
        """
        self.check_fit(params)
        self.params = {name: params[name] for name in self.params}
        self.close_params()

    def close_params(self) -> None:
        """Let no names be added to the parameters any more: the layer is built."""
        vars(self)["_params"].closed = True

    def check_fit(self, params: Mapping[str, Array]) -> None:
        """Refuse what `bind` cannot take; see there."""
        who = type(self).__name__
        for name, old in self.params.items():
            got = np.shape(params[name]) if name in params else "none"
            if got != old.shape:
                raise ShapeError(f"{who}: expected {name} of shape {old.shape}, got {got}.")
        unknown = sorted(params.keys() - self.params.keys())
        if unknown:
            raise ShapeError(f"{who}: there is no parameter {unknown[0]!r}; its parameters: {', '.join(self.params)}.")
        Parameters(who, params)

    def __call__(self, x: Any, lengths: Any = None) -> Array:
        """Inference: forward without the cache, of anything that turns into an array of numbers.

        Parameters
        ----------
        x : a batch of examples.
        lengths : (batch,), time steps of each sequence, in any order; what stands after them in x may be anything,
            and is 0 in outputs at every step. None: all are whole.

        Raises
        ------
        DataError, ShapeError
            `x` is text, masked, or else no numbers, or lengths are none of it; see `minidl.core.arrays.numbers_array`.
        """
        x = numbers_array(x, f"{type(self).__name__}: x")
        found = None if lengths is None else checked_lengths(lengths, x)
        if found is None:
            return self.forward(x)[0]
        x, found, places = longest_first(x, found)
        y: Array = without_padding(self.forward(x, Context(lengths=found))[0], self.output_lengths(found))[places]
        return y


def built(layer: Layer) -> dict[str, Array]:
    """The parameters of a layer that has some, for its `forward`.

    Raises
    ------
    ShapeError
        The layer was not built.
    """
    if not layer.params:
        raise ShapeError(f"{type(layer).__name__}: it has no parameters yet; call build(input_shape, rng) first.")
    return layer.params


def parts(layer: Layer) -> Iterator[Layer]:
    """A layer and all layers inside it: its children, or else those that its attributes hold."""
    yield layer
    for value in [layer.children()] if layer.children() else vars(layer).values():
        held = value.values() if isinstance(value, dict) else value
        for part in held if isinstance(value, (dict, list, tuple)) else [value]:
            if isinstance(part, Layer):
                yield from parts(part)


def n_features(shape: Shape) -> int:
    """The features of a shape, which unlike its time are never open.

    Raises
    ------
    ShapeError
        They are.
    """
    if shape[-1] is None:
        raise ShapeError(f"expected a shape with a number of features, got {shape}.")
    return shape[-1]


def n_parameters(layer: Layer) -> int:
    """Number of trainable numbers of a built layer or stack."""
    return sum(value.size for value in layer.params.values())


def read_only(x: Array) -> Array:
    """A view of `x` that cannot be written to, so that a caller cannot spoil a cache."""
    view = x.view()
    view.flags.writeable = False
    return view
