"""Forecast from the end of a table: the run's own series, or another file of the same form."""

from __future__ import annotations

import argparse
import csv
import io
import os
from pathlib import Path
from typing import Any

from minidl.cli.common import load_plugins, print_json
from minidl.cli.runs import opened
from minidl.core.errors import ConfigError, StorageError
from minidl.core.output import say, show
from minidl.core.text import aligned
from minidl.files.appending import write_new
from minidl.files.reading import user_path
from minidl.runs.ensemble import Ensemble
from minidl.tasks import Prediction


def run(args: argparse.Namespace) -> int:
    """Load, forecast, write."""
    load_plugins(args)
    made = opened(args)
    output = None if args.output is None else user_path(args.output)
    if output is not None and os.path.lexists(output):
        raise ConfigError(f"--output {output}: exists already; choose another file.")
    if isinstance(made, Ensemble):
        predicted: Prediction = made.predict(args.input, args.horizon, args.later)
    else:
        predicted = made.predict(args.input, args.horizon, args.checkpoint, args.later)
    head, *rows = predicted.table()
    if args.json:
        print_json(predicted.found())
    if output is None and not args.json:
        show(*aligned([head, *([cell if isinstance(cell, str) else shown(cell) for cell in row] for row in rows)]))
    if output is not None:
        _write(output, [head, *rows])
        (say if args.json else show)(f"{output}: {predicted.where()}")
    say(predicted.said())
    return 0


def shown(value: float) -> str:
    """A number for the screen: four digits, or all before the point if those are more. Files get all digits."""
    return f"{value:.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"


def _write(path: Path, rows: list[list[Any]]) -> None:
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows(rows)
    try:
        write_new(path, table.getvalue().encode())
    except FileExistsError as err:
        raise StorageError(f"--output {path}: cannot write: File exists.") from err
    except StorageError as err:
        raise StorageError(*(f"--output {line}" for line in err.lines)) from err
