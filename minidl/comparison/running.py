"""Running trials on an executor, each until it has an outcome."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from minidl.comparison.trials import Outcome, Trial, run_trial
from minidl.parallel.executors import MakeExecutor
from minidl.parallel.running import run_all


def run_trials(
    trials: Sequence[Trial], make_executor: MakeExecutor, on_outcome: Callable[[Trial, Outcome], None]
) -> list[tuple[Trial, BaseException]]:
    """Run every trial; see `run_all`. A training that meets NaN does give an outcome."""
    return run_all(run_trial, trials, make_executor, on_outcome)
