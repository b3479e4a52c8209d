"""What tasks, experiments and comparisons know of each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from minidl.core.layer import Layer
from minidl.data import Data, ScaleFit
from minidl.losses import Loss
from minidl.metrics import Metric
from minidl.training import Source, Training

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Scores = dict[str, Any]
Stretches = dict[str, dict[str, list[list[float]]]]  # by row and metric: sums of each stretch of the test part


class Setting(Protocol):
    """What a task is told of the experiment that it belongs to."""

    @property
    def data(self) -> Data:
        """Where examples come from."""

    @property
    def model(self) -> Layer:
        """The stack of layers."""

    @property
    def loss(self) -> Loss:
        """What is minimised."""

    @property
    def training(self) -> Training:
        """How long, in what portions."""

    @property
    def dtype(self) -> str:
        """Of parameters and data."""

    @property
    def seed(self) -> int:
        """Of all random numbers."""


class Parts(Protocol):
    """The data of an experiment, cut into parts that are ready for a model."""

    @property
    def train(self) -> Source:
        """What training sees."""

    @property
    def validation(self) -> Source | None:
        """What judges the model while it trains; None: nothing does."""

    @property
    def test(self) -> Source:
        """What only the final scores see."""

    @property
    def scale(self) -> ScaleFit:
        """How the columns were scaled."""

    def facts(self) -> dict[str, Any]:
        """How many rows the data have, and the SHA-256 of what they are."""

    def columns(self) -> dict[str, Any]:
        """What scale.json says beside offset and range: the columns' names, and the step where there is one."""

    def notes(self) -> list[str]:
        """What whoever trains on them should know, a line each."""


class Prediction(Protocol):
    """What a trained model says of something new."""

    def table(self) -> list[list[Any]]:
        """A head and rows; numbers are floats."""

    def found(self) -> dict[str, Any]:
        """The same and more by name, for JSON."""

    def where(self) -> str:
        """What it is about: ``8 rows ahead of 2014-12-31 23:00:00``."""

    def said(self) -> str:
        """What it rests on, in a line."""


class Scored(Protocol):
    """What `minidl.tasks.terms.Terms` ask of the task that they belong to; see `minidl.tasks.Task`."""

    @property
    def metrics(self) -> Sequence[Metric]:
        """All of them, the leading one first."""

    @property
    def tables(self) -> Sequence[str]:
        """The tables of scores."""

    @property
    def table(self) -> str:
        """The one that models are compared by."""

    @property
    def reference(self) -> str:
        """The baseline that skill is measured against."""

    def metric(self, name: str) -> Metric:
        """A metric by its name."""

    def rows(self) -> Sequence[str]:
        """The rows of that table, the leading one first."""

    def evaluate(self, parts: Any, model: Layer) -> Scores:
        """All scores, of the model and of the baselines."""

    def draw_outputs(self, model: Layer, parts: Any) -> Mapping[str, Figure]:
        """Pictures of a trained model by file name that need no scores."""

    def draw(self, model: Layer, parts: Any, scores: Scores) -> Mapping[str, Figure]:
        """Those of a scored model."""

    def beside(self, metric: str) -> tuple[str, Sequence[float]] | None:
        """Numbers from elsewhere to stand beside a table."""

    def broken_score(self, scores: Mapping[str, Any]) -> str | None:
        """The first of a model's scores that is not finite, in words."""
