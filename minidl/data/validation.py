"""Which windows of a training part judge the model while it trains."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minidl.core.arguments import Configurable, PositiveInt
from minidl.core.errors import ConfigError, DataError
from minidl.core.registry import open_kind, register

Starts = npt.NDArray[np.int64]


def window_starts(first: int, stop: int, span: int) -> Starts:
    """First rows of all windows that lie, with their labels, in the rows first ... stop - 1; see `Windows.span`.

    Raises
    ------
    DataError
        There is not a single window.
    """
    if stop - first < span:
        raise DataError(f"{stop - first} rows are too few: a window and what it forecasts take {span}.")
    return np.arange(first, stop - span + 1, dtype=np.int64)


@open_kind("validation")
@dataclass(eq=False)
class Validation(Configurable, ABC):
    """Which windows of the training part judge the model while it trains."""

    @abstractmethod
    def divide(self, n_rows: int, span: int, rng: np.random.Generator | None) -> tuple[Starts, Starts]:
        """First rows of the training and of the validation windows, within a training part of `n_rows` rows.

        Parameters
        ----------
        span : how many rows a window and its labels take.
        """

    def borders(self, n_rows: int) -> tuple[int, ...]:
        """First rows of the parts into which this cuts a training part of `n_rows` rows, but for the first."""
        return ()

    def check(self, time_steps: int) -> None:
        """Raise ConfigError if no series can satisfy this with windows of `time_steps`."""


@register
@dataclass(eq=False)
class TailValidation(Validation):
    """The last rows of the training part: training windows lie wholly before them, validation windows within.

    Parameters
    ----------
    size : rows, more than a window has time steps; gives size - time_steps windows.
    """

    size: PositiveInt

    def divide(self, n_rows: int, span: int, rng: np.random.Generator | None) -> tuple[Starts, Starts]:
        border = n_rows - self.size
        if border < span:
            raise DataError(
                f"TailValidation: size {self.size} leaves {max(border, 0)} of {n_rows} training rows; "
                f"a window and what it forecasts take {span}."
            )
        if self.size < span:
            raise DataError(
                f"TailValidation: size {self.size} holds no window and what it forecasts, which take {span} rows."
            )
        return window_starts(0, border, span), window_starts(border, n_rows, span)

    def borders(self, n_rows: int) -> tuple[int, ...]:
        return (n_rows - self.size,)

    def check(self, time_steps: int) -> None:
        if self.size <= time_steps:
            raise ConfigError(
                f"TailValidation: size {self.size} gives no window of {time_steps} time steps; "
                f"at least {time_steps + 1} rows are needed."
            )


@register
@dataclass(eq=False)
class SampleValidation(Validation):
    """Windows drawn from the training part without replacement; training still uses all, as in the textbook.

    The model has seen these windows, so their score is that of the training
    set with less work, not a validation in the usual sense.

    Parameters
    ----------
    size : number of windows.
    """

    size: PositiveInt = 1000

    def divide(self, n_rows: int, span: int, rng: np.random.Generator | None) -> tuple[Starts, Starts]:
        if rng is None:
            raise ConfigError("SampleValidation: windows are drawn at random; pass rng to load.")
        starts = window_starts(0, n_rows, span)
        if self.size > len(starts):
            raise DataError(f"SampleValidation: size {self.size} is more than the {len(starts)} training windows.")
        return starts, np.sort(rng.choice(starts, self.size, replace=False))


def check_parts(validation: Validation, parts: Sequence[Starts], border: int, span: int) -> None:
    """Whatever a validation does, no window of training or validation may touch the test part, from `border` on."""
    for starts in parts:
        if len(starts) and not 0 <= starts.min() <= starts.max() <= border - span:
            raise DataError(
                f"{type(validation).__name__}: windows from row {starts.min()} to row "
                f"{starts.max() + span - 1} reach out of the training part, rows 0 to {border - 1}."
            )
