"""What scale.json says: the columns that were scaled, and how."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypedDict

import numpy as np

from minidl.core.errors import CorruptFileError
from minidl.data import ScaleFit
from minidl.data.scalers import Curve
from minidl.tasks import Parts


class _Later(TypedDict, total=False):
    step: str
    curves: list[Curve]


class ScaleFile(_Later):
    """What scale.json says; older runs lack `step`, from row to row as `Table.step_name` gives it, and `curves`."""

    columns: list[str]
    offset: list[float]
    range: list[float]


def scale_text(parts: Parts) -> str:
    """The file's text."""
    scale = parts.scale
    numbers = {"offset": scale.offset.tolist(), "range": scale.range.tolist(), "curves": list(scale.curves)}
    return json.dumps({**parts.columns(), **numbers}, indent=1) + "\n"


def saved_scale(saved: ScaleFile, columns: tuple[str, ...], path: Path) -> ScaleFit:
    """The scaling that a file says.

    Raises
    ------
    CorruptFileError
        It is not of these columns.
    """
    curves: list[Curve] = saved["curves"] if "curves" in saved else ["linear" for _ in columns]
    lengths = {len(saved["offset"]), len(saved["range"]), len(curves), len(columns)}
    if tuple(saved["columns"]) != columns or len(lengths) > 1:
        raise CorruptFileError(f"{path}: damaged; expected offset and range of the columns {', '.join(columns)}.")
    return ScaleFit(np.array(saved["offset"], np.float64), np.array(saved["range"], np.float64), tuple(curves))
