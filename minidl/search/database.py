"""The record of a search: one study in Optuna's SQLite database.

A trial is written in one transaction when it has ended, so a search that was killed
has lost those that ran, and nothing else. The database may come from somebody else.
It must be a regular file that only the user can write; before Optuna opens it, its
pages are checked and it must hold tables and indexes of Optuna's names only (no
trigger, no view); SQLite is told to trust nothing in it. Optuna keeps values as JSON
and numbers: nothing is unpickled. (Its journal files and its CMA-ES sampler do
unpickle; neither is used here.) Every trial is then checked against the space.
"""

from __future__ import annotations

import json
import math
import os
import sqlite3
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minidl.config.space import Choices, Point, Space
from minidl.core.errors import CorruptFileError, MinidlError, StorageError
from minidl.files.private import write_private
from minidl.files.reading import read_inside
from minidl.files.storage import NEW, beside
from minidl.search.trying import State, Tried, need_optuna

DATABASE, STUDY = "study.db", "minidl"
MAX_DATABASE = 1 << 28
MAX_TRIALS = 10_000
MAX_ERROR = 500  # letters of an error that are kept
_HEADER = b"SQLite format 3\0"
_STATES: dict[State, str] = {"complete": "COMPLETE", "pruned": "PRUNED", "failed": "FAIL"}


@dataclass(frozen=True)
class Finished:
    """A trial that has ended: the values that were tried, and what came of them."""

    point: Point
    tried: Tried


class Database:
    """An open database.

    Parameters
    ----------
    path : where it is; for a new one see `create`.
    space : what its trials must be of.
    larger_is_better : of scores.
    identity : of the search that it belongs to.
    """

    def __init__(self, path: Path, space: Space, *, larger_is_better: bool, identity: str) -> None:
        self.path = path
        self.space = space
        content = read_inside(path.parent, path.name, MAX_DATABASE, private=True)
        with self._foreign():
            if not content.startswith(_HEADER):
                raise CorruptFileError("it is no SQLite database")
            _check_schema(path)
            self._storage = _storage(path)
            self._study = _only_study(self._storage)
            wanted = "MAXIMIZE" if larger_is_better else "MINIMIZE"
            if self._study.direction.name != wanted or self._study.user_attrs.get("identity") != identity:
                raise CorruptFileError("it is the database of another search")
            self.finished = [self._checked(trial) for trial in self._study.get_trials(deepcopy=False)]
            if len(self.finished) > MAX_TRIALS:
                raise CorruptFileError(f"more than {MAX_TRIALS:,} trials")

    @classmethod
    def create(cls, path: Path, space: Space, *, larger_is_better: bool, identity: str) -> Database:
        """A new one, without trials.

        Raises
        ------
        StorageError
            It cannot be written.
        """
        new, optuna = beside(path, NEW), need_optuna()
        errors = _database_errors()  # imported before anything can be interrupted within the clause that asks for them
        try:
            write_private(new, b"")  # SQLite takes an empty file for a new database, and keeps its permissions
            with _quiet():
                direction = "maximize" if larger_is_better else "minimize"
                storage = _storage(new)
                study = optuna.create_study(storage=storage, study_name=STUDY, direction=direction)
                study.set_user_attr("identity", identity)
                storage.engine.dispose()
            os.replace(new, path)
        except OSError as err:
            raise StorageError(f"{path}: cannot write: {err.strerror or err}.") from err
        except errors as err:
            raise _not_written(path, err) from err
        return cls(path, space, larger_is_better=larger_is_better, identity=identity)

    def add(self, finished: Finished) -> None:
        """Keep a trial.

        Raises
        ------
        StorageError
            The disk is full, or the database cannot be written.
        """
        errors = _database_errors()
        try:
            with _quiet():
                self._study.add_trial(frozen(finished, self.space))
        except errors as err:
            raise _not_written(self.path, err) from err
        self.finished.append(finished)

    def close(self) -> None:
        """Let go of the file."""
        self._storage.engine.dispose()

    @contextmanager
    def _foreign(self) -> Iterator[None]:
        """Whatever goes wrong in reading what somebody else may have made is one line."""
        try:
            with _quiet():
                yield
        except MinidlError as err:
            raise type(err)(f"{self.path}: {str(err).removeprefix(f'{self.path}: ').removesuffix('.')}.") from err
        except Exception as err:  # of Optuna, SQLAlchemy and SQLite, which have no error in common
            first = str(err).partition("\n")[0].removesuffix(".")
            problem = f"damaged, or no database of a search ({type(err).__name__}: {first[:200]})"
            raise CorruptFileError(f"{self.path}: {problem}.") from err

    def _checked(self, trial: Any) -> Finished:
        """A trial of the database, if it can be one of this search."""
        where = f"trial {trial.number}"
        states = {name: state for state, name in _STATES.items()}
        if trial.distributions != distributions(self.space) or trial.params.keys() != self.space.keys():
            raise CorruptFileError(f"{where} is of another space than the config's search")
        if trial.state.name not in states:
            raise CorruptFileError(f"{where} has not ended")
        state = states[trial.state.name]
        score = trial.value if state == "complete" else None
        curve = {int(epoch): float(value) for epoch, value in trial.intermediate_values.items()}
        numbers = [*curve.values(), *([score] if state == "complete" else [])]
        if not all(isinstance(number, float) and math.isfinite(number) for number in numbers):
            raise CorruptFileError(f"{where} has a score that is not finite")
        epoch, error, seconds = (trial.user_attrs.get(name) for name in ("epoch", "error", "seconds"))
        epoch_fits = isinstance(epoch, int) and epoch in curve if state == "complete" else epoch is None
        error_fits = error is None if state == "complete" else isinstance(error, str) and len(error) <= MAX_ERROR
        if not (epoch_fits and error_fits and isinstance(seconds, float) and math.isfinite(seconds)):
            raise CorruptFileError(f"{where} has notes that are not minidl's")
        if epoch is not None and curve[epoch] != score:
            raise CorruptFileError(f"{where} has another score than its epoch {epoch}")
        return Finished(point_of(trial.params, self.space), Tried(state, score, epoch, curve, error, seconds))


