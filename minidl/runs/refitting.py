"""Training once more on the training and validation examples, for the number of epochs that was best.

What scikit-learn calls refit: validation has said how long to train, and then its examples teach too. The test
part plays no role.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from minidl.compiled.kernel import silent
from minidl.core.text import counted
from minidl.experiment import Experiment
from minidl.fitting import run_training
from minidl.runs.checkpoints import save_checkpoint
from minidl.runs.saving import SaveCheckpoints
from minidl.tasks import Parts
from minidl.training import Callback, EpochRecord, Trainer
from minidl.training.records import never
from minidl.training.selection import joined
from minidl.training.showing import ShowEpochs

REFIT = "refit"


def refit(
    experiment: Experiment,
    parts: Parts,
    epochs: int,
    callbacks: Sequence[Callback] = (),
    should_stop: Callable[[], bool] = never,
    notify: Callable[[str], None] = silent,
) -> Trainer:
    """Train the experiment's model from its initial weights on both parts; it holds the weights in the end.

    All is as in the first training, the schedule's time too, but that there are no callbacks of the config, and no
    validation.

    Parameters
    ----------
    epochs : after which it ends; the returned trainer's `finished` is None if it was told to stop before.
    callbacks : beside the config's.

    Raises
    ------
    ConfigError
        The parts cannot be joined.
    NumericalError
        NaN or Inf.
    """
    both = parts.train if parts.validation is None else joined(parts.train, parts.validation)
    examples = f"{len(both):,} training and validation {experiment.evaluation.examples}"
    notify(f"refit: training again on {examples}, for {counted(epochs, 'epoch')}")
    experiment.build_model()
    trainer = experiment.trainer(should_stop)
    trainer.settings = replace(experiment.training, callbacks=[])
    told = [_Until(epochs), *callbacks]
    run_training(trainer, both, engine=experiment.engine, callbacks=told, notify=notify)
    return trainer


def refit_and_save(
    experiment: Experiment,
    parts: Parts,
    first: Trainer,
    saving: SaveCheckpoints,
    callbacks: Sequence[Callback],
    notify: Callable[[str], None],
) -> None:
    """`refit` after a first training that is complete; a checkpoint beside its own, unless it is told to stop before.

    Parameters
    ----------
    callbacks : of the first training; those that show it show this one too.
    """
    epochs = saving.best["epoch"] if saving.best else first.epoch
    shown = [callback for callback in callbacks if isinstance(callback, ShowEpochs)]
    trainer = refit(experiment, parts, epochs, shown, first.should_stop, notify)
    if trainer.complete:
        state = {"epoch": trainer.epoch, "step": trainer.step, "validation_loss": None, "about": saving.about}
        save_checkpoint(saving.folder / REFIT, experiment.model.params, state, identity=saving.identity)


class _Until(Callback):
    """Ends a training after so many epochs."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_epoch_end(self, trainer: Trainer, record: EpochRecord) -> None:
        """See the class."""
        if record.epoch >= self.epochs:
            trainer.finish("as many epochs as were best")
