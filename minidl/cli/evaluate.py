"""Score a run's weights on the test part, beside the baselines, and draw its figures again."""

from __future__ import annotations

import argparse
from pathlib import Path

from minidl.cli.common import add_json, add_plugin, load_plugins, print_json
from minidl.cli.training import draw, next_line, report, say_plugin_changes
from minidl.core.output import show
from minidl.runs.run import Run


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("run", metavar="RUN", type=Path, help="a run folder")
    parser.add_argument(
        "--checkpoint",
        choices=("init", "last", "best", "refit"),
        help="which weights; default: the config's evaluation.checkpoint. Others are stored as evaluation-<name>.json",
    )
    add_plugin(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Load, score, draw."""
    load_plugins(args)
    made = Run.open(args.run)
    say_plugin_changes(made)
    made.load_weights(args.checkpoint)
    parts = made.experiment.load_data()
    scores = made.evaluate(parts, args.checkpoint)
    configured = scores["checkpoint"] == made.scored_checkpoint()
    if not args.json:
        show(*report(made, parts, scores))  # to be read while the figures are drawn
    if configured:
        draw(made, parts, scores)
    if args.json:
        print_json(scores)
    else:
        name = "evaluation" if configured else f"evaluation-{scores['checkpoint']}"
        show(f"{made.path / name}.json: all scores")
        show(next_line(made, args))
    return 0
