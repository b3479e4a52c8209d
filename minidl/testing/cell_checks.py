"""What `minidl.testing.check_layer` checks of cells alone."""

from __future__ import annotations

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
    written, derived = results
    wrong = [name for name, value in derived.items() if not np.allclose(written[name], value, rtol=1e-7, atol=1e-10)]
    assert not wrong, f"equations_backward differs from the derived gradient in {', '.join(wrong)}"
