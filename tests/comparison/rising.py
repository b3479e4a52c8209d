"""A task of a user: does a walk rise in its last step? Two metrics, one row, and a baseline that always says yes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from minidl.core.arguments import PositiveInt
from minidl.core.errors import ShapeError
from minidl.core.layer import n_parameters
from minidl.core.registry import register
from minidl.data import Data, ScaleFit
from minidl.plotting.style import new_figure
from minidl.tasks import Metric, Task
from minidl.training import Arrays, predict


@dataclass(frozen=True)
class Walked:
    """Parts of walks."""

    train: Arrays
    validation: Arrays
    test: Arrays
    scale = ScaleFit(offset=np.zeros(1), range=np.ones(1))

    def facts(self) -> dict[str, Any]:
        digest = hashlib.sha256(self.train.x.tobytes() + self.test.x.tobytes())
        return {"rows": len(self.train) + len(self.test), "sha256": digest.hexdigest()}

    def columns(self) -> dict[str, Any]:
        return {"columns": ["step"]}

    def notes(self) -> list[str]:
        return []


@register
@dataclass(eq=False)
class Walks(Data):
    """Walks of six steps, of which the last says 1 if it is up and 0 if it is down."""

    test_size: PositiveInt = 60
    drawn: PositiveInt = 3

    input_shape = (6, 1)
    feature_names = ("step",)
    has_validation = True

    def parts(self, dtype: str) -> Walked:
        rng = np.random.default_rng(self.drawn)
        x = rng.normal(0.2, 1, (200 + self.test_size, 6, 1)).astype(dtype)
        y = (x[:, -1] > 0).astype(dtype)
        cut = [slice(0, 160), slice(160, 200), slice(200, None)]
        return Walked(*(Arrays(x[part], y[part]) for part in cut))


@register
@dataclass(eq=False)
class Rising(Task):
    """Whether a walk's last step is up."""

    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("hits", "share of hits", True, digits=3),
        Metric("brier", "Brier score", False, digits=3, in_units=True),
    )
    reference: ClassVar[str] = "always_up"
    assumed: str = ""

    def check_output(self, output: Any, experiment: Any) -> None:
        if output != (1,):
            raise ShapeError(f"Rising needs one number, got {output}.")

    def load(self, experiment: Any, output: Any) -> Walked:
        return experiment.data.parts(experiment.dtype)

    def validate(self, y: Any, target: Any, lengths: Any = None, weight: Any = None) -> dict[str, float]:
        return self._scores(y, target)

    def rows(self) -> tuple[str, ...]:
        return ("test part",)

    def row_words(self, row: str, parts: Any) -> str:
        return row

    def evaluate(self, parts: Walked, model: Any) -> dict[str, Any]:
        y, target = predict(model, parts.test)
        return {
            "scores": {"test part": self._scores(y, target)},
            "baselines": {"always_up": {"scores": {"test part": self._scores(np.ones_like(target), target)}}},
            "parameters": n_parameters(model),
            "units": "pt",
            "assumptions": [self.assumed] if self.assumed else [],
        }

    def draw(self, model: Any, parts: Walked, scores: dict[str, Any]) -> dict[str, Any]:
        figure = new_figure(4, 2)
        figure.subplots().bar(["hits"], [scores["scores"]["test part"]["hits"]])
        return {"all_hits.png": figure}

    def predict(self, *arguments: Any) -> Any:
        raise NotImplementedError

    @staticmethod
    def _scores(y: Any, target: Any) -> dict[str, float]:
        return {"hits": float(((y > 0.5) == (target > 0.5)).mean()), "brier": float(((y - target) ** 2).mean())}
