"""Run folders: what a training leaves behind, and how it is read again.

``runs/<config>-<NNN>/`` with config.yaml (resolved), environment.json, scale.json,
log.jsonl, checkpoints/, evaluation.json, figures/, and manifest.json, which lists
the files with their SHA-256. A folder is made once and never reused.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from minidl.compiled import Predictor, choose_engine, predictor
from minidl.config import dump, parse_file
from minidl.data import ScaleFit, Splits, Table
from minidl.environment import environment, plugins_of
from minidl.errors import ConfigError, CorruptFileError
from minidl.experiment import Experiment, experiment_from
from minidl.files.locking import LOCK, FileLock
from minidl.files.manifests import MANIFEST, checked
from minidl.files.storage import sweep
from minidl.forecasting import Forecast, evaluate, forecast_ahead, model_one_step
from minidl.randomness import Streams
from minidl.run_folder import MAX_FILE, RunFolder
from minidl.training import Callback, EpochRecord, SaveCheckpoints, Trainer, WriteLog, load_checkpoint, load_weights
from minidl.training import read_log as _read_log

CHECKED = ("config.yaml", "environment.json")


class Run(RunFolder):
    """A run folder and the experiment in it. A process that trains in it holds its lock."""

    def __init__(self, path: Path, experiment: Experiment, lock: FileLock | None = None) -> None:
        super().__init__(path)
        self.experiment = experiment
        self._lock = lock
        # Gets one line about the engine; the command line puts its own function here.
        self.notify: Callable[[str], None] = lambda line: None

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
        InUseError
            `folder` exists, and a process is using it.
        StorageError
            The folder cannot be made or written to.
        """
        made, lock = RunFolder.number(experiment.name) if folder is None else RunFolder.make(folder)
        run = cls(made.path, experiment, lock)
        config = dump(experiment.to_config())
        run.describe(run=hashlib.sha256(config.encode()).hexdigest())
        run.write("config.yaml", config)
        run.write("environment.json", json.dumps(environment(plugins, experiment.training.threads), indent=1) + "\n")
        return run

    @classmethod
    def open(cls, path: Path, *, unchanged: bool = True) -> Run:
        """A run from its folder; its model is built but has no trained weights yet.

        Parameters
        ----------
        unchanged : whether a config.yaml that somebody has edited is refused.

        Raises
        ------
        ConfigError
            No run is there.
        CorruptFileError
            A file is damaged, or not what manifest.json lists.
        """
        path = Path(path)
        config = path / "config.yaml"
        if not path.is_dir():
            raise ConfigError(f"{path}: no such run folder.")
        if not config.is_file():
            raise ConfigError(f"{path}: not a run folder (it has no config.yaml).")
        folder = RunFolder(path)
        folder.check_links()
        manifest = folder.manifest()
        for name in CHECKED if unchanged else CHECKED[1:]:
            checked(path / name, manifest, MAX_FILE)
        try:
            experiment = experiment_from(parse_file(config), re.sub(r"-\d+$", "", path.resolve().name))
        except ConfigError as err:
            needed = plugins_of(checked(path / "environment.json", manifest, MAX_FILE))
            hint = f"{config}: the run's config is damaged, or needs {needed}."
            raise CorruptFileError(f"{err}\n{hint}") from err
        return cls(path, experiment)

    def lock(self) -> FileLock:
        """The run's lock, held already or taken now.

        Raises
        ------
        InUseError
            Another process holds it.
        """
        lock, self._lock = self._lock or FileLock(self.path / LOCK), None
        return lock

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
        with self.lock():
            sweep(self.path)
            self.experiment.build_model()
            self.save_scale(splits)
            return self.go_on(self.trainer(should_stop), self.saving(), splits, callbacks)

    def save_scale(self, splits: Splits) -> None:
        """Write scale.json, and what the data are into the manifest."""
        scale = {"offset": splits.scale.offset.tolist(), "range": splits.scale.range.tolist()}
        self.write("scale.json", json.dumps({"columns": splits.table.feature_names, **scale}, indent=1) + "\n")
        self.describe(data=describe_data(splits.table))

    def trainer(self, should_stop: Callable[[], bool]) -> Trainer:
        """A trainer of the run's model, at the start."""
        experiment = self.experiment
        return Trainer(
            experiment.model,
            loss=experiment.loss,
            optimizer=experiment.optimizer,
            settings=experiment.training,
            streams=Streams.from_seed(experiment.seed),
            should_stop=should_stop,
        )

    def saving(self) -> SaveCheckpoints:
        """What saves this run's checkpoints."""
        manifest = self.manifest()
        about = {"run": manifest["run"], "data": manifest["data"], "config": self.experiment.to_config()}
        return SaveCheckpoints(self.path / "checkpoints", self.path / "log.jsonl", about)

    def go_on(
        self, trainer: Trainer, saving: SaveCheckpoints, splits: Splits, callbacks: Sequence[Callback]
    ) -> list[EpochRecord]:
        """Train to the end; for the process that holds the lock."""
        self.unlist_file("log.jsonl")
        windows, wanted = splits.train, self.experiment.engine
        trainer.engine, line = choose_engine(trainer, wanted, len(windows), windows.time_steps, self.notify)
        self.notify(f"engine: {line}")
        with blas_threads(self.experiment.training.threads):
            history = trainer.run(
                splits.train, splits.validation, [WriteLog(self.path / "log.jsonl"), saving, *callbacks]
            )
        if history:
            self.list_files("log.jsonl")
        return history

    def load_weights(self, checkpoint: str | None = None) -> dict[str, Any]:
        """Load a checkpoint (None: the one that the config scores) into the model; return its state.

        Raises
        ------
        CorruptFileError
            It is missing, damaged, or not this model's.
        """
        folder = self.path / "checkpoints" / (checkpoint or self.experiment.evaluation.checkpoint)
        weights, state = load_checkpoint(folder, self.experiment.model)
        self.check_origin(folder, state)
        load_weights(self.experiment.model, weights, folder)
        return state

    def check_origin(self, folder: Path, state: dict[str, Any]) -> None:
        """Refuse a checkpoint that was moved here from another run.

        Raises
        ------
        CorruptFileError
            It is one.
        """
        about, manifest = state.get("about"), self.manifest()
        if not isinstance(about, dict) or any(about.get(key) != manifest.get(key) for key in ("run", "data")):
            raise CorruptFileError(f"{folder}: a checkpoint of another run.")

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
                self.scale(),
                model_one_step(experiment.model),
                time_steps=experiment.data.time_steps,
                horizon=horizon,
                dtype=experiment.dtype,
            )

    def predictor(self, checkpoint: str | None = None) -> Predictor:
        """Fast forecasts of a checkpoint (None: the one that the config scores), from windows that are scaled already.

        It takes a window (time, features) or a batch of them from ``scale().transform``;
        ``scale().unscale`` brings its outputs back to units.
        """
        self.load_weights(checkpoint)
        return predictor(self.experiment.model, self.notify)

    def scale(self) -> ScaleFit:
        """How the training scaled the columns."""
        path, columns = self.path / "scale.json", self.experiment.data.series.feature_names
        content = self.read(path.name)
        try:
            saved = json.loads(content)
            fit = ScaleFit(offset=np.array(saved["offset"], np.float64), range=np.array(saved["range"], np.float64))
            if tuple(saved["columns"]) != columns or not fit.offset.shape == fit.range.shape == (len(columns),):
                raise ValueError("other columns")
            return fit
        except (ValueError, KeyError, TypeError) as err:
            names = ", ".join(columns)
            raise CorruptFileError(f"{path}: damaged; expected offset and range of the columns {names}.") from err

    def log(self) -> list[EpochRecord]:
        """The epochs in log.jsonl, which is checked once the training has ended or was stopped."""
        path = self.path / "log.jsonl"
        manifest = self.manifest() if (self.path / MANIFEST).exists() else {"files": {}}
        if path.name in manifest["files"]:
            checked(path, manifest, MAX_FILE)
        return _read_log(path)


def describe_data(table: Table) -> dict[str, Any]:
    """How many rows a table has, and the SHA-256 of its columns' names and values."""
    digest = hashlib.sha256(json.dumps([table.feature_names, table.target_index]).encode())
    digest.update(np.ascontiguousarray(table.values, "<f8").tobytes())
    return {"rows": len(table), "sha256": digest.hexdigest()}


def blas_threads(n: int) -> Any:
    """Context manager: matrix products run in `n` threads; small ones are far slower in two than in one."""
    return threadpool_limits(limits=n, user_api="blas")


def one_blas_thread() -> Any:
    """`blas_threads(1)`, the default for all that computes."""
    return blas_threads(1)


def _without_nan(value: Any) -> Any:
    """JSON has no NaN; null stands for it."""
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
