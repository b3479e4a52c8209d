"""Search good values for keys of a config: those under its search:, by the validation score.

Trials that fall behind are cut short. The folder runs/search-<NNN> gets the trials in a
database (study.db), the best one as a config (best.yaml) and figures. The test part is
not looked at: score the best config with minidl train, or compare it with others.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from minidl.cli.arguments.shared import add_json, add_overrides, add_plugin, add_workers

TRIALS = 50


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("config", metavar="CONFIG", nargs="?", help="a config with search:, or a shipped name")
    parser.add_argument("--trials", type=int, metavar="N", help=f"how many in all; default {TRIALS}")
    add_workers(parser)
    parser.add_argument("--resume", type=Path, metavar="FOLDER", help="go on with this search")
    add_overrides(parser)
    add_plugin(parser)
    add_json(parser)
