"""Go on with a run that was killed or interrupted, then score it and draw, as train does.

The result is that of a run that never stopped, byte for byte. A run whose
config, data or versions have changed is refused.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from minidl.cli.common import add_json, add_overrides, add_plugin, load_plugins
from minidl.cli.training import train_and_report
from minidl.core.errors import ConfigError
from minidl.core.output import say
from minidl.runs.drawing_apart import DrawnApart
from minidl.runs.resuming import resume
from minidl.runs.run import Run


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("run", metavar="RUN", type=Path, help="a run folder")
    parser.add_argument(
        "--allow-changes",
        action="store_true",
        help="go on although config, data or versions differ from those of the run",
    )
    parser.add_argument(
        "--allow-fallback",
        action="store_true",
        help="where the last checkpoint is damaged, go on from the one before it",
    )
    add_overrides(parser)
    add_plugin(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Load, train the rest, evaluate, draw."""
    load_plugins(args)
    if args.overrides and not args.allow_changes:
        raise ConfigError("--set changes the run's config; it needs --allow-changes.")
    made = Run.open(args.run, unchanged=False, overrides=args.overrides)
    parts = made.experiment.load_data()
    say(*parts.notes(), f"{made.path}: going on up to epoch {made.experiment.training.epochs}")
    changes = {"allow_changes": args.allow_changes, "allow_fallback": args.allow_fallback}
    with DrawnApart(made.experiment, parts) as apart:
        return train_and_report(made, parts, args, lambda *watch: resume(made, parts, *watch, **changes), apart)
