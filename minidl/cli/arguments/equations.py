"""Print the equations of a cell, such as LSTMLayer: one time step forward, its gradient, and the sums over time."""

from __future__ import annotations

import argparse

from minidl.cli.arguments.shared import add_arguments, add_plugin


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("cell", metavar="CELL", help="a cell's name, or FILE.py:CLASS")
    add_arguments(parser)
    parser.add_argument("--latex", action="store_true", help="for a LaTeX document with the package amsmath")
    add_plugin(parser)
