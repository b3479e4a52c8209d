"""Trial after trial, until there are as many as were asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from minidl.config.space import Point, placed
from minidl.core.errors import ConfigError, CorruptFileError, ShapeError, StorageError
from minidl.experiment import experiment_from, written
from minidl.files.storage import write_file
from minidl.parallel.executors import ATTEMPTS, MakeExecutor, ended
from minidl.search.database import Finished, best_first
from minidl.search.folder import BEST, Study
from minidl.search.sampling import Sampling
from minidl.search.trying import Attempt, Tried, failed, run_attempt

OnFinished = Callable[[Finished], None]


@dataclass(frozen=True)
class _Asked:
    """A trial that is to be run."""

    token: Any
    point: Point
    attempt: Attempt | None
    known: Tried | None  # without running


def search_on(study: Study, make_executor: MakeExecutor, on_finished: OnFinished = lambda finished: None) -> None:
    """Run the trials that are missing; each is stored as it ends.

    Parameters
    ----------
    make_executor : a context manager whose executor has `width`, how many trials it takes at a time.

    Raises
    ------
    MinidlError
        The data cannot be read any more, the database not written, or a plugin fails; the trials so far are stored.
    """
    loop = _Loop(study, on_finished)
    for _ in range(ATTEMPTS):
        if loop.complete:
            return
        with make_executor() as executor:
            loop.run(executor)
    if not loop.complete:
        raise StorageError(f"the process of a trial ended {ATTEMPTS} times; the trials so far are kept.")


class _Loop:
    """As many trials at a time as the executor takes; those whose process ended wait for the next executor."""

    def __init__(self, study: Study, on_finished: OnFinished) -> None:
        self.study, self.on_finished = study, on_finished
        self.finished = study.database.finished
        larger, seed = study.larger_is_better, study.experiment.seed
        self.sampling = Sampling(study.space, larger_is_better=larger, seed=seed, finished=self.finished)
        self.waiting: list[_Asked] = []
        self.running: dict[Future[Tried], _Asked] = {}

    @property
    def complete(self) -> bool:
        """Whether there are as many trials as were asked for."""
        return len(self.finished) >= self.study.question.trials

    def run(self, executor: Any) -> None:
        """Until all is done, or this executor is broken."""
        broken = False
        while True:
            while not broken and len(self.running) < executor.width:
                asked = self._next()
                if asked is None:
                    break
                broken = not self._submitted(executor, asked)
            if not self.running:
                return
            done, _ = wait(self.running, return_when=FIRST_COMPLETED)
            for future in done:
                broken = not self._taken(future) or broken

    def _next(self) -> _Asked | None:
        if self.waiting:
            return self.waiting.pop()
        if len(self.finished) + len(self.running) >= self.study.question.trials:
            return None
        token, point = self.sampling.draw()
        return self._asked(token, point)

    def _asked(self, token: Any, point: Point) -> _Asked:
        for earlier in self.finished:
            if _text(earlier.point) == _text(point):  # the same values give the same result
                return _Asked(token, point, None, replace(earlier.tried, seconds=0.0))
        try:
            experiment = experiment_from(placed(self.study.root, point), self.study.question.name)
        except (ConfigError, ShapeError) as err:
            return _Asked(token, point, None, failed(err))
        curves = tuple(each.tried.curve for each in self.finished if each.tried.state == "complete")
        return _Asked(token, point, Attempt(experiment.to_config(), curves, self.study.plugins), None)

    def _submitted(self, executor: Executor, asked: _Asked) -> bool:
        if asked.known is not None or asked.attempt is None:
            assert asked.known is not None
            self._keep(asked, asked.known)
            return True
        try:
            self.running[executor.submit(run_attempt, asked.attempt)] = asked
        except BrokenExecutor:
            self.waiting.append(asked)
            return False
        return True

    def _taken(self, future: Future[Tried]) -> bool:
        asked = self.running.pop(future)
        tried, error = ended(future)
        if isinstance(error, BrokenExecutor):
            self.waiting.append(asked)
            return False
        if error is not None:
            raise error
        if not isinstance(tried, Tried):
            raise CorruptFileError("a worker's answer is no result of a trial.")
        self._keep(asked, tried)
        return True

    def _keep(self, asked: _Asked, tried: Tried) -> None:
        finished = Finished(asked.point, tried)
        self.study.database.add(finished)
        self.sampling.end(asked.token, finished)
        self.on_finished(finished)


def _text(point: Point) -> str:
    return json.dumps(point, sort_keys=True)


def write_best(study: Study) -> Path | None:
    """best.yaml, the config of the best trial, which ``minidl train`` takes; None: no trial ran to its end."""
    best = best_first(study.database.finished, study.larger_is_better)
    if not best:
        return None
    number, finished = best[0]
    experiment = experiment_from(placed(study.root, finished.point), study.question.name)
    metric = study.experiment.training.choice.metric
    head = f"# Trial {number} of {len(study.database.finished)}, with {metric} {finished.tried.score:.6g}\n"
    path = study.path / BEST
    write_file(path, (head + written(experiment)).encode())
    return path
