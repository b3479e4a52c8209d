"""Writes the function that runs a whole stack: kernels one after the other, in plain Python for numba.

The text depends on the kinds of layers and on which of them have parameters, not
on sizes: those come in an array of numbers, so one compiled function serves every
width, window length and batch size of a stack.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from minidl.compiled import templates
from minidl.compiled.kernel import LossKernel, OptimizerKernel
from minidl.compiled.layout import Layout, Step
from minidl.compiled.plan import Memory, parameter_places
from minidl.compiled.templates import filled
from minidl.core.layer import Layer, n_parameters


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


class _Arrays:
    """The arrays of a stack: their places, and the lines that name them."""

    def __init__(self, model: Layer, layout: Layout) -> None:
        self.memory = Memory()
        self.layout, self.steps = layout, layout.steps
        self.parameters = parameter_places(model)
        self.lines = [f"x{k} = {self.memory.place(*layout.sizes(k))}" for k in range(len(layout.samples))]
        self.scratch: list[int] = []
        for i, step in enumerate(self.steps):
            self.scratch.append(self.memory.size)
            self.lines.append(f"s{i} = {self.memory.place(step.scratch)}")
            if step.numbers:
                self.lines.append(f"n{i} = {self.memory.whole(step.numbers)}")
            if step.mask is not None:
                place = self.memory.place(step.mask.time, step.mask.features, layout.lanes)
                self.lines += [f"m{i} = {place}", f"fill(m{i}, 1)"]

    def parameter_lines(self, of: str, letter: str, first: int = 0) -> None:
        """Names for the parameters, which lie in the array `of` from `first` on."""
        for i, step in enumerate(self.steps):
            for j, name in enumerate(step.parameters):
                start, shape = self.parameters[name]
                self.lines.append(f"{letter}{i}_{j} = {self.memory.at(of, first + start, shape)}")

    def gradient_lines(self) -> None:
        """dL/dx of every slot, and of each reader where several steps read one; of the model's input there is none."""
        for k in range(len(self.layout.samples)):
            time, features, lanes = self.layout.sizes(k)
            names = [f"d{k}", *(self._dx(i) for i in self._several_readers(k))]
            self.lines += [f"{name} = {self.memory.place(time if k else 0, features, lanes)}" for name in names]

    def _several_readers(self, slot: int) -> list[int]:
        readers = self.layout.readers(slot)
        return readers if len(readers) > 1 else []

    def _dx(self, i: int) -> str:
        """The array that step i writes its dL/dx to."""
        slot = self.steps[i].source
        return f"d{slot}_{i}" if self._several_readers(slot) else f"d{slot}"

    def source(self, text: str, names: dict[str, Any]) -> GeneratedFunction:
        return GeneratedFunction(text, names, self.memory.sizes(), self.memory.size, self.scratch)

    def start(self) -> list[str]:
        """The states before a window."""
        steps = enumerate(self.steps)
        return [
            f"start{i}(x{step.source}, x{step.target}, s{i}{self._of(i, 'p')})"
            for i, step in steps
            if step.kernel.start
        ]

    def forward(self) -> list[str]:
        return [
            f"forward{i}(x{step.source}, x{step.target}, s{i}{self._more(i)}{self._of(i, 'p')})"
            for i, step in enumerate(self.steps)
        ]

    def backward(self) -> list[str]:
        lines = []
        for i, step in reversed(list(enumerate(self.steps))):
            if i == self.layout.writers(step.target)[-1]:  # all that read it have run
                lines += self._sum_lines(step.target)
            arrays = f"x{step.source}, x{step.target}, d{step.target}, {self._dx(i)}, s{i}{self._more(i)}"
            lines.append(f"backward{i}({arrays}{self._of(i, 'p')}{self._of(i, 'g')})")
        return lines

    def states(self) -> None:
        """Names for the states before a window."""
        self.lines += [f"h{i} = {self.memory.at(f's{i}', 0, (size,))}" for i, size in self._stateful().items()]

    def _stateful(self) -> dict[int, int]:
        """Numbers of a state by the step that has it."""
        sizes = {i: sum(step.kernel.state(step.layer, step.x)) for i, step in enumerate(self.steps)}
        return {i: size * self.layout.lanes for i, size in sizes.items() if size}

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
        """The states after a window become those before the next one."""
        steps = enumerate(self.steps)
        return [f"carry{i}(x{step.source}, x{step.target}, s{i})" for i, step in steps if step.kernel.carry]

    def _sum_lines(self, slot: int) -> list[str]:
        first, *others = [f"d{slot}_{i}" for i in self._several_readers(slot)] or [""]
        return [f"copy(d{slot}, {first})" for _ in others[:1]] + [f"add_to(d{slot}, {other})" for other in others]

    def _more(self, i: int) -> str:
        step = self.steps[i]
        given = (("n", step.numbers), ("m", step.mask))
        return "".join(f", {name}{i}" for name, there in given if there) + (", lengths" if step.ragged else "")

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
        return "".join(f", {letter}{i}_{j}" for j in range(len(self.steps[i].parameters)))


