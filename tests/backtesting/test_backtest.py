"""Backtests: what each fold sees, what it is scored on, and that nothing leaks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import several
from small import hourly_rows, write_csv

from minidl.backtesting import folds
from minidl.backtesting.folds import Fold, edges_of, longest, read_table, run_fold, stretch
from minidl.backtesting.leaks import check_no_backtest_leak
from minidl.backtesting.result import by_lead, by_origin, result
from minidl.comparison.leaks import LeakError
from minidl.comparison.trials import train_in_memory
from minidl.core.errors import DataError
from minidl.experiment import Experiment, load_experiment
from minidl.forecasting import Persistence, Rows, lead_scores, model_forecaster
from minidl.plotting import backtest_figure

Capture = pytest.CaptureFixture[str]


def small(*overrides: str) -> Experiment:
    return load_experiment("small.yaml", overrides)


def asked(number: int, count: int = 3, *overrides: str) -> Fold:
    experiment = small(*overrides)
    return Fold(experiment.to_config(), experiment.seed, number, edges_of(experiment, 240, count))


def test_stretches_cut_the_test_part_evenly(folder: Path) -> None:
    assert edges_of(small(), 240, 1) == (180, 240)
    assert edges_of(small(), 240, 4) == (180, 195, 210, 225, 240)
    assert edges_of(small("data.test_size=61"), 240, 2) == (179, 209, 240)
    with pytest.raises(DataError, match=r"test_size: 60 of 60 rows leave none for training\."):
        edges_of(small(), 60, 2)


def test_a_fold_is_the_training_on_a_table_that_ends_with_its_stretch(folder: Path) -> None:
    record = run_fold(asked(1))
    assert record["rows"] == [200, 220]
    assert record["times"] == ["2013-01-09 08:00:00", "2013-01-10 03:00:00"]
    write_csv("air.csv", hourly_rows()[:220])
    experiment = small("data.test_size=20")
    parts = experiment.load_data()
    trained = train_in_memory(experiment, parts)
    assert record["epoch"] == trained.epoch
    for name, forecaster in (
        ("model", model_forecaster(parts, experiment.scored_model, "hold_last")),
        ("persistence", Persistence(Rows.of(parts.table, parts.values, 6))),
    ):
        for lead, scores in lead_scores(parts, forecaster, 4).items():
            assert record["scores"][lead][name]["rmse"] == pytest.approx(scores["rmse"], rel=1e-12)
    assert record["scores"]["1"]["model"]["n"] == 20 - 6 - 3
    assert record["kept"] == {}


def test_the_first_model_is_scored_on_each_stretch_with_what_is_known_by_then(folder: Path) -> None:
    record = run_fold(asked(0))
    assert record["kept"].keys() == {"0", "1", "2"}
    for lead, row in record["scores"].items():
        assert record["kept"]["0"][lead]["model"] == row["model"]
    experiment = small()  # trained before row 180
    parts = experiment.load_data()
    train_in_memory(experiment, parts)
    starts = np.arange(220, 240 - 6 - 4 + 1)
    forecast = parts.scale.unscale(model_forecaster(parts, experiment.scored_model, "hold_last")(starts, 4), 0)
    for j in range(4):
        error = forecast[:, j] - parts.table.values[starts + 6 + j, 0]
        assert record["kept"]["2"][str(j + 1)]["model"]["rmse"] == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-12)


@pytest.mark.parametrize(
    "override",
    ["training.refit=true", "data.series.gaps=interpolate", "data.validation={type: TailValidation, size: 30}"],
)
def test_no_fold_depends_on_later_rows(folder: Path, override: str) -> None:
    check_no_backtest_leak(small("training.epochs=1", override), 2)


def test_planted_leaks_of_a_backtest_are_caught(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = small("training.epochs=1")
    with monkeypatch.context() as patch:  # one row of the stretch teaches
        patch.setattr(
            folds, "stretch", lambda experiment, table, length, left: stretch(experiment, table, length - 1, left)
        )
        with pytest.raises(LeakError, match=r"small: fold 1: the weights depend on rows from 2013-01-08 12:00:00 on"):
            check_no_backtest_leak(experiment, 2)
    with monkeypatch.context() as patch:  # the table goes on after the stretch
        patch.setattr(folds, "rows_until", lambda table, left, by_time: table)
        with pytest.raises(LeakError, match=r"fold 1: the (weights|scores) depend"):
            check_no_backtest_leak(experiment, 2)
    with monkeypatch.context() as patch:  # the kept model is scored on windows of the next stretch
        patch.setattr(folds, "within", lambda splits, first, stop: splits)
        with pytest.raises(
            LeakError, match="fold 1: its scores on stretch 1 depend on rows from 2013-01-09 18:00:00 on"
        ):
            check_no_backtest_leak(experiment, 2)


def test_folds_without_scores_are_left_out_of_the_median(folder: Path) -> None:
    records = [run_fold(asked(number, 2)) for number in range(2)]
    records[1] |= {"scores": {}, "error": "it broke"}
    found = result(records, name="small", seed=3, units="", step="h", of_targets={})
    one = records[0]["scores"]["2"]["model"]["r2"]
    assert found["over_folds"]["retrained"]["2"]["r2"] == {"median": one, "lowest": one, "highest": one}
    assert by_origin(found, "r2", [4, 1])[2][2:] == ["-"] * 5
    assert by_lead(found, "rmse", [1])[0] == ["RMSE, over folds", "1 h"]


def test_rows_that_have_changed_their_number_are_refused(folder: Path) -> None:
    fold = asked(0)
    write_csv("air.csv", hourly_rows()[:239])
    with pytest.raises(Exception, match="the series has 239 rows now; it had 240 when the backtest began"):
        read_table(fold)


def test_the_picture_has_a_line_for_each_forecaster_and_gaps_where_nothing_is_known() -> None:
    pytest.importorskip("matplotlib")
    figure = backtest_figure(
        ["a", "b"],
        {"one": [1.0, None], "two": [2.0, 3.0]},
        {"one": [(1, 0, 2), (2, 1, 3)], "two": [(2, 2, 2), (3, 3, 3)]},
    )
    left, right = figure.axes
    assert [line.get_label() for line in left.lines] == ["one", "two"]
    assert np.isnan(left.lines[0].get_ydata()[1])
    np.testing.assert_array_equal(right.lines[1].get_ydata(), [2, 3])
    assert len(right.collections) == 1


# --- several series

SEVERAL = """
data:
  series: {type: CSVSeries, path: shops.csv, target: sales, features: [sales, visits], time: date, series_by: shop}
  time_steps: 4
  test_size: 24
  validation: {type: TailValidation, size: 10}
