"""Write a starter: minidl new experiment NAME, a config with every key explained; minidl new cell NAME, a cell"""

from __future__ import annotations

import argparse
from pathlib import Path

from minidl.cli.new_texts import LEARNED


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("what", choices=("experiment", "cell"), help="what to write")
    parser.add_argument("name", metavar="NAME", help="the file becomes NAME.yaml in this folder, or NAME.py")
    tasks = ("Forecast", *LEARNED)
    parser.add_argument(
        "--from", metavar="TABLE", dest="table", type=Path, help="write it for this CSV or Parquet file"
    )
    parser.add_argument(
        "--target",
        metavar="COLUMN",
        action="append",
        help="with --from: the column to forecast, or the only one of numbers; once more for a second",
    )
    parser.add_argument("--time-format", metavar="FORM", help="with --from: of its times, as for strptime: %%d/%%m/%%Y")
    parser.add_argument(
        "--time-zone", metavar="ZONE", help="with --from: where its times are local: Europe/Berlin; they become UTC"
    )
    parser.add_argument(
        "--series-by",
        metavar="COLUMN",
        action="append",
        help='with --from: the column that tells several series apart; once more for a second; "": it is one series',
    )
    parser.add_argument("--task", choices=tasks, help="what the model is for; default Forecast")
