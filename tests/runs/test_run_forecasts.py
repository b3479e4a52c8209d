"""Forecasts of a run: on which rows, in which scaling, and which tables are refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import hourly_rows, write_csv
from small_runs import trained

from minidl import CorruptFileError, DataError
from minidl.forecasting import model_forecaster
from minidl.runs.run import Run


def test_a_forecast_uses_the_scaling_of_the_training_not_that_of_the_new_table(folder: Path) -> None:
    run, _ = trained()
    rows = hourly_rows()[40:60]
    write_csv(folder / "new.csv", rows)
    forecast = run.predict(folder / "new.csv", 2)
    low = hourly_rows()[:180].min(axis=0)
    span = hourly_rows()[:180].max(axis=0) - low
    window = (rows[-6:] - low) / span
    first = float(run.experiment.model(window[None])[0, 0])
    later = np.concatenate([window[1:], window[-1:]])
    later[-1, 0] = first
    second = float(run.experiment.model(later[None])[0, 0])
    np.testing.assert_allclose(forecast.values, np.array([first, second]) * span[0] + low[0], rtol=1e-12)
    assert forecast.times() == ["2013-01-01 20:00:00", "2013-01-01 21:00:00"]


def test_the_predictor_of_a_run_that_was_opened_gives_its_forecast(folder: Path) -> None:
    run, _ = trained("training.epochs=1")
    opened = Run.open(run.path)
    predict, scale = opened.predictor("last"), opened.scale()
    window = scale.transform(hourly_rows()[-6:])
    expected = run.predict(None, 1, "last").values
    np.testing.assert_allclose(scale.unscale(predict(window), 0), expected, rtol=1e-6)
    np.testing.assert_allclose(scale.unscale(predict(window[None])[0], 0), expected, rtol=1e-6)


def test_the_predictor_of_a_run_gives_all_outputs_the_point_forecasts_among_them(folder: Path) -> None:
    levels = "loss={type: Quantile, levels: [0.1, 0.5, 0.9]}"
    run, _ = trained("training.epochs=1", levels, "model.layers.2.output_size=12")
    predict, scale = run.predictor("last"), run.scale()
    y = predict(scale.transform(hourly_rows()[-6:]))
    assert y.shape == (12,)
    np.testing.assert_allclose(scale.unscale(y[1::3], 0), run.predict(None, 4, "last").values, rtol=1e-6)
    np.testing.assert_array_equal(run.experiment.loss.point(y), y[1::3])


def test_without_a_table_the_forecast_goes_on_from_the_runs_own_series(folder: Path) -> None:
    run, _ = trained("training.epochs=1")
    forecast = run.predict(None, 1)
    assert forecast.times() == ["2013-01-11 00:00:00"]
    assert forecast.values == run.predict(folder / "air.csv", 1).values


def test_a_table_shorter_than_a_window_is_refused(folder: Path) -> None:
    run, _ = trained("training.epochs=1")
    write_csv(folder / "new.csv", hourly_rows()[:5])
    with pytest.raises(DataError, match=r"the table has 5 rows; a window needs 6\."):
        run.predict(folder / "new.csv", 1)


def with_dates(path: Path, dates: list[str], gap: slice = slice(0)) -> Path:
    """The first rows of the small table at other times, with gaps in pm."""
    lines = ["date,pm,temp,wind"]
    for i, (date, (pm, temp, _)) in enumerate(zip(dates, hourly_rows().tolist(), strict=False)):
        lines.append(f"{date},{'' if i in range(*gap.indices(len(dates))) else pm},{temp},calm")
    path.write_text("\n".join(lines) + "\n")
    return path


HOURS = [f"2020-01-01 {hour:02d}:00" for hour in range(20)]


def test_rows_that_are_another_time_apart_are_refused(folder: Path) -> None:
    run, _ = trained("training.epochs=1")
    table = with_dates(folder / "daily.csv", [f"2020-01-{day:02d}" for day in range(1, 20)])
    message = "daily.csv: its rows are 1 d apart, those that the run was trained on were 1 h apart; a forecast"
    with pytest.raises(DataError, match=re.escape(message)):
        run.predict(table, 1)
    assert run.predict(with_dates(folder / "hourly.csv", HOURS), 1).times() == ["2020-01-01 20:00:00"]


def test_a_bent_scale_is_that_of_the_training(folder: Path) -> None:
    run, _ = trained("training.epochs=1", "data.scaler={type: LogScaler, columns: [pm]}")
    scale = run.experiment.load_data().scale
    assert run.scale().curves == ("log", "linear", "linear")
    for name in ("offset", "range"):
        np.testing.assert_array_equal(getattr(run.scale(), name), getattr(scale, name))


def test_a_scale_of_an_older_run_without_a_step_and_without_curves_is_read(folder: Path) -> None:
    run, _ = trained("training.epochs=1")
    saved = json.loads((run.path / "scale.json").read_text())
    del saved["step"], saved["curves"]
    run.write("scale.json", json.dumps(saved))
    run.predict(with_dates(folder / "daily.csv", [f"2020-01-{day:02d}" for day in range(1, 20)]), 1)


def test_filled_values_of_the_window_are_counted_and_a_gap_at_the_end_is_refused(folder: Path) -> None:
    run, _ = trained("training.epochs=1", "data.series.gaps=interpolate")
    assert run.predict(with_dates(folder / "whole.csv", HOURS), 1).n_filled == (0, 18)
    assert run.predict(with_dates(folder / "gaps.csv", HOURS, slice(10, 16)), 1).n_filled == (2, 18)
    message = (
        "end.csv: the last row has a gap (column pm), and a forecast would start from a value that nobody measured; "
        "end it with 2020-01-01 16:00:00, the last row without one."
    )
    with pytest.raises(DataError, match=re.escape(message)):
        run.predict(with_dates(folder / "end.csv", HOURS, slice(17, 20)), 1)


@pytest.mark.parametrize("origin", [190, 200, 213])
def test_scores_that_hold_the_last_values_are_of_what_predict_does(folder: Path, origin: int) -> None:
    # Every forecast of the score is the one that predict makes of the rows until then, gaps included.
    lines = (folder / "air.csv").read_text().splitlines()
    for row in (3, 178, 179, 186, 187, 197, 208):
        date, _, *rest = lines[1 + row].split(",")
        lines[1 + row] = ",".join([date, "", *rest])
    (folder / "air.csv").write_text("\n".join([*lines, ""]))
    run, _ = trained("training.epochs=2", "data.series.gaps=interpolate")
    splits = run.experiment.load_data()  # the model gets its initial weights again
    run.load_weights("last")
    start = np.array([origin - splits.test.time_steps])
    scored = model_forecaster(splits, run.experiment.model, "hold_last")(start, 4)[0]
    (folder / "until_then.csv").write_text("\n".join([*lines[: 1 + origin], ""]))
    predicted = run.predict(folder / "until_then.csv", 4, "last").values
    np.testing.assert_allclose(splits.scale.unscale(scored, 0), predicted, rtol=1e-12)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"offset": [1], "range": ["x"]}', '{"offset": [1, 2, 3]}'])
def test_a_damaged_scale_is_a_corrupt_file(folder: Path, text: str) -> None:
    run, _ = trained("training.epochs=1")
    (run.path / "scale.json").write_text(text)
    with pytest.raises(CorruptFileError, match=r"scale\.json: damaged"):
        run.predict(None, 1)


@pytest.mark.parametrize(
    "saved",
    [
        {"columns": ["pm", "temp", "wind"], "offset": [0.0, 0.0, 0.0], "range": [1.0, -1.0, 1.0]},
        {"columns": ["pm", "temp", "wind"], "offset": [0.0, 0.0], "range": [1.0, 1.0]},
        {"columns": ["temp", "pm", "wind"], "offset": [0.0, 0.0, 0.0], "range": [1.0, 1.0, 1.0]},
        {"columns": ["pm", "temp", "wind"], "offset": [0.0] * 3, "range": [1.0] * 3, "curves": ["log", "log"]},
        {"columns": ["pm", "temp", "wind"], "offset": [0.0] * 3, "range": [1.0] * 3, "curves": ["log", "bow", "log"]},
    ],
)
def test_a_scale_that_is_not_this_runs_is_a_corrupt_file(folder: Path, saved: dict[str, Any]) -> None:
    run, _ = trained("training.epochs=1")
    (run.path / "scale.json").write_text(json.dumps(saved))
    with pytest.raises(CorruptFileError, match=r"scale\.json: damaged"):
        run.predict(None, 1)
