"""Windows of which some labels were gaps: both engines weigh them alike, and what stands there changes no bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from both_engines import difference, train_both, windows

from minidl import Dense, HalfMSE, LastStep, RecurrentLayer, Sequential
from minidl.compiled.examples import examples
from minidl.compiled.gate import check_fit
from minidl.compiled.layout import layout_of
from minidl.data import Windows
from minidl.training import Trainer

LAST = 3  # rows that stand in labels alone


def gappy(filling: float, leads: int = 3, every_step: bool = False) -> Windows:
    """40 windows of random rows, a fifth of whose labels were gaps; `filling` stands where no window looks."""
    plain = windows(40, every_step=every_step, leads=leads)
    n = len(plain.values)
    known = np.random.default_rng(2).uniform(size=n) > 0.2
    known[-LAST:] = [True, False, False]
    values = plain.values.copy()
    values[n - LAST :][~known[-LAST:]] = filling
    return Windows(values, plain.starts, plain.time_steps, 0, every_step, leads, known)


@pytest.mark.parametrize("every_step", [False, True])
@pytest.mark.parametrize("leads", [1, 3])
def test_compiled_code_finds_the_weights_of_the_labels(every_step: bool, leads: int) -> None:
    # Caught here: weights whose time steps lie as far apart as those of an array of their own.
    source = gappy(1e9, leads, every_step)
    order = np.array([5, 0, 17, 3])
    part, batch = examples(source, order, 4), source.gather(order)
    if not every_step and leads == 1:
        assert part.weights is None
        assert batch.weight is None
        return
    assert part.weights is not None
    assert batch.weight is not None
    output = (6, leads) if every_step else (leads,)
    time, number = part.weights.steps(output)
    for i, start in enumerate(part.weights.starts.tolist()):
        for place in np.ndindex(output):
            at = start + (time * place[0] if every_step else 0) + number * place[-1]
            assert part.weights.values[at] == batch.weight[(i, *place)]
    model = Sequential([RecurrentLayer(2), *([] if every_step else [LastStep()]), Dense(leads)])
    model.build((6, 3), 5, "float64")
    check_fit(part, layout_of(model, (6, 3), 4, np.dtype("float64"), ragged=False), HalfMSE(), 4)


def test_both_engines_learn_alike_from_known_labels_and_from_nothing_else() -> None:
    model = Sequential([RecurrentLayer(4), LastStep(), Dense(3)])
    model.build((6, 3), 5, "float64")
    (plain, fast), poisoned = (
        train_both(model, gappy(filling), validation=gappy(filling), epochs=3) for filling in (0.0, np.nan)
    )
    for one, other in zip((plain, fast), poisoned, strict=True):
        assert one.parameters.values.tobytes() == other.parameters.values.tobytes()
        assert told(one) == told(other)
    assert difference(plain.parameters.values, fast.parameters.values) < 1e-13
    np.testing.assert_allclose(told(plain), told(fast), rtol=1e-12)
    batch = gappy(0.0).gather(slice(None))
    assert batch.weight is not None
    y, known = plain.model(batch.x), batch.weight > 0
    e, t = (y - batch.target)[known], batch.target[known]
    assert told(plain)[-1][1:] == pytest.approx((np.mean(e * e) / 2, 1 - np.sum(e * e) / np.sum((t - t.mean()) ** 2)))
    all_known = train_both(model, replace(gappy(0.0), known=None), epochs=3)[0]
    assert difference(plain.parameters.values, all_known.parameters.values) > 1e-3  # a label does count


def told(trainer: Trainer) -> list[tuple[float, ...]]:
    """What the epochs say of losses and scores."""
    return [(r.train_loss, r.validation_loss or 0, *(r.validation_metrics or {}).values()) for r in trainer.history]
