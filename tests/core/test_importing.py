"""What the garbage collector does while and after modules are imported."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from minidl.core.importing import importing


@pytest.fixture
def _thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_the_collector_rests_and_comes_back() -> None:
    with importing():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0, "in somebody else's process everything can still be collected"


@pytest.mark.usefixtures("_thawed")
def test_where_a_process_has_frozen_its_objects_those_of_modules_are_frozen_too() -> None:
    gc.freeze()
    before = gc.get_freeze_count()
    with importing():
        made = [[number] for number in range(1000)]
    assert gc.get_freeze_count() >= before + len(made)
