"""Find a learning rate: a short training whose rate grows at every step, and a picture of its loss.

The range test of Smith (2015), from the initial weights, on the training part
alone. The suggestion lies a factor below the rate from which the loss climbs again;
nothing is kept but the picture.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from minidl.cli.arguments.shared import add_config, add_json


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    add_config(parser)
    parser.add_argument("--low", type=float, default=1e-6, metavar="RATE", help="the first rate; default 1e-6")
    parser.add_argument("--high", type=float, default=10.0, metavar="RATE", help="the last rate; default 10")
    parser.add_argument("--steps", type=int, default=300, metavar="N", help="how many; default 300")
    parser.add_argument(
        "--output",
        type=Path,
        metavar="PNG",
        help="the picture; a file of that name is replaced; default: find-rate-<config>.png",
    )
    add_json(parser)
