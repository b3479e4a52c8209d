"""The base of all containers: naming, building, binding and sharing of children, seeds and states, once for all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from minidl.core.arrays import float_dtype
from minidl.core.errors import ConfigError, ShapeError
from minidl.core.initializers import MAX_PARAMETERS
from minidl.core.layer import Array, Context, Grads, Layer, Shape, n_parameters
from minidl.core.parameters import Parameters, snapshot
from minidl.core.summary import Summary, summarize
from minidl.core.text import counted, printable
from minidl.core.workspace import Workspace
from minidl.layers.containers.building import (
    build_child,
    check_shared,
    checked_generator,
    checked_shape,
    take_in,
)
from minidl.layers.containers.watching import outputs_of_layers
from minidl.layers.streaming import Stream


@dataclass(eq=False)
class Container(Layer):
    """A layer made of layers.

    A subclass names its children (`children`), says what goes into each
    (`child_inputs`, `child_lengths`: the container's own input, if it says nothing) and what comes
    out (`output_shape`, `output_lengths`), and writes `forward` and `backward`. The parameters are the
    children's own, named ``<child>.<name>``: whatever happens to a child is seen here.
    A child that stands twice shares them, under its first place. Every child draws
    its initial values from a generator of its own.

    The first entry of the cache is the list of the children's caches, in their order.
    """

    if TYPE_CHECKING:  # minidl.model_files binds it: layers know nothing of files

        def save(self, path: str | PurePath) -> None:
            """Write weights and config into one file; see `minidl.model_files.save`."""

    def __len__(self) -> int:
        """The number of layers that it is made of."""
        return len(self.children())

    def __iter__(self) -> Iterator[Layer]:
        """These layers, in their order."""
        return iter(self.children().values())

    def __getitem__(self, place: int) -> Layer:
        """One of these layers by its position, -1 the last one.

        Raises
        ------
        IndexError
            There is no such position.
        """
        try:
            return list(self)[place]
        except IndexError as err:
            there = counted(len(self), "layer")
            raise IndexError(f"{type(self).__name__}: it has {there}, so there is no [{place}].") from err

    @property
    def input_shape(self) -> Shape | None:
        """The shape that it was built for, without the batch axis; None: it was not built."""
        return vars(self).get("_input_shape")

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """The dtype that it was built in; None: it was not built."""
        return vars(self).get("_dtype")

    @property
    def params(self) -> dict[str, Array]:
        """The children's parameters by their names in the whole, then those that a subclass adds."""
        named = {f"{place}.{name}": value for place, child in self._owners() for name, value in child.params.items()}
        return snapshot(type(self).__name__, {**named, **vars(self)["_params"]})

    @params.setter
    def params(self, arrays: Mapping[str, Array]) -> None:
        parts, own = self._by_child(arrays)
        for place, child in self._owners():
            if parts[place]:
                child.bind(parts[place])
        vars(self)["_params"] = Parameters(type(self).__name__, own)

    def placed(self, err: ShapeError, name: str) -> ShapeError:
        """The error of a child, with its place."""
        return ShapeError(str(err), (*self.config_path(name), *err.path))

    def build(
        self, input_shape: Shape | int, rng: np.random.Generator | int, dtype: npt.DTypeLike = "float32"
    ) -> Shape:
        """Build every child on the shape that goes into it, each with its own spawned generator.

        Parameters
        ----------
        input_shape : (time, features) or (features,), without the batch axis;
            an int n stands for (None, n): sequences of any length.
        rng : a Generator, or an int seed.
        dtype : of all parameters, float32 or float64.

        Raises
        ------
        ShapeError
            Layers do not fit each other, or one was built in another container; then none has parameters.
        """
        who = type(self).__name__
        shape, rng, dtype = checked_shape(input_shape, who), checked_generator(rng, who), float_dtype(dtype, who)
        check_shared(self._owners(), self.config_path)
        self.note_build(None, None)
        take_in(self, self._owners(), self.config_path)
        output, inputs, children = self.output_shape(shape), self.child_inputs(shape), self.children()
        built: set[int] = set()
        n_numbers = 0
        for (name, child), child_rng in zip(children.items(), rng.spawn(len(children)), strict=True):
            try:
                build_child(child, inputs[name], child_rng, dtype, again=id(child) in built)
            except ShapeError as err:
                raise self.placed(err, name) from err
            n_numbers += n_parameters(child) * (id(child) not in built)
            if n_numbers > MAX_PARAMETERS:
                raise ShapeError(f"the stack has more than {MAX_PARAMETERS:,} parameters.", self.config_path(name))
            built.add(id(child))
        self.note_build(shape, dtype)
        return output

    def note_build(self, input_shape: Shape | None, dtype: np.dtype[Any] | None) -> None:
        """Remember what its layers were built for; None: they are not."""
        vars(self).update(_input_shape=input_shape, _dtype=dtype)

    def to_config(self) -> dict[str, Any]:
        """The constructor's arguments; see `Configurable.to_config`.

        Raises
        ------
        ConfigError
            A layer stands twice: a config has no words for shared parameters.
        """
        if len(self._owners()) < len(self.children()):
            raise ConfigError(f"{type(self).__name__}: a layer stands in it twice, which a config cannot say.")
        return super().to_config()

    def _owners(self) -> list[tuple[str, Layer]]:
        """Every child once, with its first place."""
        first: dict[int, str] = {}
        return [(name, child) for name, child in self.children().items() if first.setdefault(id(child), name) == name]

    def _by_child(self, params: Mapping[str, Array]) -> tuple[dict[str, dict[str, Array]], dict[str, Array]]:
        """The entries of each child by its own names, and those that are of no child."""
        parts: dict[str, dict[str, Array]] = {name: {} for name in self.children()}
        own = {}
        for full, value in params.items():
            place, _, name = full.partition(".")
            if name and place in parts:
                parts[place][name] = value
            else:
                own[full] = value
        return parts, own

    def summary(self, input_shape: Shape | int | None = None) -> Summary:
        """The table of all layers: output shapes, parameters and how many numbers they are; ``print`` shows it.

        Parameters
        ----------
        input_shape : as for `build`; None: the one that the model was built for.

        Raises
        ------
        ConfigError
            The model was not built, and no shape is given.
        ShapeError
            Layers do not fit each other.
        """
        shape = self.input_shape if input_shape is None else checked_shape(input_shape, type(self).__name__)
        if shape is None:
            who = type(self).__name__
            raise ConfigError(f"{who}: it was not built yet; call build, or summary(input_shape) such as (24, 6).")
        return summarize(self, shape, self.dtype or "float32")

    def _repr_html_(self) -> str:
        if self.input_shape is None:
            return f"<code>{escape(printable(repr(self)))}</code>"
        return self.summary()._repr_html_()

    def bind(self, params: Mapping[str, Array]) -> None:
        """Hand every child its part; see `Layer.bind`."""
        self.check_fit(params)
        self.params = dict(params)

    def check_fit(self, params: Mapping[str, Array]) -> None:
        """Every child's check; see `Layer.check_fit`."""
        parts = self._by_child(params)[0]
        for place, child in self._owners():
            child.check_fit(parts[place])
        super().check_fit(params)

    def example_input(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        """What the first child takes."""
        first = next(iter(self.children().values()), None)
        return super().example_input(shape, rng) if first is None else first.example_input(shape, rng)

    def contexts(self, ctx: Context) -> list[Context]:
        """One context a child, in their order; made once for a caller that lends a workspace
        and hands over no state or lengths.

        ``ctx.state`` is a tuple, one entry a child.

        Raises
        ------
        ShapeError
            The state has not one entry for each child.
        """
        ws = ctx.workspace
        if ws is None or ctx.state is not None or ctx.lengths is not None:
            return self._new_contexts(ctx)
        key = (self, ctx.training, id(ctx.rng), ctx.input_gradient)
        return ws.plan("contexts", key, self._new_contexts, ctx)

    def _new_contexts(self, ctx: Context) -> list[Context]:
        state, ws, names = ctx.state, ctx.workspace, list(self.children())
        if state is not None and not (isinstance(state, (tuple, list)) and len(state) == len(names)):
            got = f"{len(state)} entries" if isinstance(state, (tuple, list)) else type(state).__name__
            raise ShapeError(
                f"{type(self).__name__}: expected a state of {len(names)} entries, one a layer, got {got}."
            )
        lengths = self.child_lengths(ctx.lengths)
        return [
            replace(
                ctx,
                lengths=lengths[i],
                state=None if state is None else state[i],
                workspace=None if ws is None else ws.child(name),
                input_gradient=self.wants_input_gradient(i, ctx),
            )
            for i, name in enumerate(names)
        ]

    def child_lengths(self, lengths: Array | None) -> Sequence[Array | None]:
        """The lengths that go into each child for those of the container's input; the same ones, by default."""
        return [lengths] * len(self.children())

    def wants_input_gradient(self, i: int, ctx: Context) -> bool:
        """Whether child number i must return dL/dx."""
        return ctx.input_gradient

    def summed_gradients(self, by_child: Mapping[str, Grads], ws: Workspace | None = None) -> Grads:
        """The children's gradients by their full names; those of a layer that stands twice add up, in this order."""
        first: dict[int, str] = {}
        places = {name: first.setdefault(id(child), name) for name, child in self.children().items()}
        grads: Grads = {}
        for name, own in by_child.items():
            for leaf, value in own.items():
                full = f"{places[name]}.{leaf}"
                if full in grads:
                    ws = ws or Workspace()
                    value = np.add(grads[full], value, out=ws.array("sum " + full, value.shape, value.dtype))
                grads[full] = value
        return grads

    def states(self, x: Any, lengths: Any = None) -> dict[str, Array]:
        """What every layer inside puts out for a batch, by its path: hidden states h of recurrent layers at all steps.

        Parameters
        ----------
        x, lengths : as for a call of the model.

        Returns
        -------
        {path: output}, in the order of the layers, ``{"0": (batch, time, hidden_size), ...}``. A layer that
            stands twice has an entry for each place. The ``backward`` child of a `Bidirectional` reads from the
            end: its outputs begin with the last time step.
        """
        return outputs_of_layers(self, x, lengths)

    def stream(self, state: Any = None) -> Stream:
        """Feed this model one time step at a time; see `Stream`."""
        return Stream(self, state)

    def final_state(self, cache: Any) -> Any:
        """A tuple with every child's final state, in their order."""
        return tuple(child.final_state(part) for child, part in zip(self.children().values(), cache[0], strict=True))


def by_position(row: Sequence[Layer]) -> dict[str, Layer]:
    """Layers named "0", "1", ..."""
    return {str(i): layer for i, layer in enumerate(row)}
