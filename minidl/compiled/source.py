"""Writes the function that runs a whole stack: kernels one after the other, in plain Python for numba.

The text depends on the kinds of layers and on which of them have parameters, not
on sizes: those come in an array of numbers, so one compiled function serves every
width, window length and batch size of a stack.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from minidl.compiled.kernel import LossKernel, OptimizerKernel
from minidl.compiled.plan import Memory, Step, parameter_places
from minidl.layer import Layer, n_parameters


@dataclass(frozen=True)
class Source:
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

    def __init__(self, model: Layer, steps: list[Step]) -> None:
        self.memory = Memory()
        self.steps = steps
        self.parameters = parameter_places(model)
        self.lines = [f"x0 = {self.memory.place(*steps[0].x)}"]
        self.scratch: list[int] = []
        for i, step in enumerate(steps):
            self.lines.append(f"x{i + 1} = {self.memory.place(*step.y)}")
            self.scratch.append(self.memory.size)
            self.lines.append(f"s{i} = {self.memory.place(step.scratch)}")

    def parameter_lines(self, of: str, letter: str, first: int = 0) -> None:
        """Names for the parameters, which lie in the array `of` from `first` on."""
        for i, step in enumerate(self.steps):
            for j, name in enumerate(step.parameters):
                start, shape = self.parameters[name]
                self.lines.append(f"{letter}{i}_{j} = {self.memory.at(of, first + start, shape)}")

    def gradient_lines(self) -> None:
        """dL/dy of every layer; of the first layer's input there is none."""
        self.lines.append(f"d0 = {self.memory.place(0, *self.steps[0].x[1:])}")
        for i, step in enumerate(self.steps):
            self.lines.append(f"d{i + 1} = {self.memory.place(*step.y)}")

    def source(self, text: str, names: dict[str, Any]) -> Source:
        return Source(text, names, self.memory.numbers, self.memory.size, self.scratch)

    def forward(self) -> list[str]:
        return [f"forward{i}(x{i}, x{i + 1}, s{i}{self._of(i, 'p')})" for i in range(len(self.steps))]

    def backward(self) -> list[str]:
        return [
            f"backward{i}(x{i}, x{i + 1}, d{i + 1}, d{i}, s{i}{self._of(i, 'p')}{self._of(i, 'g')})"
            for i in reversed(range(len(self.steps)))
        ]

    def _of(self, i: int, letter: str) -> str:
        return "".join(f", {letter}{i}_{j}" for j in range(len(self.steps[i].parameters)))


_TRAIN = """\
def train(inputs, targets, starts, target_starts, target_step, batch, limits, total, numbers, params, grads,
          work, sizes{state}):
    inputs, targets, params, grads = borrow(inputs), borrow(targets), borrow(params), borrow(grads)
    {arrays}
    position, loss, trouble = 0, 0.0, 0
    while position < len(starts):
        n = min(batch, len(starts) - position)
        gather_inputs(x0, inputs, starts, position, n)
        gather_targets(target, targets, target_starts, target_step, position, n)
        {forward}
        loss = loss_function(x{last}, target, d{last}, n)
        {backward}
        square = sum_of_squares(grads)
        if not isfinite(loss) or (not isfinite(square) and not (isfinite(limits[0]) and all_finite(grads))):
            trouble = 1
            break
        if isfinite(limits[0]):
            clip(grads, square, limits[0])
        update(params, grads, numbers{state})
        if not (finite(params){finite}):
            trouble = 2
            break
        total += loss * n
        position += n
    return position, total, loss, trouble
"""

_PREDICT = """\
def predict(inputs, outputs, keep, work, sizes):
    inputs, outputs = borrow(inputs), borrow(outputs)
    {arrays}
    for first in range(0, len(inputs), x0.shape[2]):
        n = min(x0.shape[2], len(inputs) - first)
        spread_inputs(x0, inputs, first, n)
        {forward}
        collect_outputs(outputs, x{last}, first, n)
    if keep:
        {carry}
"""


def train_source(model: Layer, steps: list[Step], loss: LossKernel, optimizer: OptimizerKernel, state: int) -> Source:
    """``train``: many steps in one call; `state` is the number of the optimizer's arrays."""
    from minidl.compiled import runtime

    arrays = _Arrays(model, steps)
    arrays.parameter_lines("params", "p")
    arrays.parameter_lines("grads", "g")
    arrays.gradient_lines()
    arrays.lines.append(f"target = {arrays.memory.place(*steps[-1].y)}")
    text = _TRAIN.format(
        arrays="\n    ".join(arrays.lines),
        forward="\n        ".join(arrays.forward()),
        backward="\n        ".join(arrays.backward()),
        last=len(steps),
        state="".join(f", state{i}" for i in range(state)),
        finite="".join(f" and finite(state{i})" for i in range(state)),
    )
    names = {**runtime.NAMES, **_kernels(steps), "loss_function": loss.loss, "update": optimizer.update}
    return arrays.source(text, names)


def predict_source(model: Layer, steps: list[Step]) -> Source:
    """``predict``: forward for any number of windows. The parameters lie at the end of its working memory."""
    from minidl.compiled import runtime

    arrays = _Arrays(model, steps)
    first = arrays.memory.size
    arrays.memory.size += n_parameters(model)
    arrays.parameter_lines("work", "p", first)
    carry = [f"carry{i}(x{i}, x{i + 1}, s{i})" for i, step in enumerate(steps) if step.kernel.carry]
    text = _PREDICT.format(
        arrays="\n    ".join(arrays.lines),
        forward="\n        ".join(arrays.forward()),
        carry="\n        ".join(carry or ["pass"]),
        last=len(steps),
    )
    names = {**runtime.NAMES, **_kernels(steps)}
    return arrays.source(text, names)


def _kernels(steps: list[Step]) -> dict[str, Any]:
    names = {}
    for i, step in enumerate(steps):
        names[f"forward{i}"], names[f"backward{i}"] = step.kernel.forward, step.kernel.backward
        if step.kernel.carry:
            names[f"carry{i}"] = step.kernel.carry
    return names
