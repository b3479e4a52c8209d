"""Train a config's model, score it beside the baselines, and leave a run folder.

Ctrl-C stops after the current step and saves everything, so that minidl resume can
go on; a second one leaves at once.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from minidl.cli.common import add_config, add_json, config_arguments, load_plugins
from minidl.cli.training import train_and_report
from minidl.core.errors import ConfigError
from minidl.core.layer import n_parameters
from minidl.core.output import say, show
from minidl.core.text import counted
from minidl.experiment import Experiment, load_experiment
from minidl.runs.dry_run import dry_run
from minidl.runs.run import Run


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    add_config(parser)
    parser.add_argument(
        "--run-dir",
        type=Path,
        metavar="DIR",
        help="the run's folder, which must not exist; default: runs/<config>-<NNN>",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="two steps through training, validation, checkpoints, scores and figures, to see that they work; "
        "nothing is left of them",
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Train, evaluate, draw."""
    load_plugins(args)
    experiment = load_experiment(args.config, args.overrides)
    if experiment.sweep:
        raise ConfigError(f"{args.config}: has sweep:, so it is many experiments; run it with minidl compare.")
    if args.dry_run:
        return _dry_run(experiment, args)
    parts = experiment.load_data()
    made = Run.create(experiment, args.run_dir, args.plugin)
    examples = f"{len(parts.train)} training {experiment.evaluation.examples}"
    say(*parts.notes(), f"{made.path}: {n_parameters(experiment.model)} parameters, {examples}")
    return train_and_report(made, parts, args, lambda callbacks, stop: made.train(parts, callbacks, stop))


def _dry_run(experiment: Experiment, args: argparse.Namespace) -> int:
    if args.run_dir is not None or args.json:
        raise ConfigError(f"--dry-run leaves no run and no scores; leave out {'--json' if args.json else '--run-dir'}.")
    parts, epochs = experiment.load_data(), counted(experiment.training.epochs, "epoch")
    say(*parts.notes())
    dry_run(experiment, parts, show)
    show(f"all of it works, and nothing was kept; next, for {epochs}: minidl train {config_arguments(args)}")
    return 0
