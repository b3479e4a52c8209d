"""Masks drawn in compiled code: bits and state of the generator as NumPy leaves them."""

from __future__ import annotations

import numpy as np
import pytest
from both_engines import trainer

from minidl import Dense, Dropout, Sequential
from minidl.compiled.choice import training_obstacle
from minidl.compiled.emit.pcg64 import draw_masks
from minidl.compiled.kernel import Mask
from minidl.compiled.masks import Masks
from minidl.core.errors import ConfigError
from minidl.core.layer import Context
from minidl.layers.dropout import draw_mask
from minidl.randomness import Streams
from minidl.training import Arrays

# Lanes and numbers of each, as they are drawn one after the other.
SIZES = [
    (1, 1), (1, 1), (0, 1), (64, 4), (64, 4), (32, 4), (17, 4), (16, 4), (1, 1), (64, 4), (64, 4), (16, 3), (48, 3),
    (16, 3), (1, 3), (16, 3), (2, 3), (130, 5), (7, 1), (3, 65), (64, 6), (64, 2), (16, 2), (1, 1), (1, 1), (5, 7),
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("drop_rate", [0.2, 0.5, 0.7, 1e-9, 0.999999999])
def test_masks_and_state_are_those_of_the_layer(drop_rate: float, dtype: str) -> None:
    # Odd counts leave half a word for the next call; 0 draws nothing; lanes of odd size begin with either half of a
    # word; a call after whole vectors of lanes of its size goes on where they ended.
    # Catches halves in the wrong order, a bound beside p, a lost or old half, and wrong steps of the state.
    by_layer, compiled = np.random.default_rng(3), np.random.default_rng(3)
    masks = Masks([Mask(drop_rate, 1, 65)], 130, dtype, 1)
    values, random = masks.values[0], masks.random[0]
    around = np.array([masks.rates[0] - 1, masks.rates[0]], np.float32) / np.float32(2**24)
    assert np.greater_equal(around, drop_rate).tolist() == [False, True]  # in 3,000 draws no number is that near
    for number, (n, size) in enumerate(SIZES):
        expected = np.empty((n, size), dtype)
        draw_mask(expected, drop_rate, Context(training=True, rng=by_layer), "test")
        if number % 3 == 0:  # a call may be of several steps
            masks.begin(compiled)
        draw_masks(values[:size], n, *masks.rates, random)
        masks.end(compiled)
        assert values[:size, :n].T.tobytes() == expected.tobytes(), (n, size)
        assert compiled.bit_generator.state == by_layer.bit_generator.state, (n, size)


@pytest.mark.parametrize("seed", range(6))  # half of the seeds tell nothing
def test_half_a_word_that_is_left_comes_first_though_other_numbers_were_drawn_since(seed: int) -> None:
    by_layer, compiled = np.random.default_rng(seed), np.random.default_rng(seed)
    for rng in (by_layer, compiled):
        rng.random(1, np.float32)
        rng.random(5)  # takes whole words, and leaves the half where it is
    expected, masks = np.empty((2, 3), np.float32), Masks([Mask(0.5, 1, 3)], 2, np.float32, 1)
    draw_mask(expected, 0.5, Context(training=True, rng=by_layer), "test")
    masks.begin(compiled)
    draw_masks(masks.values[0], 2, *masks.rates, masks.random[0])
    masks.end(compiled)
    assert masks.values[0][:, :2].T.tobytes() == expected.tobytes()
    assert compiled.bit_generator.state == by_layer.bit_generator.state


def test_another_generator_is_left_to_numpy_where_masks_are_drawn() -> None:
    from minidl.compiled.engine import CompiledEngine

    streams = Streams(*(np.random.Generator(np.random.MT19937(seed)) for seed in range(4)))
    for layers, wanted in ([Dense(2)], False), ([Dense(2), Dropout(0.5)], True):
        model = Sequential(layers)
        model.build((3,), 0, "float64")
        made = trainer(model, engine=CompiledEngine())
        made.streams = streams
        assert (training_obstacle(made) is not None) == wanted
    with pytest.raises(ConfigError, match="is a generator MT19937, and masks are drawn from PCG64 only"):
        made.run(Arrays(np.ones((4, 3)), np.ones((4, 2))))
