"""From configs to a finished comparison: plan, run what is missing, analyse, report."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from minidl._version import __version__
from minidl.comparison.analysis import analyse, pairs_of
from minidl.comparison.baselines import add_outside, describe_baselines
from minidl.comparison.confounds import confounds, sentence
from minidl.comparison.entries import Entry, load_entries
from minidl.comparison.finding import check_shards, find_unfinished, outside_of
from minidl.comparison.folder import RESULT, ComparisonFolder
from minidl.comparison.markup import printable_texts
from minidl.comparison.pictures import draw
from minidl.comparison.plan import (
    MAX_SEEDS,
    PLAN,
    Plan,
    check_configs,
    check_plan,
)
from minidl.comparison.report import write_reports
from minidl.comparison.running import run_trials
from minidl.comparison.statistics import fewest_pairs, need_scipy
from minidl.comparison.tested import terms_of
from minidl.comparison.trials import Outcome, Trial, set_weights
from minidl.core.errors import ConfigError, IncompatibleRunError, MinidlError
from minidl.core.layer import Layer
from minidl.core.text import counted
from minidl.files.locking import FileLock
from minidl.files.plugins import load_plugin
from minidl.parallel.executors import MakeExecutor, check_main_guard
from minidl.parallel.experiments import load_parts
from minidl.parallel.plugins import check_plugins, given_plugins, recorded_plugins
from minidl.runs.environment import environment, environment_changes
from minidl.training.threads import one_blas_thread

Say = Callable[[str], None]
OnDone = Callable[[int, int, Trial, Outcome], None]


@dataclass(frozen=True, eq=False)
class Session:
    """An open comparison: its folder, locked."""

    folder: ComparisonFolder
    lock: FileLock


def make_plan(
    configs: Sequence[str | Path],
    *,
    seeds: int,
    overrides: Sequence[str] = (),
    plugins: Sequence[str] = (),
    shard: tuple[int, int] | None = None,
    protocol: bool = True,
    smallest: float | None = None,
    outside: Sequence[str] = (),
) -> tuple[Plan, dict[str, Any]]:
    """Check everything that can be wrong before training: configs, seeds, data.

    Parameters
    ----------
    plugins : Python files that the configs need; this process has run them.
    protocol : whether to train also what only shows what shortcuts of the evaluation do.
    smallest : difference of the leading metric that matters.
    outside : files with forecasts of other programs.

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
    entries = [*compared, *(beside(compared) if protocol else ())]
    data = add_outside(describe_baselines(entries), compared, outside)
    needed = recorded_plugins(given_plugins(plugins))
    plan = Plan(
        tuple(entries), seeds, needed, data.pop("data"), __version__, shard, tuple(overrides), smallest, tuple(outside)
    )
    check_plan(plan)
    return plan, data


def beside(compared: Sequence[Entry]) -> list[Entry]:
    """The configs that are trained only to show something of those that are compared."""
    return [
        Entry(entry.label + ending, config, entry.point, role="beside")
        for entry in compared
        for ending, config in terms_of(entry.config).more_configs(entry.config).items()
    ]


def describe_plan(plan: Plan) -> list[str]:
    """What is asked, in the words that stand at the top of everything."""
    compared = plan.compared()
    names = ", ".join(entry.label for entry in compared)
    differ = sentence(confounds(compared))
    lines = [f"{names}: {differ}"]
    pairs = len(pairs_of([entry.label for entry in compared])) + len(plan.outside) * len(compared)
    needed = fewest_pairs(pairs * len(terms_of(compared[0].config).task.rows()))
    if plan.seeds < needed:
        lines.append(f"{counted(plan.seeds, 'seed')} cannot show a difference at the 5 % level; {needed} or more can")
    return lines


def start(
    plan: Plan,
    data: dict[str, Any],
    *,
    plugins: Sequence[str | Path] = (),
    fresh: bool = False,
    say: Say = lambda text: None,
) -> Session:
    """The unfinished comparison with this plan, or a new one.

    Parameters
    ----------
    plugins : as for `make_plan`.
    fresh : make a new one in any case.

    Raises
    ------
    InUseError
        Another process is working on it.
    """
    check_main_guard()
    given = given_plugins(plugins)
    check_plugins(plan.plugins, given, "--plugin")
    found = None if fresh else find_unfinished(plan, say)
    if found is not None and _same_environment(found) != []:
        say(f"{found.path}: unfinished, but begun with other versions; starting anew")
        found = None
    if found is not None and outside_of(found.data) != outside_of(data):
        # They stand in its data.json: what is asked now would be gone from a report that is made again.
        say(f"{found.path}: unfinished, but begun with other forecasts of another program; starting anew")
        found = None
    if found is None:
        now = environment([plugin["path"] for plugin in given])
        folder, lock = ComparisonFolder.create(plan, data=data, environment=now, plugins=given)
        return Session(folder, lock)
    # What is asked now, and of what, is known here; of the folder only its runs are taken.
    folder = ComparisonFolder(found.path, plan, data=data, environment=found.environment, plugins=given)
    lock = folder.lock()
    done, total = len(folder.records()), len(plan.trials())
    say(f"{folder.path}: goes on; {done} of {total} runs are done (--fresh starts anew)")
    return Session(folder, lock)


