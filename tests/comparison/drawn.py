"""What a figure shows, in lines of text: everything that was put into it, with how it looks and where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator


def described(figure: Figure) -> list[str]:
    """Panel by panel: words, limits, lines, bands and notes, in the order in which they were drawn; then the legend."""
    lines = [f"{_numbers(figure.get_size_inches())} inches"]
    for ax in figure.axes:
        lines += _panel(ax)
    for legend in figure.legends:
        lines += ["legend of the figure", *_legend(legend)]
    return lines


def _panel(ax: Any) -> Iterator[str]:
    yield f"panel “{ax.get_title('left')}”, x “{ax.get_xlabel()}”, y “{ax.get_ylabel()}”".replace("\n", " / ")
    yield f"  x {_numbers(ax.get_xlim())}, y {_numbers(ax.get_ylim())} {ax.get_yscale()}"
    if isinstance(ax.yaxis.get_major_locator(), FixedLocator):  # ticks of one's choice
        grid = [line.get_visible() for line in ax.yaxis.get_gridlines()]
        ticks = [text.get_text() for text in ax.get_yticklabels()]
        yield f"  ticks {ticks} at {_numbers(ax.get_yticks())}, grid {grid}"
    for line in ax.lines:
        yield f"  line {_points(line.get_xydata())} {_look(line)}"
    for band in ax.collections:
        points = np.unique(band.get_paths()[0].vertices, axis=0)
        color = to_hex(band.get_facecolor()[0])
        yield f"  band {_points(points)} {color} alpha {band.get_alpha()} width {_numbers(band.get_linewidth())}"
    for text in ax.texts:
        at = f"{_numbers(text.xy)} of {text.xycoords}"
        yield f"  note “{text.get_text()}” {at}, {text.get_fontsize():g} pt, {text.get_ha()}"
        if text.anncoords != text.xycoords:
            yield f"    moved by {_numbers(text.xyann)} {text.anncoords}"
    if ax.get_legend():
        yield from ["  legend", *(f"  {line}" for line in _legend(ax.get_legend()))]


def _legend(legend: Any) -> Iterator[str]:
    yield f"  {legend._ncols} columns, {legend.get_texts()[0].get_fontsize():g} pt"
    for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=True):
        yield f"  {text.get_text()}: {_look(handle)}"


def _look(line: Any) -> str:
    """Of a stroke its kind, width and colour, of marks their kind, size and colours; transparency, and the order."""
    parts = []
    if line.get_linestyle() != "None":
        parts.append(f"{line.get_linestyle()} {line.get_linewidth():g} {to_hex(line.get_color())}")
    if line.get_marker() != "None":
        colors = (line.get_markerfacecolor(), line.get_markeredgecolor())
        inside, edge = (color if color == "none" else to_hex(color) for color in colors)
        parts.append(f"mark {line.get_marker()} {line.get_markersize():g} {inside} edge {edge}")
    if line.get_alpha() is not None:
        parts.append(f"alpha {line.get_alpha()}")
    return ", ".join([*parts, f"order {line.get_zorder()}"])


def _points(points: Any) -> str:
    return " ".join(f"({x:.6g}, {y:.6g})" for x, y in points)


def _numbers(values: Any) -> str:
    return " ".join(f"{value:.6g}" for value in np.ravel(values))
