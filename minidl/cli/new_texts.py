"""The texts of starters: configs with every key explained, to be filled in."""

from __future__ import annotations

FORECAST = """\
# An experiment for minidl. Check it with    minidl check {file}
# and run it with                            minidl train {file}
{about}
seed: 0                       # the same seed gives the same run, bit for bit
dtype: float32                # or float64

data:
{series}
  time_steps: {time_steps:<16}# rows a window
  test_size: {test_size:<17}# rows at the end that are only for the final scores
  scaler: {{type: MinMaxScaler, fit_on: train}}
  validation: {{type: TailValidation, size: {validation}}}   # the rows before the test part
{gaps}
model:
  type: Sequential
  layers:
    - {{type: RecurrentLayer, hidden_size: 8}}       # add a second one for a deep net
    - {{type: LastStep}}                             # forecast from the state after the last row
    - {{type: Dense, output_size: {targets}}}

loss: HalfMSE                 # minidl list losses
optimizer: {{type: Adam, learning_rate: 0.002}}      # minidl list optimizers

training:
  epochs: 20
  batch_size: 64
  clip_norm: 1.0              # largest norm of the gradient; null: no clipping
  # schedule: {{type: Cosine, warmup_steps: 100}}      # of the learning rate: minidl list schedules
  # callbacks: [{{type: EarlyStopping, patience: 5}}, CSVLog]   # minidl list callbacks

evaluation:
  horizons: {horizons!s:<18}# rows ahead that are scored
  checkpoint: best            # the weights with the lowest validation loss; or last
  future_covariates: hold_last   # later rows of the other columns are not known: they stay as they were,
                                 # in the scores as in minidl predict
"""
# What FORECAST is filled with where no table is given.
SHIPPED_SERIES = """\
  # Your own table instead:
  # series:
  #   type: CSVSeries
  #   path: my_data.csv       # from the folder where minidl is started
  #   target: demand          # the column to forecast, one row ahead
  #   features: [demand, temperature]
  #   time: date              # column with ISO timestamps; without it, nothing is known of hours and days
  #   gaps: interpolate       # or refuse. In the test part a gap takes the last known value
  #   units: MW
  series: BeijingPM25         # hourly, 2010-2014, shipped with minidl"""
SHIPPED = {
    "about": "",
    "series": SHIPPED_SERIES,
    "targets": 1,
    "gaps": "",
    "time_steps": 24,
    "test_size": 8760,
    "validation": 8760,
    "horizons": [8, 4, 2, 1],
}

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

loss: {loss:<24}# minidl list losses
optimizer: {{type: Adam, learning_rate: 0.005}}      # minidl list optimizers

training:
  epochs: 20
  batch_size: 32
  clip_norm: 1.0              # largest norm of the gradient; null: no clipping
  # schedule: {{type: Cosine, warmup_steps: 100}}      # of the learning rate: minidl list schedules
  # callbacks: [{{type: EarlyStopping, patience: 5}}, CSVLog]   # minidl list callbacks

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
