"""The loop of cells backward; see cell_loop.py and derivatives.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from minidl.core.layer import Array, Grads
from minidl.layers.recurrent.cell_loop import Call, CellArrays, Location, Operation
from minidl.layers.recurrent.derivatives import Form
from minidl.layers.recurrent.operations import copy, function_of
from minidl.layers.recurrent.products import Product


class Backward:
    """Arrays and calls of the way back, for one `CellArrays`.

    Attributes
    ----------
    D : (time, slots, hidden, batch): dL/da of each piece.
    G : by state (2, hidden, batch): what comes back from the step after, and what goes to the one before.
    E : by vector (time, hidden, batch): its gradient at each step.
    """

    def __init__(self, arrays: CellArrays) -> None:
        self.arrays, design = arrays, arrays.design
        batch, time, _, hidden = arrays.size
        self.D = np.zeros((time, len(design.slots), hidden, batch), arrays.dtype)
        self.G = {state: np.zeros((2, hidden, batch), arrays.dtype) for state in design.states}
        self.E = {name: np.zeros((time, hidden, batch), arrays.dtype) for name in design.vectors}
        self.dy = np.empty((time, hidden, batch), arrays.dtype)
        self._sums = {base: np.empty((hidden, batch), arrays.dtype) for base, _ in design.gradient.steps}
        self._term = np.empty((hidden, batch), arrays.dtype)
        self.runs = self._runs()
        self.factors = self._factors()
        self.calls: list[list[Call]] = []

    def _form(self, slot: str) -> Form:
        return self.arrays.design.gradient.inputs.get(slot, {})

    def _runs(self) -> list[tuple[int, int]]:
        """Slots in a row whose gradient is one base times a factor each: they take one product together."""
        runs: list[tuple[int, int]] = []
        slots, late = self.arrays.design.slots, self.arrays.design.products
        for i, slot in enumerate(slots):
            form, before = self._form(slot), self._form(slots[i - 1]) if i else {}
            alike = len(form) == 1 and form.keys() == before.keys() and isinstance(next(iter(form.values())), int)
            alike = alike and isinstance(next(iter(before.values())), int)
            if alike and runs and slot not in late and slots[i - 1] not in late:
                runs[-1] = runs[-1][0], i + 1
            else:
                runs.append((i, i + 1))
        return runs

    def _factors(self) -> list[Operation]:
        """What computes all factors.

        A factor that only the gradients of slots read stands where they are written: each step multiplies it there.
        """
        arrays, design = self.arrays, self.arrays.design
        graph, uses = design.graph, Counter(design.gradient.uses())
        rows: dict[int, list[Array]] = {}
        for first, end in self.runs:
            for i in range(first, end):
                form = self._form(design.slots[i])
                factor = next(iter(form.values())) if len(form) == 1 else 0.0
                alone = isinstance(factor, int) and factor >= design.n_forward and uses[factor] == 1
                if end - first > 1 or alone:
                    rows.setdefault(int(factor), []).append(self.D[:, i])
        work = []
        for place in graph.needed(design.gradient.factors()):
            node = graph.nodes[place]
            if place >= design.n_forward:
                own = rows.get(place, [])
                here = own.pop(0) if own and len(own) == uses[place] else None
                arrays.places[place] = arrays.new(True, node.op) if here is None else Location(here, True)
                args = tuple(map(arrays.value, node.args))
                work.append(Operation(function_of(node.op), args, arrays.places[place]))
            work += [Operation(copy, (arrays.places[place],), Location(more, True)) for more in rows.get(place, ())]
        return work

    def run(self, dy: Array, n: Sequence[int], d_final: Mapping[str, Array] | None = None) -> None:
        """Fill D, E and G from dy (batch, time, hidden); n sequences reach each step.

        `d_final` is by state (batch, hidden): what comes back to it from behind the last step of each sequence.
        """
        batch, time = self.arrays.size[:2]
        self.dy[...] = dy.transpose(1, 2, 0)
        whole = min(n) == batch
        with nullcontext() if whole else np.errstate(all="ignore"):  # what stands in the padding is of no use
            for operation in self.factors:
                given = [arg.array if isinstance(arg, Location) else arg for arg in operation.args]
                operation.function(*given, operation.out.array)
        for array in self.G.values():
            array[time % 2] = 0
        if whole and not self.calls:
            self.calls = [self.step_calls(t, batch) for t in reversed(range(time))]
        for back, t in enumerate(reversed(range(time))):
            ended = n[t + 1] if t + 1 < time else 0
            for state, gradient in (d_final or {}).items():
                self.G[state][(t + 1) % 2][:, ended : n[t]] = gradient[ended : n[t]].T
            for function, args in self.calls[back] if whole else self.step_calls(t, n[t]) if n[t] else ():
                function(*args)
            if n[t] < batch:
                for part in (*(array[t % 2] for array in self.G.values()), self.D[t], *(e[t] for e in self.E.values())):
                    part[..., n[t] :] = 0

    def step_calls(self, t: int, n: int) -> list[Call]:
        """What is called in step t, for the first n sequences."""
        design, weights = self.arrays.design, self.arrays.weights
        come, gone = (t + 1) % 2, t % 2
        bases = [self.G[state][come][:, :n] for state in design.states]
        bases += [self._sums[base][:, :n] for base, _ in design.gradient.steps]
        calls: list[Call] = [(np.add, (bases[0], self.dy[t][:, :n], bases[0]))]
        written = set()
        for base, how in design.gradient.steps:
            if isinstance(how, dict):
                calls += self._sum(how, bases, bases[base], t, n)
                continue
            i = design.slots.index(how)
            written.add(i)
            calls += self._sum(self._form(how), bases, self.D[t, i, :, :n], t, n)
            calls += self._product(weights.late[how], self._whole(t, slice(i, i + 1), n), bases[base])
        for first, end in self.runs:
            if end - first > 1:
                (base,) = self._form(design.slots[first])
                factors = self.D[t, first:end, :, :n]
                calls.append((np.multiply, (bases[base], factors, factors)))
            elif first not in written:
                calls += self._sum(self._form(design.slots[first]), bases, self.D[t, first, :, :n], t, n)
        for name, array in self.E.items():
            calls += self._sum(self._form(name), bases, array[t][:, :n], t, n)
        for number, state in enumerate(design.states):
            out, form = self.G[state][gone][:, :n], self._form(state)
            if number or weights.product is None:
                calls += self._sum(form, bases, out, t, n)
                continue
            calls += self._product(weights.product, self._whole(t, design.h_slots, n), out)
            calls += self._sum(form, bases, out, t, n, more=True)
        return calls

    def _product(self, product: Product, da: Array, out: Array) -> list[Call]:
        """da W_hᵀ, of the units that recurrent dropout left in."""
        mask = self.arrays.mask
        calls: list[Call] = [(product.backward, (da, out))]
        return calls if mask is None else [*calls, (np.multiply, (out, mask[:, : out.shape[1]], out))]

    def _whole(self, t: int, slots: slice, n: int) -> Any:
        return self.D[t, slots] if n == self.D.shape[-1] else self.D[t, slots, :, :n]

    def _sum(self, form: Form, bases: Sequence[Array], out: Array, t: int, n: int, *, more: bool = False) -> list[Call]:
        """Write Σ base · factor to `out`, or add it there."""
        calls: list[Call] = []
        term = self._term[:, :n]
        # Those with factors first: what has none can be added as it is.
        for base, factor in sorted(form.items(), key=lambda item: isinstance(item[1], float)):
            factor_at = self.arrays.value(factor)
            by: Any = factor_at.at(t, n) if isinstance(factor_at, Location) else factor_at
            plain = isinstance(by, float) and by == 1.0
            if not more:
                calls.append((copy, (bases[base], out)) if plain else (np.multiply, (bases[base], by, out)))
                more = True
            elif plain:
                calls.append((np.add, (out, bases[base], out)))
            else:
                calls += [(np.multiply, (bases[base], by, term)), (np.add, (out, term, out))]
        return calls if form or more else [(copy, (0.0, out))]

    def weights(self, grads: Grads) -> None:
        """Fill the gradients of the weights, from D and E."""
        arrays, design = self.arrays, self.arrays.design
        batch, time, features, hidden = arrays.size
        D = self.D.transpose(1, 2, 0, 3).reshape(len(design.slots), hidden, time * batch)
        X = arrays.X.transpose(1, 0, 2).reshape(features + 1, time * batch)
        columns = arrays.weights.columns
        found = D[design.x_slots].reshape(len(columns), -1) @ X.T
        grads["W_x"][:, columns] = found[:, :features].T
        if "b" in grads:
            grads["b"][columns] = found[:, features]
        if "b_h" in grads:
            apart = D[design.n_front + design.n_middle :]
            grads["b_h"].reshape(-1, hidden)[: len(apart)] = apart.sum(axis=2)
        if arrays.weights.product is not None:
            h = self._multiplied(arrays.S[design.states[0]][:-1])
            arrays.weights.product.gradient(D[design.h_slots], h, grads["W_h"])
        for gate, product in arrays.weights.late.items():
            given = self._multiplied(arrays.places[design.products[gate]].array)
            i = design.slots.index(gate)
            product.gradient(D[i : i + 1], given, grads["W_h"])
        for name, (parameter, row) in design.vectors.items():
            grads[parameter].reshape(-1, hidden)[row] = self.E[name].sum(axis=(0, 2))

    def _multiplied(self, h: Array) -> Array:
        """What W_h multiplied at all steps, (hidden, time · batch), from (time, hidden, batch)."""
        kept = h if self.arrays.mask is None else h * self.arrays.mask
        return kept.transpose(1, 0, 2).reshape(h.shape[1], -1)

    def start(self) -> dict[str, Array]:
        """dL/d(start state), by state (batch, hidden)."""
        return {state: array[0].T.copy() for state, array in self.G.items()}

    def inputs(self) -> Array:
        """dL/dx, (batch, time, features)."""
        batch, time = self.arrays.size[:2]
        W_x = self.arrays.weights.W_x
        D = self.D.reshape(time, -1, batch)[:, : W_x.shape[1]]
        dx: Array = np.matmul(W_x, D).transpose(2, 0, 1)
        return dx
