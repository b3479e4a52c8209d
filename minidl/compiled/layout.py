"""A model as a row of steps over numbered slots: which kernel reads which array and writes which.

A slot is the place of an array that one step or several write and others read.
Where several steps read a slot, each gets a gradient array of its own, and these are
added before the step that wrote the slot runs backward.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from minidl.compiled.kernel import ActivationKernel, LayerKernel, Mask, Sizes, kernel_of
from minidl.compiled.kernels import glue
from minidl.compiled.kernels.activations import elementwise
from minidl.compiled.rules import rule_of
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

    @property
    def mask(self) -> Mask | None:
        """What is drawn for each step of a training."""
        return None if self.kernel.mask is None else self.kernel.mask(self.layer, self.x, self.y)

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

    @property
    def output_shape(self) -> tuple[int, ...]:
        """What the last step writes, without the batch axis."""
        return self.samples[self.steps[-1].target].shape[1:]

    def readers(self, slot: int) -> list[int]:
        """Numbers of the steps that read a slot."""
        return [i for i, step in enumerate(self.steps) if step.source == slot]

    def writers(self, slot: int) -> list[int]:
        """Numbers of the steps that write a slot."""
        return [i for i, step in enumerate(self.steps) if step.target == slot]

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
        self.steps.append(Step(layer, kernel, source, target, *sizes, parameters, numbers, pair is not None))


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
