"""Scaling of the columns: a difference and a quotient per column, fitted once; for some after a root or a logarithm.

All of it can be undone. A root or a logarithm keeps the sign, so that any number has one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from minidl.core.arguments import Configurable
from minidl.core.errors import ConfigError, DataError
from minidl.core.registry import open_kind, register, suggest
from minidl.data.series import Table

Curve = Literal["linear", "root", "log"]
Values = npt.NDArray[np.float64]
# f and its inverse; both odd.
CURVES: dict[Curve, tuple[Callable[[Values], Values], Callable[[Values], Values]]] = {
    "linear": (lambda x: x, lambda y: y),
    "root": (lambda x: np.sign(x) * np.sqrt(np.abs(x)), lambda y: y * np.abs(y)),
    "log": (lambda x: np.sign(x) * np.log1p(np.abs(x)), lambda y: np.sign(y) * np.expm1(np.abs(y))),
}


@dataclass(frozen=True, eq=False)
class ScaleFit:
    """A fitted scaling: scaled = (f(value) - offset) / range, column by column.

    Parameters
    ----------
    offset, range : float64 (F,), or (S, F) for S series that have a scaling each, see `at`; every range is
        positive and finite.
    curves : f of each column: ``linear`` f(x) = x, ``root`` sign(x) √|x|, ``log`` sign(x) log(1 + |x|);
        empty: all are linear.
    series : names of the series; empty: there is one scaling for all rows.
    """

    offset: npt.NDArray[np.float64]
    range: npt.NDArray[np.float64]
    curves: tuple[Curve, ...] = ()
    series: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.curves:
            object.__setattr__(self, "curves", ("linear",) * self.offset.shape[-1])
        wrong = ~(np.isfinite(self.offset) & np.isfinite(self.range) & (self.range > 0))
        if wrong.any():
            place = tuple(np.argwhere(wrong)[0])
            raise DataError(
                f"ScaleFit: column {place[-1]} (counted from 0): offset {self.offset[place]:g} and range "
                f"{self.range[place]:g} must be "
                "finite, range positive; the values are too large, or differ too little."
            )

    def transform(self, values: npt.NDArray[Any]) -> Values:
        """Scaled copy of `values` (..., F)."""
        self._check_one()
        return (bent(np.asarray(values, dtype=np.float64), self.curves) - self.offset) / self.range

    def inverse(self, scaled: npt.NDArray[Any]) -> Values:
        """Scaled values (..., F) back in their own units, as a copy."""
        self._check_one()
        return bent(np.asarray(scaled, np.float64) * self.range + self.offset, self.curves, back=True)

    def scale(self, y: npt.ArrayLike, column: int) -> Values:
        """Scaled copy of values of one column, of any shape."""
        there, _ = CURVES[self.curves[column]]
        offset, spread = self.of_column(column, np.ndim(y))
        return np.asarray((there(np.asarray(y, dtype=np.float64)) - offset) / spread)

    def unscale(self, y: npt.ArrayLike, column: int) -> Values:
        """Scaled values of one column, of any shape, back in the column's own units."""
        _, back = CURVES[self.curves[column]]
        with np.errstate(over="ignore"):  # what grows beyond all numbers is infinite
            offset, spread = self.of_column(column, np.ndim(y))
            return np.asarray(back(np.asarray(y, dtype=np.float64) * spread + offset))

    def of_column(self, column: int, n_axes: int) -> tuple[Values, Values]:
        """Offset and range of a column, to be counted with numbers of so many axes."""
        self._check_one()
        pair = (numbers[..., column] for numbers in (self.offset, self.range))
        offset, spread = (numbers.reshape(numbers.shape + (1,) * (n_axes - numbers.ndim)) for numbers in pair)
        return offset, spread

    def _check_one(self) -> None:
        if self.series:
            raise DataError("ScaleFit: each series has its own scaling; take that of one with of_series(NAME).")

    def at(self, series: npt.NDArray[np.int64]) -> ScaleFit:
        """The scaling of numbers whose first axis (B,) belongs to the series of these numbers; B times the same of one.

        What this gives has offsets and ranges (B, F) where the series have their own.
        """
        return self if not self.series else ScaleFit(self.offset[series], self.range[series], self.curves)

    def of_series(self, name: str) -> ScaleFit:
        """The scaling of a series' rows.

        Raises
        ------
        DataError
            Each series has its own, and this one has none.
        """
        if not self.series:
            return self
        if name not in self.series:
            raise DataError(
                f"the series {name!r} was not in the training, so that nothing says how its values are scaled"
                f"{suggest(name, self.series)}"
            )
        return self.at(np.array(self.series.index(name)))

    def straight(self, y: npt.NDArray[Any], column: int) -> npt.NDArray[Any]:
        """Scaled values of one column as they are; unscaled where its scale is bent."""
        return y if self.curves[column] == "linear" else self.unscale(y, column)

    def of(self, columns: slice) -> ScaleFit:
        """The scaling of some of the columns."""
        return ScaleFit(self.offset[columns], self.range[columns], self.curves[columns])

    def beside(self, other: ScaleFit) -> ScaleFit:
        """The scaling of these columns, and those of another after them."""
        offset, spread = (np.concatenate(pair) for pair in ((self.offset, other.offset), (self.range, other.range)))
        return ScaleFit(offset, spread, (*self.curves, *other.curves))


def bent(values: Values, curves: Sequence[Curve], *, back: bool = False) -> Values:
    """(..., F): f of each column, or its inverse."""
    if all(curve == "linear" for curve in curves):
        return values
    columns = [CURVES[curve][back](values[..., i]) for i, curve in enumerate(curves)]
    return np.stack(columns, axis=-1)


LARGEST_SCALED = {4: 1e15, 8: 1e140}  # by bytes of the dtype: squares, summed up, must stay finite


