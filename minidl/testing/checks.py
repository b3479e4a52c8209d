"""Checks that any layer must pass: the library's own, and yours.

``check_layer(MyLayer(8), (5, 3))`` raises AssertionError with every check that
failed; ``run_checks`` gives the same as a list; ``check_gradients`` is the central
one alone. All compute in float64 with fixed seeds.
"""

from __future__ import annotations

import sys
import traceback
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minidl.core.errors import MinidlError
from minidl.core.layer import INFERENCE, Layer, Shape
from minidl.layers.containers.calls import backward_of, forward_of
from minidl.testing.central_differences import check_gradients
from minidl.testing.check_subject import Subject
from minidl.testing.fresh_process import NotFindableError
from minidl.testing.layer_checks import CHECKS

__all__ = ["CheckResult", "check_gradients", "check_layer", "run_checks"]


@dataclass(frozen=True)
class CheckResult:
    """One check: the sentence it checks, what was wrong (None: nothing), and why it was left out (None: it ran)."""

    name: str
    error: str | None = None
    skipped: str | None = None


def run_checks(layer: Layer, input_shape: Shape) -> list[CheckResult]:
    """Every check of `check_layer`, in order, with its outcome; one alone if the layer cannot be built or called."""
    first = "the layer can be built"
    try:
        subject = Subject(layer, input_shape)
        first = "forward and backward can be called"
        y, cache = forward_of(subject.layer, subject.x(), INFERENCE)
        backward_of(0, subject.layer, np.zeros_like(y), cache)
    except Exception as err:  # then no check can say more
        return [CheckResult(first, _said(err, layer))]
    results = []
    for check in CHECKS:
        name = str(check.__doc__)
        try:
            check(Subject(layer, input_shape))
            results.append(CheckResult(name))
        except NotFindableError as err:
            results.append(CheckResult(name, skipped=str(err)))
        except Exception as err:
            results.append(CheckResult(name, _said(err, layer)))
    return results


def _said(err: Exception, layer: Layer) -> str:
    """What failed; of what is no error of minidl's, which names its place, with the line of the layer's own code."""
    if isinstance(err, AssertionError):
        return _in_one_line(err) or "AssertionError without a message"
    text = f"{type(err).__name__}: {_in_one_line(err)}"
    place = None if isinstance(err, MinidlError) else _own_line(err, layer)
    return f"{place}: {text}" if place else text


def _own_line(err: Exception, layer: Layer) -> str | None:
    """``"my_layer.py:12, in forward"``, where the code of the layer's own classes failed; None if none of it ran."""
    own = {cls.__module__ for cls in type(layer).__mro__ if not cls.__module__.startswith("minidl.")}
    files = {getattr(sys.modules.get(name), "__file__", None) for name in own}
    found = [frame for frame in traceback.extract_tb(err.__traceback__) if frame.filename in files]
    return f"{Path(found[-1].filename).name}:{found[-1].lineno}, in {found[-1].name}" if found else None


def _in_one_line(err: Exception) -> str:
    """A message, of which NumPy's have a dozen lines, as one line; of at most 200 characters, if it is not minidl's."""
    text = "; ".join(line.strip() for line in str(err).splitlines() if line.strip())
    return text if len(text) <= 200 or isinstance(err, MinidlError) else text[:197] + "..."


def check_layer(layer: Layer, input_shape: Shape) -> None:
    """Assert that a layer keeps the protocol's promises.

    Parameters
    ----------
    layer : an instance, built or not (a copy is built anew).
    input_shape : (time, features) or (features,).

    Raises
    ------
    AssertionError
        One line for every check that failed: shapes, dtypes and names of
        gradients; central differences; read-only and non-contiguous input;
        nothing written to self; outputs that share memory with the cache;
        repeated, interleaved and threaded calls; workspaces and batch sizes; rows
        of a batch; one row, one step; states and the gradient through them; a dx that nobody wants; bound
        parameters; children and their contexts; sequences of different length; config
        and a fresh process.
    """
    failed = [f"{result.name}: FAILED: {result.error}" for result in run_checks(layer, input_shape) if result.error]
    assert not failed, "\n".join([f"{type(layer).__name__} does not keep the layer protocol:", *failed])