def reopen(path: Path, *, plugins: Sequence[str | Path] = (), smallest: float | None = None) -> Session:
    """A comparison from its folder, to go on with.

    Parameters
    ----------
    plugins : that it was begun with; they are run only if their content is that of the start.
    smallest : difference that matters; None: as it was.

    Raises
    ------
    ConfigError
        There is none.
    CorruptFileError
        A file is damaged.
    IncompatibleRunError
        It was begun with other versions or plugins.
    """
    check_main_guard()
    need_scipy()
    folder = _opened(path, plugins)
    changes = _same_environment(folder)
    if changes and folder.missing():
        lines = [*changes, "runs of both would be mixed; compare anew."]
        raise IncompatibleRunError(*(f"{path}: {line}" for line in lines))
    folder.plan = _with_smallest(folder.plan, smallest)
    lock = folder.lock()
    folder.records()  # damage is told before hours are spent on the rest
    return Session(folder, lock)


def _opened(path: Path, plugins: Sequence[str | Path]) -> ComparisonFolder:
    """A comparison whose plugins are loaded and whose configs and baselines can be used."""
    folder = ComparisonFolder.open(path)
    folder.plugins = given_plugins(plugins, run=False)
    check_plugins(folder.plan.plugins, folder.plugins, folder.path)
    for plugin in folder.plugins:
        load_plugin(plugin["path"], plugin["sha256"])
    check_configs(folder.plan, folder.path / PLAN)
    folder.check_data()
    return folder


def _same_environment(folder: ComparisonFolder) -> list[str]:
    """What has changed since a comparison began."""
    return environment_changes(folder.environment, environment(()))


def run_missing(
    session: Session, make_executor: Callable[[], AbstractContextManager[Any]], on_done: OnDone = lambda *_: None
) -> None:
    """Run what is missing; every outcome is stored as it comes.

    Raises
    ------
    MinidlError
        Some runs gave no outcome at all; the others are stored.
    """
    folder = session.folder
    missing, total = folder.missing(), len(folder.plan.trials())
    done = total - len(missing)

    def keep(trial: Trial, outcome: Outcome) -> None:
        nonlocal done
        folder.store(trial, outcome)
        done += 1
        on_done(done, total, trial, outcome)

    maker: MakeExecutor = make_executor
    failed = run_trials(missing, maker, keep)
    if failed:
        trial, error = failed[0]
        if not isinstance(error, MinidlError):
            raise error
        where = f"{len(failed)} of {total} runs gave no result; the first, {trial.label} seed {trial.seed}"
        raise type(error)(f"{where}: {error}") from error


def finish(session: Session) -> dict[str, Any]:
    """Analyse all runs; write comparison.json, the figures and the two reports."""
    folder = session.folder
    result = analyse(folder.plan, folder.records(), folder.data)
    open_run = functools.partial(_open_run, folder)
    with one_blas_thread():
        result |= terms_of(folder.plan.compared()[0].config).more_from_runs(result, open_run)
        shown = printable_texts(result)
        pictures = draw(folder, shown, open_run)
    write_reports(folder, shown, pictures)
    folder.write_json(RESULT, result)
    return result


def _open_run(folder: ComparisonFolder, label: str, seed: int) -> tuple[Layer, Any]:
    """The model with the weights that this run has scored, and its data's parts."""
    entry = next(entry for entry in folder.plan.entries if entry.label == label)
    record = next(record for record in folder.records() if (record["label"], record["seed"]) == (label, seed))
    experiment = entry.experiment(seed)
    parts = load_parts(experiment)
    set_weights(experiment.model, folder.weights(record))
    return experiment.scored_model, parts


def _with_smallest(plan: Plan, smallest: float | None) -> Plan:
    plan = plan if smallest is None else replace(plan, smallest=smallest)
    check_plan(plan)
    return plan


def merge(paths: Sequence[Path], *, plugins: Sequence[str | Path] = (), smallest: float | None = None) -> Session:
    """A new comparison with the runs of all these shards; `smallest` as for `reopen`.

    Raises
    ------
    ConfigError
        They are not shards of one comparison, or runs are missing.
    CorruptFileError
        A file of one is damaged, or it was begun with other plugins.
    """
    check_main_guard()
    need_scipy()
    shards = [_opened(path, plugins) for path in paths]
    plan, first = _with_smallest(check_shards(shards), smallest), shards[0]
    folder, lock = ComparisonFolder.create(plan, data=first.data, environment=first.environment, plugins=first.plugins)
    trials = {(trial.label, trial.seed): trial for trial in plan.trials()}
    for shard in shards:
        for record in shard.records():
            weights = shard.weights(record) if record["status"] == "done" else {}
            folder.store(trials[record["label"], record["seed"]], Outcome(record, weights))
    return Session(folder, lock)
