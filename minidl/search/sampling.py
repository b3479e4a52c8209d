"""Which values are tried next: Optuna's TPE sampler, on a study in memory.

Bergstra et al. (2011), Algorithms for hyper-parameter optimization, NIPS 24. The
first ten trials are drawn at random. Every draw has a seed of its own, made of the
config's seed and the number of trials before it, so that a search that was stopped
goes on as if it had not been.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.config.space import Point, Space
from minidl.search.database import Finished, distributions, frozen, point_of
from minidl.search.trying import need_optuna


class Sampling:
    """What was tried, and what is being tried.

    Parameters
    ----------
    space : to draw from.
    seed : of the config.
    finished : the trials so far.
    """

    def __init__(self, space: Space, *, larger_is_better: bool, seed: int, finished: Sequence[Finished]) -> None:
        self._optuna = need_optuna()
        direction = "maximize" if larger_is_better else "minimize"
        self._study = self._optuna.create_study(direction=direction)
        self._space, self._seed = space, seed
        self._distributions = distributions(space)
        self._study.add_trials([frozen(each, space) for each in finished])
        self._drawn = len(finished)

    def draw(self) -> tuple[Any, Point]:
        """A token for `end`, and the values to try; those that are being tried are thought to be bad ones."""
        seed = int(np.random.SeedSequence([self._seed, self._drawn]).generate_state(1)[0])
        self._drawn += 1
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an argument that Optuna 4 calls experimental
            self._study.sampler = self._optuna.samplers.TPESampler(seed=seed, constant_liar=True)
            trial = self._study.ask(self._distributions)
        return trial, point_of(trial.params, self._space)

    def end(self, trial: Any, finished: Finished) -> None:
        """What was being tried has ended. It is added as it is when a search goes on, so that both are the same."""
        self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)  # which the sampler does not look at
        self._study.add_trial(frozen(finished, self._space))
