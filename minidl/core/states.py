"""The state of a layer between two calls: an array, a tuple of them if it has several parts, None if it has none.

That of a container is a tuple with one state for each child.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy.typing as npt

from minidl.core.arrays import plain_array
from minidl.core.errors import ShapeError

Array = npt.NDArray[Any]


def by_name(state: Any, shapes: Mapping[str, tuple[int, ...]], what: str) -> dict[str, Array]:
    """The parts of a state, or of its gradient, by name; `what` is how an error begins.

    Raises
    ------
    ShapeError
        There are not as many arrays as names, or one has another shape.
    """
    given = (state,) if len(shapes) == 1 else state
    if not isinstance(given, (tuple, list)) or len(given) != len(shapes):
        raise ShapeError(f"{what} of {len(shapes)} arrays ({', '.join(shapes)}).")
    found = {}
    for (name, shape), array in zip(shapes.items(), given, strict=True):
        found[name] = plain_array(array, f"{what.replace(': expected', ':', 1)}: {name}")
        if found[name].shape != shape:
            raise ShapeError(f"{what} {name} of shape {shape}, got {found[name].shape}.")
    return found


def handed_on(parts: Sequence[Array]) -> Any:
    """The parts as a state."""
    return parts[0] if len(parts) == 1 else tuple(parts)


def arrays_in(state: Any) -> Iterator[Array]:
    """All arrays of a state, in order."""
    if isinstance(state, (tuple, list)):
        for part in state:
            yield from arrays_in(part)
    elif state is not None:
        yield state
