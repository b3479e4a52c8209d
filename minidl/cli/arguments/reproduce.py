"""Train a run again, from its folder alone, and say whether the result is equal, or where it first differs.

Exit code 0: equal, byte for byte; 1: not.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from minidl.cli.arguments.shared import add_json, add_plugin


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("run", metavar="RUN", type=Path, help="a run folder")
    parser.add_argument(
        "--run-dir",
        type=Path,
        metavar="DIR",
        help="keep the new run in this folder, which must not exist; default: a temporary one, removed at the end",
    )
    add_plugin(parser)
    add_json(parser)
