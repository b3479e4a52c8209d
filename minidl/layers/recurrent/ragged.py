"""The time loop of RecurrentLayer for sequences of different length, the longest first."""

from __future__ import annotations

import numpy as np

from minidl.core.layer import Array
from minidl.core.lengths import inside
from minidl.layers.recurrent.loop import RowRecurrence, Steps


class RaggedRecurrence(RowRecurrence):
    """Step t computes the first n_t sequences, which are those that have one.

    In the padding x, h_t and da_t are 0, so that products over all rows add nothing there.
    """

    def _time_major(self, x: Array, lengths: Array | None) -> Array:
        """x as of the base, with zeros in the padding; notes n_t."""
        assert lengths is not None
        there = inside(lengths, x.shape[1]).T
        self.lengths, self.n = lengths, [int(n) for n in there.sum(axis=1)]
        if self.x_copy is None:
            self.x_copy = np.empty((*there.shape, x.shape[2]), self.h.dtype)
        self.x_copy[...] = x.transpose(1, 0, 2)
        self.x_copy[~there] = 0
        return self.x_copy.reshape(-1, x.shape[2])

    def _run(self, W_hh: Array, steps: Steps) -> None:
        h, product = self.h, self.product
        for t, n in enumerate(self.n):
            if n:
                np.dot(h[t, :n], W_hh, product[:n])
                np.add(h[t + 1, :n], product[:n], h[t + 1, :n])
                steps.function(h[t + 1, :n], h[t + 1, :n])
            h[t + 1, n:] = 0

    def _run_back(self, dy: Array, da: Array, steps: Steps) -> None:
        dh, last = self.product, len(da) - 1
        for t, n in reversed(list(enumerate(self.n))):
            if n:
                dh[:n] = dy[t, :n]
                if t < last:
                    dh[:n] += da[t + 1, :n] @ self.W_hh_T
                steps.gate(dh[:n], da[t, :n], da[t, :n])
            da[t, n:] = 0

    def final_state(self) -> Array:
        """h after the last step of each sequence, (batch, hidden)."""
        h: Array = self.h[self.lengths, np.arange(len(self.lengths))]
        return h
