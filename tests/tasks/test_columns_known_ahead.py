"""Columns of the user's own that are known ahead: trained on, scored and predicted with, and no leak."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl.comparison.leaks import check_no_leak, find_leaks
from minidl.core.errors import DataError
from minidl.data import known_ahead
from minidl.experiment import load_experiment
from minidl.forecasting import model_forecaster
from minidl.runs.run import Run

N, END = 160, 147  # rows of the whole file; the first row that a prediction is of
CONFIG = """\
dtype: float64
data:
  series:
    type: CSVSeries
    path: known.csv
    target: load
    features: [load, temp, price, day]
    time: time
    categories: {day: {work: 0, free: 1}}
    known_ahead: [price, day]
  time_steps: 5
  test_size: 40
  validation: {type: TailValidation, size: 25}
  derived: [{type: Change, column: price}]
model:
  type: Sequential
  layers: [{type: RecurrentLayer, hidden_size: 3}, {type: LastStep}, {type: Dense, output_size: 1}]
optimizer: {type: Adam, learning_rate: 0.02}
training: {epochs: 2}
evaluation: {horizons: [3, 1]}
"""
STACK = "{type: GRULayer, hidden_size: 2}, {type: Dense, output_size: 1}, {type: StepsAhead, steps: 3}"
DIRECT = f"model={{type: Sequential, layers: [{STACK}]}}"
MODELS = pytest.mark.parametrize("model", [[], [DIRECT]], ids=["recursive", "direct"])


def cells() -> list[list[str]]:
    """time, load, temp, price, day: load follows the price of its own row."""
    rng = np.random.default_rng(3)
    price, temp = rng.gamma(2, 2, N), rng.normal(15, 3, N)
    free = rng.random(N) < 0.2
    load = 50 - 3 * price + 5 * free + rng.normal(0, 0.1, N)
    times = np.datetime64("2024-01-01T00:00") + np.arange(N) * np.timedelta64(60, "m")
    return [
        [str(times[i]), f"{load[i]:.3f}", f"{temp[i]:.2f}", f"{price[i]:.3f}", "free" if free[i] else "work"]
        for i in range(N)
    ]


def write(path: Path, rows: list[list[str]]) -> Path:
    path.write_text("\n".join(["time,load,temp,price,day", *map(",".join, rows)]) + "\n")
    return path


def from_end(rows: list[list[str]], temp: str = "") -> list[list[str]]:
    """Rows from the end on without a target."""
    return [[row[0], "", temp, *row[3:]] if i >= END else row for i, row in enumerate(rows)]


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "known.csv", cells())
    Path("known.yaml").write_text(CONFIG)
    return functools.partial(load_experiment, "known.yaml")


def trained(experiment: Any, model: list[str], epochs: int = 2) -> tuple[Run, Any]:
    made = experiment([*model, f"training.epochs={epochs}"])
    run, parts = Run.create(made, Path("run")), made.load_data()
    run.train(parts)
    return run, parts


@MODELS
def test_predict_is_given_exactly_what_was_scored(experiment: Any, model: list[str]) -> None:
    # Caught here: the last row's price held, and the price of the row before the one that is forecast.
    run, parts = trained(experiment, model)
    task, start = run.experiment.evaluation, np.array([END - 5])
    scored = model_forecaster(parts, run.experiment.scored_model, task.future_covariates)(start, 3)[0]
    expected = parts.scale.unscale(scored, 0)
    inside = run.predict(write(Path("end.csv"), from_end(cells())))
    np.testing.assert_allclose(inside.values, expected, rtol=1e-10)
    other = run.predict(write(Path("past.csv"), cells()[:END]), later=write(Path("later.csv"), from_end(cells())[END:]))
    assert other.values.tolist() == inside.values.tolist()
    assert "3 columns known ahead, as the table says" in other.said()


@MODELS
def test_only_later_rows_of_what_is_known_ahead_change_a_prediction(experiment: Any, model: list[str]) -> None:
    run, _ = trained(experiment, model)
    plain = run.predict(write(Path("end.csv"), from_end(cells()))).values.tolist()
    assert run.predict(write(Path("end.csv"), from_end(cells(), temp="-1e6"))).values.tolist() == plain
    noise = [[row[0], "1e6", "1e6", *row[3:]] for row in cells()[END:]]  # the target, too, in a file of later rows
    assert run.predict(Path("end.csv"), later=write(Path("later.csv"), noise)).values.tolist() == plain
    for column, value in ((3, "25"), (4, "free")):
        for row in range(3):
            rows = from_end(cells())
            rows[END + row][column] = value if value != rows[END + row][column] else "work"
            changed = run.predict(write(Path("end.csv"), rows)).values
            moved = [bool(new != old) for new, old in zip(changed, plain, strict=True)]
            assert moved[:row] == [False] * row
            assert moved[row]


def test_a_model_learns_from_the_price_of_the_row_that_it_forecasts(experiment: Any) -> None:
    run, parts = trained(experiment, [], epochs=30)
    scores = run.evaluate(parts)
    assert scores["block"]["3"]["r2"] > 0.8
    assert scores["baselines"]["linear"]["block"]["3"]["r2"] > 0.99
    assert scores["assumptions"][1] == "3 columns known ahead, as the table says"


def test_as_many_later_rows_are_needed_as_the_model_reads(experiment: Any) -> None:
    run, _ = trained(experiment, [])
    short = write(Path("end.csv"), from_end(cells())[: END + 2])
    assert len(run.predict(short, 2).values) == 2
    with pytest.raises(DataError, match=r"^end.csv: price and day are known ahead, .* needs the 3 rows .* are 2\. "):
        run.predict(short, 3)


def test_a_direct_model_that_reads_no_later_rows_needs_the_next_one_alone(experiment: Any) -> None:
    run, parts = trained(experiment, ["model.layers.2.output_size=3"])
    assert run.evaluate(parts)["assumptions"][0].endswith(
        "nothing of later rows is assumed, but that price, day and price change over 1 row of the next one are known"
    )
    next_one = write(Path("end.csv"), from_end(cells())[: END + 1])
    assert len(run.predict(next_one).values) == 3


@MODELS
@pytest.mark.parametrize("way", ["hold_last", "actual"])
def test_what_is_known_ahead_is_no_leak(experiment: Any, model: list[str], way: str) -> None:
    report = check_no_leak(experiment([*model, f"evaluation.future_covariates={way}", "training.epochs=1"]))
    assert report.from_file
    assert report.assumes_known_covariates == (way == "actual")


def test_a_table_with_later_rows_is_checked_for_leaks_too(experiment: Any) -> None:
    write(Path("known.csv"), from_end(cells()))
    assert check_no_leak(experiment(["training.epochs=1", "data.series.gaps=interpolate"])).from_file


@pytest.mark.parametrize("columns", [[0], [1]], ids=["target", "past only"])
def test_other_columns_that_stand_one_row_early_are_found(
    experiment: Any, monkeypatch: pytest.MonkeyPatch, columns: list[int]
) -> None:
    early = known_ahead.moved_early
    monkeypatch.setattr(known_ahead, "moved_early", lambda values, own, borders: early(values, columns + own, borders))
    leaks = find_leaks(experiment(["training.epochs=1"])).leaks
    assert any("the forecasts of rows before the cut depend on rows after it" in leak for leak in leaks)


def test_a_row_that_comes_early_over_a_border_is_found(experiment: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    early = known_ahead.moved_early
    monkeypatch.setattr(known_ahead, "moved_early", lambda values, own, borders: early(values, own, ()))
    assert any("on the test part" in leak for leak in find_leaks(experiment(["training.epochs=1"])).leaks)
