"""Whether what a class says of its cell can be meant: names, gates, states, vectors and W_h."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from inspect import signature
from typing import Any, get_args

from minidl.core.errors import ConfigError
from minidl.layers.recurrent.design import Gate
from minidl.layers.recurrent.products import Kind
from minidl.layers.recurrent.tracing import placed

OWN = ("W_x", "W_h", "b", "b_h")  # names of parameters that every cell has


def check_declaration(cell: Any) -> None:
    """Look at a cell's gates, states, vectors and kind of W_h before its equations are traced.

    Raises
    ------
    ConfigError
        One of them is missing, of another type, or named as another one is; or no equations ask for it.
    """
    who = type(cell).__name__
    if cell.recurrent not in get_args(Kind):
        raise ConfigError(f"{who}.recurrent: expected {', '.join(get_args(Kind))}, got {cell.recurrent!r}.")
    gates: list[Gate] = cell.all_gates()
    if isinstance(cell.states, str) or not isinstance(cell.states, Sequence) or not cell.states:
        raise ConfigError(f'{who}.states: expected names in a row, h first, as ("h", "c"), got {cell.states!r}.')
    vectors = cell.all_vectors()
    if not isinstance(vectors, Mapping) or not all(callable(made) for made in vectors.values()):
        raise ConfigError(
            f'{who}.vectors: expected names with initializers, as {{"k": zeros}} with '
            f"minidl.core.initializers.zeros, got {vectors!r}."
        )
    for gate in gates:
        if gate.of and not callable(getattr(cell, gate.of, None)):
            raise ConfigError(f"{who}.gates: {gate.name} is a product of {gate.of!r}, and there is no such method.")
        if gate.apart + (not gate.recurrent) + bool(gate.of) > 1:
            raise ConfigError(f"{who}.gates: {gate.name}: expected one of apart, recurrent=False and of, got {gate}.")
        if not callable(bias := cell.gate_bias(gate.name)):
            raise ConfigError(
                f"{who}.gate_bias: expected an initializer for {gate.name}, a function of shape, rng and dtype, "
                f"got {bias!r}."
            )
    arguments = [name for gate in gates for name in gate.arguments]
    names = Counter([*arguments, *cell.states, *vectors])
    twice = [name for name, count in names.items() if count > 1] + [name for name in vectors if name in OWN]
    if twice:
        raise ConfigError(f"{who}: {twice[0]!r} names two things among gates, states, vectors and {', '.join(OWN)}.")
    methods = [cell.equations, *(getattr(cell, gate.of) for gate in gates if gate.of)]
    asked = {argument for method in methods for argument in signature(method).parameters}
    for method in methods:
        first = next(iter(signature(getattr(method, "__func__", method)).parameters), None)
        if first in (*names, "x"):
            raise ConfigError(f"{placed(method)}: its first argument is {first!r}; expected self before it.")
    if idle := [name for name in (*arguments, *vectors) if name not in asked]:
        raise ConfigError(
            f"{placed(cell.equations)}: it does not ask for {idle[0]!r}, so nothing would come of its weights; "
            "make it an argument, or take it out of the gates and vectors."
        )
