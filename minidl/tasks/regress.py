"""Several numbers for each sequence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from minidl.core.layer import Array, Layer
from minidl.core.registry import register
from minidl.data import ScaleFit, SequenceParts, SequenceTable
from minidl.metrics import Metric, mae, r2, r2_columns, r2_of_sums, rmse, root_of_sums
from minidl.metrics.sums import Values
from minidl.tasks.answers import Answers
from minidl.tasks.linear import Ridge, flattened
from minidl.tasks.protocols import Scores
from minidl.tasks.sequence_task import ALL, Predicted, SequenceTask, outputs

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@register
@dataclass(eq=False)
class Regress(SequenceTask):
    """Several numbers for each sequence, such as a length and a weight; the model puts out one for each.

    Parameters
    ----------
    checkpoint : which weights are scored, ``last`` or ``best`` (lowest validation loss).
    """

    labels: ClassVar[bool] = False
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric(
            "r2",
            "R²",
            True,
            about="mean over the numbers",
            undefined="a number is the same in all of them",
            of_sums=r2_of_sums,
        ),
        Metric("rmse", "RMSE", False, about="scaled", of_sums=root_of_sums),
        Metric("mae", "MAE", False, about="scaled"),
    )
    reference: ClassVar[str] = "mean"

    def targets_of(self, table: SequenceTable) -> None:
        """The table's numbers."""
        table.known_targets()

    def validate(
        self, y: Array, target: Array, lengths: Array | None = None, weight: Array | None = None
    ) -> dict[str, float]:
        """R², the mean over the numbers."""
        return {"r2": _mean_r2(y, target)}

    def answered(self, answers: Answers, parts: SequenceParts) -> Array:
        """The numbers, scaled."""
        names = parts.table.target_names
        return parts.scale.of(slice(-len(names), None)).transform(answers.numbers(names))

    def score(self, parts: SequenceParts, y: Array) -> Scores:
        """Of all numbers together, scaled; and of each, in its own units, with what was put out for it."""
        target = parts.test.target
        scores = {"r2": _mean_r2(y, target), "rmse": rmse(y, target), "mae": mae(y, target)}
        made, true = (_unscaled(array, parts.scale) for array in (y, target))
        by_output = {
            name: {metric.__name__: metric(made[:, k], true[:, k]) for metric in (r2, rmse, mae)}
            for k, name in enumerate(parts.table.target_names)
        }
        return {"scores": {ALL: scores}, "outputs": by_output}

    def columns(self, parts: SequenceParts, y: Array) -> dict[str, list[Values]]:
        """Of all numbers of a sequence."""
        e = np.asarray(y, np.float64) - parts.test.target
        count = np.full(len(e), float(e.shape[1]))
        return {"r2": r2_columns(y[:, None], parts.test.target[:, None]), "rmse": [count, (e * e).sum(axis=1)]}

    def baselines(self) -> dict[str, Callable[[SequenceParts], Array]]:
        """The mean of the training part, and a linear model (ridge regression) of the flattened sequence."""
        return {"mean": _mean, "linear": _linear}

    def details(self, scores: Scores) -> list[list[str]]:
        """Scores of each number."""
        rows = [["number", "R²", "RMSE", "MAE"]]
        for name, values in scores["outputs"].items():
            rows.append([f"  {name}", *(f"{values[key]:.4g}" for key in ("r2", "rmse", "mae"))])
        return rows

    def draw(self, model: Layer, parts: Any, scores: Scores) -> dict[str, Figure]:
        """What was put out against the truth, a panel a number."""
        from minidl.plotting import truth_figure

        y = outputs(model, parts.test, every_step=False)
        made, true = (_unscaled(array, parts.scale) for array in (y, parts.test.target))
        return {"truth.png": truth_figure(parts.table.target_names, true, made, scores["outputs"])}

    def described(self, table: SequenceTable, y: Array, names: tuple[str, ...], scale: ScaleFit) -> Predicted:
        """The numbers of each sequence, in their own units."""
        numbers = _unscaled(y, scale)
        rows: list[list[Any]] = [["sequence", *names]]
        rows += [[table.name(i), *map(float, numbers[i])] for i in range(len(table))]
        return Predicted(rows, {}, f"{len(table)} sequences of {table.source}")


def _unscaled(y: Array, scale: ScaleFit) -> Array:
    """Numbers in their own units; their scaling stands behind that of the features."""
    k = y.shape[-1]
    return scale.of(slice(-k, None)).inverse(y)


def _mean_r2(y: Array, target: Array) -> float:
    return float(np.mean([r2(y[:, k], target[:, k]) for k in range(y.shape[-1])]))


def _mean(parts: SequenceParts) -> Array:
    return np.tile(parts.train.target.mean(axis=0), (len(parts.test), 1))


def _linear(parts: SequenceParts) -> Array:
    width = parts.train.time_steps
    fitted = Ridge.fit(flattened(parts.train, width), parts.train.target.astype(np.float64))
    return fitted(flattened(parts.test, width))
