"""Workspace: buffers are reused, never mixed up, and do not pile up."""

from __future__ import annotations

import numpy as np

from minidl import Workspace
from minidl.core.workspace import KEPT_SIZES


def test_an_array_is_the_same_while_its_shape_and_dtype_stay():
    ws = Workspace()
    first = ws.array("a", (2, 3), "float64")
    assert (first.shape, first.dtype) == ((2, 3), np.dtype("float64"))
    assert ws.array("a", (2, 3), np.float64) is first


def test_another_name_shape_or_dtype_is_another_array():
    ws = Workspace()
    arrays = [
        ws.array("a", (2, 3), "float64"),
        ws.array("b", (2, 3), "float64"),
        ws.array("a", (3, 2), "float64"),
        ws.child("c").array("a", (2, 3), "float64"),
        Workspace().array("a", (2, 3), "float64"),
    ]
    arrays.append(ws.array("b", (2, 3), "float32"))
    for i, one in enumerate(arrays):
        assert not any(np.shares_memory(one, other) for other in arrays[:i])
    assert arrays[-1].dtype == "float32"


def test_two_sizes_in_turn_are_both_kept():
    # The batch, and the smaller one at the end of an epoch.
    ws = Workspace()
    large, small = ws.array("a", (64,), "float64"), ws.array("a", (7,), "float64")
    for _ in range(3):
        assert ws.array("a", (64,), "float64") is large
        assert ws.array("a", (7,), "float64") is small


def test_many_sizes_do_not_pile_up():
    ws = Workspace()
    made = []
    for size in [*range(1, 50), 1]:
        ws.plan("p", size, lambda size=size: made.append(size) or object())
    assert len(ws._slots["p"]) == KEPT_SIZES
    assert made == [*range(1, 50), 1]  # the first one was given up, and made again


def test_a_plan_is_made_once_for_each_key():
    ws = Workspace()
    made = []
    plans = [ws.plan("p", key, lambda key=key: made.append(key) or [key]) for key in ("a", "b", "a", "b", "a")]
    assert made == ["a", "b"]
    assert plans[0] is plans[2] is plans[4]
    assert plans[1] is plans[3]
    assert plans[0] == ["a"]


def test_a_child_is_always_the_same_one():
    ws = Workspace()
    assert ws.child("0") is ws.child("0")
    assert ws.child("0") is not ws.child("1")
    assert ws.child("0").child("1") is ws.child("0").child("1")


def test_a_lent_array_is_used_where_it_fits():
    ws = Workspace()
    own = ws.array("a", (2, 3), "float64")
    lent = np.zeros((2, 3))
    ws.lend("a", lent)
    assert ws.array("a", (2, 3), "float64") is lent
    assert ws.array("b", (2, 3), "float64") is not lent
    assert ws.child("0").array("a", (2, 3), "float64") is not lent
    for shape, dtype in [((3, 2), "float64"), ((2, 3), "float32")]:
        other = ws.array("a", shape, dtype)
        assert other is not lent
        assert (other.shape, other.dtype) == (shape, np.dtype(dtype))
    assert own is not lent
