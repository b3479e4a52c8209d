"""Numbers from windows: an estimator that scikit-learn's pipelines, searches and checks take as their own."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from minidl.core.arguments import PositiveInt
from minidl.core.errors import ConfigError, DataError
from minidl.core.layer import Array
from minidl.sklearn.estimator import RecurrentEstimator, outputs


class RNNRegressor(RegressorMixin, RecurrentEstimator):  # type: ignore[misc]
    """A recurrent stack that turns each window into one number, or into several.

    Parameters
    ----------
    layer : name of a registered recurrent layer, or a layer of your own, for example a `Sequential` of several;
        copied `depth` times. `LastStep` and a `Dense` layer follow.
    hidden_size : units of a layer that is given by name.
    depth : how many such layers.
    time_steps : T, of how many rows a row of a two-dimensional X is made, the oldest first and all features of a
        row side by side; None: each column is a time step of one feature. Of a three-dimensional X, what it has.
    loss : name or object of a loss of numbers, such as HalfMSE, MAE, Huber.
    optimizer : name or object; `learning_rate` is of one that is given by name.
    epochs, batch_size : see `Training`.
    validation_fraction : in [0, 1), the share of the examples, the last ones, that is not trained on. Windows that
        overlap share rows over the border; `RNNForecaster` keeps them apart.
    patience : epochs without a better validation loss that end the training, which then has the best weights;
        None: all epochs.
    scaler : name or object, for features and targets, fitted on the examples trained on; None: as they are.
    engine : ``auto``, ``numpy`` or ``compiled``.
    random_state : int, the seed of `minidl.fit`; None or a RandomState: a seed is drawn.

    Attributes
    ----------
    model_ : the trained `Sequential`, of the dtype of X (float32 or float64), for scaled values.
    history_ : the records of the epochs, `n_epochs_` of them.
    time_steps_ : T.
    x_scale_, y_scale_ : how features and targets are scaled.
    n_features_in_, feature_names_in_ : columns of the two-dimensional X.
    """

    def fit(self, X: Any, y: Any) -> RNNRegressor:
        """Train anew on X (n, T·F) or (n, T, F) and y (n,) or (n, targets).

        Raises
        ------
        ConfigError, DataError, ValueError
            An argument is wrong, or X or y hold NaN, text or other things than numbers.
        """
        flat, steps = _flat(X)
        dtypes = [np.float64, np.float32]
        x, y = validate_data(self, flat, y, dtype=dtypes, multi_output=True, y_numeric=True)
        self.time_steps_ = self._time_steps(x.shape[1], steps)
        x, self._y_shape = self._windows(x), y.shape[1:]
        targets = y.reshape(len(y), -1).astype(x.dtype)
        n = len(x) - self._held_out(len(x))
        if not n:
            raise DataError(f"{type(self).__name__}: validation_fraction: leaves none of {len(x)} examples.")
        self.x_scale_ = self._scale(x[:n].reshape(-1, x.shape[2]))
        self.y_scale_ = self._scale(targets[:n])
        x, targets = (
            scale.transform(values).astype(x.dtype) for scale, values in ((self.x_scale_, x), (self.y_scale_, targets))
        )
        self._train((x[:n], targets[:n]), (x[n:], targets[n:]) if n < len(x) else None)
        return self

    def predict(self, X: Any) -> Array:
        """The numbers for each window, of the shape that y had.

        Raises
        ------
        NotFittedError, ValueError
            It was not fitted, or X does not fit what it was fitted on.
        """
        check_is_fitted(self)
        flat, steps = _flat(X)
        x = validate_data(self, flat, reset=False, dtype=self.model_.dtype)
        if steps not in (None, self.time_steps_):
            raise ConfigError(f"{type(self).__name__}: X has {steps} time steps, fitted on {self.time_steps_}.")
        scaled = self.x_scale_.transform(self._windows(x)).astype(x.dtype)
        y = self.y_scale_.inverse(outputs(self.model_, scaled))
        shaped: Array = y.reshape(len(x), *self._y_shape).astype(x.dtype)
        return shaped

    def _time_steps(self, n_columns: int, found: int | None) -> int:
        """T, of a three-dimensional X as found in it."""
        given = n_columns if self.time_steps is None else self._checked("time_steps", PositiveInt)
        if found is not None:
            if self.time_steps not in (None, found):
                raise ConfigError(f"{type(self).__name__}: time_steps: {given}, but X has {found}.")
            return found
        if n_columns % given:
            raise ConfigError(
                f"{type(self).__name__}: time_steps: the {n_columns} columns of X are not {given} rows of equally many."
            )
        return int(given)

    def _windows(self, x: Array) -> Array:
        """(n, T·F) as (n, T, F)."""
        return x.reshape(len(x), self.time_steps_, -1)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.input_tags.three_d_array = True
        return tags


def _flat(X: Any) -> tuple[Any, int | None]:
    """X, with the rows of a window side by side, and how many they are; None: X had two dimensions."""
    x = np.asarray(X) if isinstance(X, (list, tuple)) else X
    if getattr(x, "ndim", 2) != 3:
        return X, None
    x = np.asarray(x)
    return x.reshape(len(x), -1), x.shape[1]
