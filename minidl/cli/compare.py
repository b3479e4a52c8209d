"""Compare configs over seeds: spread, paired differences, baselines, and a verdict in words."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from minidl.cli.common import load_plugins, plugin_arguments, print_json
from minidl.cli.workers import kept, worker_arguments, workers
from minidl.comparison.across import across, across_lines, across_table
from minidl.comparison.across_report import write_across
from minidl.comparison.session import Session, describe_plan, finish, make_plan, merge, reopen, run_missing, start
from minidl.comparison.tables import assumption_lines, confounds_table, metric_title, scores_table, shown_metrics
from minidl.comparison.tested import terms, terms_of
from minidl.comparison.trials import Outcome, Trial
from minidl.comparison.verdict import undefined_words
from minidl.config.tree import shorten
from minidl.core.errors import ConfigError, NumericalError
from minidl.core.output import Bar, say, show
from minidl.core.text import aligned, shell_word
from minidl.tasks.terms import SKILL


def run(args: argparse.Namespace) -> int:
    """Plan, run, analyse, report."""
    _check_usage(args)
    if args.across:
        return _across(args)
    make_executor = workers(args)
    session = _session(args)
    with session.lock:
        folder = session.folder
        progress = ShowTrials(len(folder.plan.trials()) - len(folder.missing()), len(folder.plan.trials()))
        with kept("runs", resume_command(args, folder.path), progress):
            run_missing(session, make_executor, progress)
        if folder.plan.shard is not None:
            show(f"{folder.path}: shard {args.shard} is done")
            show("next, when all are: minidl compare --merge FOLDER FOLDER ...")
            return 0
        result = finish(session)
        if args.json:
            print_json({"folder": str(folder.path), **result})
        else:
            show(*terminal_report(result), "")
            show(f"{folder.path}: report.html, report.md, comparison.json, figures")
    return _exit_code(result)


def _across(args: argparse.Namespace) -> int:
    load_plugins(args)
    found = across([Path(name) for name in args.configs])
    folder = write_across(found, args.plugin)
    if args.json:
        print_json({"folder": str(folder), **found})
    else:
        tasks = [f"{path}: {', '.join(of['configs'])}; {of['metric']}" for path, of in found["tasks"].items()]
        show(*tasks, "", *aligned(across_table(found)), "", *across_lines(found), "")
        show(f"{folder}: report.html, report.md, across.json, figures")
    return 0


def _exit_code(result: dict[str, Any]) -> int:
    """5 if a training ended well and its scores are not finite; one that broke is a result, which is reported."""
    found = [(label, run) for label, config in result["configs"].items() for run in config["broken"]]
    for label, run in found:
        if run["status"] == "unscored":
            say(f"minidl compare: {label} seed {run['seed']}: {run['error']}")
            return NumericalError.exit_code
    return 0


def resume_command(args: argparse.Namespace, folder: Path) -> str:
    """The command line that goes on with this comparison, in the same way."""
    return f"minidl compare --resume {shell_word(folder)}{worker_arguments(args)}{plugin_arguments(args)}"


def _check_usage(args: argparse.Namespace) -> None:
    if args.outside and (args.resume is not None or args.merge or args.across):
        raise ConfigError("--outside is for the start of a comparison, which then knows these forecasts.")
    if args.resume is not None and (args.configs or args.merge or args.shard):
        raise ConfigError("--resume takes a folder and no configs; the folder knows them.")
    if args.across and (args.resume is not None or args.merge or args.shard or args.overrides):
        raise ConfigError("--across takes the folders of finished comparisons, and nothing that trains.")
    if args.merge and not args.configs:
        raise ConfigError("--merge: expected the folders of shards.")
    if args.resume is None and not args.configs:
        raise ConfigError("expected configs to compare, for example: minidl compare pm25_single pm25_deep")


def _session(args: argparse.Namespace) -> Session:
    if args.resume is not None:
        session = reopen(args.resume, plugins=args.plugin, smallest=args.smallest)
        say(*describe_plan(session.folder.plan))
        return session
    if args.merge:
        return merge([Path(name) for name in args.configs], plugins=args.plugin, smallest=args.smallest)
    load_plugins(args)
    plan, data = make_plan(
        args.configs,
        seeds=args.seeds,
        overrides=args.overrides,
        plugins=args.plugin,
        shard=_shard(args.shard),
        protocol=not args.no_protocol,
        smallest=args.smallest,
        outside=args.outside,
    )
    say(*describe_plan(plan))
    return start(plan, data, plugins=args.plugin, fresh=args.fresh, say=say)


def _shard(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    first, slash, second = text.partition("/")
    if not (slash and first.isdecimal() and second.isdecimal() and len(text) <= 60):
        raise ConfigError(f"--shard: expected I/N with 1 <= I <= N, such as 1/4, got {shorten(text)}.")
    return int(first), int(second)


class ShowTrials:
    """tqdm on a terminal, one plain line a run otherwise; both on standard error."""

    def __init__(self, done: int, total: int) -> None:
        self._bar = Bar(total, done, "run")

    def __call__(self, done: int, total: int, trial: Trial, outcome: Outcome) -> None:
        """A run has ended."""
        record = outcome.record
        if record["status"] != "done":
            text = f"{trial.label} seed {trial.seed}: {record['error']}"
        else:
            text = f"{trial.label} seed {trial.seed}: {_score(trial, record)}, {record['seconds']['training']:.1f} s"
        if not self._bar.drawn:
            say(f"{done:>{len(str(total))}}/{total}  {text}")
        elif record["status"] != "done":
            self._bar.say(text)
        self._bar.update()

    def close(self) -> None:
        """Leave the terminal in order."""
        self._bar.close()


def _score(trial: Trial, record: dict[str, Any]) -> str:
    """The first score that is defined in the first row."""
    task = terms_of(trial.config).task
    row = task.rows()[0]
    scores = record["scores"][task.table][row]
    metric = next(metric for metric in task.metrics if scores[metric.name] is not None)
    where = f" at {row}" if len(task.rows()) > 1 else ""
    return f"{metric.words} {scores[metric.name]:.{metric.digits}f}{where}"


def terminal_report(result: dict[str, Any]) -> list[str]:
    """Confounds, the tables of scores and the verdict."""
    lines = [f"What differs: {result['confounds']['sentence']}.", *aligned(confounds_table(result)), ""]
    seeds = result["asked"]["seeds"]
    if undefined_words(result):
        lines += [undefined_words(result), ""]
    of = terms(result)
    rows = of.rows_title(result["facts"])
    for metric in shown_metrics(result):
        against = f" against {of.reference_words}" if metric is SKILL else ""
        title = f"{metric_title(metric, result)}{against}: median (lowest to highest) of {seeds} seeds"
        lines += [f"{title}; {rows}" if rows else title, *aligned(scores_table(result, metric)), ""]
    assumed = assumption_lines(result)
    lines += [*assumed, ""] if assumed else []
    verdict = result["verdict"]
    return [*lines, "Verdict", verdict["headline"], *(f"- {line}" for line in verdict["lines"])]
