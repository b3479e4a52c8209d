"""Truncated backpropagation along several series: a stream, or several, of each, and none over a border."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from long_series import net, trainer
from several import LENGTHS, data, lines, write

from minidl import LSTMLayer
from minidl.core.errors import DataError
from minidl.data import Windows
from minidl.experiment import load_experiment
from minidl.runs.run import Run
from minidl.training import Arrays

NAMES = ("east", "north", "south")  # of 70, 60 and 50 rows; of each 15 test and 12 validate


def parts(tmp_path: Path, **more: Any) -> Any:
    return data(write(tmp_path, lines(**more)), gaps="interpolate").load("float64", every_step=True)


def rows_of(splits: Any, name: str) -> np.ndarray[Any, Any]:
    """(n, 2): the scaled rows of a series that train."""
    number = NAMES.index(name)
    first = splits.table.firsts[number]
    found: np.ndarray[Any, Any] = splits.values[first : first + LENGTHS[name] - 15 - 12]
    return found


def test_each_series_is_a_stretch_with_the_next_rows_as_labels(tmp_path: Path) -> None:
    splits = parts(tmp_path)
    batch = splits.train.series()
    assert batch.lengths.tolist() == [42, 32, 22]
    for i, name in enumerate(NAMES):
        rows, n = rows_of(splits, name), batch.lengths[i]
        np.testing.assert_array_equal(batch.x[i, :n], rows[:-1])
        np.testing.assert_array_equal(batch.target[i, :n, 0], rows[1:, 0])
        assert not batch.x[i, n:].any()
    assert batch.weight is None


def test_what_is_no_label_counts_nothing_in_its_series(tmp_path: Path) -> None:
    batch = parts(tmp_path, gap=("north", 9)).train.series()
    assert np.argwhere(batch.weight[1, :32] == 0).tolist() == [[8]]
    assert batch.weight[0].all()


def test_series_of_one_length_have_no_padding(tmp_path: Path) -> None:
    rows = [line for line in lines() if line[:10] > "2020-03-25"]
    batch = data(write(tmp_path, rows)).load("float64", every_step=True).train.series()
    assert batch.lengths is None
    assert batch.x.shape == (3, 46 - 15 - 12 - 1, 2)


def test_starts_that_leave_one_out_are_no_series(tmp_path: Path) -> None:
    train = parts(tmp_path).train
    with pytest.raises(DataError, match="no series to go along"):
        replace(train, starts=np.delete(train.starts, 50)).series()
    with pytest.raises(DataError, match="no series to go along"):
        replace(train, firsts=(0,)).series()


@pytest.mark.parametrize(("batch_size", "pieces"), [(3, 1), (7, 2)])
def test_training_goes_along_each_from_an_empty_state(tmp_path: Path, batch_size: int, pieces: int) -> None:
    # Caught here: a stream that goes on in the next series, and a state that is carried over.
    splits, layers = parts(tmp_path), [LSTMLayer(3)]
    model, other = net([*layers]), net([LSTMLayer(3)])
    trainer(model, bptt_steps=6, batch_size=batch_size).run(splits.train)
    streams = []
    for name in NAMES:
        rows = rows_of(splits, name)
        n = (len(rows) - 1) // pieces
        first = len(rows) - 1 - n * pieces
        streams += [rows[first + i * n : first + (i + 1) * n + 1] for i in range(pieces)]
    x, y = np.full((len(streams), 42, 2), np.nan), np.full((len(streams), 42, 1), np.nan)
    for i, rows in enumerate(streams):
        x[i, : len(rows) - 1], y[i, : len(rows) - 1, 0] = rows[:-1], rows[1:, 0]
    lengths = np.array([len(rows) - 1 for rows in streams])
    trainer(other, bptt_steps=6, batch_size=len(streams)).run(Arrays(x, y, lengths))
    for name, array in model.params.items():
        np.testing.assert_allclose(array, other.params[name], rtol=1e-10, atol=1e-12)


CONFIG = """
data:
  series: {type: CSVSeries, path: shops.csv, target: sales, features: [sales, visits], time: date, series_by: shop}
  time_steps: 5
  test_size: 15
  validation: {type: TailValidation, size: 12}
model:
  type: Sequential
  layers: [{type: LSTMLayer, hidden_size: 3}, {type: Dense, output_size: 1}]
optimizer: {type: Adam, learning_rate: 0.01}
training: {epochs: 2, batch_size: 3, bptt_steps: 10, refit: true}
evaluation: {horizons: [4, 1], checkpoint: best}
engine: numpy
"""


def test_a_config_trains_scores_and_predicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, lines())
    Path("shops.yaml").write_text(CONFIG)
    experiment = load_experiment("shops.yaml")
    splits = experiment.load_data()
    run = Run.create(experiment, Path("run"))
    assert isinstance(splits.train, Windows)
    run.train(splits)
    assert run.evaluate(splits)["lead"]["4"]["rmse"] > 0
    assert tuple(run.predict().series) == NAMES
