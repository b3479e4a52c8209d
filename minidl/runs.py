"""Run folders: what a training leaves behind, and how it is read again.

``runs/<config>-<NNN>/`` with config.yaml (resolved), environment.json, scale.json,
log.jsonl, checkpoints/, evaluation.json and figures/. A folder is made once and never reused.
"""

from __future__ import annotations

import json
import math
import os
import platform
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from minidl._version import __version__
from minidl.config import dump, parse_file
from minidl.data import ScaleFit, Splits
from minidl.errors import ConfigError, CorruptFileError, StorageError
from minidl.experiment import Experiment, experiment_from
from minidl.forecasting import Forecast, evaluate, forecast_ahead, model_one_step
from minidl.randomness import Streams
from minidl.training import Callback, EpochRecord, SaveCheckpoints, Trainer, WriteLog, load_checkpoint, load_weights
from minidl.training import read_log as _read_log

RECORDED = ("numpy", "PyYAML", "msgspec", "safetensors", "threadpoolctl")


class Run:
    """A run folder and the experiment in it."""

    def __init__(self, path: Path, experiment: Experiment) -> None:
        self.path, self.experiment = path, experiment

    @classmethod
    def create(cls, experiment: Experiment, folder: Path | None = None, plugins: Sequence[str] = ()) -> Run:
        """Make the folder, with config.yaml and environment.json.

        Parameters
        ----------
        folder : which folder; None: ``runs/<name>-<NNN>`` with the next free number.
        plugins : files given with --plugin, recorded.

        Raises
        ------
        ConfigError
            `folder` exists.
        StorageError
            The folder cannot be made or written to.
        """
        run = cls(_new_folder(experiment.name) if folder is None else _make(folder), experiment)
        run.write("config.yaml", dump(experiment.to_config()))
        run.write("environment.json", json.dumps(_environment(plugins), indent=1) + "\n")
        return run

    @classmethod
    def open(cls, path: Path) -> Run:
        """A run from its folder; its model is built but has no trained weights yet.

        Raises
        ------
        ConfigError
            No run is there.
        CorruptFileError
            Its config.yaml cannot be read.
        """
        path = Path(path)
        config = path / "config.yaml"
        if not path.is_dir():
            raise ConfigError(f"{path}: no such run folder.")
        if not config.is_file():
            raise ConfigError(f"{path}: not a run folder (it has no config.yaml).")
        try:
            experiment = experiment_from(parse_file(config), re.sub(r"-\d+$", "", path.resolve().name))
        except ConfigError as err:
            raise CorruptFileError(f"{err}\n{config}: the run's config is damaged, or needs a --plugin.") from err
        return cls(path, experiment)

    def train(
        self,
        splits: Splits,
        callbacks: Sequence[Callback] = (),
        should_stop: Callable[[], bool] = lambda: False,
    ) -> list[EpochRecord]:
        """Train the model from its initial weights; log and checkpoints go into the folder.

        Raises
        ------
        NumericalError
            NaN or Inf; the last checkpoint stays.
        """
        experiment = self.experiment
        experiment.build_model()
        scale = {"offset": splits.scale.offset.tolist(), "range": splits.scale.range.tolist()}
        self.write("scale.json", json.dumps({"columns": splits.table.feature_names, **scale}, indent=1) + "\n")
        trainer = Trainer(
            experiment.model,
            loss=experiment.loss,
            optimizer=experiment.optimizer,
            settings=experiment.training,
            streams=Streams.from_seed(experiment.seed),
            should_stop=should_stop,
        )
        saving = [WriteLog(self.path / "log.jsonl"), SaveCheckpoints(self.path / "checkpoints")]
        with one_blas_thread():
            return trainer.run(splits.train, splits.validation, [*saving, *callbacks])

    def load_weights(self, checkpoint: str | None = None) -> dict[str, Any]:
        """Load a checkpoint (None: the one that the config scores) into the model; return its state.

        Raises
        ------
        CorruptFileError
            It is missing, damaged, or not this model's.
        """
        folder = self.path / "checkpoints" / (checkpoint or self.experiment.evaluation.checkpoint)
        weights, state = load_checkpoint(folder)
        load_weights(self.experiment.model, weights, folder)
        return state

    def evaluate(self, splits: Splits, checkpoint: str | None = None) -> dict[str, Any]:
        """Score a checkpoint and store the scores.

        They go to ``evaluation.json``; for another checkpoint than the config's
        to ``evaluation-<checkpoint>.json``.
        """
        configured = self.experiment.evaluation.checkpoint
        checkpoint = checkpoint or configured
        state = self.load_weights(checkpoint)
        with one_blas_thread():
            scores = evaluate(splits, self.experiment.model, self.experiment.evaluation)
        scores |= {"checkpoint": checkpoint, "epoch": state["epoch"], "seed": self.experiment.seed}
        name = "evaluation.json" if checkpoint == configured else f"evaluation-{checkpoint}.json"
        self.write(name, json.dumps(_without_nan(scores), indent=1, ensure_ascii=False) + "\n")
        return scores

    def forecast(self, table: Path | None, horizon: int, checkpoint: str | None = None) -> Forecast:
        """Predict the rows after the end of a table (None: the run's own series), scaled as in training.

        Raises
        ------
        DataError
            The table does not have the series' form, or is shorter than a window.
        """
        experiment = self.experiment
        self.load_weights(checkpoint)
        with one_blas_thread():
            return forecast_ahead(
                experiment.data.series.read(table),
                self._scale(),
                model_one_step(experiment.model),
                time_steps=experiment.data.time_steps,
                horizon=horizon,
                dtype=experiment.dtype,
            )

    def _scale(self) -> ScaleFit:
        path, columns = self.path / "scale.json", self.experiment.data.series.feature_names
        try:
            saved = json.loads(path.read_text(encoding="utf-8"))
            fit = ScaleFit(offset=np.array(saved["offset"], np.float64), range=np.array(saved["range"], np.float64))
            if tuple(saved["columns"]) != columns or not fit.offset.shape == fit.range.shape == (len(columns),):
                raise ValueError("other columns")
            return fit
        except OSError as err:
            raise StorageError(f"{path}: cannot read: {err.strerror or err}.") from err
        except (ValueError, KeyError, TypeError) as err:
            names = ", ".join(columns)
            raise CorruptFileError(f"{path}: damaged; expected offset and range of the columns {names}.") from err

    def log(self) -> list[EpochRecord]:
        """The epochs in log.jsonl."""
        return _read_log(self.path / "log.jsonl")

    def write(self, name: str, text: str) -> None:
        """Write a small file of the run in one go.

        Raises
        ------
        StorageError
            The disk is full, or the folder cannot be written.
        """
        path = self.path / name
        new = path.with_name(f".{path.name}.new")
        try:
            new.write_text(text, encoding="utf-8", newline="\n")
            os.replace(new, path)
        except OSError as err:
            raise StorageError(f"{path}: cannot write: {err.strerror or err}.") from err


