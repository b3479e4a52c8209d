"""One class for each step of a sequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from minidl.core.arguments import NonNegativeInt
from minidl.core.layer import Array, Shape
from minidl.core.lengths import inside
from minidl.core.registry import register
from minidl.data import ScaleFit, SequenceParts, SequenceSet, SequenceTable
from minidl.tasks.classify import Classify, per_class, softmax, whole
from minidl.tasks.linear import AROUND, around_steps
from minidl.tasks.protocols import Setting
from minidl.tasks.sequence_task import Predicted
from minidl.tasks.task import check_looks_back


@register
@dataclass(eq=False)
class Label(Classify):
    """One class for each step of a sequence: the model puts out one number a class, at every step.

    With `BinaryCrossEntropy` two classes need one number, as in `Classify`. Scores count steps, of all sequences of the
    test part.

    Parameters
    ----------
    checkpoint : which weights are scored, ``last`` or ``best`` (lowest validation loss).
    lookahead : steps after each step that the linear baseline sees, beside the eight before it; 0 where labels are of
        what comes next, which the steps after it would give away: then a model that looks at later steps is refused.
    """

    lookahead: NonNegativeInt = AROUND

    every_step: ClassVar[bool] = True

    def check_output(self, output: Shape, experiment: Setting) -> None:
        """One number for each class at every step, which no later step gives away; see `lookahead`."""
        super().check_output(output, experiment)
        if self.lookahead == 0:
            check_looks_back(experiment.model, output, "which give its labels away as lookahead is 0")

    def targets_of(self, table: SequenceTable) -> npt.NDArray[np.int64]:
        """One label a row."""
        return table.step_labels()

    def validate(
        self, y: Array, target: Array, lengths: Array | None = None, weight: Array | None = None
    ) -> dict[str, float]:
        """Accuracy and macro F1 over all steps."""
        if lengths is not None:
            real = inside(lengths, y.shape[1])
            y, target = y[real], target[real]
        return super().validate(y, target)

    def row_words(self, row: str, parts: Any) -> str:
        """``steps of the test part``."""
        return "steps of the test part"

    def labels_in(self, sequences: SequenceSet) -> npt.NDArray[np.int64]:
        """The labels of a part's rows, sequence after sequence."""
        ends, labels = sequences.starts + sequences.lengths, whole(sequences.target)
        return np.concatenate([labels[a:b] for a, b in zip(sequences.starts, ends, strict=True)])

    def inputs_in(self, parts: SequenceParts, sequences: SequenceSet) -> npt.NDArray[np.float64]:
        """What the linear baseline sees: each step with those around it, as far as `lookahead` says."""
        return around_steps(sequences, self.lookahead)

    def described(self, table: SequenceTable, y: Array, names: tuple[str, ...], scale: ScaleFit) -> Predicted:
        """The class of each step, and how probable each class is."""
        p = softmax(per_class(y))
        labels = p.argmax(axis=-1)
        rows: list[list[Any]] = [["sequence", "step", "class", *(f"p({name})" for name in names)]]
        for i, start in enumerate(table.starts):
            for step in range(int(table.lengths[i])):
                row = int(start) + step
                rows.append([table.name(i), str(step), names[labels[row]], *map(float, p[row])])
        return Predicted(rows, {"classes": list(names)}, f"{len(y)} steps of {len(table)} sequences of {table.source}")
