"""What `minidl.testing.check_layer` checks of cells alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from minidl.layers.recurrent.cell import Cell
from minidl.testing.check_subject import Subject


def written_backward_is_the_derived_one(s: Subject) -> None:
    """a hand-written backward of equations gives the derived gradient"""
    if not isinstance(s.layer, Cell) or s.layer.equations_backward is None:
        return
    results = []
    for cell in (s.layer, s.layer.derived()):
        y, cache = cell.forward(s.x())
        dx, grads, start = cell.backward_from(np.cos(y), cell.final_state(cache), cache)
        parts = start if isinstance(start, tuple) else (start,)
        starts = {f"d{state}_0": part for state, part in zip(cell.states, parts, strict=True)}
        results.append({"dx": dx, **{f"d{name}": value for name, value in grads.items()}, **starts})
    _check_equal("equations_backward", *results)


def own_backward_is_the_derived_one(s: Subject) -> None:
    """a backward of a cell's own gives the derived gradient"""
    cls = type(s.layer)
    if not isinstance(s.layer, Cell) or cls.forward is not Cell.forward:
        return
    name = next((name for name in ("backward", "backward_from") if getattr(cls, name) is not getattr(Cell, name)), None)
    if name is None:
        return
    y, cache = s.layer.forward(s.x())
    pairs = s.layer.backward(np.cos(y), cache), Cell.backward_from(s.layer, np.cos(y), None, cache)[:2]
    _check_equal(name, *({"dx": dx, **{f"d{n}": value for n, value in grads.items()}} for dx, grads in pairs))


def _check_equal(who: str, written: Mapping[str, Any], derived: Mapping[str, Any]) -> None:
    wrong = [name for name, value in derived.items() if not np.allclose(written[name], value, rtol=1e-7, atol=1e-10)]
    assert not wrong, f"{who} differs from the derived gradient in {', '.join(wrong)}"
