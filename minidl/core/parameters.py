"""The parameters of a layer: arrays by name that layer, stack and trainer share.

Whoever holds one of these arrays sees every change, for an array is written to
and never exchanged behind somebody's back: only `Layer.build` and `Layer.bind`
give a layer other arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from minidl.core.arrays import plain_array
from minidl.core.errors import ConfigError, ShapeError
from minidl.core.registry import suggest

Array = npt.NDArray[Any]


class Parameters(dict[str, Array]):
    """Arrays of float32 or float64 by name; ``params[name] = value`` writes into the array of that name.

    Parameters
    ----------
    owner : the layer's class, for messages.
    arrays : taken as they are.
    closed : whether no names can be added, as a layer's `build` does.
    """

    def __init__(self, owner: str, arrays: Mapping[str, Array], *, closed: bool = False) -> None:
        super().__init__(arrays)
        self.owner = owner
        self.closed = closed
        for name, value in self.items():
            self._check(name, value)

    def _check(self, name: str, value: Any) -> None:
        if not isinstance(value, np.ndarray):
            raise ConfigError(f"{self.owner}: parameter {name}: expected an array, got {type(value).__name__}.")
        if value.dtype not in (np.float32, np.float64):
            raise ConfigError(
                f"{self.owner}: parameter {name} is of dtype {value.dtype}; parameters are float32 or float64."
            )

    def __setitem__(self, name: str, value: Any) -> None:
        old = self.get(name)
        if old is None and not self.closed:
            self._check(name, value)
            super().__setitem__(name, value)
            return
        if old is None:
            raise ConfigError(f"{self.owner}: there is no parameter {name!r}{suggest(name, self)}")
        new = plain_array(value, f"{self.owner}: parameter {name}")
        if new.shape != old.shape:
            raise ShapeError(f"{self.owner}: parameter {name} has shape {old.shape}, got {new.shape}; see build().")
        old[...] = new

    def update(self, *args: Any, **more: Any) -> None:
        """As assignments, one by one."""
        for name, value in dict(*args, **more).items():
            self[name] = value

    def __ior__(self, other: Any) -> Parameters:  # type: ignore[override,misc]
        self.update(other)
        return self

    def _refused(self, *args: Any, **more: Any) -> NoReturn:
        raise ConfigError(f"{self.owner}: a layer's parameters cannot be removed; build() makes new ones.")

    __delitem__: Callable[..., NoReturn] = _refused
    pop: Callable[..., NoReturn] = _refused
    popitem: Callable[..., NoReturn] = _refused
    clear: Callable[..., NoReturn] = _refused
    setdefault: Callable[..., NoReturn] = _refused

    def __reduce__(self) -> Any:
        # Without this a copy would assign names to an object that has no owner yet.
        return _copied, (self.owner, dict(self), self.closed)


def snapshot(owner: str, arrays: dict[str, Array]) -> Parameters:
    """Parameters that several layers own, under their names in the whole: the same arrays, not looked at again."""
    whole = Parameters(owner, {}, closed=True)
    dict.update(whole, arrays)
    return whole


def _copied(owner: str, arrays: dict[str, Array], closed: bool) -> Parameters:
    return Parameters(owner, arrays, closed=closed)
