"""How many units are saturated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from minidl.core.registry import register
from minidl.training.callbacks.looks import Look


@register
@dataclass(eq=False)
class Saturation(Look):
    """Writes a CSV file with the share of saturated values of each tanh and sigmoid in the model.

    A value is saturated if it lies within the share `margin` of the function's range from one of its two ends: with
    0.01 a sigmoid's below 0.01 or above 0.99, a tanh's below -0.98 or above 0.98, where slopes are below 4 % of the
    largest. Shares are of all units and time steps of the first batch of the training examples, padding left out, after
    the epoch and without dropout. A row says the layer's path, which values of it (``h``, ``sigmoid(f)``, ...), the
    share at the lower end (``low``), at the upper one (``high``), and that of the units all of whose values are
    saturated (``units``). A training without a folder writes nothing.

    Parameters
    ----------
    margin : above 0 and below 0.5.
    every : epochs from one row to the next.
    filename : its name, without a folder; a file of that name is replaced.

    References
    ----------
    Glorot and Bengio (2010), Understanding the difficulty of training deep feedforward neural networks, AISTATS.
    Karpathy, Johnson and Fei-Fei (2015), Visualizing and understanding recurrent networks (arXiv 1506.02078), section
    4.3: shares of gates that are saturated at the left and at the right.
    """

    margin: Annotated[float, Meta(gt=0, lt=0.5)] = 0.01
    _: KW_ONLY
    filename: str = "saturation.csv"

    def rows(self, trainer: Any) -> Sequence[Mapping[str, Any]]:
        """One for each tanh and sigmoid."""
        rows = []
        for (layer, name), (values, low, high) in trainer.first_batch.bounded().items():
            share = (np.asarray(values, np.float64) - low) / (high - low)
            below, above = share < self.margin, share > 1 - self.margin
            found = {"low": below.mean(), "high": above.mean(), "units": (below | above).all(axis=0).mean()}
            rows.append({"layer": layer, "values": name, **{key: float(value) for key, value in found.items()}})
        return rows
