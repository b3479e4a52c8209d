"""How far a training is, for its schedule: the number of steps of an epoch, and the score that is watched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from minidl.core.errors import ConfigError
from minidl.core.layer import Array, Layer
from minidl.training.outputs import collected, outputs_by_batch
from minidl.training.records import EpochRecord, scores_of
from minidl.training.sources import Source
from minidl.training.truncated import StreamWindows

Metrics = Callable[[Array, Array, Array | None], dict[str, float]]


def steps_of_epoch(train: Source, batch_size: int) -> int:
    """Steps that an epoch takes; of streams of different length, whose order changes it, with the longest first."""
    if not isinstance(train, StreamWindows):
        return -(-len(train) // batch_size)
    windows = -(-train.lengths // train.time_steps)
    return int(windows[np.arange(0, len(windows), batch_size)].sum())


def check_watched(watched: Mapping[str, str], model: Layer, metrics: Metrics, validation: Source | None) -> None:
    """Refuse to watch a score that epochs do not have; the metrics are tried on some validation examples.

    `watched` are scores by the key that names them.

    Raises
    ------
    ConfigError
        It names those that there are.
    """
    tried = EpochRecord(0, 0, 0.0, None, None, 0.0, 0.0)
    if validation is not None:
        found = collected([next(outputs_by_batch(model, validation))])
        tried = replace(tried, validation_loss=0.0, validation_metrics=metrics(found.y, found.target, found.lengths))
    scores = scores_of(tried)
    for key, name in watched.items():
        if name not in scores:
            more = "; there are no validation examples" if validation is None else ""
            raise ConfigError(f"{key}: {name} is no score of an epoch; expected {' or '.join(scores)}{more}.")