def distributions(space: Space) -> dict[str, Any]:
    """The space as Optuna has it; a choice is one of JSON texts."""
    kinds: Any = need_optuna().distributions
    found: dict[str, Any] = {}
    for key, of in space.items():
        if isinstance(of, Choices):
            found[key] = kinds.CategoricalDistribution(of.texts)
        elif of.step is None:
            found[key] = kinds.FloatDistribution(of.low, of.high, log=of.log)
        else:
            found[key] = kinds.IntDistribution(of.low, of.high, log=of.log, step=of.step)
    return found


def point_of(params: dict[str, Any], space: Space) -> Point:
    """The values of a config that Optuna's parameters stand for.

    Raises
    ------
    CorruptFileError
        One is none of the space.
    """
    point: dict[str, Any] = {}
    for key, of in space.items():
        value = params[key]
        if isinstance(of, Choices) and value in of.texts:
            point[key] = of.values[of.texts.index(value)]
        elif not isinstance(of, Choices) and of.holds(value):
            point[key] = value
        else:
            raise CorruptFileError(f"{key} has a value that is none of the search")
    return point


def frozen(finished: Finished, space: Space) -> Any:
    """A trial as Optuna keeps it."""
    optuna, tried = need_optuna(), finished.tried
    params = {
        key: json.dumps(finished.point[key], sort_keys=True) if isinstance(of, Choices) else finished.point[key]
        for key, of in space.items()
    }
    error = None if tried.error is None else tried.error[:MAX_ERROR]
    return optuna.trial.create_trial(
        state=optuna.trial.TrialState[_STATES[tried.state]],
        value=tried.score,
        params=params,
        distributions=distributions(space),
        intermediate_values=tried.curve,
        user_attrs={"epoch": tried.epoch, "error": error, "seconds": tried.seconds},
    )


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=5, check_same_thread=False)
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def _storage(path: Path) -> Any:
    # The path goes to SQLite as it is: in an address ? and % would mean something.
    return need_optuna().storages.RDBStorage("sqlite:///study.db", engine_kwargs={"creator": lambda: _connect(path)})


def _only_study(storage: Any) -> Any:
    names = [study.study_name for study in storage.get_all_studies()]
    if names != [STUDY]:
        raise CorruptFileError(f"it holds {len(names)} studies; expected one, named {STUDY}")
    return need_optuna().load_study(study_name=STUDY, storage=storage)


def _check_schema(path: Path) -> None:
    """Refuse damaged pages, and all that is no table or index of Optuna's."""
    from optuna.storages._rdb import models

    known = {*models.BaseModel.metadata.tables, "alembic_version"}
    with closing(_connect(path)) as connection:
        found = connection.execute("SELECT type, name, tbl_name FROM sqlite_master").fetchall()
        for kind, name, table in found:
            if kind not in ("table", "index") or table not in known:
                raise CorruptFileError(f"it holds a {kind} that is none of Optuna's: {str(name)[:60]}")
        if connection.execute("PRAGMA quick_check(1)").fetchall() != [("ok",)]:
            raise CorruptFileError("its pages are damaged")


def _database_errors() -> tuple[type[Exception], ...]:
    import sqlalchemy.exc

    optuna = need_optuna()
    return optuna.exceptions.StorageInternalError, sqlalchemy.exc.SQLAlchemyError, sqlite3.Error


def _not_written(path: Path, err: Exception) -> StorageError:
    cause: BaseException = err
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return StorageError(f"{path}: cannot write: {str(cause).partition(chr(10))[0]}.")


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings of others about their own parts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def best_first(finished: Sequence[Finished], larger_is_better: bool) -> list[tuple[int, Finished]]:
    """The numbers (from 1) and trials that ran to their end, the best one first, of equal ones the earlier."""
    whole = [(i, each) for i, each in enumerate(finished, 1) if each.tried.score is not None]
    sign = -1 if larger_is_better else 1
    return sorted(whole, key=lambda pair: sign * (pair[1].tried.score or 0.0))
