"""The folder of a search: what was asked, the database, and the best trial as a config.

``runs/search-<NNN>/`` holds study.yaml (the resolved config with its search),
environment.json, manifest.json, which lists these and says what else was asked, study.db,
and in the end best.yaml and figures/. What is read here was perhaps made by somebody else.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from minidl.config import Node, parse_bytes
from minidl.config.space import Space, read_space, without_search
from minidl.core.errors import ConfigError, CorruptFileError, IncompatibleRunError, MinidlError
from minidl.core.text import printable
from minidl.experiment import Experiment, check_search, experiment_from, written
from minidl.files.locking import LOCK, FileLock
from minidl.files.plugins import PluginRecord
from minidl.files.reading import convert_json, real_folder
from minidl.parallel.experiments import load_parts
from minidl.parallel.plugins import Plugin, given_plugins, plugins_again, recorded_plugins
from minidl.runs.environment import environment
from minidl.runs.run_folder import DataFacts, RunFolder
from minidl.search.database import DATABASE, MAX_TRIALS, Database

STUDY_CONFIG, BEST, ENVIRONMENT = "study.yaml", "best.yaml", "environment.json"


@dataclass(frozen=True)
class Question:
    """What a search was asked, beside its config.

    Parameters
    ----------
    trials : how many in all.
    name : of the config.
    plugins : that it needs.
    identity : a random number that no other search has.
    """

    trials: Annotated[int, Meta(ge=1, le=MAX_TRIALS)]
    name: str
    plugins: list[Plugin]
    identity: str


@dataclass(eq=False)
class Study:
    """An open search: its folder, locked, and its database.

    Parameters
    ----------
    root : the tree of the resolved config, without its search.
    experiment : that it describes.
    plugins : files that trials load first, as the command line gave them.
    """

    folder: RunFolder
    lock: FileLock
    question: Question
    root: Node
    space: Space
    experiment: Experiment
    database: Database
    plugins: tuple[PluginRecord, ...] = field(default=())

    @property
    def path(self) -> Path:
        """Of the folder."""
        return self.folder.path

    @property
    def larger_is_better(self) -> bool:
        """Of the score."""
        return self.experiment.training.choice.larger_is_better

    def close(self) -> None:
        """Let go of the files."""
        self.database.close()
        self.lock.release()


def check_trials(trials: int) -> None:
    """Refuse a number of trials that nobody can mean.

    Raises
    ------
    ConfigError
        It is less than 1 or more than 10,000.
    """
    if not 1 <= trials <= MAX_TRIALS:
        raise ConfigError(f"--trials: expected 1 to {MAX_TRIALS:,}, got {trials}.")


def start(experiment: Experiment, trials: int, plugins: list[str]) -> Study:
    """A new search of an experiment with ``search:``, whose data can be read.

    Raises
    ------
    ConfigError
        There is nothing to search.
    DataError, StorageError
        The data cannot be read, or the folder not written.
    """
    check_trials(trials)
    if not experiment.search:
        key = "search: {optimizer.learning_rate: {low: 1e-4, high: 0.1, log: true}}"
        raise ConfigError(f"{experiment.name}: has no search:, which says what to try, for example {key}")
    text = written(experiment)
    whole = parse_bytes(text.encode(), STUDY_CONFIG)
    space, _ = read_space(whole)
    facts = load_parts(experiment).facts()
    given = given_plugins(plugins)
    question = Question(trials, experiment.name, list(recorded_plugins(given)), secrets.token_hex(8))
    folder, lock = RunFolder.number("search")
    larger, path = experiment.training.choice.larger_is_better, folder.path / DATABASE
    try:
        folder.write(STUDY_CONFIG, text)
        folder.write(ENVIRONMENT, json.dumps(environment(plugins), indent=1) + "\n")
        folder.describe(data=facts, search=_plain(question))
        database = Database.create(path, space, larger_is_better=larger, identity=question.identity)
    except BaseException:
        lock.release()
        raise
    return Study(folder, lock, question, without_search(whole), space, experiment, database, given)


def reopen(path: Path, *, trials: int | None, plugins: list[str], asked: Experiment | None = None) -> Study:
    """A search that was started before.

    Parameters
    ----------
    trials : how many in all, now; None: as many as before.
    asked : the experiment that the command line named; None: it named none.

    Raises
    ------
    ConfigError
        There is none.
    CorruptFileError
        A file is damaged, or no file of this search.
    IncompatibleRunError
        Config, space, data or plugins are others.
    """
    if trials is not None:
        check_trials(trials)
    folder = _existing(path)
    manifest: dict[str, Any] = dict(folder.manifest())
    where = folder.path / "manifest.json"
    question = convert_json(manifest.get("search"), Question, where)
    facts = convert_json(manifest.get("data"), DataFacts, where)
    given = plugins_again(question.plugins, plugins, folder.path)
    whole, space, experiment = _read(folder, question.name)
    if asked is not None and written(asked) != written(experiment):
        other = "search" if asked.search != experiment.search else "config"
        raise IncompatibleRunError(f"{printable(folder.path)}: was begun with another {other}; start a new search.")
    if load_parts(experiment).facts() != facts:
        raise IncompatibleRunError(f"{printable(folder.path)}: was begun with other data; start a new search.")
    larger, lock = experiment.training.choice.larger_is_better, _locked(folder)
    try:
        path = folder.path / DATABASE
        opened = Database if os.path.lexists(path) else Database.create  # it was stopped before the first trial
        database = opened(path, space, larger_is_better=larger, identity=question.identity)
        if trials is not None and trials != question.trials:
            question = replace(question, trials=trials)
            folder.describe(search=_plain(question))
    except BaseException:
        lock.release()
        raise
    return Study(folder, lock, question, without_search(whole), space, experiment, database, given)


def _existing(path: Path) -> RunFolder:
    path = real_folder(path)
    if not os.path.lexists(path / STUDY_CONFIG):
        raise ConfigError(f"{printable(path)}: not a folder of a search (it has no {STUDY_CONFIG}).")
    folder = RunFolder(path)
    folder.check_links()
    return folder


def _locked(folder: RunFolder) -> FileLock:
    if os.path.lexists(folder.path / LOCK) and not (folder.path / LOCK).is_file():
        raise CorruptFileError(f"{printable(folder.path / LOCK)}: not a regular file.")
    return FileLock(folder.path / LOCK)


def _read(folder: RunFolder, name: str) -> tuple[Node, Space, Experiment]:
    """The config of a search, checked as if it had just been written."""
    path = folder.path / STUDY_CONFIG
    content = folder.read(STUDY_CONFIG)
    try:
        root = parse_bytes(content, str(path))
        space, _ = read_space(root)
        experiment = experiment_from(root, name)
        check_search(experiment, root)
        if not space:
            raise ConfigError(f"{path}: it has no search:.")
    except MinidlError as err:
        problem = err.lines[0].removeprefix(f"{path}: ")
        raise CorruptFileError(f"{printable(path)}: damaged: {problem}") from err
    return root, space, experiment


def _plain(question: Question) -> dict[str, Any]:
    plugins = [{"name": plugin.name, "sha256": plugin.sha256} for plugin in question.plugins]
    return {"trials": question.trials, "name": question.name, "plugins": plugins, "identity": question.identity}
