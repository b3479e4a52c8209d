"""What the tasks on whole sequences share: their data, outputs in the order of the examples, and predictions."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from minidl.core.errors import ConfigError, DataError, ShapeError
from minidl.core.layer import Array, Layer, Shape, n_parameters
from minidl.core.lengths import inside
from minidl.data import Data, ScaleFit, SequenceParts, Sequences, SequenceSet, SequenceTable
from minidl.data.sequences import scaled
from minidl.metrics import by_stretch
from minidl.metrics.sums import Values
from minidl.tasks.answers import Answers
from minidl.tasks.points import Points
from minidl.tasks.protocols import Scores, Setting, Stretches
from minidl.tasks.task import Task
from minidl.training.outputs import collected, outputs_by_batch

ALL = "all"


@dataclass(frozen=True, eq=False)
class Predicted:
    """Labels or numbers for new sequences; a `Prediction`.

    Parameters
    ----------
    rows : a head and rows.
    about : what else JSON tells.
    said_of : of what: ``12 sequences of gestures.csv``.
    """

    rows: list[list[Any]]
    about: dict[str, Any]
    said_of: str

    def table(self) -> list[list[Any]]:
        """A head and rows; numbers are floats."""
        return self.rows

    def found(self) -> dict[str, Any]:
        """The table by column, for JSON."""
        head, *rows = self.rows
        return {**self.about, **{name: [row[i] for row in rows] for i, name in enumerate(head)}}

    def where(self) -> str:
        """What it is about."""
        return self.said_of

    def said(self) -> str:
        """What it rests on."""
        return f"{self.said_of}, scaled as in training"


class SequenceTask(Task):
    """A task on sequences, each an example; scored on the sequences of the test part, all together."""

    examples: ClassVar[str] = "sequences"
    # Whether there is something to learn of each step, and labels or numbers.
    every_step: ClassVar[bool] = False
    labels: ClassVar[bool] = True

    def check(self, experiment: Setting) -> None:
        """Sequences with what is to be learned, and a loss that takes it."""
        name, data = type(self).__name__, sequence_data(experiment.data, type(self).__name__)
        super().check(experiment)
        given, asked = self.names(data), "labels" if self.labels else "targets"
        if len(given) < (2 if self.labels else 1):
            what = "at least two classes" if self.labels else "numbers to learn"
            raise ConfigError(f"data.source: {name} needs {what}; name them in {asked}.")
        if experiment.loss.labels != self.labels and not self.as_numbers(experiment):
            fitting = "CrossEntropy" if self.labels else "HalfMSE and others (minidl list losses)"
            loss, n = type(experiment.loss).__name__, f" of {len(given)} classes" * experiment.loss.probabilities
            raise ConfigError(f"loss: {name} learns {self.learned()}{n}, for which there is {fitting}; got {loss}.")
        if experiment.loss.labels:
            try:
                experiment.loss.check_shapes((1, len(given)), (1,))
            except ConfigError as err:
                raise ConfigError(f"loss: {err}") from err

    @classmethod
    def learned(cls) -> str:
        """What is learned, in words."""
        return "class labels" if cls.labels else "numbers"

    def names(self, data: Data) -> tuple[str, ...]:
        """The classes, or the numbers to learn: what the model's outputs are."""
        source = sequence_data(data, type(self).__name__).source
        return source.label_names if self.labels else source.target_names

    def as_numbers(self, experiment: Setting) -> bool:
        """Whether the loss takes two classes as 0 and 1, so that one output, the second one's, tells of both."""
        return self.labels and experiment.loss.probabilities and len(self.names(experiment.data)) == 2

    def check_output(self, output: Shape, experiment: Setting) -> None:
        """One number for each class, or for each number to learn; at every step if there is one to learn at each."""
        names, as_numbers = self.names(experiment.data), self.as_numbers(experiment)
        axes, size = 2 if self.every_step else 1, 1 if as_numbers else len(names)
        if len(output) == axes and output[-1] == size:
            return
        of = f"each of {', '.join(names[:8])}{', ...' if len(names) > 8 else ''}"
        if as_numbers:
            of = f"{names[-1]} and against {names[0]} with {type(experiment.loss).__name__}"
        where, last_step = "the last", "; LastStep passes on the last step alone"
        if self.every_step:
            where, last_step = "every", "; leave out LastStep"
        wanted = (None, size) if self.every_step else (size,)
        raise ShapeError(
            f"the model's output has shape {_shown(output)}; {type(self).__name__} needs one number at {where} step "
            f"for {of}, so it must be {_shown(wanted)}{last_step if output[-1] == size else ''}."
        )

    def load(self, experiment: Setting, output: Shape) -> SequenceParts:
        """The sequences, scaled and split."""
        data = sequence_data(experiment.data, type(self).__name__)
        table = data.source.read()
        labels, how = self.targets_of(table), {"every_step": self.every_step, "as_numbers": self.as_numbers(experiment)}
        return data.load(experiment.dtype, table=table, labels=labels, **how)

    @abstractmethod
    def targets_of(self, table: SequenceTable) -> npt.NDArray[np.int64] | None:
        """Labels of the sequences or of the rows; None: the table's numbers."""

    def rows(self) -> Sequence[str]:
        """One: all of the test part."""
        return [ALL]

    def row_words(self, row: str, parts: Any) -> str:
        """``test part``."""
        return "test part"

    def evaluate(self, parts: Any, model: Layer) -> Scores:
        """Scores on the test part, of the model and the baselines."""
        found: SequenceParts = parts
        with np.errstate(all="ignore"):
            own = self.score(found, outputs(model, found.test, every_step=self.every_step))
        baselines, left_out = {}, {}
        for name, make in self.baselines().items():
            try:
                baselines[name] = self.score(found, make(found))
            except DataError as err:
                left_out[name] = str(err)
        return {
            **own,
            "baselines": baselines,
            "parameters": n_parameters(model),
            "units": "",
            "assumptions": found.assumptions(),
            "left_out": left_out,
        }

    def outside(self, path: Path, parts: Any) -> tuple[Scores, Stretches]:
        """Scores of another program's answers for the test part; see `minidl.tasks.answers`."""
        y = self.answered(Answers(path, parts, every_step=self.every_step), parts)
        return self.score(parts, y), self._stretches(parts, y)

    @abstractmethod
    def answered(self, answers: Answers, parts: SequenceParts) -> Array:
        """Answers as outputs of a model."""

    @abstractmethod
    def score(self, parts: SequenceParts, y: Array) -> Scores:
        """``{"scores": {"all": {metric: value}}}`` and more, of outputs for the test part; see `outputs`."""

    def stretches(self, parts: Any, model: Layer) -> Stretches:
        """Of whole sequences, in their order."""
        return self._stretches(parts, outputs(model, parts.test, every_step=self.every_step))

    def _stretches(self, parts: SequenceParts, y: Array) -> Stretches:
        return {ALL: {name: by_stretch(*columns) for name, columns in self.columns(parts, y).items()}}

    @abstractmethod
    def columns(self, parts: SequenceParts, y: Array) -> dict[str, list[Values]]:
        """By metric, of each sequence what the metric is made of; see `Metric.of_sums`."""

    @abstractmethod
    def baselines(self) -> dict[str, Callable[[SequenceParts], Array]]:
        """By name, what gives outputs for the test part as a model does."""

    def predict(
        self,
        experiment: Setting,
        scale: ScaleFit,
        step: str | None,
        path: Path | None,
        horizon: int | None,
        later: Path | None = None,
    ) -> Predicted:
        """Labels or numbers for the sequences of a file, which has the form of the training's.

        Raises
        ------
        ConfigError
            There is no file, or a horizon, or later rows.
        DataError
            The file does not have the form of the training's.
        """
        name = type(self).__name__
        for option, asked in (("--horizon", horizon), ("--later", later)):
            if asked is not None:
                raise ConfigError(f"{option}: {name} looks at what is there, and at nothing ahead; leave it out.")
        if path is None:
            raise ConfigError(f"--input: {name} needs a file with sequences, of the form of the run's own.")
        table = sequence_data(experiment.data, name).source.read(path)
        columns = slice(0, len(table.feature_names))
        values = scaled(table.values, scale, columns, experiment.dtype, table)
        sequences = SequenceSet(values, table.starts, table.lengths, np.zeros(len(values)), self.every_step)
        with np.errstate(all="ignore"):
            y = outputs(Points(experiment.model, experiment.loss), sequences, every_step=self.every_step)
        return self.described(table, y.astype(np.float64), self.names(experiment.data), scale)

    @abstractmethod
    def described(self, table: SequenceTable, y: Array, names: tuple[str, ...], scale: ScaleFit) -> Predicted:
        """What the outputs for all sequences of a table say."""


def sequence_data(data: Data, task: str) -> Sequences:
    """The data, if they are sequences; else ConfigError."""
    if not isinstance(data, Sequences):
        name = type(data).__name__
        raise ConfigError(f"data: {task} needs sequences; got {name}. Give data the type Sequences.")
    return data


def outputs(model: Layer, sequences: SequenceSet, *, every_step: bool) -> Array:
    """A model's outputs in the order of the sequences, (S, K), or of their rows, (rows, K)."""
    found = collected(list(outputs_by_batch(model, sequences)))
    if not every_step:
        return found.y
    real: Array = found.y[inside(sequences.lengths, found.y.shape[1])]
    return real


def _shown(shape: Shape) -> str:
    """``(time, 2)``: of any number of time steps."""
    return str(shape).replace("None", "time")
