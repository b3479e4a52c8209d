"""A model as a row of steps over numbered slots: which kernel reads which array and writes which.

A slot is the place of an array that one step or several write and others read.
Where several steps read a slot, each gets a gradient array of its own, and these are
added before the step that wrote the slot runs backward.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from minidl.compiled.kernel import ActivationKernel, LayerKernel, Mask, Sizes, kernel_of
from minidl.compiled.kernels import glue
from minidl.compiled.kernels.activations import elementwise
from minidl.compiled.rules import Piece, rule_of
from minidl.core.errors import ShapeError
from minidl.core.layer import Array, Layer
from minidl.core.walk import joined


@dataclass(frozen=True)
class Step:
    """One kernel at work.

    Parameters
    ----------
    layer : None for a step that only moves numbers.
    source, target : the slots that it reads and writes.
    x, y : their sizes.
    parameters : their names in the whole model.
    numbers : what the kernel is given besides, as an array of int64; none if it is empty.
    ragged : whether the kernel is given lengths.
    before : the number of the step whose layer goes on here, from the states and with the masks that it had there.
    """

    layer: Layer | None
    kernel: LayerKernel
    source: int
    target: int
    x: Sizes
    y: Sizes
    parameters: Sequence[str] = ()
    numbers: Sequence[int] = ()
    ragged: bool = False
    before: int | None = None

    @property
    def mask(self) -> Mask | None:
        """What is drawn for each step of a training."""
        if self.kernel.mask is None or self.before is not None:
            return None
        return self.kernel.mask(self.layer, self.x, self.y)

    @property
    def state(self) -> int:
        """Features of a state."""
        return sum(self.kernel.state(self.layer, self.x))

    @property
    def scratch(self) -> int:
        """Values of scratch memory."""
        return self.kernel.scratch(self.layer, self.x, self.y)


@dataclass
class Layout:
    """The steps of a model for one window shape and number of lanes, while rules lay them out.

    An array of zeros goes through the layers' own forward: what they refuse is refused
    here, in their words, and the sizes of the slots are those of the arrays they return.
    `ragged`: lanes have lengths.
    """

    lanes: int
    samples: list[Array]
    ragged: bool = False
    steps: list[Step] = field(default_factory=list)
    calls: list[list[range]] = field(default_factory=list)  # of containers: the steps of each call of what is inside
    _goes_on: bool = False

    @property
    def output_shape(self) -> tuple[int, ...]:
        """What the last step writes, without the batch axis."""
        return self.shape(self.steps[-1].target)

    def readers(self, slot: int) -> list[int]:
        """Numbers of the steps that read a slot."""
        return [i for i, step in enumerate(self.steps) if step.source == slot]

    def writers(self, slot: int) -> list[int]:
        """Numbers of the steps that write a slot."""
        return [i for i, step in enumerate(self.steps) if step.target == slot]

    @property
    def with_gradient(self) -> set[int]:
        """Slots whose dL/dx is needed, as there are parameters before them."""
        found: set[int] = set()
        for step in self.steps:
            if step.parameters or step.source in found:
                found.add(step.target)
        return found

    def shape(self, slot: int) -> tuple[int, ...]:
        """The axes of a slot without the batch."""
        return self.samples[slot].shape[1:]

    def sizes(self, slot: int) -> Sizes:
        """Time, features and lanes of a slot."""
        shape = self.samples[slot].shape[1:]
        if len(shape) not in (1, 2):
            raise ShapeError(
                f"compiled code: expected arrays of (time, features) or (features,) a window, got {shape}."
            )
        time, features = shape if len(shape) == 2 else (1, *shape)
        return time, features, self.lanes

    def layer(self, path: str, layer: Layer, x: int) -> int:
        """Lay out a layer or container that reads slot x; returns the slot of its output."""
        rule = rule_of(layer)
        if rule is not None:
            return rule(self, path, layer, x)
        with np.errstate(all="ignore"):
            y = layer.forward(self.samples[x])[0]
        kernel = kernel_of(layer)
        if isinstance(kernel, ActivationKernel):
            kernel = elementwise(kernel)
        target = self._slot(y)
        numbers = kernel.numbers(layer)
        self._step(layer, kernel, x, target, [joined(path, name) for name in layer.params], numbers)
        return target

    def again(self, path: str, layer: Layer, x: int) -> int:
        """Lay out a layer that was laid out before, so that it goes on from the states that it ended with."""
        self._goes_on, before = True, self._goes_on
        y = self.layer(path, layer, x)
        self._goes_on = before
        return y

    def repeated(self, times: int, call: Callable[[int, int], int], x: int) -> list[int]:
        """So many calls, alike but for the first: ``call(number, slot of the one before)`` lays one out."""
        made, ends = [x], [len(self.steps)]
        outer = self.calls
        self.calls = []  # what is called inside is written out
        for number in range(times):
            made.append(call(number, made[-1]))
            ends.append(len(self.steps))
        self.calls = [*outer, *([[range(*pair) for pair in itertools.pairwise(ends)]] if times > 2 else [])]
        return made[1:]

    def rows(self, time: int, features: int, pieces: Sequence[Piece]) -> int:
        """A slot (time, features) of rows from others, the later pieces over those before them."""
        target = self._slot(np.zeros((1, time, features), self.samples[0].dtype))
        for slot, *numbers in pieces:
            self._step(None, glue.PUT, slot, target, (), numbers)
        return target

    def merge(self, parts: Sequence[int], how: str) -> int:
        """Add slots (``add``), or put their features in a row (``concat``)."""
        samples = [self.samples[part] for part in parts]
        target = self._slot(samples[0] if how == "add" else np.concatenate(samples, axis=-1))
        before = 0
        for number, part in enumerate(parts):
            self._step(None, glue.ADDED if how == "add" and number else glue.PLACED, part, target, (), [before])
            before += 0 if how == "add" else samples[number].shape[-1]
        return target

    def reversed(self, x: int) -> int:
        """A slot with the time steps in reverse order."""
        target = self._slot(self.samples[x])
        self._step(None, glue.REVERSED, x, target, (), ())
        return target

    def _slot(self, sample: Array) -> int:
        self.samples.append(sample)
        return len(self.samples) - 1

    def _step(
        self,
        layer: Layer | None,
        kernel: LayerKernel,
        source: int,
        target: int,
        parameters: Sequence[str],
        numbers: Sequence[int],
    ) -> None:
        sizes = self.sizes(source), self.sizes(target)
        pair = kernel.ragged if self.ragged else None
        if pair is not None:
            kernel = replace(kernel, forward=pair[0], backward=pair[1])
        elif kernel.single and self.lanes == 1:
            one = kernel.single
            kernel = replace(kernel, forward=one.forward, scratch=one.scratch, carry=one.carry)
        earlier = [i for i, step in enumerate(self.steps) if step.layer is layer] if self._goes_on and layer else []
        before = earlier[-1] if earlier else None
        self.steps.append(Step(layer, kernel, source, target, *sizes, parameters, numbers, pair is not None, before))


def layout_of(
    model: Layer, window: tuple[int, ...], lanes: int, dtype: npt.DTypeLike, *, ragged: bool = False
) -> Layout:
    """The steps of a built model for windows of this shape, (time, features) or (features,).

    `ragged`: a window may end before its last step.

    Raises
    ------
    ShapeError
        The model cannot take such a window.
    """
    layout = Layout(lanes, [np.zeros((1, *window), dtype)], ragged)
    layout.layer("", model, 0)
    return layout
