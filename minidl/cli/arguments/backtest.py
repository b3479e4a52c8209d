"""Score a config's forecasts from origins that roll forward: trained anew before each, and trained once.

The test part is cut into stretches. Before each the config is trained on all rows until then, with the same seed;
the first of these models is scored on all stretches, too. The folder runs/backtest-<NNN> gets a file for each
stretch, backtest.json and a figure.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from minidl.cli.arguments.shared import add_json, add_overrides, add_plugin, add_workers

FOLDS = 4


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("config", metavar="CONFIG", nargs="?", help="a config of forecasts, or a shipped name")
    parser.add_argument("--folds", type=int, metavar="K", help=f"stretches of the test part; default {FOLDS}")
    add_workers(parser)
    parser.add_argument("--resume", type=Path, metavar="FOLDER", help="go on with this backtest")
    add_overrides(parser)
    add_plugin(parser)
    add_json(parser)
