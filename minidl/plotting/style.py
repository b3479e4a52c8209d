"""How minidl's figures look, and how they get into a file; what they show is in `minidl.plotting`.

matplotlib is the extra ``plot``: imported when a figure is drawn, never before.
pyplot and the global rcParams are left alone.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.core.errors import MissingPackageError, StorageError
from minidl.core.extras import install_command
from minidl.core.importing import importing
from minidl.core.text import printable
from minidl.files.storage import write_file
from minidl.plotting.png import png_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

# Colours that people with any colour vision tell apart: M. Okabe and K. Ito (2008),
# Color Universal Design, https://jfly.uni-koeln.de/color/. Black is the truth.
BLACK, BLUE, VERMILLION, GREEN, PURPLE, ORANGE = "#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00"
SKY, GREY, BROWN = "#56B4E9", "#666666", "#8C510A"
BASELINES = (  # colour and marker
    (BLUE, "s"), (GREEN, "^"), (PURPLE, "D"), (ORANGE, "v"), (SKY, "P"), (GREY, "X"), (BROWN, "*"), (BLACK, "p"),
)  # fmt: skip
COLORS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE)  # of the configs of a comparison
LINES = ("--", ":", "-.", (0, (5, 1)))  # of their baselines
DPI = 150  # of files
STYLE: Any = {  # Any: matplotlib's releases type the names differently
    "font.size": 12,
    "axes.titlesize": 12,
    "lines.solid_capstyle": "butt",  # a bar ends where its interval ends
    "axes.titlelocation": "left",
    "axes.titley": 1.0,  # matplotlib would look for the place again and again; nothing stands above these axes
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "legend.frameon": False,
    "legend.fontsize": 11,
    "lines.linewidth": 2,
    "lines.markersize": 5,
    "text.parse_math": False,  # a column may be called $x$
    "text.usetex": False,
}


def have_matplotlib() -> bool:
    """Whether figures can be drawn."""
    return find_spec("matplotlib") is not None


def load_matplotlib() -> None:
    """Import all that figures need."""
    with importing():
        import matplotlib.backends.backend_agg
        import matplotlib.dates
        import matplotlib.figure  # noqa: F401


@contextmanager
def style() -> Iterator[None]:
    """Draw in minidl's style.

    Raises
    ------
    MissingPackageError
        matplotlib is not installed.
    """
    if not have_matplotlib():
        raise MissingPackageError(f"figures need matplotlib: {install_command('plot')}")
    import matplotlib

    with matplotlib.rc_context(STYLE):
        yield


def new_figure(width: float, height: float, *, outside: bool = False) -> Figure:
    """An empty figure of inches; `outside`: with room for a legend outside of the axes, laid out twice."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine, TightLayoutEngine

    tight: Any = TightLayoutEngine  # Any: its hints do not know rect=None, with which everything is measured only once
    return Figure(figsize=(width, height), layout=ConstrainedLayoutEngine() if outside else tight(rect=None))


def panels(count: int, height: float) -> tuple[Figure, Any]:
    """A narrow figure, whose letters can be read on a phone, and its axes, one below the other."""
    figure = new_figure(6.4, height, outside=True)
    return figure, figure.subplots(count, 1, squeeze=False)[:, 0]


def head(figure: Figure, title: str, assumption: str = "") -> None:
    """The figure's title, and below it what the scores or forecasts in it assume."""
    lines = textwrap.wrap(f"assumed: {assumption}", 110) if assumption else []
    figure.suptitle("\n".join([title, *lines]), x=0.01, ha="left", fontsize=13)


def save(figure: Figure, path: Path) -> Path:
    """Write a PNG in one go; the folder is made.

    Raises
    ------
    StorageError
        The file cannot be written.
    """
    return write_png(path, png(figure))


def write_png(path: Path, content: bytes) -> Path:
    """Write what `png` has drawn, as `save` does."""
    try:
        path.parent.mkdir(exist_ok=True)
    except OSError as err:
        raise StorageError(f"{path}: cannot write: {err.strerror or err}.") from err
    write_file(path, content)
    return path


def png(figure: Figure) -> bytes:
    """The figure as PNG, drawn once; savefig draws twice where there is a layout to find.

    Texts show what fonts have no sign for, such as control characters in a column's name.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg

    with style():
        figure.set_dpi(DPI)
        for axis in (axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis)):
            if not axis.label.get_text():  # it needs no place, which would be looked for twice
                axis.set_label_coords(0, 0)
        agg: Any = RendererAgg  # Any: matplotlib does not type these classes' methods
        canvas: Any = FigureCanvasAgg(figure)
        renderer = agg(*canvas.get_width_height(), DPI)
        draw, measure = renderer.draw_text, renderer.get_text_width_height_descent
        renderer.draw_text = lambda gc, x, y, text, *args, **more: draw(gc, x, y, printable(text), *args, **more)
        renderer.get_text_width_height_descent = lambda text, *args: measure(printable(text), *args)
        canvas.get_renderer = lambda: renderer
        canvas.draw()
    return png_of(np.asarray(canvas.buffer_rgba()), DPI)


def with_units(name: str, units: str) -> str:
    """``pm2.5 (µg/m³)``; the name alone if units are not known."""
    return f"{name} ({units})" if units else name


def date_axis(ax: Axes) -> None:
    """Days at midnight where they fit, with the month; other dates as they need."""
    from matplotlib import dates

    untyped: Any = dates
    locator = untyped.AutoDateLocator(minticks=4, maxticks=9)
    formats = ["%Y", "%b %Y", "%a %d %b", "%H:%M", "%H:%M", "%S"]
    formatter = untyped.ConciseDateFormatter(locator, formats=formats, zero_formats=formats, show_offset=False)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(formatter)


def loss_axis(ax: Axes, losses: list[float], *, from_zero: bool = True) -> None:
    """Logarithmic if the finite `losses` are positive and differ by more than a factor of 5, else linear, from 0."""
    finite = [loss for loss in losses if math.isfinite(loss)]
    if finite and min(finite) > 0 and max(finite) > 5 * min(finite):
        ax.set_yscale("log")
        few_ticks(ax.yaxis)
    elif finite and min(finite) >= 0 and from_zero:
        ax.set_ylim(0, 1.08 * max(finite) or 1)
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")


def few_ticks(axis: Axis) -> None:
    """Ticks of a logarithmic axis at 1, 2 and 5 of each power of ten, written as plain numbers."""
    from matplotlib.ticker import LogLocator, NullLocator

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(lambda value, _: f"{value:g}")


def whole_numbers(ax: Axes) -> None:
    """Ticks of the x axis at whole numbers only, at most ten."""
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(nbins=9, integer=True, steps=[1, 2, 5, 10]))


def few_numbers(ax: Axes) -> None:
    """Few ticks of the x axis, so that numbers of seven letters side by side keep apart."""
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))


def label_ends(ax: Axes, x: float, ends: list[tuple[float, str, str]]) -> None:
    """Name lines at their right ends, pushed apart where they would overlap.

    Parameters
    ----------
    ends : (y, label, colour) of each line.
    """
    low, high = ax.get_ylim()
    lowest = low
    for y, label, color in sorted(end for end in ends if math.isfinite(end[0])):
        at = max(y, lowest)
        ax.annotate(
            label, (x, at), (10, 0), textcoords="offset points", va="center", color=color, annotation_clip=False
        )
        lowest = at + 0.055 * (high - low)
