"""Search good values for keys of a config: those under its search:, by the validation score."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from minidl import plotting
from minidl.cli.arguments.search import TRIALS
from minidl.cli.common import load_plugins, plugin_arguments, print_json
from minidl.cli.workers import kept, worker_arguments, workers
from minidl.config.space import Choices, Span
from minidl.core.errors import ConfigError, NumericalError
from minidl.core.extras import install_command
from minidl.core.output import Bar, say, show
from minidl.core.text import aligned, counted, shell_word
from minidl.data import Splits
from minidl.experiment import load_experiment
from minidl.forecasting.conformal import trained_on
from minidl.parallel.executors import check_main_guard
from minidl.plotting import style
from minidl.search.database import Finished, best_first
from minidl.search.folder import Study, reopen, start
from minidl.search.running import search_on, write_best
from minidl.search.trying import need_optuna

SHOWN = 10


def run(args: argparse.Namespace) -> int:
    """Try, tell the best."""
    check_main_guard()
    if args.config is None and args.resume is None:
        raise ConfigError("expected a config to search, for example: minidl search pm25_search")
    if args.config is None and args.overrides:
        raise ConfigError("--resume takes its config from the folder; --set is for the start of a search.")
    need_optuna()
    make_executor = workers(args)
    study = _study(args)
    try:
        _say_start(study)
        progress = ShowFinished(study)
        with kept("trials", _resume_command(args, study.path), progress):
            search_on(study, make_executor, progress)
        return _report(study, args)
    finally:
        study.close()


def _study(args: argparse.Namespace) -> Study:
    if args.resume is None:
        load_plugins(args)
        trials = TRIALS if args.trials is None else args.trials
        return start(load_experiment(args.config, args.overrides), trials, args.plugin)
    asked = None
    if args.config is not None:
        load_plugins(args)
        asked = load_experiment(args.config, args.overrides)
    return reopen(args.resume, trials=args.trials, plugins=args.plugin, asked=asked)


def _say_start(study: Study) -> None:
    parts = study.experiment.load_data()
    say(*parts.notes())
    if isinstance(parts, Splits) and trained_on(parts):
        why = "the validation windows are among those that are trained on, so that their score says little; give"
        say(f"{why} data.validation: {{type: TailValidation, size: N}}")
    done, total = len(study.database.finished), study.question.trials
    metric = study.experiment.training.choice.metric
    what = f"{counted(total, 'trial')} of {counted(len(study.space), 'key')}, by {metric}"
    say(f"{study.path}: {what}" + (f"; {done} are done" if done else ""))


def _resume_command(args: argparse.Namespace, folder: Path) -> str:
    return f"minidl search --resume {shell_word(folder)}{worker_arguments(args)}{plugin_arguments(args)}"


def _report(study: Study, args: argparse.Namespace) -> int:
    finished, best = study.database.finished, write_best(study)
    if best is None:
        broken = next(each.tried for each in finished)
        error = NumericalError if broken.state == "pruned" else ConfigError
        raise error(f"{study.path}: none of {counted(len(finished), 'trial')} has a score; the first: {broken.error}")
    picture = _draw(study)
    if args.json:
        print_json({**_result(study, best), "picture": picture})
        return 0
    show(*_lines(study), "", f"{study.path}: study.db, best.yaml" + (", figures" if picture else ""))
    show(f"next: minidl train {shell_word(best)}{plugin_arguments(args)}")
    return 0


def _draw(study: Study) -> str | None:
    """Where the picture is; None and a line where matplotlib is missing."""
    if not plotting.have_matplotlib():
        say(f"no picture: matplotlib is not installed ({install_command('plot')})")
        return None
    finished, choice = study.database.finished, study.experiment.training.choice
    values: dict[str, list[Any]] = {}
    for key, of in study.space.items():
        tried = [each.point[key] for each in finished]
        values[key] = [shown_value(value) for value in tried] if isinstance(of, Choices) else tried
    figure = plotting.search_figure(
        [each.tried.score for each in finished],
        values,
        metric=choice.metric,
        larger_is_better=choice.larger_is_better,
        log=[key for key, of in study.space.items() if isinstance(of, Span) and of.log],
        choices={key: list(map(shown_value, of.values)) for key, of in study.space.items() if isinstance(of, Choices)},
    )
    return str(style.save(figure, study.path / "figures" / "search.png"))


def _result(study: Study, best: Path) -> dict[str, Any]:
    choice = study.experiment.training.choice
    trials = [
        {
            "trial": i,
            "state": each.tried.state,
            "score": each.tried.score,
            "epoch": each.tried.epoch,
            "error": each.tried.error,
            "seconds": each.tried.seconds,
            "values": dict(each.point),
        }
        for i, each in enumerate(study.database.finished, 1)
    ]
    first = best_first(study.database.finished, study.larger_is_better)[0][0]
    asked = {"metric": choice.metric, "larger_is_better": choice.larger_is_better}
    return {"folder": str(study.path), **asked, "best": first, "best_config": str(best), "trials": trials}


def _lines(study: Study) -> list[str]:
    """The best trials, how the others ended, and what the scores are worth."""
    finished, metric = study.database.finished, study.experiment.training.choice.metric
    ranked = best_first(finished, study.larger_is_better)
    keys = short_names(list(study.space))
    rows = [["trial", metric, "epoch", *keys.values()]]
    for i, each in ranked[:SHOWN]:
        values = [shown_value(each.point[key]) for key in keys]
        rows.append([str(i), shown_value(each.tried.score), str(each.tried.epoch), *values])
    pruned = sum(each.tried.state == "pruned" for each in finished)
    failed = sum(each.tried.state == "failed" for each in finished)
    ended = [f"{len(ranked)} of {counted(len(finished), 'trial')} ran to their end"]
    ended += [f"{pruned} {'was' if pruned == 1 else 'were'} cut short"] * bool(pruned)
    ended += [f"{failed} failed"] * bool(failed)
    chosen = (
        f"The best {metric} was chosen among {counted(len(finished), 'trial')} on the validation part, so it is "
        "too good; it says nothing about the test part, which was not looked at."
    )
    return [*aligned(rows), "", "; ".join(ended) + ".", chosen]


def short_names(keys: list[str]) -> dict[str, str]:
    """The last part of each key path, where these differ, by the path."""
    short = {key: key.rpartition(".")[2] for key in keys}
    return short if len(set(short.values())) == len(short) else {key: key for key in keys}


def shown_value(value: Any) -> str:
    """A value that was tried, in a table."""
    if isinstance(value, float):
        return f"{value:.4g}"
    text = json.dumps(value, ensure_ascii=False).replace('"', "")
    return text if len(text) <= 40 else text[:37] + "..."


class ShowFinished:
    """tqdm on a terminal, one plain line a trial otherwise; both on standard error."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._bar = Bar(study.question.trials, len(study.database.finished), "trial")

    def __call__(self, finished: Finished) -> None:
        """A trial has ended."""
        done, total = len(self._study.database.finished), self._study.question.trials
        best = best_first(self._study.database.finished, self._study.larger_is_better)
        so_far = f"best {shown_value(best[0][1].tried.score)}" if best else "none yet"
        if not self._bar.drawn:
            keys = short_names(list(finished.point))
            values = ", ".join(f"{name}={shown_value(finished.point[key])}" for key, name in keys.items())
            ended = finished.tried.error or f"{self._study.experiment.training.choice.metric} "
            ended += "" if finished.tried.error else f"{shown_value(finished.tried.score)}"
            say(f"{done:>{len(str(total))}}/{total}  {values}: {ended}, {finished.tried.seconds:.1f} s; {so_far}")
        self._bar.update(so_far)

    def close(self) -> None:
        """Leave the terminal in order."""
        self._bar.close()
