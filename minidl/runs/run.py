"""Run folders: what a training leaves behind, and how it is read again.

``runs/<config>-<NNN>/`` with config.yaml (resolved), environment.json, scale.json,
log.jsonl, checkpoints/, evaluation.json, figures/, and manifest.json, which lists
the files with their SHA-256. A folder is made once and never reused.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from minidl.compiled import Predictor, predictor
from minidl.compiled.kernel import silent
from minidl.config import override, parse_bytes
from minidl.core.errors import ConfigError, CorruptFileError
from minidl.data import ScaleFit
from minidl.experiment import Experiment, experiment_from, written
from minidl.files.locking import LOCK, FileLock
from minidl.files.plugins import plugin_arguments
from minidl.files.reading import decode_json, read_inside, user_path
from minidl.fitting import run_training
from minidl.runs.checkpoints import load_weights
from minidl.runs.environment import decode_environment, environment
from minidl.runs.log import WriteLog
from minidl.runs.refitting import REFIT, refit_and_save
from minidl.runs.run_folder import (
    CHECKPOINTS,
    CONFIG,
    ENVIRONMENT,
    LOG,
    MAX_FILE,
    SCALE,
    RunFolder,
    existing_run,
)
from minidl.runs.saving import SaveCheckpoints
from minidl.runs.scale_file import ScaleFile, saved_scale, scale_text
from minidl.runs.scores_file import scores_name, scores_text, stored_scores
from minidl.tasks import Parts
from minidl.training import Callback, EpochRecord, Trainer
from minidl.training.records import never
from minidl.training.threads import one_blas_thread


class Run(RunFolder):
    """A run folder and the experiment in it. A process that trains in it holds its lock."""

    def __init__(self, path: Path, experiment: Experiment, lock: FileLock | None = None) -> None:
        super().__init__(path)
        self.experiment = experiment
        self._lock = lock
        # Gets one line about the engine; the command line puts its own function here.
        self.notify: Callable[[str], None] = silent

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
        config = written(experiment)
        found = json.dumps(environment(plugins, experiment.training.threads), indent=1) + "\n"
        made, lock = RunFolder.number(experiment.name) if folder is None else RunFolder.make(user_path(folder))
        run = cls(made.path, experiment, lock)
        run.describe(run=hashlib.sha256(config.encode()).hexdigest(), identity=secrets.token_hex(16))
        run.write(CONFIG, config)
        run.write(ENVIRONMENT, found)
        return run

    @classmethod
    def open(cls, path: str | Path, *, unchanged: bool = True, overrides: Sequence[str] = ()) -> Run:
        """A run from its folder; its model is built but has no trained weights yet.

        Parameters
        ----------
        path : the folder; if it is a link, it is followed, and no link in the folder is.
        unchanged : whether a config.yaml that somebody has edited is refused.
        overrides : ``key.path=value``, to be laid over the run's config.

        Raises
        ------
        ConfigError
            No run is there.
        CorruptFileError
            A file is damaged, or not what manifest.json lists.
        """
        path = existing_run(path)
        folder = RunFolder(path)
        folder.check_links()
        recorded = decode_environment(folder.read(ENVIRONMENT), path / ENVIRONMENT)
        content = folder.read(CONFIG) if unchanged else read_inside(path, CONFIG, MAX_FILE)
        try:
            tree = override(parse_bytes(content, str(path / CONFIG)), overrides)
            experiment = experiment_from(tree, re.sub(r"-\d+$", "", path.resolve().name))
        except ConfigError as err:
            needed = plugin_arguments(recorded.get("plugins", []))
            hint = f"{path / CONFIG}: the run's config is damaged, or needs {needed}."
            raise CorruptFileError(*err.lines, hint) from err
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
        parts: Parts,
        callbacks: Sequence[Callback] = (),
        should_stop: Callable[[], bool] = never,
    ) -> list[EpochRecord]:
        """Train the model from its initial weights; log and checkpoints go into the folder.

        Raises
        ------
        NumericalError
            NaN or Inf; the last checkpoint stays.
        """
        with self.lock():
            self.sweep()
            self.experiment.build_model()
            self.save_scale(parts)
            return self.go_on(self.experiment.trainer(should_stop), self.saving(), parts, callbacks)

    def save_scale(self, parts: Parts) -> None:
        """Write scale.json, and what the data are into the manifest."""
        self.write(SCALE, scale_text(parts))
        self.describe(data=parts.facts())

    def saving(self) -> SaveCheckpoints:
        """What saves this run's checkpoints."""
        manifest = self.manifest()
        about = {"run": manifest["run"], "data": manifest["data"], "config": self.experiment.to_config()}
        choice = self.experiment.training.choice
        return SaveCheckpoints(self.path / CHECKPOINTS, self.path / LOG, about, manifest.get("identity"), choice)

    def go_on(
        self, trainer: Trainer, saving: SaveCheckpoints, parts: Parts, callbacks: Sequence[Callback]
    ) -> list[EpochRecord]:
        """Train to the end, and once more if `training.refit` says so; for the process that holds the lock."""
        self.unlist_file(LOG)
        if not trainer.complete:
            shutil.rmtree(self.path / CHECKPOINTS / REFIT, ignore_errors=True)
        trainer.folder = self.path
        history = run_training(
            trainer,
            parts.train,
            parts.validation,
            engine=self.experiment.engine,
            callbacks=[_NoteEngine(self), WriteLog(self.path / LOG), saving, *callbacks],
            notify=self.notify,
        )
        if history:
            self.list_files(LOG)
        if trainer.complete and not self.refitted:
            refit_and_save(self.experiment, parts, trainer, saving, callbacks, self.notify)
        return history

    @property
    def refitted(self) -> bool:
        """Whether nothing is left to do after the training: its refit is done, or none is asked for."""
        return not self.experiment.training.refit or (self.path / CHECKPOINTS / REFIT).exists()

    def scored_checkpoint(self) -> str:
        """The checkpoint that the config scores; ``last`` for ``best``, if no epoch had the score that says so."""
        if self.experiment.training.refit:
            return REFIT
        name, folder = self.experiment.evaluation.checkpoint, self.path / CHECKPOINTS
        if name == "best" and not (folder / name).exists() and (folder / "last").exists():
            state = self.checkpoint("last", self.experiment.model.params).state
            if state.get("best") is None:
                return "last"
        return name

    def load_weights(self, checkpoint: str | None = None) -> dict[str, Any]:
        """Load a checkpoint (None: the one that the config scores) into the model; return its state.

        Raises
        ------
        CorruptFileError
            It is missing, damaged, or not this model's.
        """
        name = checkpoint or self.scored_checkpoint()
        found = self.checkpoint(name, self.experiment.model.params)
        load_weights(self.experiment.model, found.weights, self.path / CHECKPOINTS / name)
        return found.state

    def evaluate(self, parts: Parts, checkpoint: str | None = None) -> dict[str, Any]:
        """Score a checkpoint and store the scores.

        They go to ``evaluation.json``; for another checkpoint than the config's
        to ``evaluation-<checkpoint>.json``.

        Raises
        ------
        NumericalError
            A score of the model is NaN or Inf; they are stored all the same.
        """
        configured = self.scored_checkpoint()
        if checkpoint is None and (self.experiment.evaluation.checkpoint, configured) == ("best", "last"):
            metric = self.experiment.training.choice.metric
            self.notify(f"no epoch is the best: {metric} is undefined in all of them; the last weights are scored")
        checkpoint = checkpoint or configured
        state = self.load_weights(checkpoint)
        task = self.experiment.evaluation
        with one_blas_thread():
            scores = task.evaluate(parts, self.experiment.scored_model)
        scores |= {"checkpoint": checkpoint, "epoch": state["epoch"], "seed": self.experiment.seed}
        name = scores_name(checkpoint, configured)
        self.write(name, scores_text(scores))
        task.check_finite(scores, self.path / name)
        return scores

    def predict(
        self,
        path: Path | None = None,
        horizon: int | None = None,
        checkpoint: str | None = None,
        later: Path | None = None,
        calibrated: bool = True,
    ) -> Any:
        """Apply a checkpoint (None: the one that the config scores) to something new; return a `Prediction`.

        A forecast is of the rows after the end of a table (None: the run's own series), scaled as in training.

        Parameters
        ----------
        horizon : how far ahead, for tasks that know such a thing; None: as far as the config says.
        later : a file with the rows to come of columns that are known ahead; None: those after the table's end.
        calibrated : whether intervals are, where the config says so.

        Raises
        ------
        DataError
            The file does not have the form of the training's data, or not what the task needs.
        """
        experiment = self.experiment
        state = self.load_weights(checkpoint)
        step, name = self._scale_file().get("step"), checkpoint or self.scored_checkpoint()
        with one_blas_thread():
            file, task = scores_name(name, self.scored_checkpoint()), experiment.evaluation
            if calibrated:
                task = task.recalled(lambda: stored_scores(self, file, name, state["epoch"]))
            return task.predict(experiment, self.scale(), step, path, horizon, later)

    def predictor(self, checkpoint: str | None = None) -> Predictor:
        """Fast forecasts of a checkpoint (None: the one that the config scores), from windows that are scaled already.

        It takes a window (time, features) or a batch of them from ``scale().transform``;
        ``scale().unscale`` brings its outputs back to units. Where a table holds several series, take
        ``scale().of_series(NAME)`` in place of ``scale()``.
        """
        self.load_weights(checkpoint)
        return predictor(self.experiment.model, self.notify)

    def _scale_file(self) -> ScaleFile:
        return decode_json(self.read(SCALE), ScaleFile, self.path / SCALE)

    def scale(self) -> ScaleFit:
        """How the training scaled the columns."""
        return saved_scale(self._scale_file(), self.experiment.data.scaled_names, self.path / SCALE)


class _NoteEngine(Callback):
    """Writes into the manifest what computes the steps."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def on_start(self, trainer: Trainer) -> None:
        """Once it is chosen."""
        self.run.add_engine(trainer.engine.name)
