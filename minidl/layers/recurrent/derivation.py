"""The equations of one time step of a cell, forward and backward, as they are written on paper.

They are those that the library computes: forward is the traced graph, backward the
gradient derived from it. What is short or used once stands where it is used; what is
longer and used several times gets a name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from minidl.layers.recurrent.cell import Cell
from minidl.layers.recurrent.derivatives import Form
from minidl.layers.recurrent.design import Design, Gate, design
from minidl.layers.recurrent.notation import Notation, Symbol, Term, named, weight
from minidl.layers.recurrent.tracing import Argument

SHORT = 2  # as many operations are written again rather than named


class Equation(NamedTuple):
    """left = right."""

    left: str
    right: str


@dataclass
class Derivation:
    """What was written.

    Parameters
    ----------
    forward, backward : the equations of step t, each of which needs earlier ones alone.
    weights : the gradients of parameters, sums over steps and sequences.
    states, returned : x_t and the states, and what step t + 1 returns to the gradients of states.
    parts : by parameter, its parts in order.
    """

    forward: list[Equation] = field(default_factory=list)
    backward: list[Equation] = field(default_factory=list)
    weights: list[Equation] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)
    parts: dict[str, list[str]] = field(default_factory=dict)


def derivation(cell: Cell, notation: Notation) -> Derivation:
    """The equations of a cell, built or not; without recurrent dropout."""
    return _Backward(replace(cell, recurrent_dropout=0.0), notation).written


class _Symbols:
    """The symbols of a cell's quantities, no two of them alike.

    Attributes
    ----------
    slots, states, vectors : by name.
    parts : by parameter and gate.
    """

    def __init__(self, cell: Cell, gates: Sequence[Gate], found: Design) -> None:
        self._taken = {"x", "dx", "dy"}
        self.x, self.dx, self.dy = (named("x").at("t"), named("x").at("t").gradient(), named("y").at("t").gradient())
        self.states = {state: self.free(named(state)) for state in found.states}
        self.slots = {slot: self.free(named(slot)).at("t") for slot in found.slots}
        names = [gate.name for gate in gates]
        having = {"W_x": names, "W_h": [gate.name for gate in gates if gate.recurrent]}
        if cell.bias:
            having |= {"b": names, "b_h": [gate.name for gate in gates if gate.apart]}
        self.parts = {
            parameter: {name: self.free(weight(parameter, name)) for name in owners}
            for parameter, owners in having.items()
        }
        self.vectors = {}
        for name, (parameter, number) in found.vectors.items():
            rows = list(self.parts.get(parameter, {}).values())
            self.vectors[name] = rows[number] if rows else self.free(named(name))

    def free(self, symbol: Symbol) -> Symbol:
        """The symbol, with primes if it or one of its gradients would have the name of something else."""
        while self._taken & self._used(symbol):
            symbol = symbol.primed()
        self._taken |= self._used(symbol)
        return symbol

    def _used(self, symbol: Symbol) -> set[str]:
        latex = "_".join((symbol.head, *symbol.below))
        return {f"{sign}{name}" for sign in ("", "d", "r") for name in (symbol.name, latex)}


class _Forward:
    """Writes one step."""

    def __init__(self, cell: Cell, notation: Notation) -> None:
        self.gates, self.notation = cell.all_gates(), notation
        self.design = design(cell, self.gates, cell.states, list(cell.all_vectors()))
        self.graph, self.gradient = self.design.graph, self.design.gradient
        self.symbols = _Symbols(cell, self.gates, self.design)
        self.h = self.symbols.states[self.design.states[0]].at("t-1")
        self.numbers: Counter[str] = Counter()
        known = {
            **{name: state.at("t-1") for name, state in self.symbols.states.items()},
            **self.symbols.slots,
            **self.symbols.vectors,
        }
        self.known = {place: known[name] for name, place in self.graph.inputs.items()}
        self.outputs: dict[int, Symbol] = {}
        for state, place in self.graph.outputs.items():
            self.outputs.setdefault(place, self.symbols.states[state].at("t"))
        self.long = self._long()
        self.written = Derivation()
        shown = [self.symbols.x, *(state.at("t") for state in self.symbols.states.values())]
        self.written.states = [notation.symbol(symbol).text for symbol in shown]
        for parameter, parts in self.symbols.parts.items():
            whole = notation.symbol(named(parameter)).text
            self.written.parts |= {whole: [notation.symbol(part).text for part in parts.values()]} if parts else {}
        self.lines = self.written.forward
        self._write_forward()

    def _long(self) -> set[int]:
        """What gets a name of its own."""
        forms = [*self.gradient.inputs.values(), *(how for _, how in self.gradient.steps if isinstance(how, dict))]
        factors = [factor for form in forms for factor in form.values() if isinstance(factor, int)]
        roots = [*self.graph.outputs.values(), *self.design.products.values(), *factors]
        needed, uses = self.graph.needed(roots), Counter(roots)
        for place in needed:
            uses.update({arg for arg in self.graph.nodes[place].args if isinstance(arg, int)})
        long: set[int] = set()
        sizes: dict[int, int] = {}
        for place in needed:
            args = self.graph.nodes[place].args
            plain = not args or place in self.outputs
            sizes[place] = 0 if plain else 1 + sum(sizes[arg] for arg in args if isinstance(arg, int))
            if sizes[place] > SHORT and uses[place] > 1:
                long.add(place)
                sizes[place] = 0
        return long

    def slot_names(self) -> list[str]:
        """The products' pieces in the order of the gates, those last whose product follows equations."""
        names = [name for gate in self.gates for name in gate.arguments if name in self.symbols.slots]
        return sorted(names, key=lambda name: name in self.design.products)

    def write(self, symbol: Symbol, right: Term) -> Term:
        """One more equation."""
        left = self.notation.symbol(symbol)
        self.lines.append(Equation(left.text, right.signed))
        return left

    def new(self, letter: str, step: str = "t") -> Symbol:
        """A symbol for something in between."""
        self.numbers[letter] += 1
        return self.symbols.free(named(f"{letter}{self.numbers[letter]}")).at(step)

    def _write_forward(self) -> None:
        for slot in self.slot_names():
            self._write_gate(slot)
        for state, place in self.graph.outputs.items():
            term, symbol = self.term(place), self.symbols.states[state].at("t")
            if self.known[place] != symbol:
                self.write(symbol, term)

    def _write_gate(self, slot: str) -> None:
        say, parts, gate = self.notation, self.symbols.parts, self.design.gates[slot].name
        fed = slot in self.design.slots[self.design.x_slots]
        terms = [say.matrix_product(say.symbol(self.symbols.x), say.symbol(parts["W_x"][gate]))] if fed else []
        if self.multiplies(slot):
            terms.append(say.matrix_product(self.multiplied(slot), say.symbol(parts["W_h"][gate])))
        if bias := parts.get("b" if fed else "b_h"):
            terms.append(say.symbol(bias[gate]))
        self.write(self.symbols.slots[slot], say.sum(terms))

    def multiplies(self, slot: str) -> bool:
        """Whether W_h has a part for it."""
        return slot in self.design.slots[self.design.h_slots] or slot in self.design.products

    def multiplied(self, slot: str) -> Term:
        """What its part of W_h multiplies."""
        late = self.design.products
        return self.term(late[slot]) if slot in late else self.notation.symbol(self.h)

    def term(self, arg: Argument) -> Term:
        """A node or constant; what has a name is written down the first time."""
        if isinstance(arg, float):
            return self.notation.number(arg)
        if arg in self.known:
            return self.notation.symbol(self.known[arg])
        node = self.graph.nodes[arg]
        args = [self.term(given) for given in node.args]
        square = node.op == "multiply" and node.args[0] == node.args[1]
        term = self.notation.squared(args[0]) if square else self.notation.operation(node.op, args)
        if arg in self.outputs:
            self.known[arg] = self.outputs[arg]
        elif arg in self.long:
            self.known[arg] = self.new("u", "t" if self._changes(arg) else "")
        else:
            return term
        return self.write(self.known[arg], term)

    def _changes(self, place: int) -> bool:
        """Whether it differs from step to step."""
        alike = {self.graph.inputs[name] for name in self.design.vectors if name in self.graph.inputs}
        return any(not self.graph.nodes[p].args and p not in alike for p in self.graph.needed([place]))


