"""Check configs: keys, types, bounds and shapes. No data is read, nothing is written."""

from __future__ import annotations

import argparse

from minidl.cli.common import add_overrides, add_plugin, load_plugins
from minidl.cli.output import say, show
from minidl.errors import ConfigError
from minidl.experiment import load_experiment
from minidl.layer import n_parameters


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("configs", metavar="CONFIG", nargs="+", help="config files, or names of shipped ones")
    add_overrides(parser)
    add_plugin(parser)


def run(args: argparse.Namespace) -> int:
    """One line a config that is right; all problems of one that is not."""
    load_plugins(args)
    code = 0
    for config in args.configs:
        try:
            experiment = load_experiment(config, args.overrides)
            grid = f", {_points(config, args)} experiments" if experiment.sweep else ""
            show(f"{config}: ok, {n_parameters(experiment.model)} parameters{grid}")
        except ConfigError as err:
            say(*err.lines)
            code = err.exit_code
    return code


def _points(config: str, args: argparse.Namespace) -> int:
    """How many experiments a config with ``sweep:`` is; each is checked."""
    from minidl.comparison.entries import load_entries

    return len(load_entries([config], args.overrides))
