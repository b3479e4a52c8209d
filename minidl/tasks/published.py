"""Scores of a forecast that somebody published."""

from __future__ import annotations

from dataclasses import dataclass

from minidl.core.arguments import Configurable, Number
from minidl.core.errors import ConfigError


@dataclass(eq=False)
class Published(Configurable):
    """Block scores that somebody published, to stand beside the run's own.

    Parameters
    ----------
    source : a short name for the table's head.
    r2, loss : one value for each of evaluation.horizons, in that order.
    """

    source: str
    r2: list[Number]
    loss: list[Number]

    def check(self, horizons: int) -> None:
        """Refuse other than so many values."""
        for name in ("r2", "loss"):
            count = len(getattr(self, name))
            if count != horizons:
                raise ConfigError(
                    f"Forecast: published.{name}: expected one value for each of the {horizons} horizons, "
                    f"got {count}; or set published to null."
                )
