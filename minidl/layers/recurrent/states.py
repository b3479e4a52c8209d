"""The state of a recurrent layer between two calls: an array, or a tuple of them if it has several parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.core.arrays import plain_array
from minidl.core.errors import ShapeError
from minidl.core.layer import Array


def by_name(state: Any, names: Sequence[str], shape: tuple[int, int], what: str) -> dict[str, Array]:
    """The parts of a state, or of its gradient, by name; `what` is how an error begins.

    Raises
    ------
    ShapeError
        There are not as many arrays as names, or one has another shape.
    """
    given = (state,) if len(names) == 1 else state
    if not isinstance(given, (tuple, list)) or len(given) != len(names):
        raise ShapeError(f"{what} of {len(names)} arrays ({', '.join(names)}).")
    found = {}
    for name, array in zip(names, given, strict=True):
        found[name] = plain_array(array, f"{what.replace(': expected', ':', 1)}: {name}")
        if found[name].shape != shape:
            raise ShapeError(f"{what} {name} of shape {shape}, got {found[name].shape}.")
    return found


def handed_on(parts: Sequence[Array]) -> Any:
    """The parts as a state."""
    return parts[0] if len(parts) == 1 else tuple(parts)
