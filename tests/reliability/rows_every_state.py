"""Row 3 once more: killed and resumed with every part that has a state at once."""

from __future__ import annotations

import random

from minidl.compiled.jit import numba_installed
from tests.reliability.harness import Outcome, row
from tests.reliability.rows_running import CELLS, kill_and_resume

# Those that look at no score, as a refit asks.
CALENDARS = (
    "{type: Cosine, warmup_steps: 30}",
    "{type: StepDecay, every: 5, decay: 0.7}",
    "{type: OneCycle}",
)
STOPS = (
    "[{type: EarlyStopping, patience: 4}]",
    "[{type: EarlyStopping, metric: validation_r2, larger_is_better: true, patience: 6}, CSVLog]",
    "[{type: EarlyStopping, patience: 12, min_delta: 0.0001}, ParameterStatistics]",
)


def with_every_state(rng: random.Random) -> list[str]:
    """The command-line arguments of a training with schedule, early stopping, average, dropout and refit at once."""
    cell, rate = rng.choice(CELLS), rng.choice([0.1, 0.3])
    layers = f"{{type: {cell}, hidden_size: {rng.choice([2, 5])}}}, {{type: Dropout, drop_rate: {rate}}}"
    optimizers = ["{type: SGD, learning_rate: 0.02, momentum: 0.9}", "{type: Adam, learning_rate: 0.01}"]
    return [
        "evaluation.horizons=[2]",
        f"model.layers=[{layers}, {{type: {cell}, hidden_size: 3}}, LastStep, {{type: Dense, output_size: 1}}]",
        f"optimizer={rng.choice(optimizers)}",
        f"engine={rng.choice(['numpy', 'compiled']) if numba_installed() else 'numpy'}",
        f"seed={rng.randrange(1000)}",
        f"training.clip_norm={rng.choice(['null', '0.05', '1.0'])}",
        f"training.moving_average={rng.choice([0.5, 0.9])}",
        f"training.schedule={rng.choice(CALENDARS)}",
        f"training.callbacks={rng.choice(STOPS)}",
        f"training.checkpoint_every={rng.choice(['1', '3', '{steps: 1}', '{steps: 7}'])}",
        f"training.batch_size={rng.choice([7, 16])}",
        f"training.epochs={rng.randrange(20, 60)}",
        "training.refit=true",
    ]


@row(3, "the same with every part that has a state at once", full=100, sample=2)
def killed_with_every_state(trials: int, rng: random.Random, outcome: Outcome) -> None:
    """A schedule, early stopping, a moving average, dropout and a refit are active in each training."""
    kill_and_resume(trials, rng, outcome, with_every_state)
