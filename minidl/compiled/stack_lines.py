"""The lines of the function that runs a whole stack: kernels one after the other, forward and backward, and arrays.

Their places are taken in an array of numbers, so that one text serves all sizes. Calls of the same layers, as
those of a `Rollout`, have the lines of one of them in a loop; see `Names`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from minidl.compiled import templates
from minidl.compiled.layout import Layout, Step
from minidl.compiled.names import Names
from minidl.compiled.plan import Memory, parameter_places
from minidl.compiled.templates import filled
from minidl.core.layer import Layer


@dataclass(frozen=True)
class GeneratedFunction:
    """A function's text, what it calls by which name, and the numbers for its argument `sizes`.

    `work` is the length of its working memory, `scratch` where each layer's scratch begins in it.
    """

    text: str
    names: dict[str, Any]
    sizes: list[int]
    work: int
    scratch: list[int]


class StackLines:
    """The arrays of a stack: their places, and the lines that name them."""

    def __init__(self, model: Layer, layout: Layout) -> None:
        self.memory, self.names = Memory(), Names()
        self.layout, self.steps = layout, layout.steps
        self.parameters = parameter_places(model)
        self.with_gradient = layout.with_gradient
        self.more: list[str] = []
        self.scratch = [0] * len(self.steps)
        # A layer that stands there several times has its parameters and functions from the first of its steps.
        first: dict[int, int] = {}
        own = [id(step.kernel if step.layer is None else step.layer) for step in self.steps]
        self.first = [first.setdefault(who, i) for i, who in enumerate(own)]
        self.several = {i for i in self.first if self.first.count(i) > 1}
        pairs = [(i, step.before) for i, step in enumerate(self.steps) if step.before is not None and step.state]
        self.linked = {i for pair in pairs for i in pair}
        for k in range(len(layout.samples)):
            self.declare(f"x{k}", *layout.sizes(k))
        for i, step in enumerate(self.steps):
            self.names.declare(f"s{i}", partial(self._scratch, i))
            if step.numbers:
                self.names.declare(f"n{i}", partial(self.memory.whole, step.numbers))
            if step.mask is not None:
                self.declare(f"m{i}", step.mask.time, step.mask.features, layout.lanes)
                self.more.append(f"fill(m{i}, 1)")

    def declare(self, name: str, *shape: int) -> None:
        """An array of working memory."""
        self.names.declare(name, partial(self.memory.place, *shape))

    def _scratch(self, i: int) -> str:
        self.scratch[i] = self.memory.size
        return self.memory.place(self.steps[i].scratch)

    def parameter_lines(self, of: str, letter: str, first: int = 0) -> None:
        """Names for the parameters, which lie in the array `of` from `first` on."""
        for i in dict.fromkeys(self.first):
            for j, name in enumerate(self.steps[i].parameters):
                start, shape = self.parameters[name]
                total = "t" if letter == "g" and i in self.several else letter
                self.names.declare(f"{total}{i}_{j}", partial(self.memory.at, of, first + start, shape))
                if total != letter:
                    self.declare(f"{letter}{i}_{j}", *shape)

    def gradient_lines(self) -> None:
        """dL/dx of every slot, and of each reader where several steps read one; dL/d(state) after linked steps."""
        for k in range(len(self.layout.samples)):
            time, features, lanes = self.layout.sizes(k)
            for name in [f"d{k}", *(self._dx(i) for i in self._several_readers(k))]:
                self.declare(name, time if k in self.with_gradient else 0, features, lanes)
        for i in sorted(self.linked):
            for letter in "e" if self.steps[i].before is not None else "eb":
                self.declare(f"{letter}{i}", self.steps[i].state * self.layout.lanes)

    def _several_readers(self, slot: int) -> list[int]:
        readers = self.layout.readers(slot)
        return readers if len(readers) > 1 else []

    def _dx(self, i: int) -> str:
        """The array that step i writes its dL/dx to."""
        slot = self.steps[i].source
        return f"d{slot}_{i}" if self._several_readers(slot) else f"d{slot}"

    def place(self, *, back: bool) -> None:
        """Take the places of all arrays; then lines can be written."""
        for i, step in enumerate(self.steps):
            if i in self.linked and step.before is not None:
                self.names.declare(f"h{i}", partial(self._state, i))
        for calls in self.layout.calls:
            for line in (self._forward, *([self._backward] if back else [])):
                self.names.take_turns([[one for i in call for one in line(i)] for call in calls[1:]])
        self.names.place()

    def _state(self, i: int) -> str:
        return self.memory.at("work", self.scratch[i], (self.steps[i].state * self.layout.lanes,))

    def lines(self, text: str) -> str:
        """What stands before this text."""
        return "\n".join(self.names.lines("\n".join([text, *self.more])) + self.more)

    def source(self, text: str, names: dict[str, Any]) -> GeneratedFunction:
        kernels = _kernels({i: self.steps[i] for i in self.first})
        return GeneratedFunction(text, {**names, **kernels}, self.memory.sizes(), self.memory.size, self.scratch)

    def start(self) -> list[str]:
        """The states before a window."""
        steps = enumerate(self.steps)
        return [
            f"start{self.first[i]}(x{step.source}, x{step.target}, s{i}{self._of(i, 'p')})"
            for i, step in steps
            if step.kernel.start and step.before is None
        ]

    def forward(self) -> list[str]:
        return self._in_loops(self._forward, range(len(self.steps)))

    def backward(self) -> list[str]:
        totals = [f"fill(t{i}_{j}, 0)" for i in sorted(self.several) for j in range(len(self.steps[i].parameters))]
        return totals + self._in_loops(self._backward, range(len(self.steps) - 1, -1, -1))

    def _in_loops(self, lines: Callable[[int], list[str]], order: range) -> list[str]:
        """The lines of all steps in this order, those of calls that are alike in a loop."""
        found, looped = list[str](), set[int]()
        loops = {i: calls for calls in self.layout.calls for call in calls[1:] for i in call}
        for i in order:
            calls = loops.get(i)
            if calls is None:
                found += lines(i)
            elif i not in looped:
                looped |= {k for call in calls[1:] for k in call}
                one, two = ([line for k in call[:: order.step] for line in lines(k)] for call in calls[1:3])
                counted = f"1, {len(calls)}" if order.step > 0 else f"{len(calls) - 1}, 0, -1"
                found.append(self.names.loop(f"for call in range({counted}):", one, two))
        return found

    def _forward(self, i: int) -> list[str]:
        step, first, lines = self.steps[i], self.first[i], list[str]()
        if i in self.linked and step.before is not None:
            k, before = step.before, self.steps[step.before]
            lines.append(f"pass_on{first}(x{before.source}, x{before.target}, s{k}, h{i})")
        return [*lines, f"forward{first}(x{step.source}, x{step.target}, s{i}{self._more(i)}{self._of(i, 'p')})"]

    def _backward(self, i: int) -> list[str]:
        step, first, lines = self.steps[i], self.first[i], list[str]()
        if step.target not in self.with_gradient:
            return lines
        if i == self.layout.writers(step.target)[-1]:  # all that read it have run
            lines += self._sum_lines(step.target)
        before = "" if i not in self.linked else f", e{i}, " + (f"b{i}" if step.before is None else f"e{step.before}")
        arrays = f"x{step.source}, x{step.target}, d{step.target}, {self._dx(i)}, s{i}{before}{self._more(i)}"
        parameters = f"{self._of(i, 'p')}{self._of(i, 'g')}"
        lines.append(f"{'linked' if before else 'backward'}{first}({arrays}{parameters})")
        if before and step.before is not None and step.kernel.went_on:
            lines.append(f"went_on{first}(x{step.source}, x{step.target}, s{i}{parameters})")
        if first in self.several:
            lines += [f"add_to(t{first}_{j}, g{first}_{j})" for j in range(len(step.parameters))]
        return lines

    def states(self) -> None:
        """Names for the states before a window."""
        for i, size in self._stateful().items():
            self.names.declare(f"h{i}", partial(self.memory.at, f"s{i}", 0, (size,)))

    def _stateful(self) -> dict[int, int]:
        """Numbers of a state by the step that has it."""
        return {i: step.state * self.layout.lanes for i, step in enumerate(self.steps) if step.state}

    def begin(self) -> list[str]:
        """The states before a window, of streams, unless it goes on."""
        start = [*(f"fill(h{i}, 0)" for i in self._stateful()), *self.start()]
        return [filled(templates.BEGIN, start="\n".join(start))] if start else []

    def went_on(self) -> list[str]:
        """What windows that go on need after backward."""
        calls = [
            f"went_on{i}(x{step.source}, x{step.target}, s{i}{self._of(i, 'p')}{self._of(i, 'g')})"
            for i, step in enumerate(self.steps)
            if step.kernel.went_on
        ]
        return [filled(templates.WENT_ON, went_on="\n".join(calls))] if calls else []

    def carry(self) -> list[str]:
        """The states after a window become those before the next one; not of layers that stand there several times."""
        steps = [(i, step) for i, step in enumerate(self.steps) if self.first[i] not in self.several]
        return [f"carry{i}(x{step.source}, x{step.target}, s{i})" for i, step in steps if step.kernel.carry]

    def _sum_lines(self, slot: int) -> list[str]:
        first, *others = [f"d{slot}_{i}" for i in self._several_readers(slot)] or [""]
        return [f"copy(d{slot}, {first})" for _ in others[:1]] + [f"add_to(d{slot}, {other})" for other in others]

    def _more(self, i: int) -> str:
        step = self.steps[i]
        mask = i if step.before is None else self.first[i]
        given = (f"n{i}", step.numbers), (f"m{mask}", step.kernel.mask), ("lengths", step.ragged)
        return "".join(f", {name}" for name, there in given if there)

    def masks(self, examples: str) -> list[str]:
        """Those of a batch, drawn layer by layer, and brought into lanes where these are not all examples in order.

        `examples` are the first one in the lanes, counted within the batch, and how many there are.
        """
        drawn, ragged = [i for i, step in enumerate(self.steps) if step.mask is not None], self.layout.ragged
        in_place = examples == templates.ALL and not ragged
        lines = ["longest = view(given_lengths, position, (n,)).max()"] if ragged and drawn else []
        for j, i in enumerate(drawn):
            into, time = (
                f"m{i}" if in_place else "masks",
                f"min(m{i}.shape[0], longest)" if ragged else f"m{i}.shape[0]",
            )
            lines.append(f"drawn = view({into}, 0, ({time} * m{i}.shape[1], {into}.shape[-1]))")
            lines.append(f"draw_masks(drawn, n, rates[{2 * j}], rates[{2 * j + 1}], random)")
            if examples and not in_place:
                lines.append(f"gather_masks(m{i}, drawn, ranks, {'position + ' if ragged else ''}{examples})")
        return lines

    def _of(self, i: int, letter: str) -> str:
        return "".join(f", {letter}{self.first[i]}_{j}" for j in range(len(self.steps[i].parameters)))


def _kernels(steps: dict[int, Step]) -> dict[str, Any]:
    names = {}
    for i, step in steps.items():
        names[f"forward{i}"], names[f"backward{i}"] = step.kernel.forward, step.kernel.backward
        more = {"carry": step.kernel.carry, "start": step.kernel.start, "went_on": step.kernel.went_on}
        if step.kernel.linked:
            more |= {"pass_on": step.kernel.linked.pass_on, "linked": step.kernel.linked.backward}
        names |= {f"{name}{i}": function for name, function in more.items() if function}
    return names
