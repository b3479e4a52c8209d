"""Several series in one table: a run predicts the next rows of each, and so does an ensemble."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from several import lines, values_of, write

from minidl.core.errors import DataError
from minidl.experiment import load_experiment
from minidl.forecasting.scores import block_starts
from minidl.runs.ensemble import Ensemble
from minidl.runs.run import Run

T, TEST = 5, 15
NAMES = ("east", "north", "south")
CONFIG = """
data:
  series: {type: CSVSeries, path: shops.csv, target: sales, features: [sales, visits], time: date, series_by: shop}
  time_steps: 5
  test_size: 15
  validation: {type: TailValidation, size: 12}
model:
  type: Sequential
  layers: [{type: RecurrentLayer, hidden_size: 3}, {type: LastStep}, {type: Dense, output_size: 1}]
loss: HalfMSE
optimizer: {type: Adam, learning_rate: 0.01}
training: {epochs: 1, batch_size: 16}
evaluation: {horizons: [4, 1]}
engine: numpy
"""


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, lines())
    Path("shops.yaml").write_text(CONFIG, encoding="utf-8")
    made = []
    for seed in (1, 2):
        experiment = load_experiment("shops.yaml", [f"seed={seed}"])
        run = Run.create(experiment)
        parts = experiment.load_data()
        run.train(parts)
        run.evaluate(parts)
        made.append(Run.open(run.path))
    return made


def test_a_run_predicts_the_next_rows_of_each_series(runs: list[Run], tmp_path: Path) -> None:
    run = runs[0]
    ahead = run.predict(None, 2)
    head, *rows = ahead.table()
    assert head == ["series", "time", "sales"]
    assert [row[:2] for row in rows] == [
        [name, time] for name in NAMES for time in ("2020-05-11 00:00:00", "2020-05-12 00:00:00")
    ]
    # The same as the forecaster's on the series alone, continued, in its own scale.
    for name in NAMES:
        own = values_of(name)
        low, spread = own[:-TEST].min(axis=0), own[:-TEST].max(axis=0) - own[:-TEST].min(axis=0)
        window = ((own[-T:] - low) / spread).astype(np.float32)
        y = float(run.experiment.model(window[None])[0, 0]) * spread[0] + low[0]
        assert next(row[2] for row in rows if row[0] == name) == pytest.approx(y, rel=1e-5)
    assert set(json.loads(json.dumps(ahead.found()))["series"]) == set(NAMES)
    assert pickle.loads(pickle.dumps(ahead)).table() == ahead.table()
    assert ahead.where() == "2 rows ahead of the end of each of 3 series"


def test_a_table_of_other_series_is_predicted_as_far_as_it_was_trained_on(runs: list[Run], tmp_path: Path) -> None:
    fewer = tmp_path / "fewer.csv"
    south = [line for line in lines() if ",south," in line]
    fewer.write_text("\n".join(["date,shop,sales,visits", *south]) + "\n", encoding="utf-8")
    (one,) = runs[0].predict(fewer, 1).table()[1:]
    assert one == next(row for row in runs[0].predict(None, 1).table() if row[0] == "south")
    fewer.write_text(fewer.read_text(encoding="utf-8").replace("south", "soth"), encoding="utf-8")
    with pytest.raises(DataError, match=r"'soth' was not in the training.*did you mean south"):
        runs[0].predict(fewer, 1)


def test_an_ensemble_predicts_each_series_and_is_scored(runs: list[Run]) -> None:
    ensemble = Ensemble(runs)
    weights = ensemble.weights(ensemble.load_data())
    members = [run.predict(None, 1).table()[1:] for run in runs]
    for i, row in enumerate(ensemble.predict(None, 1).table()[1:]):
        expected = sum(weights.values[m, 0] * members[m][i][2] for m in range(2))
        assert row[2] == pytest.approx(expected, rel=1e-6)
    splits = ensemble.load_data()
    scores = ensemble.evaluate(splits)
    forecasts = []
    starts = block_starts(splits[0], 1)
    for member, parts in zip(ensemble.members(splits), splits, strict=True):
        forecasts.append(parts.scale_at(starts).unscale(member.forecaster(starts, 1), 0))
    mean = sum(weights.values[m, 0] * forecasts[m] for m in range(2))
    truth = splits[0].table.values[starts + T, 0]
    assert scores["block"]["1"]["rmse"] == pytest.approx(np.sqrt(np.mean((mean[:, 0] - truth) ** 2)), rel=1e-5)


def test_a_saved_scale_is_that_of_the_training(runs: list[Run]) -> None:
    made = runs[0].scale()
    parts = runs[0].experiment.load_data()
    assert made.series == NAMES
    np.testing.assert_array_equal(made.offset, parts.scale.offset)
    np.testing.assert_array_equal(made.range, parts.scale.range)


def test_a_series_that_was_not_trained_on_is_predicted_on_a_scale_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, lines())
    Path("shops.yaml").write_text(CONFIG)
    experiment = load_experiment("shops.yaml", ["data.scaler={type: StandardScaler, per_series: false}"])
    run, parts = Run.create(experiment, Path("run")), experiment.load_data()
    run.train(parts)
    scores = run.evaluate(parts)
    assert scores["assumptions"][-1] == "R² and loss are of values on one scale for all series, 3 in all"
    # Levels are told apart, so that "same as now" explains nearly all of the variance between them.
    assert scores["baselines"]["persistence"]["lead"]["1"]["r2"] > 0.9
    south = [line.replace(",south,", ",west,") for line in lines() if ",south," in line]
    Path("other.csv").write_text("\n".join(["date,shop,sales,visits", *south]) + "\n")
    made = run.predict(Path("other.csv"), 2)
    assert tuple(made.series) == ("west",)
    assert made.series["west"].values.tolist() == run.predict(None, 2).series["south"].values.tolist()
