"""Train a config's model, score it beside the baselines, and leave a run folder.

Ctrl-C stops after the current step and saves what there is; a second one leaves at once.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from minidl.cli.common import Progress, add_config, add_json, load_plugins, print_json, score_table
from minidl.data import Splits
from minidl.experiment import load_experiment
from minidl.layer import n_parameters
from minidl.runs import Run
from minidl.training import StopOnSignal


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    add_config(parser)
    parser.add_argument(
        "--run-dir",
        type=Path,
        metavar="DIR",
        help="the run's folder, which must not exist; default: runs/<config>-<NNN>",
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Train, evaluate, draw."""
    load_plugins(args)
    experiment = load_experiment(args.config, args.overrides)
    splits = experiment.load_data()
    made = Run.create(experiment, args.run_dir, args.plugin)
    gaps = splits.table.n_filled
    if gaps:
        were = (
            "gap in the data was filled by a straight line"
            if gaps == 1
            else "gaps in the data were filled by straight lines"
        )
        _say(f"{gaps} {were}")
    _say(f"{made.path}: {n_parameters(experiment.model)} parameters, {len(splits.train)} training windows")
    stop = _train(made, splits)
    if stop is not None:
        _say(f"interrupted; the weights so far are in {made.path / 'checkpoints' / 'last'}")
        _say(f"score them with: minidl evaluate {made.path} --checkpoint last")
        return 128 + stop
    scores = made.evaluate(splits)
    figures = draw(made, splits, scores)
    if args.json:
        print_json({"run": str(made.path), "figures": [str(path) for path in figures], **scores})
    else:
        print(report(made, splits, scores))
        what = "scores, log, checkpoints, figures" if figures else "scores, log, checkpoints"
        print(f"{made.path}: {what}")
        print(f"next: minidl predict {made.path}")
    return 0


def _train(made: Run, splits: Splits) -> int | None:
    """Train; the number of the signal that stopped it, or None."""
    progress = Progress()
    with StopOnSignal() as stop:
        try:
            history = made.train(splits, [progress], should_stop=stop)
        finally:
            progress.close()
    return stop.signal if len(history) < made.experiment.training.epochs else None


def draw(made: Run, splits: Splits, scores: dict[str, object]) -> list[Path]:
    """The run's figures, or one line where matplotlib is missing."""
    from minidl import plotting

    if not plotting.have_matplotlib():
        _say('no figures: matplotlib is not installed (pip install "minidl[plot]")')
        return []
    return plotting.save_figures(made, splits, scores)


def report(made: Run, splits: Splits, scores: dict[str, object]) -> str:
    """The table of scores, and which weights they are of."""
    table = score_table(scores, made.experiment, splits.table.step_name())
    return f"\n{table}\n\nmodel: the weights of epoch {scores['epoch']} ({scores['checkpoint']})"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
