"""Which values are tried next: the same for the same past, and what is being tried is part of it."""

from __future__ import annotations

import pytest

from minidl.config.space import Point, Space, Span
from minidl.core.errors import ConfigError
from minidl.search.database import Finished
from minidl.search.sampling import Sampling
from minidl.search.trying import Tried, failed

pytest.importorskip("optuna", reason="Optuna is not installed")

SPACE: Space = {"x": Span(0.0, 1.0)}
PAST = [
    Finished({"x": i / 12}, Tried("complete", abs(i / 12 - 0.5), 1, {1: abs(i / 12 - 0.5)}, None, 0.0))
    for i in range(12)
]


def second(first_failed: bool, seed: int) -> Point:
    """The second point that is drawn, while the first is being tried, or when it has failed and says nothing."""
    sampling = Sampling(SPACE, larger_is_better=False, seed=seed, finished=PAST)
    token, point = sampling.draw()
    if first_failed:
        sampling.end(token, Finished(point, failed(ConfigError("no"))))
    return sampling.draw()[1]


def test_what_is_being_tried_is_thought_to_be_bad() -> None:
    """Caught here: several jobs that crowd at one place, as none of them knows of the others."""
    points = [[second(first_failed, seed)["x"] for seed in range(4)] for first_failed in (False, True)]
    assert points[0] != points[1]
    assert points[0] == [second(False, seed)["x"] for seed in range(4)]
