"""Score a config's forecasts from origins that roll forward: trained anew before each, and trained once."""

from __future__ import annotations

import argparse
import json
from typing import Any

from minidl import plotting
from minidl.backtesting.folder import RESULT, Backtest, reopen, start
from minidl.backtesting.folds import Record
from minidl.backtesting.result import KEPT, METRICS, RETRAINED, by_lead, by_origin, origin, result, shown_name
from minidl.cli.arguments.backtest import FOLDS
from minidl.cli.common import (
    config_arguments,
    load_plugins,
    plugin_arguments,
    print_json,
)
from minidl.cli.workers import kept, worker_arguments, workers
from minidl.core.errors import ConfigError, NumericalError
from minidl.core.extras import install_command
from minidl.core.output import Bar, say, show
from minidl.core.text import aligned, counted, shell_word
from minidl.experiment import load_experiment
from minidl.metrics.metric import SCALED
from minidl.parallel.executors import check_main_guard
from minidl.plotting import style
from minidl.tasks import forecast_task, window_data


def run(args: argparse.Namespace) -> int:
    """Train what is missing, then tell."""
    check_main_guard()
    make_executor = workers(args)
    backtest = _opened(args)
    try:
        done = len(backtest.records())
        what = f"{counted(backtest.asked.folds, 'training')} of {backtest.asked.name}, one before each stretch"
        say(f"{backtest.path}: {what} of the test part" + (f"; {done} are done" if done else ""))
        resume = f"minidl backtest --resume {shell_word(backtest.path)}{worker_arguments(args)}{plugin_arguments(args)}"
        progress = _ShowFolds(backtest, done)
        with kept("folds", resume, progress):
            backtest.run_missing(make_executor, progress)
        return _report(backtest, args)
    finally:
        backtest.lock.release()


def _opened(args: argparse.Namespace) -> Backtest:
    if (args.config is None) == (args.resume is None):
        raise ConfigError("expected a config, for example: minidl backtest pm25_deep_honest; or --resume FOLDER.")
    if args.resume is None:
        load_plugins(args)
        folds = FOLDS if args.folds is None else args.folds
        return start(load_experiment(args.config, args.overrides), folds, args.plugin)
    if args.overrides or args.folds is not None:
        raise ConfigError("--resume takes config and folds from the folder; --set and --folds are for the start.")
    return reopen(args.resume, args.plugin)


class _ShowFolds:
    """tqdm on a terminal, one plain line a fold otherwise; both on standard error."""

    def __init__(self, backtest: Backtest, done: int) -> None:
        self._total, self._done = backtest.asked.folds, done
        self._bar = Bar(self._total, done, "fold")

    def __call__(self, record: Record) -> None:
        """A fold is done."""
        self._done += 1
        if not self._bar.drawn:
            ended = record["error"] or f"epoch {record['epoch']} is scored"
            say(f"{self._done}/{self._total}  from {origin(record)}: {ended}, {record['seconds']:.1f} s")
        self._bar.update("")

    def close(self) -> None:
        """Leave the terminal in order."""
        self._bar.close()


def _report(backtest: Backtest, args: argparse.Namespace) -> int:
    records, experiment = backtest.records(), backtest.experiment
    table = window_data(experiment.data).series.read()
    of_targets = {one.target_name: one.units for one in table.of_targets()} if table.targets else {}
    units = SCALED if of_targets else table.units
    about: Any = {"name": backtest.asked.name, "seed": experiment.seed, "units": units, "step": table.step_name()}
    found = result(records, **about, of_targets=of_targets)
    backtest.folder.write(RESULT, json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    broken = [record for record in records if record["error"]]
    if len(broken) == len(records):
        raise NumericalError(f"{backtest.path}: no fold has scores; the first: {broken[0]['error']}")
    picture = _draw(backtest, found)
    if args.json:
        print_json({"folder": str(backtest.path), "picture": picture, **found})
        return 0
    leads = forecast_task(experiment.evaluation).horizons
    for target, scores in _tables(found):
        for metric in METRICS:
            tables = (make(scores, metric, leads, target) for make in (by_lead, by_origin))
            show(*(line for table in tables for line in ("", *aligned(table))))
    show("", *_words(found), *(f"no scores from {origin(record)}: {record['error']}" for record in broken))
    assumed = forecast_task(experiment.evaluation).protocol(experiment.load_data()).assumptions()
    show(*(f"assumed: {line}" for line in assumed))
    show(f"{backtest.path}: {RESULT}, a file for each fold" + (", figures" if picture else ""))
    show(*([] if args.config is None else [f"next: minidl train {config_arguments(args)}"]))
    return 0


def _tables(found: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """What has scores: of one target it alone, of several all together and each, by name."""
    targets = found.get("targets", {})
    return [("all targets" if targets else "", found), *targets.items()]


def _words(found: dict[str, Any]) -> list[str]:
    """Whether training anew has helped."""
    both = [fold["scores"] for fold in found["folds"][1:] if {RETRAINED, KEPT} <= fold["scores"].keys()]
    pairs = [(scores[RETRAINED]["mean"]["rmse"], scores[KEPT]["mean"]["rmse"]) for scores in both]
    pairs = [(new, old) for new, old in pairs if new is not None and old is not None]
    if not pairs:
        return []
    better = sum(new < old for new, old in pairs)
    return [
        "retrained: anew before each stretch, on all rows until then; trained once: the model of the first stretch.",
        f"Training anew has the smaller RMSE on {better} of {len(pairs)} later stretches.",
    ]


def _draw(backtest: Backtest, found: dict[str, Any]) -> str | None:
    """Where the picture is, of several targets that of all; None and a line where matplotlib is missing."""
    if not plotting.have_matplotlib():
        say(f"no picture: matplotlib is not installed ({install_command('plot')})")
        return None
    path = backtest.path / "figures" / "backtest.png"
    for k, (target, scores) in enumerate(_tables(found)):
        style.save(_figure(scores, target), path if not k else path.with_stem(f"backtest_{k}"))
    return str(path)


def _figure(found: dict[str, Any], target: str) -> Any:
    origins, over = [origin(fold) for fold in found["folds"]], {}
    lines = {}
    for name, leads in found["over_folds"].items():
        rows = [fold["scores"].get(name) for fold in found["folds"]]
        lines[shown_name(name)] = [None if row is None else row["mean"]["rmse"] for row in rows]
        cells = [cell["rmse"] for lead, cell in leads.items() if lead != "mean"]
        over[shown_name(name)] = [(cell["median"], cell["lowest"], cell["highest"]) for cell in cells]
    return plotting.backtest_figure(origins, lines, over, units=found["units"], step=found["step"], target=target)
