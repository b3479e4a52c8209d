"""Units that are left out at random while a net trains."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from msgspec import Meta

from minidl.core.errors import ConfigError
from minidl.core.layer import INFERENCE, Array, Context, Grads, Layer, read_only
from minidl.core.registry import register
from minidl.core.workspace import Workspace

DropRate = Annotated[float, Meta(ge=0, lt=1)]


def draw_mask(out: Array, drop_rate: float, ctx: Context, who: str) -> None:
    """Fill an array with 0, with probability `drop_rate`, and 1 / (1 - drop_rate) elsewhere: 1 on average.

    Raises
    ------
    ConfigError
        There is no ``ctx.rng`` to draw from.
    """
    if ctx.rng is None:
        raise ConfigError(f"{who}: dropout draws random numbers while it trains; give Context(training=True, rng=...).")
    np.greater_equal(ctx.rng.random(out.shape, np.float32), drop_rate, out=out, casting="unsafe")
    np.multiply(out, 1 / (1 - drop_rate), out=out)


@register
@dataclass(eq=False)
class Dropout(Layer):
    """y = x ⊙ m while it trains, with m = 0 with probability p and 1 / (1 - p) else; otherwise y = x.  dx = dy ⊙ m.

    On average m is 1, so that nothing needs to be scaled where the net is used. Masks are drawn from the generator of
    the training, whose state is saved with it.

    Parameters
    ----------
    drop_rate : p, share of x that is left out, from 0 to less than 1.
    shared_over_time : one mask for all time steps of a sequence (a unit is left out of the whole sequence), in place of
        one for each step.

    Shapes
    ------
    x any, y the same; (batch, time, features) where the mask is shared over time.

    Raises
    ------
    ConfigError
        It trains, and ``ctx.rng`` is None.

    References
    ----------
    Srivastava and others (2014), Dropout: a simple way to prevent neural networks from overfitting. JMLR 15. Shared
    over time: Gal and Ghahramani (2016), A theoretically grounded application of dropout in recurrent neural networks.
    """

    drop_rate: DropRate
    _: KW_ONLY
    shared_over_time: bool = False

    def forward(self, x: Array, ctx: Context = INFERENCE) -> tuple[Array, Any]:
        """x ⊙ m; the cache is m."""
        if not ctx.training or self.drop_rate == 0:
            return read_only(x), (None, ctx.workspace)
        ws = ctx.workspace or Workspace()
        dtype: npt.DTypeLike = x.dtype if x.dtype.kind == "f" else np.float64
        shared = self.shared_over_time and x.ndim == 3
        m = ws.array("m", (len(x), 1, x.shape[2]) if shared else x.shape, dtype)
        draw_mask(m, self.drop_rate, ctx, "Dropout")
        return np.multiply(x, m, out=ws.array("y", x.shape, dtype)), (m, ctx.workspace)

    def backward(self, dy: Array, cache: Any) -> tuple[Array | None, Grads]:
        """dx = dy ⊙ m."""
        m, ws = cache
        if m is None:
            return dy, {}
        return np.multiply(dy, m, out=(ws or Workspace()).array("dx", dy.shape, m.dtype)), {}
