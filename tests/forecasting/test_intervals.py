"""Coverage, width, pinball loss and CRPS by block and by lead, in plain loops over the test hours."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import CONFIG, hourly_table, window_data, write_experiment

from minidl import ConfigError, Dense, GaussianNLL, LastStep, Quantile, RecurrentLayer, Sequential
from minidl.cli import main
from minidl.data import LogScaler, Splits, TailValidation
from minidl.experiment import load_experiment
from minidl.forecasting import LightGBM, Persistence, Rows, intervals
from minidl.losses.distributions import Gaussian, Quantiles
from minidl.plotting import have_matplotlib
from minidl.tasks import Forecast, Intervals
from minidl.tasks.points import Points

T, H = 6, 4
LEVELS = [0.1, 0.3, 0.5, 0.7, 0.9]


def direct(loss: Any) -> Points:
    model = Sequential([RecurrentLayer(5), LastStep(), Dense(H * loss.per_target)])
    model.build((T, 3), 5, "float64")
    return Points(model, loss)


def plain(parts: Splits, points: Points, start: int, lead: int, truth: float) -> dict[str, float]:
    """The scores of one forecast, `lead` from 0 on, in the target's units; the levels 0.1 and 0.9 are the ends."""
    y = points.model(parts.values[start : start + T][None])[0]
    low, span = parts.scale.offset[0], parts.scale.range[0]
    if isinstance(points.loss, Quantile):
        levels = sorted(y[5 * lead : 5 * lead + 5] * span + low)
        lower, upper = levels[0], levels[-1]
        crps = 2 * sum(max(t * (truth - q), (t - 1) * (truth - q)) for t, q in zip(LEVELS, levels, strict=True)) / 5
    else:
        mean, deviation = y[2 * lead] * span + low, np.sqrt(np.exp(y[2 * lead + 1]) + 1e-6) * span
        lower, upper = mean - 1.2815515655446004 * deviation, mean + 1.2815515655446004 * deviation
        crps = Gaussian(mean, deviation).crps(np.float64(truth)).item()  # type: ignore[arg-type, attr-defined]
    ends = max(0.1 * (truth - lower), 0.9 * (lower - truth)) + max(0.9 * (truth - upper), 0.1 * (upper - truth))
    return {"crps": crps, "coverage": float(lower <= truth <= upper), "width": upper - lower, "pinball": ends / 2}


def mean_of(rows: list[dict[str, float]]) -> dict[str, Any]:
    return {name: pytest.approx(sum(row[name] for row in rows) / len(rows), rel=1e-9) for name in rows[0]}


