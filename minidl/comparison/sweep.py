"""Grids of experiments: lists of values for keys of a config, under ``sweep:``.

The grid is all combinations, the first key varying slowest. Each point is the
config with these values put in, as ``--set`` would.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from minidl.comparison.tested import sign_of
from minidl.config import Node, load_node, problem_at
from minidl.core.errors import ConfigError
from minidl.forecasting.rounding import ROUNDING, is_above
from minidl.metrics import Metric

MAX_POINTS = 200
KEY = "sweep"


def expand_sweep(config: str | Path, overrides: Sequence[str] = ()) -> Iterator[tuple[dict[str, Any], Node]]:
    """(point, tree) for every point of a config's grid; ({}, tree) for a config without one.

    Raises
    ------
    ConfigError
        The config cannot be read, or its ``sweep:`` is not lists under key paths that exist.
    """
    root = load_node(config, overrides)
    if not isinstance(root.value, dict) or KEY not in root.value:
        yield {}, root
        return
    grid = grid_of(root)
    for values in itertools.product(*grid.values()):
        point = dict(zip(grid, values, strict=True))
        changes = [f"{key}={json.dumps(value)}" for key, value in point.items()]
        try:
            yield point, without_sweep(load_node(config, [*overrides, *changes]))
        except ConfigError as err:
            lines = [problem_at(root, (KEY,), line.replace("--set ", "")) for line in err.lines]
            raise ConfigError(*lines) from err


def trade_offs(
    configs: Mapping[str, Any], place: tuple[str, str], metric: Metric, rounding: float = ROUNDING["float64"]
) -> list[dict[str, Any]]:
    """The points of a sweep with score and cost, and by which cost each is a best trade-off.

    A point is one if no other costs as little or less and has a better median of
    `metric` at `place`, a table and its row, by more than rounding, or costs less and is no worse.
    Empty if nothing was swept.
    """
    points: list[dict[str, Any]] = []
    for label, config in configs.items():
        score = config[place[0]][place[1]][metric.name]["median"]
        if config["point"] and score is not None:
            short = ", ".join(f"{key.rpartition('.')[2]}={value}" for key, value in config["point"].items())
            seconds = config["seconds"]["training"]["median"]
            points.append(
                {"label": label, "short": short, "score": score, "parameters": config["parameters"], "seconds": seconds}
            )
    sign = sign_of(metric)
    for point in points:
        point["best_by"] = {cost: _is_best(point, points, cost, sign, rounding) for cost in ("parameters", "seconds")}
    return points


def _is_best(
    point: Mapping[str, Any], points: Sequence[Mapping[str, Any]], cost: str, sign: int, rounding: float
) -> bool:
    """Whether no other point has more for as little, or as much for less."""
    mine = sign * point["score"]
    for other in points:
        theirs = sign * other["score"]
        better, worse = is_above(theirs, mine, rounding), is_above(mine, theirs, rounding)
        if other[cost] <= point[cost] and not worse and (better or other[cost] < point[cost]):
            return False
    return True


def without_sweep(root: Node) -> Node:
    """The tree of a config without its ``sweep:``."""
    if not isinstance(root.value, dict):
        return root
    return Node(
        {key: child for key, child in root.value.items() if key != KEY},
        root.place,
        {key: place for key, place in root.key_places.items() if key != KEY},
    )


def grid_of(root: Node) -> dict[str, list[Any]]:
    """The lists of ``sweep:`` by key path, checked.

    Raises
    ------
    ConfigError
        It is no mapping of key paths to lists, or has more than 200 points.
    """
    node = root.value[KEY]
    lists = node.plain()
    if not isinstance(lists, Mapping) or not lists:
        raise ConfigError(problem_at(root, (KEY,), "expected a mapping from key paths to lists of values"))
    size = 1
    for key, values in lists.items():
        if not isinstance(values, list) or not values:
            raise ConfigError(problem_at(root, (KEY, key), f"expected a list of at least one value, got {values!r}"))
        if key.split(".")[0] in ("seed", KEY, "extends"):
            raise ConfigError(problem_at(root, (KEY, key), "cannot be swept; the seeds are those of --seeds"))
        size *= len(values)
    if size > MAX_POINTS:
        raise ConfigError(problem_at(root, (KEY,), f"{size} points; at most {MAX_POINTS} are allowed"))
    return dict(lists)
