"""What counts as a difference: scores that are equal but for rounding are equal.

One rule, used wherever two scores are compared: wins, ranks, the test, its interval,
the verdict, trade-offs, and the Diebold-Mariano test.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
# By the number format that the models compute in. Rounding of a forecast is some 1e-16 and 6e-8 of its size;
# sums over thousands of forecasts, other orders of them, and training steps add some digits.
ROUNDING = {"float64": 1e-9, "float32": 1e-6}


def rounding_of(dtypes: Sequence[str]) -> float:
    """The relative tolerance for scores of models in these formats: that of the coarsest."""
    return max(ROUNDING[dtype] for dtype in dtypes)


def tolerance(first: Values, second: Values, rounding: float) -> float:
    """What differences of two series of scores must exceed: `rounding` times the median size of the scores."""
    return rounding * float(np.median(_sizes(first, second))) if len(first) else 0.0


def differences(first: Values, second: Values, rounding: float) -> Values:
    """second - first, and exactly 0 where that is rounding.

    A difference counts as none up to `rounding` times the size of the scores, which is
    the larger of this pair's and of the median pair's: scores near 0 are not exact to
    their own last digits, and one huge score does not hide the others' differences.

    Parameters
    ----------
    first, second : scores (n,), finite.
    """
    sizes = _sizes(first, second)
    limit = rounding * np.maximum(sizes, np.median(sizes)) if len(sizes) else sizes
    d = second - first
    return np.where(np.abs(d) <= limit, 0.0, d)


def is_above(one: float, other: float, rounding: float) -> bool:
    """Whether `one` is larger than `other` by more than rounding; infinite ones are beyond it."""
    if math.isinf(one) or math.isinf(other):
        return one > other
    return one - other > rounding * max(abs(one), abs(other))


def _sizes(first: Values, second: Values) -> Values:
    return np.maximum(np.abs(first), np.abs(second))
