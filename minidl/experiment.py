"""A whole experiment: data, model, training and evaluation, as one config describes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta

from minidl.arguments import Configurable, Seed, lost_in_dtype
from minidl.compiled import EngineName, explain
from minidl.config import Node, build, dump, load_node, parse_bytes, problem_at
from minidl.data import Splits, WindowData
from minidl.errors import ConfigError, ShapeError
from minidl.forecasting import Evaluation, check_covariates
from minidl.layer import Layer, Shape
from minidl.layers.containers.building import build_as_promised, returned_shape
from minidl.layers.select_features import name_features
from minidl.losses import HalfMSE, Loss
from minidl.optimizers import Optimizer
from minidl.randomness import Streams
from minidl.registry import plugin_fault
from minidl.training import Training


@dataclass(eq=False)
class Experiment(Configurable):
    """The top level of a config.

    Parameters
    ----------
    model : the stack of layers; its output is one number (at every time step, or at the last).
    data : the series and its windows.
    optimizer : how weights are changed.
    loss : what is minimised.
    training : how long, in what portions.
    evaluation : what is scored.
    seed : of all random numbers; the same seed gives the same run.
    dtype : of parameters and data.
    sweep : lists of values by key path, for ``minidl compare``, which trains all
        combinations; whatever trains a single experiment does not look at it.
    engine : what computes the training steps: ``numpy``, ``compiled`` (needs
        numba), or ``auto``: compiled where it is installed, has kernels for the
        model and pays.

    Raises
    ------
    ConfigError
        Parts that do not go together.
    """

    model: Layer
    data: WindowData
    optimizer: Optimizer
    loss: Loss = field(default_factory=HalfMSE)
    training: Training = field(default_factory=Training)
    evaluation: Evaluation = field(default_factory=Evaluation)
    seed: Seed = 0
    dtype: Literal["float32", "float64"] = "float32"
    engine: EngineName = "auto"
    sweep: dict[str, Annotated[list[Any], Meta(min_length=1)]] = field(default_factory=dict)
    name: str = field(init=False, repr=False, default="experiment")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.evaluation.checkpoint == "best" and self.data.validation is None:
            raise ConfigError(
                "evaluation.checkpoint: is best, but data.validation is not set; "
                "without validation no weights are the best: set it, or score the last weights."
            )

        furthest, windows = max(self.evaluation.horizons), self.data.test_size - self.data.time_steps
        if furthest > windows:
            raise ConfigError(
                f"evaluation.horizons: {furthest} rows ahead need at least {furthest} test windows; "
                f"data.test_size {self.data.test_size} and time_steps {self.data.time_steps} give {windows}."
            )

    def to_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain values; ``sweep`` only if there is one."""
        config = super().to_config()
        return config if config["sweep"] else {key: value for key, value in config.items() if key != "sweep"}

    def build_model(self) -> Shape:
        """Give the model its initial weights, the same for the same seed; return its output shape.

        Raises
        ------
        ShapeError
            Layers do not fit each other or the data, or the output is not one number.
        """
        name_features(self.model, self.data.series.feature_names)
        rng = Streams.from_seed(self.seed).weights
        return _one_number(build_as_promised(self.model, self.data.input_shape, rng, self.dtype))

    def output_shape(self) -> Shape:
        """The shape of the model's output, without the batch axis; nothing is built.

        Raises
        ------
        ShapeError
            Layers do not fit each other or the data, or the output is not one number.
        """
        name_features(self.model, self.data.series.feature_names)
        output = self.model.output_shape(self.data.input_shape)
        return _one_number(returned_shape(output, f"{type(self.model).__name__}: output_shape"))

    def load_data(self) -> Splits:
        """Read the series and cut it into windows, with labels at every step if the model outputs at every step.

        The model stays as it is, built or not.

        Raises
        ------
        DataError
            The series does not hold what it should, or not what the evaluation asks for.
        """
        every_step = len(self.output_shape()) == 2
        splits = self.data.load(self.dtype, Streams.from_seed(self.seed).sampling, every_step=every_step)
        check_covariates(splits, self.evaluation.future_covariates)
        return splits


def _one_number(output: Shape) -> Shape:
    if output[-1] != 1 or len(output) > 2:
        raise ShapeError(
            f"the model's output has shape {output}; a forecast is one number, so it must be (1,) or (time, 1)."
        )
    return output


def load_experiment(config: str | Path, overrides: Sequence[str] = ()) -> Experiment:
    """Read a config, check it and build its model; no data is read.

    Parameters
    ----------
    config : a path, or the name of a shipped config.
    overrides : ``key.path=value``, as for ``--set``.

    Raises
    ------
    ConfigError
        All problems, one line each: ``file:line:column: key.path: what is wrong``.
    """
    node = load_node(config, overrides)
    experiment = experiment_from(node, Path(config).stem)
    for key in ("loss", "optimizer", "training"):
        found = lost_in_dtype(getattr(experiment, key), experiment.dtype)
        if found is not None:
            raise ConfigError(problem_at(node, (key, found[0]), found[1]))
    try:
        explain(experiment.model, experiment.loss, experiment.optimizer, experiment.dtype, experiment.engine)
    except ConfigError as err:
        raise ConfigError(problem_at(node, ("engine",), str(err))) from err
    written(experiment)
    return experiment


def written(experiment: Experiment) -> str:
    """The resolved config as YAML text, which can be read again.

    Raises
    ------
    ConfigError
        With all defaults it is larger than a config that is read.
    """
    text = dump(experiment.to_config())
    try:
        parse_bytes(text.encode("utf-8", "surrogatepass"), "the config with all its defaults")
    except ConfigError as err:
        raise ConfigError(f"{experiment.name}: could not be read again from a run: {err}") from err
    return text


def experiment_from(node: Node, name: str) -> Experiment:
    """The experiment that a tree of nodes describes; see `load_experiment`."""
    experiment: Experiment = build(Experiment, node)
    experiment.name = name
    try:
        experiment.build_model()
    except ShapeError as err:
        raise ConfigError(problem_at(node, ("model", *err.path), str(err))) from err
    except Exception as err:
        fault = plugin_fault(err)
        if fault is None:  # minidl's own
            raise
        raise fault from err
    return experiment