def _text(form: Form | str) -> str:
    """To compare forms: as text, in which the place 1 is not the constant 1.0."""
    return form if isinstance(form, str) else str(sorted(form.items()))


class _Backward(_Forward):
    """Writes what goes back through one step, and the sums over all steps."""

    def __init__(self, cell: Cell, notation: Notation) -> None:
        super().__init__(cell, notation)
        self.lines = self.written.backward
        self.bases: list[Term] = []
        self._write_bases()
        self._write_backward()
        vectors = {name: self._form(name) for name in self.design.vectors}
        self.lines = self.written.weights
        for slot in self.slot_names():
            self._write_weights(slot)
        for name, form in vectors.items():
            self.write(self.symbols.vectors[name].gradient(), notation.summed(form))

    def _write_bases(self) -> None:
        """What the gradient of a step is made of: what comes from outside, and sums and products of it."""
        say = self.notation
        given = [say.symbol(state.at("t").gradient("r")) for state in self.symbols.states.values()]
        self.written.returned = [term.text for term in given]
        first = self.write(self._base({0: 1.0}), say.sum([say.symbol(self.symbols.dy), given[0]]))
        self.bases = [first, *given[1:]]
        self._differentiated: set[str] = set()
        for base, how in self.gradient.steps:
            value = self._sum(how) if isinstance(how, dict) else self._back(how)
            self.bases.append(self.write(self._base({base: 1.0}, how), value))

    def _base(self, *alike: Form | str) -> Symbol:
        """d of a state if that is its whole gradient, in one of these forms."""
        texts = {_text(form) for form in alike}
        for state, place in self.graph.outputs.items():
            if _text(self.gradient.outputs.get(place, "")) in texts:
                return self.symbols.states[state].at("t").gradient()
        return self.new("e")

    def _sum(self, form: Form) -> Term:
        return self.notation.sum([self._scaled(self.bases[base], factor) for base, factor in form.items()])

    def _form(self, name: str) -> Term:
        return self._sum(self.gradient.inputs.get(name, {}))

    def _scaled(self, base: Term, factor: Argument) -> Term:
        say = self.notation
        if isinstance(factor, int):
            return say.product(base, self.term(factor))
        return base if factor == 1 else say.minus(base) if factor == -1 else say.product(say.number(factor), base)

    def _slot_gradient(self, slot: str) -> Term:
        symbol = self.symbols.slots[slot].gradient()
        if slot in self._differentiated:
            return self.notation.symbol(symbol)
        self._differentiated.add(slot)
        return self.write(symbol, self._form(slot))

    def _back(self, slot: str, parameter: str = "W_h") -> Term:
        """What comes back through a product."""
        part = self.symbols.parts[parameter][self.design.gates[slot].name]
        transposed = self.notation.transpose(self.notation.symbol(part))
        return self.notation.matrix_product(self._slot_gradient(slot), transposed)

    def _write_backward(self) -> None:
        for slot in self.slot_names():
            self._slot_gradient(slot)
        fed, by_state = self.design.slots[self.design.x_slots], self.design.slots[self.design.h_slots]
        slots = self.slot_names()
        self.write(self.symbols.dx, self.notation.sum([self._back(slot, "W_x") for slot in slots if slot in fed]))
        for number, (name, state) in enumerate(self.symbols.states.items()):
            terms = [] if number else [self._back(slot) for slot in slots if slot in by_state]
            if name in self.gradient.inputs or not terms:
                terms.append(self._form(name))
            self.write(state.at("t-1").gradient("r"), self.notation.sum(terms))

    def _write_weights(self, slot: str) -> None:
        say, parts, gate = self.notation, self.symbols.parts, self.design.gates[slot].name
        da, fed = self._slot_gradient(slot), slot in self.design.slots[self.design.x_slots]
        given = [("W_x", say.symbol(self.symbols.x))] if fed else []
        if self.multiplies(slot):
            given.append(("W_h", self.multiplied(slot)))
        for parameter, factor in given:
            product = say.matrix_product(say.transpose(factor), da)
            self.write(parts[parameter][gate].gradient(), say.summed(product))
        if bias := parts.get("b" if fed else "b_h"):
            self.write(bias[gate].gradient(), say.summed(da))
