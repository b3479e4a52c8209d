"""The ``training`` section of a config."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from msgspec import Meta

from minidl.core.arguments import Configurable, PositiveFloat, PositiveInt
from minidl.core.errors import ConfigError
from minidl.optimizers import Constant, Schedule
from minidl.training.callbacks import VALIDATION_LOSS, Callback, Choice
from minidl.training.watched import Watched

Threads = Annotated[int, Meta(ge=1, le=1024)]
StepCount = Annotated[dict[Literal["steps"], PositiveInt], Meta(min_length=1)]


@dataclass(eq=False)
class Training(Configurable):
    """How long and in what portions to train: the ``training`` section of a config.

    Parameters
    ----------
    epochs : passes over the training windows.
    batch_size : windows a step; the last step of an epoch takes what is left.
    shuffle : whether every epoch has a new random order.
    schedule : how the learning rate changes from step to step.
    clip_norm : largest Euclidean norm of the whole gradient; None: no clipping.
    clip_value : largest size of a single number of the gradient; None: no such clipping. It goes before `clip_norm`.
    moving_average : β of a moving average of the weights, a ← β a + (1 - β) p after every step; it is what is
        validated, saved, scored and forecast with, while training goes on with its own weights. None: there is none.
    callbacks : what happens after each epoch, and when the training ends; see `Callback`.
    refit : whether to train once more in the end, from the initial weights on the training and validation examples
        together, for the number of epochs that was best; these weights are then scored. The test part is not touched.
    checkpoint_every : epochs from one saved checkpoint to the next, or
        ``{steps: N}`` for steps.
    checkpoints_kept : how many older checkpoints stay beside the last one, at most 1,000.
    threads : that share a step, at most 1,024: in the NumPy engine its matrix products (one is fastest below some
        256 units), in the compiled one the examples of a batch. The number changes the last bits of results.
    bptt_steps : truncated backpropagation: a step takes so many time steps of `batch_size` long streams side by side,
        and the states of the step before carry on into it, without their gradient; `shuffle` orders whole
        streams. The training part of a series is cut into that many streams; where there are fewer
        sequences, so is each. None: examples are whole, and each starts anew.
    """

    epochs: PositiveInt = 100
    batch_size: PositiveInt = 64
    shuffle: bool = True
    schedule: Schedule = field(default_factory=Constant)
    clip_norm: PositiveFloat | None = None
    clip_value: PositiveFloat | None = None
    moving_average: Annotated[float, Meta(gt=0, lt=1)] | None = None
    callbacks: list[Callback] = field(default_factory=list)
    refit: bool = False
    checkpoint_every: PositiveInt | StepCount = 10
    checkpoints_kept: Annotated[int, Meta(ge=0, le=1000)] = 1
    threads: Threads = 1
    bptt_steps: PositiveInt | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(set(self._choices())) > 1:
            raise ConfigError("Training: callbacks: two of them choose the best weights by other scores; leave one.")
        files = [getattr(callback, "filename", None) for callback in self.callbacks]
        if twice := [name for name in files if name is not None and files.count(name) > 1]:
            raise ConfigError(f"Training: callbacks: two of them write {twice[0]}; give one another filename.")
        watched = self.schedule.watched or ""
        if self.refit and watched.startswith("validation_"):
            raise ConfigError(
                f"Training: refit: the schedule watches {watched}, which there is not in a training on all examples; "
                "choose a schedule that does not, or watch train_loss."
            )

    def _choices(self) -> list[Choice]:
        found: list[tuple[Callback, Any]] = [(callback, callback.choice) for callback in self.callbacks]
        for callback, choice in found:
            if not isinstance(choice, (Choice, type(None))):
                name = type(callback).__name__
                raise ConfigError(f"Training: callbacks: {name}: choice must be a Choice or None, got {choice!r}.")
        return [choice for _, choice in found if choice is not None]

    @property
    def choice(self) -> Choice:
        """By which score the best weights are chosen: a callback's, or the validation loss."""
        return next(iter(self._choices()), VALIDATION_LOSS)

    @property
    def watched(self) -> dict[str, Watched]:
        """The scores of an epoch that parts of this section look at, by their keys in a config."""
        found = {}
        if self.schedule.watched is not None:
            larger = getattr(self.schedule, "larger_is_better", None)
            found["training.schedule.metric"] = Watched(self.schedule.watched, larger)
        for i, callback in enumerate(self.callbacks):
            if callback.choice is not None:
                found[f"training.callbacks.{i}.metric"] = Watched(*callback.choice)
        return found
