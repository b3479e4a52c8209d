"""A moving average of the weights: training goes on with its own, everything else sees the average."""

from __future__ import annotations

from minidl.core.layer import Array


class MovingAverage:
    """a ← a + (1 - β) (p - a) after every step, with a = p before the first one.

    Parameters
    ----------
    decay : β.
    params : p, the flat vector.

    Attributes
    ----------
    values : a; while `shown`, p.
    shown : whether a stands where p was.

    References
    ----------
    Polyak and Juditsky (1992), Acceleration of stochastic approximation by averaging, with weights that fade.
    """

    def __init__(self, decay: float, params: Array) -> None:
        self.decay = decay
        self.values: Array = params.copy()
        self.shown: bool = False

    def follow(self, params: Array) -> None:
        """Take in the parameters after a step."""
        self.values += (1 - self.decay) * (params - self.values)

    def exchange(self, params: Array) -> None:
        """Put the average where the parameters are, or them where they were."""
        other = params.copy()
        params[...] = self.values
        self.values[...] = other
        self.shown = not self.shown
