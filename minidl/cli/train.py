"""Train a config's model, score it beside the baselines, and leave a run folder.

Ctrl-C stops after the current step and saves everything, so that minidl resume can
go on; a second one leaves at once.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from minidl.cli.common import add_config, add_json, load_plugins
from minidl.cli.training import train_and_report
from minidl.core.errors import ConfigError
from minidl.core.layer import n_parameters
from minidl.core.output import say
from minidl.experiment import load_experiment
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
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Train, evaluate, draw."""
    load_plugins(args)
    experiment = load_experiment(args.config, args.overrides)
    if experiment.sweep:
        raise ConfigError(f"{args.config}: has sweep:, so it is many experiments; run it with minidl compare.")
    parts = experiment.load_data()
    made = Run.create(experiment, args.run_dir, args.plugin)
    examples = f"{len(parts.train)} training {experiment.evaluation.examples}"
    say(*parts.notes(), f"{made.path}: {n_parameters(experiment.model)} parameters, {examples}")
    return train_and_report(made, parts, args, lambda callbacks, stop: made.train(parts, callbacks, stop))
