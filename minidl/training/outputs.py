"""A model's outputs for batches, beside what they should be: what losses and scores are computed from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from minidl.core.layer import Array, Context, Layer
from minidl.core.lengths import check_lengths, inside, without_padding
from minidl.core.workspace import Workspace
from minidl.data.batch import Batch
from minidl.training.sources import Source, check_source, gathered

PREDICT_BATCH = 1024


@dataclass(frozen=True, eq=False)
class Outputs:
    """A model's outputs, with targets, weights and lengths of outputs; see `Batch`. In the padding all are 0."""

    y: Array
    target: Array
    lengths: Array | None = None
    weight: Array | None = None
    order: Array | None = None


def prepared(batch: Batch, model: Layer) -> tuple[Batch, Array | None]:
    """The batch as model and loss take it, and the lengths of the model's outputs.

    It ends with its longest sequence, and x is 0 in the padding. Where outputs have time
    steps, so are targets and weights, and nothing there counts.

    Raises
    ------
    ShapeError
        The lengths are none of such a batch.
    """
    if batch.lengths is None:
        return batch, None
    check_lengths(batch.lengths, batch.x.shape, "examples")
    batch = replace(batch, x=without_padding(batch.x[:, : batch.lengths[0]], batch.lengths))
    after = model.output_lengths(batch.lengths)
    if after is None or batch.target.ndim < 2 or batch.target.shape[1] < after[0]:  # the loss says what is wrong
        return batch, after
    weight = np.ones(len(after)) if batch.weight is None else batch.weight
    weight = weight[:, None] if weight.ndim == 1 else weight[:, : after[0]]
    target = without_padding(batch.target[:, : after[0]], after)
    return replace(batch, target=target, weight=inside(after, after[0]) * weight), after


def predict(model: Layer, source: Source) -> tuple[Array, Array]:
    """The model's outputs and the targets for all examples, in order; zeros stand in the padding."""
    check_source(source, "predict")
    found = collected(list(outputs_by_batch(model, source)))
    return found.y, found.target


def outputs_by_batch(model: Layer, source: Source) -> Iterator[Outputs]:
    """Outputs and targets, batch by batch."""
    workspace = Workspace()
    for start in range(0, len(source), PREDICT_BATCH):
        batch, after = prepared(gathered(source, slice(start, start + PREDICT_BATCH)), model)
        y, _ = model.forward(batch.x, Context(workspace=workspace, lengths=batch.lengths))
        y = y.copy() if after is None else without_padding(y, after)
        yield Outputs(y, batch.target, after, batch.weight, batch.order)


def collected(parts: Sequence[Outputs]) -> Outputs:
    """The outputs of all batches in one, in the order in which the examples were asked for."""
    ends = np.cumsum([len(part.y) for part in parts])
    orders = [np.arange(len(part.y)) if part.order is None else part.order for part in parts]
    places = np.concatenate([end - len(order) + order for end, order in zip(ends, orders, strict=True)])
    rows = slice(None) if all(part.order is None for part in parts) else np.argsort(places)
    ragged = all(part.lengths is not None for part in parts)
    time = max(part.y.shape[1] for part in parts) if ragged else None
    y, target = (_joined([getattr(part, name) for part in parts], time)[rows] for name in ("y", "target"))
    lengths = np.concatenate([part.lengths for part in parts if part.lengths is not None])[rows] if ragged else None
    weights = [part.weight for part in parts if part.weight is not None]
    return Outputs(y, target, lengths, _joined(weights, time)[rows] if weights else None)


def _joined(arrays: Sequence[Array], time: int | None) -> Array:
    """The arrays one after the other, filled up with zeros to so many time steps; None: they have equally many."""
    if time is None:
        return np.concatenate(arrays)
    widths = [[(0, 0), (0, time - a.shape[1]), *[(0, 0)] * (a.ndim - 2)] for a in arrays]
    return np.concatenate([np.pad(a, width) for a, width in zip(arrays, widths, strict=True)])
