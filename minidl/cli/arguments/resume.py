"""Go on with a run that was killed or interrupted, then score it and draw, as train does.

The result is that of a run that never stopped, byte for byte. A run whose
config, data or versions have changed is refused.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from minidl.cli.arguments.shared import add_json, add_overrides, add_plugin


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
