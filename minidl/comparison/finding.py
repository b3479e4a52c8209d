"""Comparisons that are there already: the one to go on with, and shards to be joined."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from minidl.comparison.folder import MAX_FILE, RESULT, ComparisonFolder
from minidl.comparison.plan import PLAN, Plan
from minidl.core.errors import ConfigError, CorruptFileError, StorageError
from minidl.core.text import listed, printable
from minidl.files.reading import decode_json, read_inside


def find_unfinished(plan: Plan, say: Callable[[str], None] = lambda text: None) -> ComparisonFolder | None:
    """The newest unfinished comparison with this very plan below ``runs/``, or None.

    What is damaged or not a comparison's folder is passed over; `say` gets a line
    if it may have been one. It also gets one if there is none to go on with, but the
    newest comparison of configs of these names is unfinished: what has changed since.

    Raises
    ------
    CorruptFileError
        A folder that says it is this comparison, and unfinished, is damaged.
    """
    like: ComparisonFolder | None = None
    for path in sorted(Path("runs").glob("compare-*[0-9]"), reverse=True):
        if path.is_symlink() or not os.path.lexists(path / PLAN):
            continue
        try:
            folder = ComparisonFolder.open(path)
        except (ConfigError, CorruptFileError, StorageError) as err:
            if os.path.lexists(path / RESULT):
                continue
            if _claimed(path) == plan.digest():
                raise CorruptFileError(f"{err} Remove this folder, or start anew with --fresh.") from err
            say(f"{printable(path)}: passed over, as no comparison that can be read: {err}")
            continue
        if folder.plan.digest() == plan.digest() and folder.unfinished():
            return folder
        if like is None and _asks_about(folder.plan) == _asks_about(plan):
            like = folder
    changed = plan.changes(like.plan) if like is not None and like.unfinished() else []
    if like is not None and changed:
        say(f"{printable(like.path)}: unfinished, but begun with other {listed(changed)}; starting anew")
    return None


def _asks_about(plan: Plan) -> tuple[list[str], tuple[int, int] | None]:
    """The configs by name, and which part of the runs."""
    return [entry.label for entry in plan.compared()], plan.shard


def _claimed(path: Path) -> Any:
    """Which comparison a damaged folder says it is."""
    try:
        return decode_json(read_inside(path, PLAN, MAX_FILE), dict[str, Any], path).get("digest")
    except (CorruptFileError, StorageError):
        return None


def outside_of(data: Mapping[str, Any]) -> list[Any]:
    """What data.json, perhaps of somebody else, knows of the forecasts of other programs: their scores and sums."""
    outside, baselines = data.get("outside"), data.get("baselines")
    if not isinstance(outside, dict) or not isinstance(baselines, dict):
        return [None]  # which is not what any comparison has
    return [(name, sums, baselines.get(name)) for name, sums in outside.items()]


def check_shards(folders: Sequence[ComparisonFolder]) -> Plan:
    """The plan that these shards are parts of.

    Raises
    ------
    ConfigError
        They belong to different comparisons, or runs are missing; each is named.
    """
    if not folders:
        raise ConfigError("--merge: expected the folders of shards.")
    plan = folders[0].plan.whole()
    for folder in folders:
        if folder.plan.whole().digest() != plan.digest():
            raise ConfigError(
                f"{printable(folder.path)}: belongs to another comparison than {printable(folders[0].path)}."
            )
        if outside_of(folder.data) != outside_of(folders[0].data):
            raise ConfigError(
                f"{printable(folder.path)}: has other forecasts of another program than {printable(folders[0].path)}; "
                "give the same --outside to all shards."
            )
    done = {(record["label"], record["seed"]) for folder in folders for record in folder.records()}
    missing = [trial for trial in plan.trials() if (trial.label, trial.seed) not in done]
    if missing:
        named = ", ".join(f"{trial.label} seed {trial.seed}" for trial in missing[:5])
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise ConfigError(f"--merge: {len(missing)} of {len(plan.trials())} runs are missing: {named}{more}.")
    return plan
