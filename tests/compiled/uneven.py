"""Sources, padding and trainings for the tests of examples with lengths and weights."""

from __future__ import annotations

import numpy as np
from both_engines import trainer

from minidl.data import Batch

ONE = np.array([1])


class OnlyGathers:
    """A source that compiled code knows nothing of."""

    def __init__(self, arrays):
        self.arrays = arrays

    def __len__(self):
        return len(self.arrays)

    def gather(self, indices):
        batch = self.arrays.gather(indices)
        if batch.lengths is None:
            return batch
        return Batch(batch.x[:, : batch.lengths[0]], batch.target, batch.lengths, batch.weight, batch.order)


def padded(a, lengths, filling):
    a = a.copy()
    for row, n in zip(a, lengths, strict=True):
        row[n:] = -1 if a.dtype.kind == "i" and filling != 0 else filling
    return a


def end_of(model, source, loss, engine, batch_size=16, epochs=3, **arguments):
    """Parameters and losses after a training of a copy."""
    made = trainer(model, loss=loss, engine=engine, batch_size=batch_size, epochs=epochs, **arguments)
    start = made.parameters.values.copy()
    losses = [record.train_loss for record in made.run(source)]
    end = made.parameters.values.copy()
    made.parameters.values[:] = start
    return end, losses
