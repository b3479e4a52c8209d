"""Forecast from the end of a table: the run's own series, or another file of the same form.

The values of the other columns in the rows to come are not known; the last
row's are kept for all of them.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
from pathlib import Path

from minidl.cli.common import add_json, add_plugin, aligned, load_plugins, print_json
from minidl.cli.output import say, show
from minidl.cli.session import say_plugin_changes
from minidl.data.steps import time_text
from minidl.errors import ConfigError, StorageError
from minidl.files.appending import write_new
from minidl.files.reading import user_path
from minidl.forecasting.assumptions import KEPT
from minidl.runs import Run

MAX_HORIZON = 10_000


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("run", metavar="RUN", type=Path, help="a run folder")
    parser.add_argument("--input", type=Path, metavar="CSV", help="a table with the columns of the run's series")
    parser.add_argument("--output", type=Path, metavar="CSV", help="write the forecast here (must not exist)")
    parser.add_argument(
        "--horizon", type=int, metavar="K", help="rows ahead; default: the largest of evaluation.horizons"
    )
    parser.add_argument("--checkpoint", choices=("init", "last", "best"), help="which weights")
    add_plugin(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Load, forecast, write."""
    load_plugins(args)
    made = Run.open(args.run)
    say_plugin_changes(made)
    horizon = max(made.experiment.evaluation.horizons) if args.horizon is None else args.horizon
    if not 1 <= horizon <= MAX_HORIZON:
        raise ConfigError(f"--horizon: expected a number of rows from 1 to {MAX_HORIZON:,}, got {horizon}.")
    output = None if args.output is None else user_path(args.output)
    if output is not None and os.path.lexists(output):
        raise ConfigError(f"--output {output}: exists already; choose another file.")
    forecast = made.forecast(args.input, horizon, args.checkpoint)
    times = forecast.times()
    units = f" [{forecast.units}]" if forecast.units else ""
    last = "the table's end" if forecast.last is None else time_text(forecast.last, forecast.utc)
    filled, of = forecast.n_filled
    head = ["time", f"{forecast.target}{units}"]
    values = [float(value) for value in forecast.values]
    if args.json:
        found = {"target": forecast.target, "units": forecast.units, "from": last, "times": times, "values": values}
        print_json({**found, "assumptions": [KEPT], "window_values": of, "filled": filled})
    if output is None and not args.json:
        show(*aligned([head, *([time, shown(v)] for time, v in zip(times, values, strict=True))]))
    if output is not None:
        _write(output, [head, *([time, repr(v)] for time, v in zip(times, values, strict=True))])
        (say if args.json else show)(f"{output}: {horizon} rows ahead of {last}")
    gaps = f", of whose {of} values {filled} {'were gaps' if filled != 1 else 'was a gap'} and filled" if filled else ""
    say(f"from the {made.experiment.data.time_steps} rows up to {last}{gaps}; {KEPT}")
    return 0


def shown(value: float) -> str:
    """A number for the screen: four digits, or all before the point if those are more. Files get all digits."""
    return f"{value:.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"


def _write(path: Path, rows: list[list[str]]) -> None:
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows(rows)
    try:
        write_new(path, table.getvalue().encode())
    except FileExistsError as err:
        raise StorageError(f"--output {path}: cannot write: File exists.") from err
    except StorageError as err:
        raise StorageError(*(f"--output {line}" for line in err.lines)) from err