model:
  type: Sequential
  layers: [{type: RecurrentLayer, hidden_size: 3}, {type: LastStep}, {type: Dense, output_size: 1}]
optimizer: {type: Adam, learning_rate: 0.01}
training: {epochs: 2, batch_size: 16}
evaluation: {horizons: [3, 1]}
engine: numpy
dtype: float64
"""


@pytest.fixture
def shops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    """Three shops of 60, 50 and 70 days that end on one day."""
    monkeypatch.chdir(tmp_path)
    several.write(tmp_path, several.lines())
    Path("shops.yaml").write_text(SEVERAL)
    return load_experiment("shops.yaml")


def test_a_fold_of_several_series_leaves_out_the_end_of_each(shops: Experiment) -> None:
    # Caught here: rows counted over the whole table, and R² of values in units, which a large shop leads.
    table = shops.data.series.read()  # type: ignore[attr-defined]
    edges = edges_of(shops, longest(table), 2)
    assert edges == (46, 58, 70)
    record = run_fold(Fold(shops.to_config(), shops.seed, 0, edges))
    assert (record["rows"], record["times"]) == ([46, 58], ["2020-04-17 00:00:00", "2020-04-28 00:00:00"])
    ends = sorted(line for line in several.lines() if line[:10] <= "2020-04-28")
    several.write(Path.cwd(), ends)
    alone = load_experiment("shops.yaml", ["data.test_size=12"])
    parts = alone.load_data()
    train_in_memory(alone, parts)
    expected = lead_scores(parts, model_forecaster(parts, alone.scored_model, "hold_last"), 3)
    for lead, scores in expected.items():
        made = record["scores"][lead]["model"]
        assert made["n"] == 3 * (12 - 4 - 2)
        for metric in ("rmse", "r2", "mae"):
            assert made[metric] == pytest.approx(scores[metric], rel=1e-9)
        assert record["kept"]["0"][lead]["model"] == made
        assert record["kept"]["1"][lead]["model"]["n"] == made["n"]


def test_no_fold_of_several_series_depends_on_later_rows(shops: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    check_no_backtest_leak(shops, 2)
    monkeypatch.setattr(folds, "rows_until", lambda table, left, by_time: table)
    with pytest.raises(LeakError, match=r"fold 1: the weights depend on rows from 2020-04-17 00:00:00 of east on"):
        check_no_backtest_leak(shops, 2)


def test_series_that_end_at_different_times_have_stretches_of_their_own(shops: Experiment) -> None:
    left = [line for line in several.lines() if not (",south," in line and line[:10] > "2020-05-01")]
    several.write(Path.cwd(), left)
    table = shops.data.series.read()  # type: ignore[attr-defined]
    record = run_fold(Fold(shops.to_config(), shops.seed, 1, edges_of(shops, longest(table), 2)))
    assert record["times"] == ["2020-04-20 00:00:00", "2020-05-10 00:00:00"]


def test_what_is_known_ahead_is_known_within_a_fold_alone(shops: Experiment) -> None:
    experiment = load_experiment("shops.yaml", ["data.series.known_ahead=[visits]"])
    check_no_backtest_leak(experiment, 2)
