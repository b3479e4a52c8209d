"""RUN, or several with --ensemble: what evaluate and predict are given."""

from __future__ import annotations

import argparse

from minidl.cli.training import say_plugin_changes
from minidl.core.errors import ConfigError
from minidl.runs.ensemble import Ensemble
from minidl.runs.run import Run


def opened(args: argparse.Namespace) -> Run | Ensemble:
    """The run, or the ensemble of several; a line for each plugin that has changed.

    Raises
    ------
    ConfigError
        Several runs without --ensemble, or an option that an ensemble does not have.
    """
    if len(args.run) > 1 and not args.ensemble:
        raise ConfigError(f"{len(args.run)} runs were given; for their mean forecast add --ensemble.")
    if args.ensemble and args.checkpoint is not None:
        raise ConfigError("--checkpoint: an ensemble takes the weights that each run's config scores; leave it out.")
    made = [Run.open(path) for path in args.run]
    for run in made:
        say_plugin_changes(run)
    return Ensemble(made) if args.ensemble else made[0]
