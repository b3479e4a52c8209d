"""The text of compiled code: the same for every size of a stack, so that the compiler runs once."""

from __future__ import annotations

import numpy as np

from minidl import SGD, Dense, HalfMSE, RecurrentLayer, SelectFeatures, Sequential
from minidl.compiled.generated import predict_function, train_function
from minidl.compiled.kernel import kernel_of
from minidl.compiled.layout import layout_of


def texts(*, features: list[int], hidden: int, lanes: int) -> tuple[str, str]:
    model = Sequential([SelectFeatures(features), RecurrentLayer(hidden), Dense(1)])
    model.build((7, 5), np.random.default_rng(0), "float32")
    layout = layout_of(model, (7, 5), lanes, "float32", ragged=True)
    train = train_function(model, layout, (7, 1), kernel_of(HalfMSE()), kernel_of(SGD(0.1)), 1, uneven=True)
    return train.text, predict_function(model, layout).text


def test_one_text_serves_every_width_batch_size_and_number_of_features_that_are_selected() -> None:
    # Catches lists, of features or of a batch's lengths, whose length moves the places of other numbers.
    small = texts(features=[2], hidden=3, lanes=8)
    assert small == texts(features=[0, 4, 1], hidden=9, lanes=24)
