"""The folder of a backtest: what was asked, a file for each fold that is done, and what was made of them.

``runs/backtest-<NNN>/`` holds backtest.yaml (the resolved config), environment.json, fold-<N>.json and manifest.json,
which lists these and says what else was asked; in the end backtest.json and figures/. A file is written in one step,
so a backtest that was cut off goes on with the folds that are missing. What is read here was perhaps made by somebody
else.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypedDict

from msgspec import Meta

from minidl.backtesting.folds import MAX_FOLDS, Fold, Record, edges_of, longest, run_fold
from minidl.config import parse_bytes
from minidl.core.errors import ConfigError, CorruptFileError, IncompatibleRunError, MinidlError
from minidl.core.text import printable
from minidl.experiment import Experiment, experiment_from, written
from minidl.files.locking import LOCK, FileLock
from minidl.files.plugins import PluginRecord
from minidl.files.reading import convert_json, decode_json, real_folder
from minidl.parallel.executors import MakeExecutor
from minidl.parallel.experiments import load_parts
from minidl.parallel.plugins import Plugin, given_plugins, plugins_again, recorded_plugins
from minidl.parallel.running import run_all
from minidl.runs.environment import decode_environment, environment, environment_changes
from minidl.runs.run_folder import ENVIRONMENT, DataFacts, RunFolder
from minidl.tasks import forecast_task

CONFIG, RESULT = "backtest.yaml", "backtest.json"
Table = dict[str, dict[str, dict[str, float | None]]]


class LeadTables(TypedDict):
    """Of a fold's own model, and of the first fold's on stretches by their number."""

    scores: Table
    kept: dict[str, Table]


class FoldRecord(LeadTables):
    """What is known of a fold that is done; see `minidl.backtesting.folds`."""

    fold: int
    error: str | None
    rows: tuple[int, int]
    times: tuple[str, str] | None
    epoch: int
    weights_sha256: str
    targets: dict[str, LeadTables]
    seconds: float


@dataclass(frozen=True)
class Asked:
    """What a backtest was asked, beside its config."""

    folds: Annotated[int, Meta(ge=1, le=MAX_FOLDS)]
    name: str
    plugins: list[Plugin]


@dataclass(eq=False)
class Backtest:
    """An open backtest: its folder, locked.

    Parameters
    ----------
    edges : the first rows of all stretches, and the number of rows; of several series those of the longest.
    plugins : files that folds load first, as the command line gave them.
    """

    folder: RunFolder
    lock: FileLock
    experiment: Experiment
    asked: Asked
    edges: tuple[int, ...]
    plugins: tuple[PluginRecord, ...] = ()

    @property
    def path(self) -> Path:
        """Of the folder."""
        return self.folder.path

    def records(self) -> list[Record]:
        """Of the folds that are done, in their order.

        Raises
        ------
        CorruptFileError
            A file is damaged, or not of this backtest.
        """
        found = []
        for number in range(self.asked.folds):
            path = self.path / _name(number)
            if os.path.lexists(path) and path.name in self.folder.manifest()["files"]:
                record = decode_json(self.folder.read(path.name), FoldRecord, path)
                if record["fold"] != number or record["rows"] != self.edges[number : number + 2]:
                    raise CorruptFileError(f"{path}: damaged; not the fold that its name says.")
                found.append(dict(record))
        return found

    def run_missing(self, make_executor: MakeExecutor, on_done: Callable[[Record], None] = lambda record: None) -> None:
        """Train what is missing; each fold is stored as it ends.

        Raises
        ------
        MinidlError
            A fold gave no result at all; the others are stored.
        """
        done = {record["fold"] for record in self.records()}
        config = self.experiment.to_config()
        folds = [
            Fold(config, self.experiment.seed, number, self.edges, self.plugins)
            for number in range(self.asked.folds)
            if number not in done
        ]

        def keep(fold: Fold, record: Record) -> None:
            self.folder.write(_name(fold.number), json.dumps(record, indent=1) + "\n")
            on_done(record)

        failed = run_all(run_fold, folds, make_executor, keep)
        if failed:
            fold, error = failed[0]
            if not isinstance(error, MinidlError):
                raise error
            raise type(error)(f"fold {fold.number + 1} of {self.asked.folds}: {error}") from error


def _name(number: int) -> str:
    return f"fold-{number + 1}.json"


def start(experiment: Experiment, folds: int, plugins: Sequence[str] = ()) -> Backtest:
    """A new backtest, whose data can be read.

    Raises
    ------
    ConfigError
        The experiment is no forecast, or so many stretches are too short.
    DataError, StorageError
        The data cannot be read, or the folder not written.
    """
    forecast_task(experiment.evaluation)
    text = written(experiment)
    parts = load_parts(experiment)
    edges = edges_of(experiment, longest(parts.table), folds)
    given = given_plugins(plugins)
    asked = Asked(folds, experiment.name, list(recorded_plugins(given)))
    folder, lock = RunFolder.number("backtest")
    try:
        folder.write(CONFIG, text)
        folder.write(ENVIRONMENT, json.dumps(environment(plugins), indent=1) + "\n")
        recorded = [{"name": plugin.name, "sha256": plugin.sha256} for plugin in asked.plugins]
        folder.describe(data=parts.facts(), backtest={"folds": folds, "name": asked.name, "plugins": recorded})
    except BaseException:
        lock.release()
        raise
    return Backtest(folder, lock, _read(folder, asked.name), asked, edges, given)


def reopen(path: Path, plugins: Sequence[str] = ()) -> Backtest:
    """A backtest that was started before.

    Raises
    ------
    ConfigError
        There is none.
    CorruptFileError
        A file is damaged.
    IncompatibleRunError
        Data, versions or plugins are others.
    """
    folder = RunFolder(real_folder(path))
    if not os.path.lexists(folder.path / CONFIG):
        raise ConfigError(f"{printable(folder.path)}: not a folder of a backtest (it has no {CONFIG}).")
    folder.check_links()
    manifest: dict[str, Any] = dict(folder.manifest())
    where = folder.path / "manifest.json"
    asked = convert_json(manifest.get("backtest"), Asked, where)
    facts = convert_json(manifest.get("data"), DataFacts, where)
    given = plugins_again(asked.plugins, plugins, folder.path)
    experiment = _read(folder, asked.name)
    changes = environment_changes(
        decode_environment(folder.read(ENVIRONMENT), folder.path / ENVIRONMENT), environment(())
    )
    parts = load_parts(experiment)
    if parts.facts() != facts:
        changes = ["was begun with other data"]
    if changes:
        raise IncompatibleRunError(*(f"{printable(folder.path)}: {line}; start a new backtest." for line in changes))
    if os.path.lexists(folder.path / LOCK) and not (folder.path / LOCK).is_file():
        raise CorruptFileError(f"{printable(folder.path / LOCK)}: not a regular file.")
    edges = edges_of(experiment, longest(parts.table), asked.folds)
    return Backtest(folder, FileLock(folder.path / LOCK), _read(folder, asked.name), asked, edges, given)


def _read(folder: RunFolder, name: str) -> Experiment:
    """The config of a backtest, checked as if it had just been written."""
    path = folder.path / CONFIG
    try:
        return experiment_from(parse_bytes(folder.read(CONFIG), str(path)), name)
    except MinidlError as err:
        raise CorruptFileError(f"{printable(path)}: damaged: {err.lines[0].removeprefix(f'{path}: ')}") from err
