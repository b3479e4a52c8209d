"""One class for each sequence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from minidl.core.layer import Array, Layer
from minidl.core.registry import register
from minidl.data import ScaleFit, SequenceParts, SequenceSet, SequenceTable
from minidl.metrics import Metric, accuracy, class_scores, confusion, macro_f1, mean_of_sums
from minidl.metrics.sums import Values
from minidl.tasks.answers import Answers
from minidl.tasks.linear import Ridge, flattened
from minidl.tasks.protocols import Scores
from minidl.tasks.sequence_task import ALL, Predicted, SequenceTask
from minidl.tasks.terms import Terms

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@register
@dataclass(eq=False)
class Classify(SequenceTask):
    """One class for each sequence: the model puts out one number a class, the largest of which is its answer.

    With `BinaryCrossEntropy` two classes need one number: the second class is the answer where it is above 0.

    Parameters
    ----------
    checkpoint : which weights are scored, ``last`` or ``best`` (lowest validation loss).
    """

    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("accuracy", "accuracy", True, of_sums=mean_of_sums),
        Metric("macro_f1", "macro F1", True, about="mean of the classes' F1"),
    )
    reference: ClassVar[str] = "most_frequent"
    broken_hint: ClassVar[str] = "the model's outputs grow beyond all numbers. Try a smaller learning rate."

    def targets_of(self, table: SequenceTable) -> npt.NDArray[np.int64]:
        """One label a sequence."""
        return table.sequence_labels()

    def validate(
        self, y: Array, target: Array, lengths: Array | None = None, weight: Array | None = None
    ) -> dict[str, float]:
        """Accuracy and macro F1 of the largest outputs."""
        y = per_class(y)
        counts = confusion(y.argmax(axis=-1), whole(target), y.shape[-1])
        return {"accuracy": accuracy(counts), "macro_f1": macro_f1(counts)}

    def answered(self, answers: Answers, parts: SequenceParts) -> Array:
        """1 for the class of each answer."""
        return answers.classes(parts.table.label_names)

    def score(self, parts: SequenceParts, y: Array) -> Scores:
        """Accuracy and macro F1; scores of each class, and the confusion matrix."""
        names, target = parts.table.label_names, self.labels_in(parts.test)
        counts = confusion(per_class(y).argmax(axis=-1), target, len(names))
        finite = bool(np.isfinite(y).all())
        scores = {"accuracy": accuracy(counts), "macro_f1": macro_f1(counts)}
        by_class, n = class_scores(counts), counts.sum(axis=1)
        return {
            "scores": {ALL: scores if finite else dict.fromkeys(scores, float("nan"))},
            "classes": {
                name: {**{metric: float(values[i]) for metric, values in by_class.items()}, "n": int(n[i])}
                for i, name in enumerate(names)
            },
            "confusion": counts.tolist(),
        }

    def columns(self, parts: SequenceParts, y: Array) -> dict[str, list[Values]]:
        """Whether the largest output is right, or of how many steps it is."""
        right = per_class(y).argmax(axis=-1) == self.labels_in(parts.test)
        n = parts.test.lengths if self.every_step else np.ones(len(parts.test), np.int64)
        starts = np.cumsum(n) - n
        return {"accuracy": [n.astype(np.float64), np.add.reduceat(right.astype(np.float64), starts)]}

    def labels_in(self, sequences: SequenceSet) -> npt.NDArray[np.int64]:
        """The labels of a part, in its order."""
        return whole(sequences.target)

    def inputs_in(self, parts: SequenceParts, sequences: SequenceSet) -> npt.NDArray[np.float64]:
        """What the linear baseline sees of a part: each sequence in one row, as long as the longest of the training."""
        return flattened(sequences, parts.train.time_steps)

    def baselines(self) -> dict[str, Callable[[SequenceParts], Array]]:
        """The most frequent class of the training part, and a linear classifier (ridge regression on 0 and 1)."""
        return {"most_frequent": self._most_frequent, "linear": self._linear}

    def _most_frequent(self, parts: SequenceParts) -> Array:
        counts = np.bincount(self.labels_in(parts.train), minlength=len(parts.table.label_names))
        return np.tile(counts, (len(self.labels_in(parts.test)), 1))

    def _linear(self, parts: SequenceParts) -> Array:
        one_hot = np.eye(len(parts.table.label_names))[self.labels_in(parts.train)]
        return Ridge.fit(self.inputs_in(parts, parts.train), one_hot)(self.inputs_in(parts, parts.test))

    def terms(self) -> Terms:
        """Labels are the same whatever the loss takes them as."""
        return LabelTerms(self)

    def details(self, scores: Scores) -> list[list[str]]:
        """Scores of each class."""
        rows = [["class", "precision", "recall", "F1", "of it"]]
        for name, values in scores["classes"].items():
            shown = ["-" if np.isnan(values[key]) else f"{values[key]:.3f}" for key in ("precision", "recall", "f1")]
            rows.append([f"  {name}", *shown, str(values["n"])])
        return rows

    def draw(self, model: Layer, parts: Any, scores: Scores) -> dict[str, Figure]:
        """The confusion matrix, and scores of each class."""
        from minidl.plotting import classes_figure, confusion_figure

        return {"confusion.png": confusion_figure(scores), "classes.png": classes_figure(scores)}

    def described(self, table: SequenceTable, y: Array, names: tuple[str, ...], scale: ScaleFit) -> Predicted:
        """The class of each sequence, and how probable each class is."""
        p = softmax(per_class(y))
        rows: list[list[Any]] = [["sequence", "class", *(f"p({name})" for name in names)]]
        for i, label in enumerate(p.argmax(axis=-1)):
            rows.append([table.name(i), names[label], *map(float, p[i])])
        return Predicted(rows, {"classes": list(names)}, f"{len(table)} sequences of {table.source}")


class LabelTerms(Terms):
    """In which terms models that learn labels are compared."""

    def truth(self, parts: Any) -> str:
        """A digest of the labels of the test part."""
        return super().truth(replace(parts, test=replace(parts.test, target=whole(parts.test.target))))


def whole(target: Array) -> npt.NDArray[np.int64]:
    """Labels as whole numbers (...); those of a loss of probabilities are numbers (..., 1)."""
    return target if target.dtype.kind == "i" else target[..., 0].astype(np.int64)


def per_class(y: Array) -> Array:
    """One number for each class, (..., K); of the one probability p of a second class, log(1 - p) and log p."""
    if y.shape[-1] > 1:
        return y
    with np.errstate(divide="ignore"):
        logs: Array = np.log(np.concatenate([1 - y, y], axis=-1))
        return logs


def softmax(y: Array) -> npt.NDArray[np.float64]:
    """exp(y) / Σ exp(y) over the last axis."""
    p = np.exp(y - y.max(axis=-1, keepdims=True))
    shares: npt.NDArray[np.float64] = p / p.sum(axis=-1, keepdims=True)
    return shares
