"""From configs to a finished comparison: plan, run what is missing, analyse, report."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minidl._version import __version__
from minidl.comparison.analysis import analyse
from minidl.comparison.baselines import describe_baselines
from minidl.comparison.confounds import confounds, sentence
from minidl.comparison.entries import load_entries
from minidl.comparison.executors import MakeExecutor, check_main_guard, run_tasks
from minidl.comparison.folder import (
    DATA,
    ENVIRONMENT,
    RESULT,
    ComparisonFolder,
    Plan,
    check_shards,
    find_unfinished,
    read_json,
)
from minidl.comparison.over_time import over_time
from minidl.comparison.pictures import draw
from minidl.comparison.protocol import protocol_entries
from minidl.comparison.report import write_reports
from minidl.comparison.statistics import fewest_pairs, need_scipy
from minidl.comparison.tasks import Outcome, Task
from minidl.environment import environment
from minidl.errors import ConfigError, IncompatibleRunError, MinidlError
from minidl.files.locking import FileLock

Say = Callable[[str], None]
OnDone = Callable[[int, int, Task, Outcome], None]
MAX_SEEDS = 10_000


@dataclass(frozen=True, eq=False)
class Session:
    """An open comparison: its folder, locked, and what is known of its data."""

    folder: ComparisonFolder
    lock: FileLock
    data: dict[str, Any]


def make_plan(
    configs: Sequence[str | Path],
    *,
    seeds: int,
    overrides: Sequence[str] = (),
    plugins: Sequence[str] = (),
    shard: tuple[int, int] | None = None,
    protocol: bool = True,
) -> tuple[Plan, dict[str, Any]]:
    """Check everything that can be wrong before training: configs, seeds, data.

    Parameters
    ----------
    protocol : whether to train also what is needed to show the protocol's shortcuts.

    Returns
    -------
    The plan, and the baselines and facts of the data.

    Raises
    ------
    ConfigError
        A wrong or missing config, fewer than two, seeds below 1, scores that cannot be compared.
    DataError, StorageError
        The data cannot be read.
    """
    check_main_guard()
    need_scipy()
    if not 1 <= seeds <= MAX_SEEDS:
        raise ConfigError(f"--seeds: expected 1 to {MAX_SEEDS:,}, got {seeds}.")
    compared = load_entries(configs, overrides)
    entries = [*compared, *(protocol_entries(compared) if protocol else ())]
    data = describe_baselines(entries)
    files = tuple(str(Path(plugin).resolve()) for plugin in plugins)
    plan = Plan(tuple(entries), seeds, files, data.pop("data"), __version__, shard, tuple(overrides))
    total = len(plan.whole().tasks())
    if shard is not None and not 1 <= shard[0] <= shard[1] <= total:
        given = "/".join(map(str, shard))
        raise ConfigError(f"--shard: expected I/N with 1 <= I <= N <= {total:,}, the number of runs, got {given}.")
    return plan, data


def describe_plan(plan: Plan) -> list[str]:
    """What is asked, in the words that stand at the top of everything."""
    compared = plan.compared()
    names = ", ".join(entry.label for entry in compared)
    differ = sentence(confounds(compared))
    lines = [f"{names}: {differ}"]
    tests = len(compared[0].config["evaluation"]["horizons"])
    needed = fewest_pairs(tests * (len(compared) - 1))
    if plan.seeds < needed:
        lines.append(f"{plan.seeds} seeds cannot show a difference at the 5 % level; {needed} or more can")
    return lines


def start(plan: Plan, data: dict[str, Any], *, fresh: bool = False, say: Say = lambda text: None) -> Session:
    """The unfinished comparison with this plan, or a new one.

    Parameters
    ----------
    fresh : make a new one in any case.

    Raises
    ------
    InUseError
        Another process is working on it.
    """
    check_main_guard()
    found = None if fresh else find_unfinished(plan)
    if found is not None and _same_environment(found) != []:
        say(f"{found.path}: unfinished, but begun with other versions; starting anew")
        found = None
    if found is not None:
        lock = found.lock()
        total = len(plan.tasks())
        say(f"{found.path}: goes on; {total - len(found.missing())} of {total} runs are done (--fresh starts anew)")
        return Session(found, lock, data)
    folder, lock = ComparisonFolder.create(plan)
    folder.write_json(ENVIRONMENT, environment(plan.plugins))
    folder.write_json(DATA, data)
    return Session(folder, lock, data)


def reopen(path: Path) -> Session:
    """A comparison from its folder, to go on with.

    Raises
    ------
    ConfigError
        There is none.
    IncompatibleRunError
        It was begun with other versions.
    """
    check_main_guard()
    need_scipy()
    folder = ComparisonFolder.open(path)
    changes = _same_environment(folder)
    if changes and folder.missing():
        lines = [*changes, "runs of both would be mixed; compare anew."]
        raise IncompatibleRunError(*(f"{path}: {line}" for line in lines))
    return Session(folder, folder.lock(), read_json(path / DATA))


def _same_environment(folder: ComparisonFolder) -> list[str]:
    """What has changed since a comparison began."""
    from minidl.environment import environment_changes

    return environment_changes(read_json(folder.path / ENVIRONMENT), environment(()))


def run_missing(
    session: Session, make_executor: Callable[[], AbstractContextManager[Any]], on_done: OnDone = lambda *_: None
) -> None:
    """Run what is missing; every outcome is stored as it comes.

    Raises
    ------
    MinidlError
        Some runs gave no outcome at all; the others are stored.
    """
    check_main_guard()
    folder = session.folder
    missing, total = folder.missing(), len(folder.plan.tasks())
    done = total - len(missing)

    def keep(task: Task, outcome: Outcome) -> None:
        nonlocal done
        folder.store(task, outcome)
        done += 1
        on_done(done, total, task, outcome)

    maker: MakeExecutor = make_executor
    failed = run_tasks(missing, maker, keep)
    if failed:
        task, error = failed[0]
        if not isinstance(error, MinidlError):
            raise error
        where = f"{len(failed)} of {total} runs gave no result; the first, {task.label} seed {task.seed}"
        raise type(error)(f"{where}: {error}") from error


def finish(session: Session) -> dict[str, Any]:
    """Analyse all runs; write comparison.json, the figures and the two reports."""
    folder = session.folder
    result = analyse(folder.plan, folder.records(), session.data)
    result["over_time"] = over_time(folder, result)
    pictures = draw(folder, result)
    write_reports(folder, result, pictures)
    folder.write_json(RESULT, result)
    return result


def merge(paths: Sequence[Path]) -> Session:
    """A new comparison with the runs of all these shards.

    Raises
    ------
    ConfigError
        They are not shards of one comparison, or runs are missing.
    """
    need_scipy()
    shards = [ComparisonFolder.open(path) for path in paths]
    plan = check_shards(shards)
    data = read_json(shards[0].path / DATA)
    folder, lock = ComparisonFolder.create(plan)
    folder.write_json(ENVIRONMENT, json.loads((shards[0].path / ENVIRONMENT).read_text()))
    folder.write_json(DATA, data)
    tasks = {(task.label, task.seed): task for task in plan.tasks()}
    for shard in shards:
        for record in shard.records():
            weights = shard.weights(record) if record["status"] == "done" else {}
            folder.store(tasks[record["label"], record["seed"]], Outcome(record, weights))
    return Session(folder, lock, data)
