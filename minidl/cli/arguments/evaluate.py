"""Score a run's weights on the test part, beside the baselines, and draw its figures again; or several runs' mean."""

from __future__ import annotations

import argparse

from minidl.cli.arguments.shared import add_json, add_plugin, add_runs

BY = ("lead", "hour", "month", "season", "level", "series")  # forecasting/groups.py has the scores


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    add_runs(parser)
    parser.add_argument(
        "--by", choices=BY, help="print scores by lead, or by hour, month, season, level or series of what is forecast"
    )
    add_plugin(parser)
    add_json(parser)
