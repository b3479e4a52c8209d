"""A whole experiment: data, model, training and evaluation, as one config describes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta

from minidl.compiled import EngineName, explain
from minidl.compiled.choice import source_obstacle
from minidl.config import Node, build, dump, load_node, parse_bytes, problem_at
from minidl.config.space import seeing, space_problems
from minidl.core.arguments import Configurable, Seed, lost_in_dtype
from minidl.core.errors import ConfigError, ShapeError
from minidl.core.later_rows import later_rows
from minidl.core.layer import Layer, Shape
from minidl.core.registry import suggest
from minidl.data import Data
from minidl.files.plugins import plugin_fault
from minidl.layers.containers.building import build_as_promised, returned_shape
from minidl.layers.select_features import name_features
from minidl.losses import HalfMSE, Loss
from minidl.optimizers import Optimizer, unmatched
from minidl.randomness import Streams
from minidl.tasks import Forecast, Task
from minidl.tasks.points import Points
from minidl.tasks.series_data import check_later
from minidl.training import Trainer, Training
from minidl.training.records import never
from minidl.training.truncated import check_every_step, cut, whole_series
from minidl.training.watched import Watched


@dataclass(eq=False)
class Experiment(Configurable):
    """The top level of a config.

    Parameters
    ----------
    model : the stack of layers; the task says what it puts out. For a forecast that is
        one number, or one for each lead (at every time step, or at the last).
    data : where examples come from: windows of a series, or whatever `type` says.
    optimizer : how weights are changed.
    loss : what is minimised.
    training : how long, in what portions.
    evaluation : the task: what the model is for, and how it is scored. Without a type it is `Forecast`.
    seed : of all random numbers; the same seed gives the same run.
    dtype : of parameters and data.
    sweep : lists of values by key path, for ``minidl compare``, which trains all
        combinations; whatever trains a single experiment does not look at it.
    search : ranges and lists of values by key path, for ``minidl search``, which looks for the best ones; whatever
        trains a single experiment does not look at it.
    engine : what computes the training steps: ``numpy``, ``compiled`` (needs
        numba), or ``auto``: compiled where it is installed, has kernels for the
        model and pays.

    Raises
    ------
    ConfigError
        Parts that do not go together.
    """

    model: Layer
    data: Data
    optimizer: Optimizer
    loss: Loss = field(default_factory=HalfMSE)
    training: Training = field(default_factory=Training)
    evaluation: Task = field(default_factory=Forecast)
    seed: Seed = 0
    dtype: Literal["float32", "float64"] = "float32"
    engine: EngineName = "auto"
    sweep: dict[str, Annotated[list[Any], Meta(min_length=1)]] = field(default_factory=dict)
    search: dict[str, Any] = field(default_factory=dict)
    name: str = field(init=False, repr=False, default="experiment")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.evaluation.check(self)
        if self.training.refit and not self.data.has_validation:
            key = self.data.validation_key
            raise ConfigError(f"training.refit: there is no validation part that could teach too; set {key}.")

    def to_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain values; ``sweep`` and ``search`` only if they are there."""
        config = super().to_config()
        return {key: value for key, value in config.items() if value or key not in ("sweep", "search")}

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """What the model takes: an example of the data, and the rows after it that the model reads."""
        time, *features = self.data.input_shape
        return (None if time is None else time + later_rows(self.model), *features)

    def build_model(self) -> Shape:
        """Give the model its initial weights, the same for the same seed; return its output shape.

        Raises
        ------
        ShapeError
            Layers do not fit each other or the data, or the output is not what the task needs.
        """
        name_features(self.model, self.data.feature_names)
        rng = Streams.from_seed(self.seed).weights
        return self._checked(build_as_promised(self.model, self.input_shape, rng, self.dtype))

    def output_shape(self) -> Shape:
        """The shape of the model's output, without the batch axis; nothing is built.

        Raises
        ------
        ShapeError
            Layers do not fit each other or the data, or the output is not what the task needs.
        """
        name_features(self.model, self.data.feature_names)
        output = self.model.output_shape(self.input_shape)
        return self._checked(returned_shape(output, f"{type(self.model).__name__}: output_shape"))

    def _checked(self, output: Shape) -> Shape:
        if self.training.bptt_steps is not None:
            check_every_step(self.model, self.input_shape)
        several, last, name = self.loss.per_target, output[-1] or 0, type(self.loss).__name__
        points = (*output[:-1], last // several)
        if last % several:
            raise ShapeError(f"the model's output has shape {output}; {name} needs {several} numbers for each target.")
        if later_rows(self.model) and not isinstance(self.evaluation, Forecast):
            task = type(self.evaluation).__name__
            raise ShapeError(f"the model reads rows after its window, of which {task} has none; Forecast has them.")
        check_later(later_rows(self.model), points)
        try:
            self.evaluation.check_output(points, self)
            if isinstance(self.evaluation, Forecast):  # the points have the shape of its targets
                self.loss.check_shapes((1, last), (1, last // several))
        except ShapeError as err:
            told = "" if several == 1 else f"counting the {several} outputs that {name} needs for each target as one, "
            raise ShapeError(f"{told}{err}", err.path) from err
        return output

    @property
    def scored_model(self) -> Layer:
        """The model, whose outputs are made point forecasts as the loss says: what is scored, drawn and compared."""
        return Points(self.model, self.loss)

    def trainer(self, should_stop: Callable[[], bool] = never) -> Trainer:
        """A trainer of the model, which is built, at the start; `run_training` runs it."""
        return Trainer(
            self.model,
            loss=self.loss,
            optimizer=self.optimizer,
            settings=self.training,
            streams=Streams.from_seed(self.seed),
            should_stop=should_stop,
            metrics=self.evaluation.validate,
        )

    def load_data(self) -> Any:
        """The data's parts, as the task needs them; of a forecast, the `Splits` of a series into windows.

        The model stays as it is, built or not.

        Raises
        ------
        DataError
            The data do not hold what they should, or not what the task asks for.
        ConfigError
            `engine` is ``compiled``, which cannot take these examples, or they are too short for `training`.
        """
        parts = self.evaluation.load(self, self.output_shape())
        if self.training.bptt_steps is not None:
            cut(whole_series(parts.train), self.training)
        reason = source_obstacle(parts.train, self.model, self.loss) if self.engine == "compiled" else None
        if reason is not None:
            raise ConfigError(f"engine: is compiled, but {reason}; set engine: auto or numpy.")
        return parts


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
    try:
        experiment = experiment_from(node, Path(config).stem)
    except ConfigError as err:
        raise ConfigError(*err.lines, *space_problems(node, Experiment, err.lines)) from err
    check_search(experiment, node)
    for key in ("loss", "optimizer", "training"):
        found = lost_in_dtype(getattr(experiment, key), experiment.dtype)
        if found is not None:
            raise ConfigError(problem_at(node, (key, found[0]), found[1]))
    try:
        parts = experiment.model, experiment.loss, experiment.optimizer
        explain(*parts, experiment.dtype, experiment.engine, training=experiment.training)
    except ConfigError as err:
        raise ConfigError(problem_at(node, ("engine",), str(err))) from err
    names = list(experiment.model.params)
    unfit = unmatched(experiment.optimizer.groups, names) if names else None
    if unfit is not None:
        path = [int(key) if key.isdecimal() else key for key in unfit[0].split(".")]
        raise ConfigError(problem_at(node, ("optimizer", *path), unfit[1]))
    for key, score in experiment.training.watched.items():
        path = [int(part) if part.isdecimal() else part for part in key.split(".")]
        problem = _unwatchable(experiment, score)
        if problem is not None:
            raise ConfigError(problem_at(node, path, problem))
    written(experiment)
    return experiment


def check_search(experiment: Experiment, node: Node) -> None:
    """Refuse a ``search:`` whose values do not fit, or whose trials could not be compared.

    Raises
    ------
    ConfigError
        One line for each problem.
    """
    problems, metric = space_problems(node, Experiment), experiment.training.choice.metric
    validated = experiment.data.has_validation
    if experiment.search and not (validated and metric.startswith("validation_")):
        why = f"is not looked at: the best weights have {metric}" if validated else "is not set"
        what = f"trials are compared by a validation score; {experiment.data.validation_key} {why}"
        problems.append(problem_at(node, ("search",), what))
    for path in seeing(experiment.search, experiment.to_config()["data"].get("scaler")):
        problems.append(problem_at(node, path, "all sees the test part, which a search must not; give fit_on: train"))
    for key in experiment.search:
        if metric == "validation_loss" and (key.split(".")[0] == "loss" or key.startswith("data.scaler")):
            why = "cannot be searched: trials are compared by validation_loss, whose meaning it changes; let "
            why += "training.callbacks have an EarlyStopping by a metric such as validation_r2"
            problems.append(problem_at(node, ("search", key), why))
    if problems:
        raise ConfigError(*problems)


def _unwatchable(experiment: Experiment, watched: Watched) -> str | None:
    """Why a score cannot be watched so, as far as that shows without data; None: nothing stands against it."""
    larger = {"train_loss": False, "validation_loss": False}
    larger |= {f"validation_{one.name}": one.larger_is_better for one in experiment.evaluation.metrics}
    if watched.name != "train_loss" and not experiment.data.has_validation:
        key = experiment.data.validation_key
        return f"{watched.name} is no score of an epoch: {key} is not set; set it, or watch train_loss"
    if watched.name not in larger:
        return f"{watched.name} is no score of an epoch{suggest(watched.name, list(larger))}"
    return watched.wrong_way(larger)


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
