"""A moving average of the weights: its values, who sees it when, and that training goes on without it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from small_trainings import examples, stack, trainer
from torch_training import check, ours, torchs
from trainers import copies, engines

from minidl import SGD, ConfigError, HalfMSE, fit
from minidl.training import Arrays, Callback, EpochRecord, Trainer, Training, predict


class Steps(Callback):
    """The weights of the model, and the training's own, after every step."""

    def __init__(self) -> None:
        self.shown: list[Any] = []
        self.own: list[Any] = []

    def on_checkpoint(self, trainer: Trainer) -> None:
        self.shown.append(trainer.parameters.values.copy())
        self.own.append(np.concatenate([value.ravel() for value in trainer.own_weights().values()] or [[]]))


def every_step(average: float | None, engine: Any = None, **more: Any) -> tuple[Trainer, Steps]:
    one = trainer(stack(), moving_average=average, checkpoint_every={"steps": 1}, **more)
    one.engine = engine or one.engine
    steps = Steps()
    one.run(Arrays(*examples()), Arrays(*examples(n=4)), [steps])
    return one, steps


@engines
def test_the_average_follows_the_weights_which_go_on_as_without_it(engine: Any) -> None:
    # Catches a step taken from the average, one that is left out, an average that begins at 0.
    start = np.concatenate([value.ravel() for value in stack().params.values()])
    _, plain = every_step(None, engine())
    one, steps = every_step(0.75, engine())
    average = start
    for own, without, shown in zip(steps.own, plain.shown, steps.shown, strict=True):
        assert own.tobytes() == without.tobytes()
        average = 0.75 * average + 0.25 * own
        np.testing.assert_allclose(shown, average, rtol=1e-12)
    assert len(steps.own) == 6
    assert one.parameters.values.tobytes() == steps.shown[-1].tobytes()  # the model has it when training is over


@engines
def test_100_steps_equal_those_of_torch(engine: Any) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: the average is compared with its formula only")
    update = torch.optim.swa_utils.get_ema_multi_avg_fn(0.95)
    kept: dict[str, Any] = {}

    def before(p: dict[str, Any]) -> None:
        kept.update({name: value.detach().clone() for name, value in p.items()} if not kept else {})

    def after(p: dict[str, Any]) -> None:
        update(list(kept.values()), [value.detach() for value in p.values()], 1)

    torchs(lambda p: torch.optim.SGD(p, 0.2), before=before, after=after)
    check(ours(SGD(0.2), engine(), moving_average=0.95), {name: value.numpy() for name, value in kept.items()})


def test_the_average_is_validated_and_what_callbacks_see_after_an_epoch() -> None:
    losses: list[float] = []

    class Looking(Callback):
        def on_epoch_end(self, trainer: Trainer, record: EpochRecord) -> None:
            y, target = predict(trainer.model, Arrays(*examples(n=4)))
            losses.append(HalfMSE()(y, target)[0])
            assert record.validation_loss == losses[-1]

    one = trainer(stack(), moving_average=0.9)
    history = one.run(Arrays(*examples()), Arrays(*examples(n=4)), [Looking()])
    without = trainer(stack()).run(Arrays(*examples()), Arrays(*examples(n=4)))
    assert len(losses) == 2
    assert [record.train_loss for record in history] == [record.train_loss for record in without]
    assert history[0].validation_loss != without[0].validation_loss


@copies
@engines
def test_a_training_that_was_stopped_or_copied_goes_on_with_its_own_weights(copied: Any, engine: Any) -> None:
    whole, _ = every_step(0.75, engine(), shuffle=False)
    calls = iter(range(1, 99))
    one = trainer(
        stack(), moving_average=0.75, shuffle=False, checkpoint_every={"steps": 1}, should_stop=lambda: next(calls) == 5
    )
    one.engine = engine() or one.engine
    one.run(Arrays(*examples()), Arrays(*examples(n=4)))
    one.should_stop = never
    twin = copied(one)
    twin.run(Arrays(*examples()), Arrays(*examples(n=4)))
    assert twin.step == whole.step
    assert twin.parameters.values.tobytes() == whole.parameters.values.tobytes()
    assert [value.tobytes() for value in twin.own_weights().values()] == [
        value.tobytes() for value in whole.own_weights().values()
    ]


def never() -> bool:
    return False


def test_fit_leaves_the_average_in_the_model() -> None:
    models = [stack() for _ in range(2)]
    for model, average in zip(models, (None, 0.9), strict=True):
        fit(model, *examples(), loss=HalfMSE(), optimizer=SGD(0.1), epochs=2, moving_average=average, engine="numpy")
    start, own, averaged = (model.params["0.W_xh"] for model in (stack(), *models))
    assert (np.abs(averaged - start) < np.abs(own - start)).all()


@pytest.mark.parametrize("value", [0.0, 1.0, -0.5])
def test_a_share_that_is_none_is_refused(value: float) -> None:
    with pytest.raises(ConfigError, match=r"Training: moving_average: expected `float` [<>] "):
        Training(moving_average=value)
