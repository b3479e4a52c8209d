"""Check configs: keys, types, bounds and shapes. No data is read, nothing is written."""

from __future__ import annotations

import argparse

from minidl.cli.arguments.shared import add_json, add_overrides, add_plugin


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("configs", metavar="CONFIG", nargs="+", help="config files, or names of shipped ones")
    add_overrides(parser)
    add_plugin(parser)
    add_json(parser)