@pytest.mark.parametrize("loss", [Quantile(LEVELS), GaussianNLL()], ids=["quantile", "gaussian"])
def test_scores_of_intervals_are_those_of_the_definition(loss: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # Several chunks: caught here is an output that the next chunk overwrites.
    monkeypatch.setattr(intervals, "CHUNK", 7)
    parts, points = window_data(hourly_table()).load("float64", leads=H), direct(loss)
    task = Forecast(horizons=[4, 3, 1], intervals=Intervals(0.8))
    found, truth = task.tables_of(parts, points), hourly_table().values[:, 0]
    first = [int(start) for start in parts.test.starts]
    origins = first[: len(first) - H + 1]
    for lead in range(H):
        rows = [plain(parts, points, start, lead, truth[start + T + lead]) for start in origins]
        assert {name: found["lead"][str(lead + 1)][name] for name in rows[0]} == mean_of(rows)
    for k in (4, 3, 1):
        starts = first[: len(first) // k * k : k]
        rows = [plain(parts, points, start, j, truth[start + T + j]) for start in starts for j in range(k)]
        assert {name: found["block"][str(k)][name] for name in rows[0]} == mean_of(rows)
        sums = np.sum(task.stretches(parts, points)[str(k)]["crps"], axis=0)
        assert sums[1] / sums[0] == mean_of(rows)["crps"]
    assert 0 < found["lead"]["1"]["coverage"] < 1  # it could be either


def test_scores_of_points_stay_what_they_are_beside_those_of_intervals() -> None:
    parts, points = window_data(hourly_table()).load("float64", leads=H), direct(Quantile(LEVELS))
    alone, both = (Forecast(horizons=[H], intervals=one).tables_of(parts, points) for one in (None, Intervals()))
    assert alone["lead"]["2"].items() < both["lead"]["2"].items()
    assert both["lead"]["2"].keys() - alone["lead"]["2"].keys() == {"crps", "coverage", "width", "pinball"}


def test_a_truth_that_nobody_measured_is_not_scored() -> None:
    parts, points = window_data(hourly_table()).load("float64", leads=H), direct(Quantile(LEVELS))
    row = int(parts.test.origin_rows[5])
    gaps = np.zeros(len(parts.table), bool)
    gaps[row] = True
    table = replace(parts.table)
    vars(table)["target_known"] = ~gaps
    unknown = replace(parts, table=table)
    truth, first = hourly_table().values[:, 0], [int(start) for start in parts.test.starts]
    rows = [plain(parts, points, s, 0, truth[s + T]) for s in first[: len(first) - H + 1] if s + T != row]
    found = Forecast(horizons=[H], intervals=Intervals()).tables_of(unknown, points)
    assert {name: found["lead"]["1"][name] for name in rows[0]} == mean_of(rows)


def test_a_point_forecast_has_the_absolute_error_for_its_crps_and_no_interval() -> None:
    parts = window_data(hourly_table()).load("float64", leads=H)
    rows = Rows.of(parts.table, parts.values, T)
    found = intervals.interval_scores(parts, Persistence(rows), None, [H])["lead"]["3"]
    truth = hourly_table().values[:, 0]
    starts = parts.test.starts[: len(parts.test.starts) - H + 1]
    assert found["crps"] == pytest.approx(np.mean(np.abs(truth[starts + T + 2] - truth[starts + T - 1])))
    assert np.isnan([found[name] for name in ("coverage", "width", "pinball")]).all()


def test_on_a_bent_scale_quantiles_move_along_and_a_gaussian_becomes_its_quantiles() -> None:
    parts = window_data(hourly_table(), LogScaler()).load("float64", leads=H)
    points = direct(GaussianNLL())
    found = Forecast(horizons=[1], intervals=Intervals()).tables_of(parts, points)["lead"]["1"]
    truth, scale = hourly_table().values[:, 0], parts.scale
    crps, covered = [], []
    for start in map(int, parts.test.starts):
        mean, s = points.model(parts.values[start : start + T][None])[0][:2]
        normal, deviation = Gaussian(np.array([mean]), np.array([1.0])), np.sqrt(np.exp(s) + 1e-6)
        fine = normal.moved(lambda x: x, None)
        assert isinstance(fine, Quantiles)
        values = scale.unscale(mean + (fine.values - mean) * deviation, 0)
        crps.append(Quantiles(fine.levels, values).crps(np.array([truth[start + T]])).item())
        ends = scale.unscale(np.array([-1, 1]) * 1.2815515655446004 * deviation + mean, 0)
        covered.append(ends[0] <= truth[start + T] <= ends[1])
    assert found["crps"] == pytest.approx(np.mean(crps))
    assert found["coverage"] == pytest.approx(np.mean(covered))


QUANTILES = CONFIG.replace("{type: Dense, output_size: 1}", "{type: Dense, output_size: 20}").replace(
    "loss: HalfMSE", "loss: {type: Quantile, levels: [0.1, 0.3, 0.5, 0.7, 0.9]}"
)
WITH = QUANTILES.replace("checkpoint: best", "checkpoint: best, intervals: {coverage: 0.8}")


def test_a_run_stores_and_shows_its_intervals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_experiment(tmp_path, WITH)
    assert main(["train", "small.yaml", "--run-dir", "run"]) == 0
    shown = capsys.readouterr().out
    scores = json.loads(Path("run/evaluation.json").read_text())
    none = {"margins": None, "windows": 0}
    assert scores["intervals"] == {"coverage": 0.8, "crossing": scores["intervals"]["crossing"], "step": "h", **none}
    row = scores["lead"]["4"]
    cells = f"{row['coverage']:.4f} {row['width']:.2f} {row['pinball']:.2f} {row['crps']:.2f}"
    assert f"4 h ahead {cells}" in " ".join(shown.split())
    assert "80 % intervals" in shown
    assert Path("run/figures/fan.png").exists() == have_matplotlib()
    assert "CRPS, µg/m³" in shown
    assert (scores["baselines"]["linear"]["lead"]["4"]["coverage"], row["coverage"] is None) == (None, False)
    if scores["intervals"]["crossing"]:
        assert "levels crossed; they were sorted" in shown


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "{type: Quantile, levels: [0.1, 0.3, 0.5, 0.7, 0.9]}",
            "HalfMSE",
            "evaluation.intervals: HalfMSE makes points",
        ),
        ("coverage: 0.8", "coverage: 0.5", "evaluation.intervals.coverage: an interval of 0.5 lies between the levels"),
        ("coverage: 0.8", "coverage: 1", "evaluation.intervals.coverage"),
        ("output_size: 20", "output_size: 5", "the model forecasts 1 lead at once; evaluation.intervals needs all 4"),
    ],
)
def test_what_has_no_intervals_is_refused_in_a_line(old: str, new: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_experiment(write_experiment(tmp_path, WITH.replace(old, new)))
    (line,) = caught.value.lines
    assert said in line


def test_quantiles_of_boosted_trees_stand_beside_with_intervals_of_their_own() -> None:
    # Caught here: a model of another level, and quantiles of points.
    pytest.importorskip("lightgbm")
    data = window_data(hourly_table(), validation=TailValidation(40))
    parts, points = data.load("float64", leads=H), direct(Quantile(LEVELS))
    rival = LightGBM(trees=20, leaves=4, share=1.0, patience=3)
    found = Forecast(horizons=[H], intervals=Intervals(0.8), rivals=[rival]).evaluate(parts, points)
    mine = found["baselines"]["LightGBM"]["lead"]["1"]
    rows, starts = Rows.of(parts.table, parts.values, T), parts.test.starts[: len(parts.test.starts) - H + 1]
    x, y = (
        np.array([parts.values[s : s + T].ravel() for s in parts.train.one_ahead().starts]),
        rows.target[parts.train.one_ahead().starts + T],
    )
    unseen = parts.validation.one_ahead().starts  # type: ignore[union-attr]
    line = np.polyfit(x[:, -3], y, 1)  # through the last known value
    ends = []
    for level in (0.1, 0.9):
        import lightgbm

        settings = {"objective": "quantile", "alpha": level, "learning_rate": 0.03, "num_leaves": 4, "verbosity": -1}
        train = lightgbm.Dataset(x, y - np.polyval(line, x[:, -3]))
        checked = lightgbm.Dataset(
            np.array([parts.values[s : s + T].ravel() for s in unseen]),
            rows.target[unseen + T] - np.polyval(line, rows.target[unseen + T - 1]),
            reference=train,
        )
        stop = lightgbm.early_stopping(3, verbose=False)
        more = {"min_data_in_leaf": 20, "num_threads": 1, "deterministic": True, "force_row_wise": True}
        model = lightgbm.train({**settings, **more}, train, 20, valid_sets=[checked], callbacks=[stop])
        ends.append(model.predict(np.array([parts.values[s : s + T].ravel() for s in starts])))
    assert mine["width"] == pytest.approx(np.mean(np.abs(ends[1] - ends[0])) * parts.scale.range[0], rel=0.05)
    assert 0 < mine["crps"] < found["baselines"]["persistence"]["lead"]["1"]["crps"] * 2
    assert np.isnan(found["baselines"]["linear"]["lead"]["1"]["coverage"])
    head, first = Forecast(horizons=[H], intervals=Intervals(0.8)).details(found)[:2]
    assert (head[-1], first[-1]) == ("CRPS of LightGBM", f"{mine['crps']:.2f}")


def test_configs_with_intervals_are_compared_by_their_crps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(write_experiment(tmp_path, WITH).read_text())
    gaussian = "{type: Quantile, levels: [0.1, 0.3, 0.5, 0.7, 0.9]}", "GaussianNLL"
    Path("other.yaml").write_text(WITH.replace(*gaussian).replace("output_size: 20", "output_size: 8"))
    assert main(["compare", "small.yaml", "other.yaml", "--seeds", "2", "--no-protocol"]) == 0
    shown, result = capsys.readouterr().out, json.loads(Path("runs/compare-001/comparison.json").read_text())
    for title in ("CRPS, µg/m³: median", "Coverage: median", "Width, µg/m³: median", "Pinball loss, µg/m³: median"):
        assert title in shown
    assert result["asked"]["tested"] == dict.fromkeys(["4", "2", "1"], "crps")
    values = [result["configs"][label]["block"]["4"]["crps"]["values"] for label in ("small", "other")]
    difference = np.mean(np.subtract(values[1], values[0]))
    assert result["pairs"][0]["rows"]["4"]["mean"] == pytest.approx(difference)
    points = (
        WITH.replace(", intervals: {coverage: 0.8}", "").replace(*gaussian).replace("output_size: 20", "output_size: 8")
    )
    Path("points.yaml").write_text(points)
    assert main(["compare", "small.yaml", "points.yaml", "--seeds", "2"]) == 2
    assert "evaluation.intervals.coverage is 0.8 in small and None in points" in capsys.readouterr().err


def test_of_the_scores_of_intervals_coverage_alone_is_better_where_it_is_larger() -> None:
    assert [one.name for one in intervals.INTERVAL_METRICS if one.larger_is_better] == ["coverage"]
