"""Find the widths of a stack that meet a budget of parameters or multiply-adds, for each depth asked.

MODEL gives the kind of its recurrent layers and what follows them; their number and
widths are chosen. Example: minidl budget rnn_single --parameters 85 --depths 1,2
"""

from __future__ import annotations

import argparse

from minidl.cli.arguments.shared import add_json, add_plugin


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("model", metavar="MODEL", help="a model file, or a shipped name (minidl list models)")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--parameters", type=int, metavar="N", help="the number of parameters to meet")
    what.add_argument("--multiply-adds", type=int, metavar="N", help="the multiply-adds for one window to meet")
    parser.add_argument("--depths", default="1,2,3", metavar="D,D,...", help="numbers of layers; default 1,2,3")
    parser.add_argument(
        "--input-shape", default="24,6", metavar="TIME,FEATURES", help="of a window; default 24,6, the PM2.5 data"
    )
    add_plugin(parser)
    add_json(parser)
