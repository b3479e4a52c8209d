"""What a training shows while it runs."""

from __future__ import annotations

from collections.abc import Sequence

from minidl.core.output import Bar, say
from minidl.core.text import counted
from minidl.metrics import Metric
from minidl.training.callbacks import Callback
from minidl.training.loop import Trainer
from minidl.training.records import EpochRecord


class ShowEpochs(Callback):
    """tqdm on a terminal, one plain line an epoch otherwise; both on standard error.

    Parameters
    ----------
    metrics : what is known of those that the epochs have.
    """

    def __init__(self, metrics: Sequence[Metric] = ()) -> None:
        self._bar: Bar | None = None
        self._metrics = {metric.name: metric for metric in metrics}

    def on_start(self, trainer: Trainer) -> None:
        """Open the bar."""
        self._bar = Bar(trainer.settings.epochs, trainer.epoch, "epoch")

    def on_epoch_end(self, trainer: Trainer, record: EpochRecord) -> None:
        """Show the epoch."""
        parts = [f"train {record.train_loss:.6f}"]
        if record.validation_loss is not None:
            parts.append(f"validation {record.validation_loss:.6f}")
        for name, value in (record.validation_metrics or {}).items():
            metric = self._metrics.get(name) or Metric(name, name, True)
            parts.append(f"{metric.words} {metric.shown(value)}")
        if self._bar is not None and self._bar.drawn:
            self._bar.update("  ".join(parts))
        else:
            total = trainer.settings.epochs
            place = f"epoch {record.epoch:>{len(str(total))}}/{total}"
            say("  ".join([place, *parts, f"{record.seconds:.2f} s"]))

    def on_end(self, trainer: Trainer) -> None:
        """Close the bar; say why there are no more epochs."""
        self.close()
        if trainer.finished is not None and trainer.epoch < trainer.settings.epochs:
            say(f"ended after {counted(trainer.epoch, 'epoch')}: {trainer.finished}")

    def close(self) -> None:
        """Leave the terminal in order, after an error too."""
        if self._bar is not None:
            self._bar.close()
