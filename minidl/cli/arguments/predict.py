"""Forecast from the end of a table: the run's own series, or another file of the same form.

Of the rows to come, what is known ahead stands after the table's end or in another file; of all other columns
the last row's values are kept. Runs of other tasks predict what the file holds.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from minidl.cli.arguments.shared import add_json, add_plugin, add_runs


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    add_runs(parser)
    parser.add_argument("--input", type=Path, metavar="CSV", help="a table with the columns of the run's series")
    parser.add_argument(
        "--later", type=Path, metavar="CSV", help="rows after the table's end of the columns that are known ahead"
    )
    parser.add_argument("--output", type=Path, metavar="CSV", help="write the forecast here (must not exist)")
    parser.add_argument(
        "--horizon",
        type=int,
        metavar="K",
        help="rows ahead of a forecast; default: the largest of evaluation.horizons",
    )
    add_plugin(parser)
    add_json(parser)
