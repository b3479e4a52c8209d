"""Check a layer of your own: gradients, shapes, re-entrancy, config, one line a check."""

from __future__ import annotations

import argparse

from minidl.cli.arguments.shared import add_arguments, add_json


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("layer", metavar="FILE.py:CLASS", help="the layer's file and class")
    add_arguments(parser)
    parser.add_argument(
        "--input-shape",
        default="5,3",
        metavar="TIME,FEATURES",
        help="input without the batch axis; default 5,3. One number: features only",
    )
    add_json(parser)