def scaled_rows(table: Table, scale: ScaleFit, dtype: npt.DTypeLike, first: int = 0) -> npt.NDArray[Any]:
    """(n - first, F), C-contiguous: a table's rows from `first` on, scaled.

    Raises
    ------
    DataError
        A scaled value is too large to compute with; the message names its row and column.
    """
    own = scale.at(table.series_of(np.arange(first, len(table))))
    with np.errstate(over="ignore"):
        scaled = own.transform(table.values[first:])
    limit = LARGEST_SCALED.get(np.dtype(dtype).itemsize, 1e15)
    wrong = np.argwhere(np.abs(scaled) > limit)
    if len(wrong):
        row, column = (int(i) for i in wrong[0])
        offset, spread = (float(np.broadcast_to(part, scaled.shape)[row, column]) for part in (own.offset, own.range))
        raise DataError(
            f"data: {table.when(first + row)}, column {table.feature_names[column]}: the value "
            f"{table.values[first + row, column]:g} is {scaled[row, column]:g} when it is scaled, too large for "
            f"{np.dtype(dtype).name} (the column was fitted to offset {offset:g} and range "
            f"{spread:g}); correct the value or make it a gap."
        )
    return np.ascontiguousarray(scaled, dtype=dtype)


@open_kind("scaler")
@dataclass(eq=False)
class Scaler(Configurable, ABC):
    """How columns are scaled, and from which rows.

    Parameters
    ----------
    fit_on : ``train`` fits on all rows before the test part (those that
        `TailValidation` holds out included), ``all`` on every row, the test part
        too, as the textbook does.
    per_series : whether each of several series has a scaling of its own; else one is fitted to the rows of all.
    """

    fit_on: Literal["train", "all"] = "train"
    per_series: bool = field(default=True, kw_only=True)

    @abstractmethod
    def fit(self, values: Values) -> ScaleFit:
        """Offset and range of each column of `values` (n, F)."""

    def fit_columns(self, values: Values, names: Sequence[str]) -> ScaleFit:
        """As `fit`, of columns with these names."""
        return self.fit(values)

    def check(self, names: Sequence[str]) -> None:
        """Raise ConfigError if this cannot scale columns of these names."""


def fit_each(scaler: Scaler, parts: Sequence[Values], names: Sequence[str], series: tuple[str, ...]) -> ScaleFit:
    """A scaling for each of several series, from rows of its own.

    A column that is constant in each of them tells them apart, and has one scaling for all. Where one is constant in
    some alone, it has the range of all together there.

    Parameters
    ----------
    parts : (n, F) of each series, the rows to fit on.
    names : of the columns.
    series : names of the series.
    """
    together = scaler.fit_columns(np.concatenate(parts), names)
    fits = [scaler.fit_columns(rows, names) for rows in parts]
    constant = np.array([(rows == rows[0]).all(axis=0) for rows in parts])
    offset = np.where(constant.all(axis=0), together.offset, [fit.offset for fit in fits])
    return ScaleFit(offset, np.where(constant, together.range, [fit.range for fit in fits]), together.curves, series)


@register
@dataclass(eq=False)
class MinMaxScaler(Scaler):
    """x' = (x - min) / (max - min), so [0, 1] on the rows it was fitted on; a constant column gets the range 1."""

    def fit(self, values: Values) -> ScaleFit:
        low, high = values.min(axis=0), values.max(axis=0)
        return ScaleFit(offset=low, range=np.where(high > low, high - low, 1.0))


@register
@dataclass(eq=False)
class StandardScaler(Scaler):
    """x' = (x - mean) / (standard deviation, divisor n); a constant column gets the range 1."""

    def fit(self, values: Values) -> ScaleFit:
        constant = values.max(axis=0) == values.min(axis=0)
        offset = np.where(constant, values[0], values.mean(axis=0))
        return ScaleFit(offset=offset, range=np.where(constant, 1.0, values.std(axis=0)))


@dataclass(eq=False)
class _BentScaler(StandardScaler):
    """`StandardScaler` after f of some columns, or of all.

    Parameters
    ----------
    columns : those whose f is taken; None: all.
    """

    columns: list[str] | None = None
    curve: ClassVar[Curve]

    def fit(self, values: Values) -> ScaleFit:
        """All columns, whatever `columns` says, which have no names here."""
        return self._fit(values, (self.curve,) * values.shape[1])

    def fit_columns(self, values: Values, names: Sequence[str]) -> ScaleFit:
        chosen = names if self.columns is None else self.columns
        return self._fit(values, tuple(self.curve if name in chosen else "linear" for name in names))

    def _fit(self, values: Values, curves: tuple[Curve, ...]) -> ScaleFit:
        fitted = super().fit(bent(values, curves))
        return ScaleFit(fitted.offset, fitted.range, curves)

    def check(self, names: Sequence[str]) -> None:
        for name in self.columns or ():
            if name not in names:
                raise ConfigError(f"scaler.columns: no column {name!r}{suggest(name, names)}")


@register
@dataclass(eq=False)
class RootScaler(_BentScaler):
    """x' = (r - mean) / (standard deviation) of r = sign(x) √|x|: for counts and concentrations, whose spread grows.

    Parameters
    ----------
    columns : those whose root is taken; the others are scaled as by StandardScaler. None: all.
    """

    curve: ClassVar[Curve] = "root"


@register
@dataclass(eq=False)
class LogScaler(_BentScaler):
    """x' = (l - mean) / (standard deviation) of l = sign(x) log(1 + |x|): for numbers over several orders of magnitude.

    Parameters
    ----------
    columns : those whose logarithm is taken; the others are scaled as by StandardScaler. None: all.
    """

    curve: ClassVar[Curve] = "log"
