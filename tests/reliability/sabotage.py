"""Protections taken out of the library, one at a time, to see that the proofs notice: their table."""

from __future__ import annotations

from collections.abc import Callable

SABOTAGES: dict[str, Callable[[], None]] = {}


def sabotage(name: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Decorator: a way to take a protection out."""

    def decorate(function: Callable[[], None]) -> Callable[[], None]:
        SABOTAGES[name] = function
        return function

    return decorate