def one_blas_thread() -> Any:
    """Context manager: matrix products run in one thread; small ones are far slower in two."""
    return threadpool_limits(limits=1, user_api="blas")


def _new_folder(name: str) -> Path:
    parent = Path("runs")
    try:
        parent.mkdir(exist_ok=True)
        used = [
            int(found[1])
            for path in parent.iterdir()
            if (found := re.fullmatch(r".*-(\d+)", path.name)) and path.name.rpartition("-")[0] == name
        ]
        number = max(used, default=0) + 1
        while True:  # another process may take a number at the same moment
            folder = parent / f"{name}-{number:03d}"
            try:
                folder.mkdir()
                return folder
            except FileExistsError:
                number += 1
    except OSError as err:
        raise StorageError(f"{parent}: cannot make a run folder: {err.strerror or err}.") from err


def _make(folder: Path) -> Path:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise StorageError(f"{folder.parent}: cannot make this folder: {err.strerror or err}.") from err
    try:
        folder.mkdir()
    except FileExistsError as err:
        raise ConfigError(f"{folder}: exists already; a run never overwrites another, choose a new folder.") from err
    except OSError as err:
        raise StorageError(f"{folder}: cannot make the run folder: {err.strerror or err}.") from err
    return folder


def _environment(plugins: Sequence[str]) -> dict[str, Any]:
    from importlib.metadata import version  # slow to import, and --help must be quick

    blas = [
        {key: info.get(key) for key in ("internal_api", "version", "architecture", "num_threads")}
        for info in threadpool_info()
        if info.get("user_api") == "blas"
    ]
    return {
        "minidl": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in RECORDED},
        "platform": platform.platform(),
        "processor": platform.machine(),
        "cpus": os.cpu_count(),
        "blas": blas,
        "blas_threads_while_training": 1,
        "plugins": list(plugins),
        "command": sys.argv,
    }


def _without_nan(value: Any) -> Any:
    """JSON has no NaN; null stands for it."""
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
