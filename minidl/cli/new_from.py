"""minidl new experiment NAME --from TABLE --target COLUMN: a config for a table, with what was found in it"""

from __future__ import annotations

import json
from pathlib import Path

from minidl.core.output import show
from minidl.core.text import counted, printable
from minidl.data.tables.looking import Findings, look_at

CONFIG = """\
# An experiment for minidl. Check it with    minidl check {file}
# and run it with                            minidl train {file}
# What was found in the table, and assumed:
{found}

seed: 0                       # the same seed gives the same run, bit for bit

data:
  series:
    type: CSVSeries
{keys}
  time_steps: {time_steps}              # rows a window
  test_size: {test_size}              # rows at the end that are only for the final scores
  scaler: {{type: MinMaxScaler, fit_on: train}}
  validation: {{type: TailValidation, size: {validation}}}   # the rows before the test part

model:
  type: Sequential
  layers:
    - {{type: RecurrentLayer, hidden_size: 8}}       # add a second one for a deep net
    - {{type: LastStep}}                             # forecast from the state after the last row
    - {{type: Dense, output_size: 1}}

loss: HalfMSE
optimizer: {{type: Adam, learning_rate: 0.002}}

training:
  epochs: 20
  batch_size: 64
  clip_norm: 1.0              # largest norm of the gradient

evaluation:
  horizons: {horizons}      # rows ahead that are scored
  checkpoint: best            # the weights with the lowest validation loss
  future_covariates: hold_last   # later rows of the other columns are not known: they stay as they were
"""


def config_from(table: Path, target: str, time_format: str | None, file: Path) -> str:
    """The text of a config for a table; what was found is shown.

    Raises
    ------
    ConfigError
        No such column, or something is to be decided.
    DataError, StorageError
        The table cannot be read.
    """
    look = look_at(table, target, time_format)
    words = [*look.words, _size(look)]
    for line in words:
        show(printable(f"{table}: {line}"))
    rows = len(look.table)
    test, validation = max(2, rows // 5), max(2, rows // 8)
    time_steps = max(1, min(24, rows // 12))
    return CONFIG.format(
        file=printable(file),
        found="\n".join(f"# - {printable(line)}" for line in words),
        keys="\n".join(f"    {key}: {json.dumps(value, ensure_ascii=True)}" for key, value in look.keys.items()),
        time_steps=time_steps,
        test_size=test,
        validation=validation,
        horizons=[k for k in (8, 4, 2, 1) if k <= max(1, (test - 1) // 2)],
    )


def _size(look: Findings) -> str:
    return (
        f"the table has {counted(len(look.table), 'row')}, a {look.table.step_name()} apart, {look.table.n_filled} gaps"
    )
