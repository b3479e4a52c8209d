"""Training once more on the training and validation examples, for the number of epochs that was best.

What scikit-learn calls refit: validation has said how long to train, and then its examples teach too. The test
part plays no role.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from minidl.compiled.kernel import silent
from minidl.experiment import Experiment
from minidl.fitting import train_again
from minidl.runs.checkpoints import save_checkpoint
from minidl.runs.saving import SaveCheckpoints
from minidl.tasks import Parts
from minidl.training import Callback, Trainer
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

    See `train_again`.

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
    experiment.build_model()
    trainer, called = experiment.trainer(should_stop), experiment.evaluation.examples
    train_again(trainer, both, epochs, examples=called, engine=experiment.engine, callbacks=callbacks, notify=notify)
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
