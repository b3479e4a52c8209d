"""The base of gated recurrent layers: a cell is its equations for one time step.

The author names gates, states and, where wanted, own vectors, and writes the equations
of one step; everything else follows from these.
"""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from minidl.core.arguments import PositiveInt
from minidl.core.errors import ConfigError, ShapeError
from minidl.core.initializers import Initializer, normal_fan_in, zeros
from minidl.core.layer import INFERENCE, Array, Bounded, Context, Grads, Layer, Shape, built, n_features
from minidl.core.lengths import check_lengths
from minidl.core.states import by_name, handed_on
from minidl.core.workspace import Workspace
from minidl.layers.dropout import DropRate, draw_mask
from minidl.layers.recurrent.bounded import bounded_values
from minidl.layers.recurrent.cell_backward import Backward
from minidl.layers.recurrent.cell_forward import counts, forward
from minidl.layers.recurrent.cell_loop import CellArrays
from minidl.layers.recurrent.declaration import check_declaration
from minidl.layers.recurrent.design import Design, Gate, design
from minidl.layers.recurrent.products import Kind, Weights


@dataclass(eq=False, repr=False)
class Cell(Layer):
    """A recurrent layer that is given by the equations of one time step.

    A subclass names `gates` and `states` and writes `equations`. Each gate is x_t W_x + h_{t-1} W_h + b, of
    the layer's width; equations take gates, the states before the step and vectors by name, compute with NumPy's
    functions, each number for itself, and return the states after the step.

    Parameters
    ----------
    hidden_size : number of units, at least 1.
    bias : whether b is there.
    input_initializer, recurrent_initializer, bias_initializer : start values of W_x and W_h, gate by gate, and b.
    recurrent_dropout : p, while it trains: what W_h multiplies is 0 with probability p and else divided by 1 - p, by
        one mask a sequence for all its steps and gates (Gal and Ghahramani, 2016); the states themselves stay whole.
    learnable_start : the start state is a parameter, h_0 (and c_0, ...), the same for all sequences, which starts at 0.
        A state that a call is given takes its place.

    Attributes
    ----------
    gates : names, or `Gate` where one is not the sum of both products.
    states : the first is the output, and what W_h multiplies.
    vectors : own parameters, one number a unit, by name with their initializers.
    equations_backward : a method that gives the gradient in place of the derived one; None: there is none. Its
        arguments are those of `equations`, states after the step as ``c_next``, and dL/d(these) as ``dc``, by name; it
        returns dL/d(each argument of `equations`) by name.
    recurrent : whether W_h is a full matrix, ``diagonal`` (one number a unit) or a block for each of `heads`.

    Shapes
    ------
    x (batch, time, input_size); y (batch, time, hidden_size). W_x (input_size, gates · hidden_size), b
    (gates · hidden_size,); W_h (hidden_size, gates · hidden_size) of the gates that have one, or
    (gates · hidden_size,) if it is diagonal. State: an array (batch, hidden_size), or a tuple of them if there are
    several.
    """

    hidden_size: PositiveInt
    _: KW_ONLY
    bias: bool = True
    input_initializer: Initializer = normal_fan_in
    recurrent_initializer: Initializer = normal_fan_in
    bias_initializer: Initializer = zeros
    recurrent_dropout: DropRate = 0.0
    learnable_start: bool = False

    gates: ClassVar[Sequence[str | Gate]]
    states: ClassVar[Sequence[str]] = ("h",)
    vectors: ClassVar[Mapping[str, Initializer]] = {}
    recurrent: ClassVar[Kind] = "full"
    equations_backward: ClassVar[Callable[..., dict[str, Any]] | None] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.recurrent_dropout and not any(gate.recurrent for gate in self.all_gates()):
            raise ConfigError(
                f"{type(self).__name__}: recurrent_dropout: there is no W_h whose input it could leave out."
            )

    def derived(self) -> Cell:
        """A copy, built like this one, whose gradient is the derived one."""
        found = copy.deepcopy(self)
        found._design = design(found, found.all_gates(), found.states, list(found.all_vectors()), by_hand=False)
        return found

    @abstractmethod
    def equations(self, *args: Any, **kwargs: Any) -> Any:
        """The states after a step; its arguments are gates, states and vectors by name."""

    @classmethod
    def is_its_equations(cls) -> bool:
        """Whether nothing but the equations decides what this class computes."""
        decisive = "build", "forward", "backward", "backward_from", "final_state"
        return all(getattr(cls, name) is getattr(Cell, name) for name in decisive)

    def all_gates(self) -> list[Gate]:
        """The gates, each as a `Gate`."""
        who, named = type(self).__name__, getattr(self, "gates", None)
        if isinstance(named, str) or not isinstance(named, Sequence) or not named:
            raise ConfigError(f'{who}.gates: expected names or Gates in a row, as ("f", "n"), got {named!r}.')
        return [gate if isinstance(gate, Gate) else Gate(gate) for gate in self.gates]

    def all_vectors(self) -> Mapping[str, Initializer]:
        """The vectors of this object; by default those of the class."""
        return self.vectors

    def n_heads(self) -> int:
        """Blocks of W_h, where it has some."""
        return 1

    def gate_bias(self, gate: str) -> Initializer:
        """Start values of a gate's bias."""
        return self.bias_initializer

    def output_shape(self, input_shape: Shape) -> Shape:
        """Units in place of features."""
        name = type(self).__name__
        if len(input_shape) != 2 or input_shape[1] is None:
            raise ShapeError(f"{name}: expected input of shape (time, features), got {input_shape}.")
        heads = self.n_heads()
        if heads < 1 or self.hidden_size % heads:
            raise ShapeError(f"{name}: {self.hidden_size} units cannot be shared among {heads} heads.")
        return (input_shape[0], self.hidden_size)

    def build(self, input_shape: Shape, rng: np.random.Generator, dtype: npt.DTypeLike) -> Shape:
        """Trace the equations and allocate W_x, W_h, b and vectors; see `Layer.build`."""
        output, H, F = self.output_shape(input_shape), self.hidden_size, n_features(input_shape)
        check_declaration(self)
        gates = self.all_gates()
        self._design: Design = design(self, gates, self.states, list(self.all_vectors()))
        x_rng, h_rng, b_rng, v_rng = rng.spawn(4)
        params = {"W_x": np.concatenate([self.input_initializer((F, H), x_rng, dtype) for _ in gates], axis=1)}
        recurrent = [gate.name for gate in gates if gate.recurrent]
        if recurrent:
            params["W_h"] = self._recurrent_weights(len(recurrent), h_rng, dtype)
        if self.bias:
            params["b"] = np.concatenate([self.gate_bias(gate.name)((H,), b_rng, dtype) for gate in gates])
            if apart := [gate.name for gate in gates if gate.apart]:
                params["b_h"] = np.concatenate([self.bias_initializer((H,), b_rng, dtype) for _ in apart])
        for name, initializer in self.all_vectors().items():
            params[name] = initializer((H,), v_rng, dtype)
        if self.learnable_start:
            params |= {f"{state}_0": np.zeros(H, dtype) for state in self.states}
        self.params = params
        return output

    def _recurrent_weights(self, n: int, rng: np.random.Generator, dtype: npt.DTypeLike) -> Array:
        H, heads = self.hidden_size, self.n_heads()
        if self.recurrent == "diagonal":
            return np.concatenate([self.recurrent_initializer((H,), rng, dtype) for _ in range(n)])
        D = H // heads
        blocks = [
            np.concatenate([self.recurrent_initializer((D, D), rng, dtype) for _ in range(n)], axis=1)
            for _ in range(heads)
        ]
        return np.stack(blocks) if self.recurrent == "heads" else blocks[0]

    def _arrays(self, size: tuple[int, int, int, int], dtype: npt.DTypeLike, masked: bool) -> CellArrays:
        return CellArrays(self._design, self._weights(size[2], dtype), size, dtype, masked=masked)

    def _weights(self, features: int, dtype: npt.DTypeLike) -> Weights:
        gates, found = self.all_gates(), self._design
        numbers = [gate.name for gate in gates]
        by_state = [gate.name for gate in gates if gate.recurrent]
        return Weights(
            [numbers.index(name) for name in found.named(found.x_slots)],
            [by_state.index(name) for name in found.named(found.h_slots)],
            {name: by_state.index(name) for name in found.products},
            len(by_state),
            (features, self.hidden_size),
            (self.recurrent, self.n_heads()),
            dtype,
        )

    def forward(self, x: Array, ctx: Context = INFERENCE) -> tuple[Array, Any]:
        """All h_t, from the start state ``ctx.state`` (None: its own, or zeros)."""
        params, name = built(self), type(self).__name__
        F, dtype = params["W_x"].shape[0], params["W_x"].dtype
        if x.ndim != 3 or x.shape[2] != F or 0 in x.shape:
            raise ShapeError(
                f"{name}: expected x of shape (batch, time, {F}) with at least one time step, got {x.shape}."
            )
        if ctx.lengths is not None:
            check_lengths(ctx.lengths, x.shape, name)
        start = self._start(ctx.state, len(x), dtype)
        ws = ctx.workspace or Workspace()
        size = (*x.shape, self.hidden_size)
        masked = ctx.training and self.recurrent_dropout > 0
        arrays = ws.plan("arrays", (size, dtype, masked), self._arrays, size, dtype, masked)
        if arrays.mask is not None:
            draw_mask(arrays.mask.T, self.recurrent_dropout, ctx, name)
        y = forward(arrays, x, start, params, ctx.lengths)
        return y, (arrays, ctx.lengths, ctx.input_gradient, ctx.workspace, ctx.state is None)

    def bounded(self, y: Array, cache: Any) -> Mapping[str, Bounded]:
        """Each sigmoid and tanh of the equations that the way back keeps at every step: ``sigmoid(f)``, ``tanh(c)``."""
        return bounded_values(cache[0])

    def _start(self, state: Any, batch: int, dtype: npt.DTypeLike) -> dict[str, Array]:
        H = self.hidden_size
        if state is None:
            return {part: self.params.get(f"{part}_0", np.zeros(H, dtype)) for part in self.states}
        who = type(self).__name__
        return by_name(state, dict.fromkeys(self.states, (batch, H)), f"{who}: expected a start state")

    def backward(self, dy: Array, cache: Any) -> tuple[Array | None, Grads]:
        """Backpropagation through time, by the derived gradient."""
        return self.backward_from(dy, None, cache)[:2]

    def backward_from(self, dy: Array, d_final: Any, cache: Any) -> tuple[Array | None, Grads, Any]:
        """As `backward`, where the final state is used too; see `Layer.backward_from`."""
        arrays, lengths, input_gradient, ws, from_own_start = cache
        if dy.shape != arrays.y.shape:
            raise ShapeError(f"{type(self).__name__}: expected dy of shape {arrays.y.shape}, got {dy.shape}.")
        lent = ws or Workspace()
        back: Backward = lent.plan("backward", (arrays.size, id(arrays)), Backward, arrays)
        behind = None
        if d_final is not None:
            what = f"{type(self).__name__}: expected a gradient of the final state"
            behind = by_name(d_final, dict.fromkeys(self.states, (len(dy), self.hidden_size)), what)
        back.run(dy, counts(lengths, *arrays.size[:2]), behind)
        grads = {name: lent.array("d" + name, value.shape, value.dtype) for name, value in self.params.items()}
        back.weights(grads)
        start = back.start()
        for state in self.states if self.learnable_start else ():
            grads[f"{state}_0"][...] = start[state].sum(axis=0) if from_own_start else 0
        return back.inputs() if input_gradient else None, grads, handed_on(list(start.values()))

    def final_state(self, cache: Any) -> Any:
        """The state after the last step of each sequence: an array (batch, hidden_size), or a tuple of them."""
        arrays, lengths = cache[0], cache[1]
        if lengths is None:
            parts = [array[-1].T.copy() for array in arrays.S.values()]
        else:
            parts = [array[lengths, :, np.arange(len(lengths))] for array in arrays.S.values()]
        return handed_on(parts)
