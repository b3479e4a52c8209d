"""What both estimators share: constructor arguments as given, and a model that is made and trained from them."""

from __future__ import annotations

import copy
import numbers
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from msgspec import Meta
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from minidl.compiled import EngineName
from minidl.config import construct
from minidl.core.arguments import PositiveInt, Seed, checked
from minidl.core.errors import ConfigError
from minidl.core.layer import Array, Layer
from minidl.data import ScaleFit
from minidl.data.scalers import Scaler
from minidl.fitting import fit
from minidl.layers import Dense, LastStep, Sequential
from minidl.losses import Loss
from minidl.optimizers import Optimizer
from minidl.randomness import Streams
from minidl.training.callbacks import Callback, EarlyStopping

Pair = tuple[Array, Array]
Fraction = Annotated[float, Meta(ge=0, lt=1)]
CHUNK = 1024


class RecurrentEstimator(BaseEstimator):  # type: ignore[misc]
    """Arguments are stored as given and looked at in `fit`, as scikit-learn asks."""

    def __init__(
        self,
        layer: str | Layer = "GRULayer",
        *,
        hidden_size: int = 16,
        depth: int = 1,
        time_steps: int | None = None,
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
        self.layer = layer
        self.hidden_size = hidden_size
        self.depth = depth
        self.time_steps = time_steps
        self.loss = loss
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.batch_size = batch_size
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.scaler = scaler
        self.engine = engine
        self.random_state = random_state

    def _checked(self, name: str, hint: Any) -> Any:
        """An argument of the constructor, of the type that it should have."""
        return checked(getattr(self, name), hint, f"{type(self).__name__}: {name}")

    def _part(self, name: str, base: type, **arguments: Any) -> Any:
        """The object that an argument names, made with `arguments`, or a copy of the one that it is."""
        given = getattr(self, name)
        if not isinstance(given, str):
            return copy.deepcopy(self._checked(name, base))
        try:
            return construct(base, {"type": given, **arguments})
        except ConfigError as err:
            raise ConfigError(*(f"{type(self).__name__}: {name}: {line}" for line in err.lines)) from err

    def _held_out(self, n: int) -> int:
        """How many of n examples, or rows, are for validation."""
        fraction: float = self._checked("validation_fraction", Fraction)
        return round(n * fraction)

    def _scale(self, values: Array) -> ScaleFit:
        """The scaling of columns, fitted on (n, F) values for training."""
        if self.scaler is None:
            return ScaleFit(np.zeros(values.shape[1]), np.ones(values.shape[1]))
        with np.errstate(over="ignore"):  # what is too large is refused
            fitted: ScaleFit = self._part("scaler", Scaler).fit(values.astype(np.float64))
        return fitted

    def _stack(self, input_shape: tuple[int, ...], n_outputs: int) -> Sequential:
        """`depth` layers, the last step where there are steps, and a dense layer of as many outputs as targets."""
        depth = self._checked("depth", PositiveInt)
        layers = [self._part("layer", Layer, hidden_size=self.hidden_size) for _ in range(depth)]
        steps = len(Sequential(layers).output_shape(input_shape)) > 1
        return Sequential([*layers, *[LastStep()] * steps, Dense(n_outputs)])

    def _train(self, train: Pair, validation: Pair | None) -> None:
        """Train on scaled examples; sets what `fit` finds."""
        x, y = train
        loss, given = self._part("loss", Loss), self.random_state
        if loss.labels or loss.probabilities or loss.per_target != 1:
            who = type(self).__name__
            raise ConfigError(f"{who}: loss: {type(loss).__name__} is none of numbers; HalfMSE, MAE or Huber are.")
        whole = isinstance(given, numbers.Integral)
        seed = int(self._checked("random_state", Seed) if whole else check_random_state(given).randint(2**31 - 1))
        callbacks: list[Callback] = []
        if self.patience is not None:
            if validation is None:
                raise ConfigError(f"{type(self).__name__}: patience: needs a validation_fraction that holds out some.")
            callbacks = [EarlyStopping(patience=self._checked("patience", PositiveInt))]
        model = self._stack(x.shape[1:], y.shape[1])
        model.build(x.shape[1:], Streams.from_seed(seed).weights, x.dtype)
        history = fit(
            model,
            x,
            y,
            loss=loss,
            optimizer=self._part("optimizer", Optimizer, learning_rate=self.learning_rate),
            epochs=self.epochs,
            batch_size=self.batch_size,
            seed=seed,
            validation=validation,
            engine=self._checked("engine", EngineName),
            callbacks=callbacks,
        )
        self.model_, self.history_, self.n_epochs_ = model, history, len(history)


def outputs(model: Layer, x: Array) -> npt.NDArray[Any]:
    """What a model says of many examples, in chunks."""
    return np.concatenate([model(x[first : first + CHUNK]) for first in range(0, len(x), CHUNK)])
