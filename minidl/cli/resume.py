"""Go on with a run that was killed or interrupted, then score it and draw, as train does."""

from __future__ import annotations

import argparse

from minidl.cli.common import load_plugins
from minidl.cli.training import train_and_report
from minidl.core.errors import ConfigError
from minidl.core.output import say
from minidl.runs.drawing_apart import DrawnApart
from minidl.runs.resuming import resume
from minidl.runs.run import Run
from minidl.training.threads import one_blas_thread


def run(args: argparse.Namespace) -> int:
    """Load, train the rest, evaluate, draw."""
    load_plugins(args)
    if args.overrides and not args.allow_changes:
        raise ConfigError("--set changes the run's config; it needs --allow-changes.")
    made = Run.open(args.run, unchanged=False, overrides=args.overrides)
    parts = made.experiment.load_data()
    say(*parts.notes(), f"{made.path}: going on up to epoch {made.experiment.training.epochs}")
    changes = {"allow_changes": args.allow_changes, "allow_fallback": args.allow_fallback}
    with one_blas_thread(), DrawnApart(made.experiment, parts) as apart:
        return train_and_report(made, parts, args, lambda *watch: resume(made, parts, *watch, **changes), apart)
