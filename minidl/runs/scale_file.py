"""What scale.json says: the columns that were scaled, and how."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from minidl.core.errors import CorruptFileError
from minidl.data import ScaleFit
from minidl.data.scalers import Curve
from minidl.tasks import Parts


class _Numbers(TypedDict):
    """The scaling of one of several series."""

    offset: list[float]
    range: list[float]


class _Later(TypedDict, total=False):
    step: str
    curves: list[Curve]
    series: dict[str, _Numbers]


class ScaleFile(_Later):
    """What scale.json says; older runs lack `step`, from row to row as `Table.step_name` gives it, and `curves`.

    Where `series` are several with a scaling each, these are there, and `offset` and `range` are empty.
    """

    columns: list[str]
    offset: list[float]
    range: list[float]


def scale_text(parts: Parts) -> str:
    """The file's text."""
    scale = parts.scale
    offset, spread = scale.offset.tolist(), scale.range.tolist()
    numbers: dict[str, Any] = {"offset": offset, "range": spread, "curves": list(scale.curves)}
    if scale.series:
        pairs = zip(scale.series, offset, spread, strict=True)
        of_each = {name: {"offset": one, "range": other} for name, one, other in pairs}
        numbers |= {"offset": [], "range": [], "series": of_each}
    return json.dumps({**parts.columns(), **numbers}, indent=1) + "\n"


def saved_scale(saved: ScaleFile, columns: tuple[str, ...], path: Path) -> ScaleFit:
    """The scaling that a file says.

    Raises
    ------
    CorruptFileError
        It is not of these columns.
    """
    curves: list[Curve] = saved["curves"] if "curves" in saved else ["linear" for _ in columns]
    series = saved.get("series", {})
    fits: list[_Numbers] = [*series.values()] or [{"offset": saved["offset"], "range": saved["range"]}]
    offset, spread = [fit["offset"] for fit in fits], [fit["range"] for fit in fits]
    lengths = {len(curves), len(columns), *map(len, offset), *map(len, spread)}
    if tuple(saved["columns"]) != columns or len(lengths) > 1:
        raise CorruptFileError(f"{path}: damaged; expected offset and range of the columns {', '.join(columns)}.")
    pair = [np.array(numbers if series else numbers[0], np.float64) for numbers in (offset, spread)]
    return ScaleFit(pair[0], pair[1], tuple(curves), tuple(series))
