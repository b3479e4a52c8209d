"""Without what keeps numbers right: in tables, in layers, and from one part to another."""

from __future__ import annotations

import math
import types
from typing import Any

import numpy as np

from minidl.data import csv_series, series
from minidl.data.tables import rows
from minidl.layers import activations
from minidl.layers.recurrent import operations
from minidl.layers.recurrent.loop import RowRecurrence, SlabRecurrence
from minidl.training import loop, stepping
from tests.reliability.sabotage import sabotage


@sabotage("finite-check")
def _nothing_is_checked_for_nan() -> None:
    """A step goes on with whatever loss, gradient and parameters it has."""
    stepping._finite = lambda flat: True
    everything = types.SimpleNamespace(isfinite=lambda value: True, inf=math.inf)
    loop.math = stepping.math = everything  # type: ignore[attr-defined]


@sabotage("forward")
def _transposed_recurrent_weights() -> None:
    """Forward, in both memory layouts, takes W_hh transposed."""
    for layout in (SlabRecurrence, RowRecurrence):
        layout.forward = _with_transposed(layout.forward)  # type: ignore[method-assign]


def _with_transposed(forward: Any) -> Any:
    def transposed(self: Any, x: Any, h_0: Any, params: Any, *more: Any) -> Any:
        return forward(self, x, h_0, {**params, "W_hh": params["W_hh"].T}, *more)

    return transposed


@sabotage("cells")
def _what_is_no_number_is_zero() -> None:
    """Text, infinity and gaps among the numbers of a table count as 0, in silence."""

    def number(text: str) -> float:
        try:
            return float(np.nan_to_num(float(text), posinf=0.0, neginf=0.0))
        except ValueError:
            return 0.0

    rows.TableRows.numbers = lambda self, column, missing: np.array(self.convert(column, number))  # type: ignore[method-assign]


@sabotage("times")
def _missing_rows_are_passed_over() -> None:
    """Nobody asks whether the times of a table are evenly spaced."""
    rows.TableRows.refuse = lambda self, problems: None  # type: ignore[method-assign]


@sabotage("parts")
def _gaps_are_filled_at_once() -> None:
    """The whole table is filled before it is cut into parts."""
    series.Table.divided = lambda self, borders: self  # type: ignore[method-assign]


@sabotage("poison")
def _poison_comes_after_reading() -> None:
    """The check for leaks spoils the table that a series gives, not its file."""
    csv_series.CSVSeries.forged = lambda self, first, poison: None  # type: ignore[method-assign]


@sabotage("logistic")
def _logistic_by_tanh() -> None:
    """Sigmoid, in NumPy's layers and cells, is (1 + tanh(a/2)) / 2, which is 0 too early."""

    def function(self: Any, a: Any, out: Any) -> None:
        out[...] = (1 + np.tanh(0.5 * a)) / 2

    activations.SigmoidActivation.function = function  # type: ignore[method-assign]
    operations.OWN["sigmoid"] = activations.SigmoidActivation().function


@sabotage("saturation")
def _tanh_never_saturates() -> None:
    """The compiled tanh stays a little below 1, so that its slope is never 0."""
    from minidl.compiled.jit import jit
    from minidl.compiled.kernels import activations as kernels

    tanh = kernels.functions.tanh
    kernels.functions.tanh = jit(lambda a: type(a)(0.9999997) * tanh(a))
