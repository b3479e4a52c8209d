"""The next rows of a series: pandas where pandas went in. Its `fit` takes the series first, so it is no regressor."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_array, check_is_fitted, column_or_1d

from minidl.compiled import EngineName
from minidl.core.arguments import PositiveInt, checked
from minidl.core.errors import ConfigError, DataError
from minidl.core.layer import Array, Layer
from minidl.data import Windows
from minidl.data.scalers import Scaler
from minidl.data.validation import window_starts
from minidl.forecasting import Recursive, Rows
from minidl.losses import Loss
from minidl.optimizers import Optimizer
from minidl.sklearn.estimator import Pair, RecurrentEstimator, outputs
from minidl.sklearn.index import continued, end_of


class RNNForecaster(RecurrentEstimator):
    """A recurrent stack that forecasts one column from windows of its own past, and that of other columns.

    With ``leads=1`` it forecasts the next row and feeds that back for those after it; with as many leads as the
    horizon it forecasts all of them at once; between them, as many at a time.

    Parameters
    ----------
    time_steps : T, rows of a window.
    leads : L, rows that are forecast at once.
    validation_fraction : in [0, 1), the share of the rows, the last ones: training windows and their labels lie
        wholly before them, validation windows wholly within.
    scaler : fitted on the rows before those for validation.
    layer and all others : see `RNNRegressor`.

    Attributes
    ----------
    model_, history_, n_epochs_ : see `RNNRegressor`.
    time_steps_ : T.
    scale_ : how the target and the columns of X after it are scaled.
    """

    def __init__(
        self,
        layer: str | Layer = "GRULayer",
        *,
        hidden_size: int = 16,
        depth: int = 1,
        time_steps: int = 24,
        leads: int = 1,
        loss: str | Loss = "HalfMSE",
        optimizer: str | Optimizer = "Adam",
        learning_rate: float = 0.01,
        epochs: int = 100,
        batch_size: int = 64,
        validation_fraction: float = 0.0,
        patience: int | None = None,
        scaler: str | Scaler | None = "StandardScaler",
        engine: EngineName = "auto",
        random_state: Any = None,
    ) -> None:
        super().__init__(
            layer,
            hidden_size=hidden_size,
            depth=depth,
            time_steps=time_steps,
            loss=loss,
            optimizer=optimizer,
            learning_rate=learning_rate,
            epochs=epochs,
            batch_size=batch_size,
            validation_fraction=validation_fraction,
            patience=patience,
            scaler=scaler,
            engine=engine,
            random_state=random_state,
        )
        self.leads = leads

    def fit(self, y: Any, X: Any = None) -> RNNForecaster:
        """Train anew on a series y (n,), the oldest row first, and on other columns X (n, F) of the same rows.

        Raises
        ------
        ConfigError, DataError, ValueError
            An argument is wrong, there are too few rows, NaN or text, or the index is not evenly spaced.
        """
        who = type(self).__name__
        target, columns = self._target(y), _columns(X)
        if columns is not None and len(columns) != len(target):
            raise DataError(f"{who}: y has {len(target)} rows, X {len(columns)}.")
        self._end = end_of(y.index, who) if hasattr(y, "iloc") else None
        if self._end is not None and hasattr(X, "iloc") and not X.index.equals(y.index):
            raise DataError(f"{who}: X has another index than y.")
        self._name = y.columns if hasattr(y, "columns") else getattr(y, "name", None)
        self._n_columns = 0 if columns is None else columns.shape[1]
        values = target[:, None] if columns is None else np.column_stack([target, columns.astype(target.dtype)])
        self._train(*self._parts(values))
        self._rows = values[len(values) - self.time_steps_ :].copy()
        return self

    def predict(self, horizon: int = 1, *, X: Any = None) -> Any:
        """The next `horizon` values of y, with y's index continued if it was of pandas.

        Parameters
        ----------
        X : (horizon, F), the later values of the other columns, where they are known; None: they keep the last ones.

        Raises
        ------
        NotFittedError, ConfigError, DataError, ValueError
            It was not fitted, or X does not fit.
        """
        check_is_fitted(self)
        who = type(self).__name__
        horizon, later = checked(horizon, PositiveInt, f"{who}: horizon"), _columns(X)
        index = None if self._end is None else continued(self._end, horizon)
        rows = np.repeat(self._rows[-1:], horizon, axis=0)
        if later is not None:
            if not self._n_columns:
                raise DataError(f"{who}: X: it was fitted without other columns.")
            if later.shape != (horizon, self._n_columns):
                raise DataError(f"{who}: X: expected shape {(horizon, self._n_columns)}, got {later.shape}.")
            self._follows(X, index, "X")
            rows[:, 1:] = later
        scaled = self.scale_.transform(np.concatenate([self._rows, rows])).astype(rows.dtype)
        table = Rows(np.ascontiguousarray(scaled), len(self._rows), target_index=0)
        forecast = Recursive(table, lambda x: outputs(self.model_, x), "hold_last" if later is None else "actual")
        values = self.scale_.unscale(forecast(np.zeros(1, np.int64), horizon)[0], 0).astype(rows.dtype)
        return values if index is None else self._as_pandas(values, index)

    def score(self, y: Any, X: Any = None) -> float:
        """R² of the forecast of as many rows as y has, which follow those it was fitted on; X as for `predict`."""
        check_is_fitted(self)
        held_out = self._target(y)
        if self._end is not None:
            self._follows(y, continued(self._end, len(held_out)), "y")
        return float(r2_score(held_out, np.ravel(self.predict(len(held_out), X=X))))

    def _target(self, y: Any) -> Array:
        values = check_array(y, ensure_2d=False, dtype=[np.float64, np.float32], input_name="y")
        return column_or_1d(values)  # type: ignore[no-any-return]

    def _parts(self, values: Array) -> tuple[Pair, Pair | None]:
        """Scaled windows and labels for training, and for validation if there is any."""
        who, n = type(self).__name__, len(values)
        self.time_steps_ = steps = self._checked("time_steps", PositiveInt)
        leads = self._checked("leads", PositiveInt)
        held_out = self._held_out(n)
        span, border = steps + leads, n - held_out
        if self.validation_fraction and held_out < span:
            raise ConfigError(
                f"{who}: validation_fraction: {held_out} of {n} rows hold no window and its labels, which take {span}."
            )
        if border < span:
            raise DataError(f"{who}: {border} rows to train on are too few: a window and its labels take {span}.")
        self.scale_ = self._scale(values[:border])
        scaled = np.ascontiguousarray(self.scale_.transform(values), dtype=values.dtype)

        def part(first: int, stop: int) -> Pair:
            windows = Windows(scaled, window_starts(first, stop, span), steps, 0, leads=leads)
            batch = windows.gather(slice(None))
            return batch.x, batch.target

        return part(0, border), part(border, n) if held_out else None

    def _follows(self, later: Any, index: Any, name: str) -> None:
        """Refuse a pandas object that does not begin where y ended."""
        if index is not None and hasattr(later, "iloc") and not later.index.equals(index):
            raise DataError(
                f"{type(self).__name__}: {name}: expected the index that follows y's, from {index[0]} on, "
                f"got {later.index[0]} and so on."
            )

    def _as_pandas(self, values: Array, index: Any) -> Any:
        import pandas as pd

        if isinstance(self._name, pd.Index):
            return pd.DataFrame(values, index=index, columns=self._name)
        return pd.Series(values, index=index, name=self._name)


def _columns(X: Any) -> Array | None:
    """Other columns as (n, F); a single one may lack its axis."""
    if X is None:
        return None
    values: Array = check_array(X, ensure_2d=False, dtype=[np.float64, np.float32], input_name="X")
    return values[:, None] if values.ndim == 1 else values
