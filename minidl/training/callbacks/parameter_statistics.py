"""How large weights and gradients are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np

from minidl.core.layer import Array
from minidl.core.registry import register
from minidl.training.callbacks.looks import Look


@register
@dataclass(eq=False)
class ParameterStatistics(Look):
    """Writes a CSV file with mean, standard deviation, largest size and norm of each parameter and of its gradient.

    The gradient is that of the loss on the first batch of the training examples, after the epoch, without dropout and
    before clipping; with a moving average both are of the average. A training without a folder writes nothing.

    Parameters
    ----------
    every : epochs from one row to the next.
    filename : its name, without a folder; a file of that name is replaced.

    References
    ----------
    Glorot and Bengio (2010), Understanding the difficulty of training deep feedforward neural networks, AISTATS:
    gradients that get smaller from layer to layer.
    """

    _: KW_ONLY
    filename: str = "parameters.csv"

    def rows(self, trainer: Any) -> Sequence[Mapping[str, Any]]:
        """One for each parameter."""
        grads = trainer.first_batch.gradients()
        return [
            {"parameter": name, **_sizes("weight", value), **_sizes("gradient", grads[name])}
            for name, value in trainer.model.params.items()
        ]


def _sizes(what: str, array: Array) -> dict[str, float]:
    """Computed in float64."""
    values = np.asarray(array, np.float64)
    found = {
        "mean": values.mean(),
        "std": values.std(),
        "max": np.abs(values).max(initial=0),
        "norm": np.linalg.norm(values.ravel()),
    }
    return {f"{what}_{name}": float(value) for name, value in found.items()}
