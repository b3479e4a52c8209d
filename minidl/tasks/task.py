"""What a task is: what comes in, what a model must put out, how that is scored, and against which baselines.

The ``evaluation`` section of a config is the task. Whoever trains, scores, compares
and reports asks it, and has no metric, unit or picture of its own.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from minidl.core.arguments import Configurable
from minidl.core.errors import ConfigError, NumericalError, ShapeError
from minidl.core.layer import Array, Layer, Shape
from minidl.core.registry import open_kind
from minidl.core.walk import config_path, walk
from minidl.data import ScaleFit
from minidl.forecasting.rounding import is_above
from minidl.forecasting.words import baseline_words
from minidl.metrics import Metric
from minidl.tasks.protocols import Parts, Prediction, Scores, Setting, Stretches
from minidl.tasks.terms import Terms

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@open_kind("task", default="Forecast")
@dataclass(eq=False)
class Task(Configurable, ABC):
    """What a model is for: the ``evaluation`` section of a config.

    A subclass sets the class attributes; a user's own registers like a layer.

    Parameters
    ----------
    checkpoint : which weights are scored, ``last`` or ``best`` (lowest validation loss).

    Attributes
    ----------
    metrics : the first one leads; where it is undefined, the second one does.
    reported : names of those that train and evaluate print, in their order; empty: all.
    tables : the tables of scores in evaluation.json; models are compared by the first.
    reference : the baseline that skill is measured against.
    needs_file : whether a prediction is about a file that is given.
    examples : what an example is called, in the plural.
    broken_hint : why scores of a finite training may be NaN or Inf, and what to do.
    """

    checkpoint: Literal["last", "best"] = "last"

    metrics: ClassVar[tuple[Metric, ...]]
    reported: ClassVar[tuple[str, ...]] = ()
    tables: ClassVar[tuple[str, ...]] = ("scores",)
    reference: ClassVar[str]
    needs_file: ClassVar[bool] = True
    examples: ClassVar[str] = "examples"
    broken_hint: ClassVar[str] = "the model's outputs grow beyond all numbers. Try a smaller learning rate."

    @property
    def table(self) -> str:
        """The table of scores that models are compared by."""
        return self.tables[0]

    def metric(self, name: str) -> Metric:
        """A metric by its name."""
        return next(metric for metric in self.metrics if metric.name == name)

    def check(self, experiment: Setting) -> None:
        """Refuse parts of an experiment that do not go together; nothing is read.

        Raises
        ------
        ConfigError
            ``key.path: what is wrong``.
        """
        if self.checkpoint == "best" and not experiment.data.has_validation:
            raise ConfigError(
                f"evaluation.checkpoint: is best, but {experiment.data.validation_key} is not set; "
                "without validation no weights are the best: set it, or score the last weights."
            )

    @abstractmethod
    def check_output(self, output: Shape, experiment: Setting) -> None:
        """Refuse a model that puts out something else than the task needs.

        Raises
        ------
        ShapeError
            One line.
        """

    @abstractmethod
    def load(self, experiment: Setting, output: Shape) -> Parts:
        """Read the data and cut them, for a model with this output shape.

        Raises
        ------
        DataError
            They are not what they should be, or not what the task needs.
        """

    @abstractmethod
    def validate(
        self, y: Array, target: Array, lengths: Array | None = None, weight: Array | None = None
    ) -> dict[str, float]:
        """Scores of the validation examples after an epoch, for the log.

        Parameters
        ----------
        lengths : of the outputs, where they have time steps; what stands beyond is padding. None: there is none.
        weight : what examples, or numbers of the target, count for in the loss; see `Batch`. None: 1.
        """

    def validated(self, parts: Parts) -> str:
        """What the leading metric is of, in the log, if that is not plain: ``one step ahead``."""
        return ""

    @abstractmethod
    def rows(self) -> Sequence[str]:
        """The rows of the table by which models are compared, the leading one first."""

    @abstractmethod
    def row_words(self, row: str, parts: Parts) -> str:
        """A row's name in a table."""

    @abstractmethod
    def evaluate(self, parts: Parts, model: Layer) -> Scores:
        """All scores, of the model and of the baselines, as in ``evaluation.json``.

        At least the `tables` (``{row: {metric: value}}``), ``baselines`` (tables by name),
        ``parameters``, ``units`` and ``assumptions`` (lines).
        """

    def recalled(self, scores: Callable[[], Scores]) -> Task:
        """The task for predictions, with what its evaluation has fitted beside the weights; by default the task itself.

        Parameters
        ----------
        scores : reads what `evaluate` gave of these weights; only if it is needed.
        """
        return self

    @abstractmethod
    def predict(
        self,
        experiment: Setting,
        scale: ScaleFit,
        step: str | None,
        path: Path | None,
        horizon: int | None,
        later: Path | None = None,
    ) -> Prediction:
        """Apply the experiment's model, which holds trained weights, to something new.

        Parameters
        ----------
        scale, step : of the training's data, as scale.json has them.
        path : a file; None: what the experiment's own data end with, where that makes sense.
        horizon : how far ahead; None: as far as the config says, or nothing of the kind.
        later : a file with what is known of the rows to come; None: what `path` says of them, if anything.
        """

    def stretches(self, parts: Parts, model: Layer) -> Stretches:
        """What a model's scores are made of, by row and metric: sums of each stretch of the test part.

        `Metric.of_sums` makes the score of them; see `minidl.metrics.sums`. Empty: nothing is known
        of other test parts, and intervals of comparisons are over seeds alone.
        """
        return {}

    def outside(self, path: Path, parts: Parts) -> tuple[Scores, Stretches]:
        """Tables of scores and sums by stretch of what another program says of the test part, in a file.

        Raises
        ------
        DataError, StorageError
            The file cannot be read, or does not say what is scored.
        ConfigError
            The task takes none.
        """
        raise ConfigError(f"--outside: {type(self).__name__} takes nothing from other programs.")

    def details(self, scores: Scores) -> list[list[str]]:
        """A further table for people, a head and rows of cells; empty: none."""
        return []

    def apart(self, scores: Scores) -> Sequence[tuple[str, Sequence[str], Scores]]:
        """What train and evaluate print tables of: words in front, names of metrics, and the scores that have them."""
        return [("", self.reported or [metric.name for metric in self.metrics], scores)]

    def draw_outputs(self, model: Layer, parts: Parts) -> dict[str, Figure]:
        """Pictures of a trained model by file name that need no scores; they are drawn while it is scored."""
        return {}

    def draw(self, model: Layer, parts: Parts, scores: Scores) -> dict[str, Figure]:
        """Pictures of a scored model by file name, beside those of `draw_outputs`."""
        return {}

    def beside(self, metric: str) -> tuple[str, Sequence[float]] | None:
        """Numbers from elsewhere to stand beside a table, with their source; one a row."""
        return None

    def losing_words(self, parts: Parts, scores: Mapping[str, Any], rounding: float) -> str:
        """``loses to ...``: the baselines that are better than the model; nothing if none is.

        Parameters
        ----------
        rounding : relative size of differences that count as none.
        """
        leading, lost = self.metrics[0], []
        for name, tables in scores["baselines"].items():
            for row in self.rows():
                pair = [table[row][leading.name] for table in (scores[self.table], tables[self.table])]
                worse, better = pair if leading.larger_is_better else reversed(pair)
                if is_above(better, worse, rounding):
                    lost.append(f"{baseline_words(name)} on the {self.row_words(row, parts)}")
        return f"loses to {', and to '.join(lost)}" if lost else ""

    def terms(self) -> Terms:
        """In which terms models are compared."""
        return Terms(self)

    def broken_score(self, scores: Mapping[str, Any]) -> str | None:
        """The first of a model's scores that is not finite, in words; None if all are.

        NaN is no broken score where a metric may be undefined.
        """
        for table in self.tables:
            for row, values in scores[table].items():
                for name, value in values.items():
                    undefined = math.isnan(value) and self.metric(name).undefined
                    if not math.isfinite(value) and not undefined:
                        return f"{name} of {table} {row} is {value}"
        return None

    def check_finite(self, scores: Mapping[str, Any], where: object) -> None:
        """Raise NumericalError, which names `where`, if one of a model's scores is NaN or Inf; see `broken_score`."""
        broken = self.broken_score(scores)
        if broken is not None:
            raise NumericalError(
                f"{where}: the training was finite, but the scores are not ({broken}): {self.broken_hint}"
            )


def check_looks_back(model: Layer, output: Shape, why: str) -> None:
    """Refuse a model with an output at every step in which a layer looks at later steps.

    Raises
    ------
    ShapeError
        With the place of the layer.
    """
    ahead = [(path, type(layer).__name__) for path, layer in walk(model) if not layer.causal]
    if ahead and len(output) > 1:
        path, name = ahead[0]
        raise ShapeError(f"{name} looks at later time steps, {why}.", config_path(model, path))
