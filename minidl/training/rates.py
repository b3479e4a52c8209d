"""How far a training is, for its schedule: the number of steps of an epoch, and the score that is watched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from minidl.core.errors import ConfigError
from minidl.core.layer import Array, Layer
from minidl.training.outputs import collected, outputs_by_batch
from minidl.training.records import EpochRecord
from minidl.training.sources import Source
from minidl.training.truncated import StreamWindows

Metrics = Callable[[Array, Array, Array | None], dict[str, float]]


def steps_of_epoch(train: Source, batch_size: int) -> int:
    """Steps that an epoch takes; of streams of different length, whose order changes it, with the longest first."""
    if not isinstance(train, StreamWindows):
        return -(-len(train) // batch_size)
    windows = -(-train.lengths // train.time_steps)
    return int(windows[np.arange(0, len(windows), batch_size)].sum())


def scores_of(record: EpochRecord) -> dict[str, float]:
    """The scores of an epoch by the names that the log has for them."""
    found = {"train_loss": record.train_loss}
    if record.validation_loss is not None:
        found["validation_loss"] = record.validation_loss
    return found | {f"validation_{name}": score for name, score in (record.validation_metrics or {}).items()}


def check_watched(name: str, model: Layer, metrics: Metrics, validation: Source | None) -> None:
    """Refuse to watch a score that epochs do not have; the metrics are tried on some validation examples.

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
    if name not in scores:
        more = "; there are no validation examples" if validation is None else ""
        raise ConfigError(
            f"training.schedule.metric: {name} is no score of an epoch; expected {' or '.join(scores)}{more}."
        )
