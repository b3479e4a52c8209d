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


@pytest.mark.parametrize("drop_rate", [0.2, 0.5, 0.7, 1e-9, 0.999999999])
def test_masks_and_state_are_those_of_the_layer(drop_rate: float) -> None:
    # Odd counts leave half a word for the next call; 0 draws nothing; from 8 on words are drawn four by four.
    # Catches halves in the wrong order, a bound beside p, a lost or old half, and wrong steps of the state.
    by_layer, compiled = np.random.default_rng(3), np.random.default_rng(3)
    masks = Masks([Mask(drop_rate, 1, 1)], 1001, "float32", 1)
    values, random = masks.values[0], masks.random[0]
    around = np.array([masks.rates[0] - 1, masks.rates[0]], np.float32) / np.float32(2**24)
    assert np.greater_equal(around, drop_rate).tolist() == [False, True]  # in 1,000 draws no number is that near
    for n in (1, 1, 0, 2, 3, 6, 7, 8, 15, 17, 64, 1001):
        expected = np.empty(n, np.float32)
        draw_mask(expected, drop_rate, Context(training=True, rng=by_layer), "test")
        masks.begin(compiled)
        draw_masks(values, n, *masks.rates, random)
        masks.end(compiled)
        assert values[:n].tobytes() == expected.tobytes(), n
        assert compiled.bit_generator.state == by_layer.bit_generator.state, n


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
