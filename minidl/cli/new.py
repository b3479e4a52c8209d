"""Write a starter: minidl new experiment NAME, a config with every key explained; minidl new cell NAME, a cell"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from minidl.cli.new_cell import write_cell
from minidl.cli.new_from import config_from
from minidl.core.errors import ConfigError
from minidl.core.output import show
from minidl.core.text import shell_word
from minidl.files.appending import write_new

TEMPLATE = """\
# An experiment for minidl. Check it with    minidl check {file}
# and run it with                            minidl train {file}

seed: 0                       # the same seed gives the same run, bit for bit
dtype: float32                # or float64

data:
  # Your own table instead:
  # series:
  #   type: CSVSeries
  #   path: my_data.csv       # from the folder where minidl is started
  #   target: demand          # the column to forecast, one row ahead
  #   features: [demand, temperature]
  #   time: date              # column with ISO timestamps; without it, nothing is known of hours and days
  #   gaps: interpolate       # or refuse. In the test part a gap takes the last known value
  #   units: MW
  series: BeijingPM25         # hourly, 2010-2014, shipped with minidl
  time_steps: 24              # rows a window
  test_size: 8760             # rows at the end that are only for the final scores
  scaler: {{type: MinMaxScaler, fit_on: train}}
  validation: {{type: TailValidation, size: 8760}}   # the rows before the test part

model:
  type: Sequential
  layers:
    - {{type: RecurrentLayer, hidden_size: 8}}       # add a second one for a deep net
    - {{type: LastStep}}                             # forecast from the state after the last row
    - {{type: Dense, output_size: 1}}

loss: HalfMSE                 # minidl list losses
optimizer: {{type: Adam, learning_rate: 0.002}}      # minidl list optimizers

training:
  epochs: 20
  batch_size: 64
  clip_norm: 1.0              # largest norm of the gradient; null: no clipping

evaluation:
  horizons: [8, 4, 2, 1]      # rows ahead that are scored
  checkpoint: best            # the weights with the lowest validation loss; or last
  future_covariates: hold_last   # later rows of the other columns are not known: they stay as they were,
                                 # in the scores as in minidl predict
"""


SEQUENCES = """\
# An experiment for minidl. Check it with    minidl check {file}
# and run it with                            minidl train {file}

seed: 0                       # the same seed gives the same run, bit for bit
dtype: float32                # or float64

data:
  type: Sequences
  # Your own sequences instead, in a table with a row for each step:
  # source:
  #   type: CSVSequences
  #   path: my_data.csv       # from the folder where minidl is started
  #   sequence: patient       # the column that says which sequence a row belongs to
  #   time: t                 # the column that orders its rows
  #   features: [x, y]        # what the model sees
{own}
  source: {{type: Waves, learn: {learn}, n_sequences: 600}}   # noisy waves, generated
  split: {{type: FractionSplit, test: 0.2, validation: 0.2}}   # or GroupSplit, TimeSplit
  scaler: MinMaxScaler

model:
  type: Sequential
  layers:
    - {{type: RecurrentLayer, hidden_size: 16}}      # add a second one for a deep net
{ends}

loss: {loss}
optimizer: {{type: Adam, learning_rate: 0.005}}      # minidl list optimizers

training:
  epochs: 20
  batch_size: 32
  clip_norm: 1.0              # largest norm of the gradient; null: no clipping

evaluation:
  type: {task}
  checkpoint: best            # the weights with the lowest validation loss; or last
"""
LABELS = """\
  #   label: way              # the column with the class
  #   labels: [up, down]      # all classes, one output each"""
NUMBERS = "  #   targets: [size, weight]   # the columns with the numbers to learn, one output each"
LAST = "    - {type: LastStep}                             # from the state after the last step\n"
DENSE = "    - {type: Dense, output_size: %d}                # one output for each %s"
LEARNED = {
    "Classify": {"learn": "shape", "own": LABELS, "ends": LAST + DENSE % (3, "class"), "loss": "CrossEntropy"},
    "Label": {"learn": "half", "own": LABELS, "ends": DENSE % (2, "class, at every step"), "loss": "CrossEntropy"},
    "Regress": {"learn": "numbers", "own": NUMBERS, "ends": LAST + DENSE % (3, "number"), "loss": "HalfMSE"},
}


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("what", choices=("experiment", "cell"), help="what to write")
    parser.add_argument("name", metavar="NAME", help="the file becomes NAME.yaml in this folder, or NAME.py")
    tasks = ("Forecast", *LEARNED)
    parser.add_argument("--from", metavar="TABLE", dest="table", type=Path, help="write it for this CSV file")
    parser.add_argument("--target", metavar="COLUMN", help="with --from: the column to forecast")
    parser.add_argument("--time-format", metavar="FORM", help="with --from: of its times, as for strptime: %%d/%%m/%%Y")
    parser.add_argument("--task", choices=tasks, help="what the model is for; default Forecast")


def run(args: argparse.Namespace) -> int:
    """Write the file, unless there is one."""
    if args.table is None and (args.target or args.time_format):
        raise ConfigError(f"--{'target' if args.target else 'time-format'}: also needs --from TABLE.")
    if args.table is not None and (args.what == "cell" or args.task in LEARNED):
        raise ConfigError("--from: makes an experiment that forecasts, and nothing else.")
    if args.table is not None and not args.target:
        raise ConfigError("--from: also needs --target, the column to forecast.")
    if args.what == "cell":
        if args.task:
            raise ConfigError("--task: only an experiment has one.")
        write_cell(args.name)
        return 0
    if not re.fullmatch(r"\w[\w.-]{0,99}", args.name):
        raise ConfigError(f"NAME: expected letters, digits, '_', '-' and '.', got {args.name!r}.")
    path = Path(f"{args.name.removesuffix('.yaml')}.yaml")
    text = TEMPLATE.format(file=path)
    if args.task in LEARNED:
        text = SEQUENCES.format(file=path, task=args.task, **LEARNED[args.task])
    if args.table is not None:
        text = config_from(args.table, args.target, args.time_format, path)
    try:
        write_new(path, text.encode())
    except FileExistsError as err:
        raise ConfigError(f"{path}: exists already; choose another name.") from err
    show(f"{path}: written; next: minidl train {shell_word(path)}")
    return 0
