"""What a score is called, which way is better, and how it is shown."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
SCALED = "scaled"  # in place of the units, where scores are of values that are scaled


@dataclass(frozen=True)
class Metric:
    """A score: a number for each row of a table.

    Parameters
    ----------
    name : its key in scores, ``r2``.
    words : in a table's head or a sentence, ``R²``.
    larger_is_better : whether of two values the larger is the better one.
    digits : after the point, where it is shown.
    in_units : whether it is in the units of the target.
    about : more of it, for a table's head; "" if the words say all.
    undefined : where it may be NaN without anything being broken, and why: ``the target is constant``.
    of_sums : the score of sums over examples (..., S), the first of which is their number; None: it has no such form.
        See `minidl.metrics.sums`.
    """

    name: str
    words: str
    larger_is_better: bool
    digits: int = 4
    in_units: bool = False
    about: str = ""
    undefined: str = ""
    of_sums: Callable[[Values], Values] | None = field(default=None, compare=False)

    def on(self, units: str) -> Metric:
        """The metric with as many digits as values in these units want: most scaled ones are below 1."""
        return replace(self, digits=max(self.digits, 4)) if self.in_units and units == SCALED else self

    def title(self, units: str = "") -> str:
        """Over a table: ``RMSE, µg/m³``."""
        words = f"{self.words} ({self.about})" if self.about else self.words
        return f"{words}, {units}" if self.in_units and units else words

    def shown(self, value: float | None) -> str:
        """A value for people; ``-`` where it is undefined."""
        return "-" if value is None or math.isnan(value) else f"{value:.{self.digits}f}"
