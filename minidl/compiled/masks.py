"""Masks of dropout for many steps: drawn as the layers draw them, in the same order from the same generator.

So both engines train the same net from one seed, and a training goes on with the same masks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from minidl.compiled.kernel import Mask
from minidl.core.layer import Array, Context
from minidl.layers.dropout import draw_mask
from minidl.training import Advanced


def drawn_masks(
    drawn: Sequence[Mask], lengths: Array | None, n: int, batch: int, trainer: Advanced, dtype: npt.DTypeLike
) -> tuple[Array, ...]:
    """Masks of n examples in batches, and the place of each example's: layer by layer; nothing if no layer draws.

    A batch has the longest sequence first, and no steps after its end, where the layers draw.
    """
    if not drawn:
        return ()
    ctx = Context(training=True, rng=trainer.streams.layers)
    begins = np.cumsum([0, *(mask.time * mask.features for mask in drawn)])
    masks = np.ones((n, begins[-1]), dtype)
    together = (
        n if lengths is None and len(drawn) == 1 else batch
    )  # of one layer the numbers are the same, drawn at once
    for first in range(0, n, together):
        rows, longest = np.arange(first, min(first + together, n)), None
        if lengths is not None:
            rows = rows[np.argsort(-lengths[rows], kind="stable")]
            longest = int(lengths[rows[0]])
        for mask, begin in zip(drawn, begins[:-1], strict=True):
            time = mask.time if longest is None else min(mask.time, longest)
            found = np.empty((len(rows), time, mask.features), dtype)
            draw_mask(found, mask.drop_rate, ctx, "Dropout")
            masks[rows, begin : begin + time * mask.features] = found.reshape(len(rows), -1)
    starts = begins[:-1, None] + np.arange(n) * begins[-1]
    return masks.reshape(-1), starts.reshape(-1)
