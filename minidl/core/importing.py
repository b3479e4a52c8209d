"""Imports of much at once."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Within it the garbage collector rests: what modules make stays, and looking through it takes much of the time.

    In a process that has called `gc.freeze` before, as those of the command line do, it is not looked through later
    either. Elsewhere other objects are about, which may become garbage.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if gc.get_freeze_count():
            gc.freeze()
        if was_on:
            gc.enable()