def train_function(
    model: Layer,
    layout: Layout,
    target: tuple[int, int],
    loss: LossKernel,
    optimizer: OptimizerKernel,
    state: int,
    *,
    uneven: bool = False,
    several: bool = False,
    carried: bool = False,
) -> GeneratedFunction:
    """``train``: many steps in one call.

    `target` are the time steps of a target and its numbers at each, `state` is the number of the optimizer's arrays;
    `uneven`: examples have lengths or weights. `several`: several threads call it at once, each
    with memory and gradients of its own, and take part of each batch; see `together`. `carried`: steps go
    along streams.
    """
    from minidl.compiled import runtime

    arrays = _Arrays(model, layout)
    arrays.parameter_lines("params", "p")
    arrays.parameter_lines("grads", "g")
    arrays.gradient_lines()
    arrays.lines.append(f"target = {arrays.memory.place(*target, layout.lanes)}")
    if uneven:
        arrays.lines.append(f"share = {arrays.memory.place(*target, layout.lanes)}")
        arrays.lines.append(f"lengths = {arrays.memory.whole([0] * layout.lanes)}")
    if arrays.masks(""):
        arrays.lines += [f"{name} = borrow({name})" for name in ("masks", "random", "ranks", "rates")]
    if carried:
        arrays.states()
    text = filled(
        templates.TRAIN,
        arrays="\n".join(arrays.lines),
        step=_step(arrays, state, uneven=uneven, several=several, carried=carried),
        carried=", goes_on" if carried else "",
        masks=", masks, random, ranks, rates" if arrays.masks("") else "",
        uneven=", given_lengths, weights, weight_starts, weight_steps" if uneven else "",
        state="".join(f", state{i}" for i in range(state)),
        several=", thread, threads, losses, parts, flags" if several else "",
    )
    function = loss.weighted if uneven else loss.loss
    names = {**runtime.NAMES, **_kernels(layout.steps), "loss_function": function, "update": optimizer.update}
    return arrays.source(text, names)


def _step(arrays: _Arrays, state: int, *, uneven: bool, several: bool, carried: bool) -> str:
    """The text of a step of training."""
    examples, n = ("position + first, count", "count") if several else ("position, n", "n")
    shares = filled(templates.SHARES_TOGETHER if several else templates.SHARES, examples=examples)
    gather = filled(templates.GATHER_UNEVEN if uneven else templates.GATHER, examples=examples, shares=shares)
    loss = filled(
        templates.LOSS_TOGETHER if several and not uneven else templates.LOSS,
        last=str(arrays.steps[-1].target),
        counted="share" if uneven else n,
    )
    update = filled(
        templates.UPDATE,
        state="".join(f", view(state{i}, segments[k, {2 * i + 2}], (segments[k, {2 * i + 3}],))" for i in range(state)),
        finite="".join(f" and finite(state{i})" for i in range(state)),
    )
    return filled(
        templates.STEP_TOGETHER if several else templates.STEP,
        gather="\n".join([gather, *arrays.masks("first, count" if several else templates.ALL)]),
        draw="\n".join(arrays.masks("") or ["pass"]),
        forward="\n".join((arrays.begin() if carried else arrays.start()) + arrays.forward()),
        loss=loss,
        backward="\n".join(arrays.backward() + (arrays.went_on() if carried else [])),
        update=update,
        carry="\n".join(arrays.carry()) if carried else "",
    )


def predict_function(model: Layer, layout: Layout) -> GeneratedFunction:
    """``predict``: forward for any number of windows. The parameters lie at the end of its working memory."""
    from minidl.compiled import runtime

    arrays, last = _Arrays(model, layout), layout.steps[-1]
    first = arrays.memory.size
    arrays.memory.size += n_parameters(model)
    arrays.parameter_lines("work", "p", first)
    gather = templates.SINGLE if layout.lanes == 1 else templates.SPREAD
    if layout.ragged:
        arrays.lines.append(f"lengths = {arrays.memory.whole([0] * layout.lanes)}")
        gather = templates.SPREAD_UNEVEN
    text = filled(
        templates.PREDICT,
        arrays="\n".join(arrays.lines),
        start="\n".join(arrays.start() or ["pass"]),
        forward="\n".join(arrays.forward()),
        gather=gather,
        uneven=", given_lengths, starts" if layout.ragged else "",
        carry="\n".join(arrays.carry() or ["pass"]),
        last=str(last.target),
    )
    names = {**runtime.NAMES, **_kernels(layout.steps)}
    return arrays.source(text, names)


def _kernels(steps: list[Step]) -> dict[str, Any]:
    names = {}
    for i, step in enumerate(steps):
        names[f"forward{i}"], names[f"backward{i}"] = step.kernel.forward, step.kernel.backward
        more = {"carry": step.kernel.carry, "start": step.kernel.start, "went_on": step.kernel.went_on}
        names |= {f"{name}{i}": function for name, function in more.items() if function}
    return names
