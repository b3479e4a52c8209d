"""Figures are read back: what stands at which hour, on which axis, in which units.

Faults that this suite catches: a forecast drawn one row early or late (the
textbook's own), scaled values instead of the target's units, blocks that do not
start where the score's do, an import of matplotlib by ``import minidl``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from minidl import plotting
from minidl.core.errors import ConfigError, MinidlError, StorageError
from minidl.data import MinMaxScaler, Splits, Table, Windows
from minidl.forecasting import Persistence, Rows, block_scores
from minidl.runs.drawing import save_figures
from minidl.training import EpochRecord

matplotlib = pytest.importorskip("matplotlib", reason="figures need matplotlib: pip install matplotlib")
mtext = pytest.importorskip("matplotlib.text")

HOUR = np.timedelta64(3600, "s")
T = 24
N_TRAIN = 10 * 24


def make_splits(n_test_days=30, *, times=True, start="2013-12-22", step=HOUR, units="µg/m³", name="pm2.5"):
    """A table of two columns, the second is the target; 10 days for training, the rest for testing."""
    n = N_TRAIN + 24 * n_test_days
    rng = np.random.default_rng(5)
    target = np.abs(np.cumsum(rng.normal(size=n))) * 10 + 3
    values = np.stack([rng.normal(size=n), target], axis=1)
    stamps = np.datetime64(start, "s") + step * np.arange(n) if times else None
    table = Table(values, stamps, ("weather", name), target_index=1, units=units)
    scale = MinMaxScaler().fit(values[:N_TRAIN])
    scaled = np.ascontiguousarray(scale.transform(values))
    train = Windows(scaled, np.arange(N_TRAIN - T), T, 1)
    test = Windows(scaled, np.arange(N_TRAIN, n - T), T, 1)
    return Splits(table, scale, scaled, train, None, test, N_TRAIN)


def scaled_rows(splits):
    return Rows(splits.values, T, 1)


def lines_of(ax):
    """{label: (x, y)} of a panel, the NaN between two strokes left out."""
    found = {}
    for line in ax.lines:
        x, y = line.get_xdata(orig=True), np.asarray(line.get_ydata(orig=True), dtype=float)
        found[line.get_label()] = (x[np.isfinite(y)], y[np.isfinite(y)])
    return found


def texts_of(figure):
    figure.draw_without_rendering()
    return " | ".join(text.get_text() for text in figure.findobj(mtext.Text) if text.get_text())


def truth_at(splits, x):
    """The target at times (or rows) x, by looking each one up."""
    where = splits.table.times if splits.table.times is not None else np.arange(len(splits.table))
    by_time = dict(zip(where.tolist(), splits.table.values[:, 1].tolist(), strict=True))
    return np.array([by_time[time] for time in np.asarray(x).tolist()])


def record(epoch, train=0.1, validation=0.2, r2=0.5):
    metrics = None if r2 is None else {"r2": r2}
    return EpochRecord(epoch, 10 * epoch, train, validation, metrics, 0.05, 1.0)


def lead_scores_of(value):
    return {str(lead): {"loss": 0.1, "r2": 0.5, "mae": value + lead, "rmse": 2 * value + lead} for lead in range(1, 9)}


@pytest.fixture
def scores():
    baselines = {"persistence": 5.0, "seasonal_24h": 30.0, "linear": 4.9}
    return {
        "lead": lead_scores_of(3.0),
        "baselines": {name: {"lead": lead_scores_of(value)} for name, value in baselines.items()},
        "parameters": 26,
        "units": "µg/m³",
    }


# ---------------------------------------------------------------- forecast against truth


@pytest.mark.parametrize("times", [True, False])
@pytest.mark.parametrize("horizon", [8, 4, 2, 1])
def test_a_forecaster_that_returns_the_truth_lies_on_the_truth_line(horizon, times):
    splits = make_splits(times=times)
    figure = plotting.forecast_figure(splits, scaled_rows(splits).truth, [horizon])
    lines = lines_of(figure.axes[0])
    x, y = lines["forecast"]
    assert len(x) >= 120
    # Scaling and unscaling round in the last places only.
    np.testing.assert_allclose(y, truth_at(splits, x), rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(lines["truth"][1], truth_at(splits, lines["truth"][0]))


def test_persistence_lags_by_exactly_one_hour_in_the_one_hour_panel():
    splits = make_splits()
    figure = plotting.forecast_figure(splits, Persistence(scaled_rows(splits)), [8, 1])
    x, y = lines_of(figure.axes[1])["forecast"]
    assert len(x) == 120
    np.testing.assert_allclose(y, truth_at(splits, x - HOUR), rtol=1e-12)
    assert np.abs(y - truth_at(splits, x)).max() > 1, "not at its own hour, as in the textbook's plot"


def test_persistence_of_eight_hours_is_flat_from_the_dot_that_it_starts_from():
    splits = make_splits()
    figure = plotting.forecast_figure(splits, Persistence(scaled_rows(splits)), [8])
    lines = lines_of(figure.axes[0])
    x, y = (part.reshape(-1, 9) for part in lines["forecast"])  # 15 strokes: the start, then 8 hours
    assert x.shape == (15, 9)
    np.testing.assert_array_equal(np.diff(x, axis=1), HOUR)
    np.testing.assert_allclose(y, np.repeat(y[:, :1], 9, axis=1), rtol=1e-12)
    np.testing.assert_array_equal(lines["start from the truth"][0], x[:, 0])
    np.testing.assert_array_equal(lines["start from the truth"][1], truth_at(splits, x[:, 0]))


def test_the_drawn_forecasts_are_those_of_the_block_score():
    splits = make_splits(n_test_days=3)  # 48 forecasts: drawn whole
    forecaster = Persistence(scaled_rows(splits))
    for horizon in (5, 1):  # 5 leaves a remainder of 3 windows, which is dropped
        x, y = lines_of(plotting.forecast_figure(splits, forecaster, [horizon]).axes[0])["forecast"]
        if horizon > 1:
            x, y = (part.reshape(-1, horizon + 1)[:, 1:].ravel() for part in (x, y))
        assert len(x) == 48 // horizon * horizon
        rmse = np.sqrt(np.mean((y - truth_at(splits, x)) ** 2))
        assert rmse == pytest.approx(block_scores(splits, forecaster, horizon)["rmse"], rel=1e-9)


def test_a_block_that_the_shown_rows_cut_is_drawn_within_them_only():
    splits = make_splits()
    shown = plotting.typical_rows(splits, 100)  # 100 is no multiple of 7, and blocks of 7 ignore midnights
    figure = plotting.forecast_figure(splits, scaled_rows(splits).truth, [7], n_rows=100)
    x, y = lines_of(figure.axes[0])["forecast"]
    assert x.min() >= splits.table.times[shown[0] - 1]
    assert x.max() == splits.table.times[shown[-1]]
    assert set(splits.table.times[shown]) <= set(x), "every shown row has its forecast"
    np.testing.assert_allclose(y, truth_at(splits, x), rtol=1e-12)


def test_the_days_shown_are_those_nearest_to_the_test_parts_mean_and_deviation():
    splits = make_splits()
    rows = splits.test.origin_rows
    y = splits.table.values[:, 1]
    best, chosen = np.inf, None
    for first in rows[: len(rows) - 119]:
        part = y[first : first + 120]
        unlike = abs(part.mean() - y[rows].mean()) + abs(part.std() - y[rows].std())
        if splits.table.times[first].item().hour == 0 and unlike < best:
            best, chosen = unlike, first
    shown = plotting.typical_rows(splits, 120)
    np.testing.assert_array_equal(shown, np.arange(chosen, chosen + 120))


def test_rows_that_never_stand_at_midnight_begin_anywhere():
    splits = make_splits(start="2013-12-22T08:00:00", step=24 * HOUR)
    assert len(plotting.typical_rows(splits, 120)) == 120
    assert "days ahead" in texts_of(plotting.forecast_figure(splits, scaled_rows(splits).truth))


def test_half_hours_are_called_neither_hours_nor_days():
    splits = make_splits(step=HOUR // 2)
    text = texts_of(plotting.forecast_figure(splits, scaled_rows(splits).truth, assumption="nothing"))
    assert "1 to 8 steps of 30 min ahead: a new forecast from the truth every 8 steps of 30 min" in text
    assert "hour" not in text
    assert "assumed: nothing" in text


def test_the_forecast_figure_has_a_panel_for_each_horizon_with_dates_and_units():
    splits = make_splits()
    figure = plotting.forecast_figure(splits, scaled_rows(splits).truth)
    assert len(figure.axes) == 4
    text = texts_of(figure)
    first = splits.table.times[plotting.typical_rows(splits, 120)[0]].item()
    assert "pm2.5 (µg/m³)" in text
    assert f"{first.day} {first:%B %Y} to " in text
    assert f"{first:%a %d %b}" in [label.get_text() for label in figure.axes[-1].get_xticklabels()]
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert [title.split(" ahead")[0] for title in titles] == [
        "1 to 8 hours",
        "1 to 4 hours",
        "1 to 2 hours",
        "1 hour",
    ]


def test_a_series_without_times_or_units_has_row_numbers_and_a_bare_name():
    splits = make_splits(times=False, units="", name="flow $x$ m_1$")  # $ is not mathematics here
    figure = plotting.forecast_figure(splits, scaled_rows(splits).truth)
    first = plotting.typical_rows(splits, 120)[0]
    text = texts_of(figure)
    assert "flow $x$ m_1$ |" in text + " |"
    assert "flow $x$ m_1$ (" not in text
    assert f"rows {first} to {first + 119}" in text
    assert figure.axes[-1].get_xlabel() == "row of the table"


def test_a_short_test_part_is_shown_whole():
    splits = make_splits(n_test_days=2)
    figure = plotting.forecast_figure(splits, scaled_rows(splits).truth, [8, 1])
    assert "the whole test part" in texts_of(figure)
    x, _ = lines_of(figure.axes[1])["forecast"]
    np.testing.assert_array_equal(x, splits.table.times[splits.test.origin_rows])


# ---------------------------------------------------------------- loss by epoch


def test_the_loss_figure_shows_both_losses_and_r2_at_their_epochs():
    records = [record(epoch, 1 / epoch**2, 2 / epoch**2, 1 - 1 / epoch) for epoch in range(1, 41)]
    figure = plotting.loss_figure(records, loss_name="HalfMSE, scaled values")
    train, validation, lowest = figure.axes[0].lines
    np.testing.assert_array_equal(train.get_xdata(), np.arange(1, 41))
    np.testing.assert_allclose(train.get_ydata(), 1 / np.arange(1, 41) ** 2)
    np.testing.assert_allclose(validation.get_ydata(), 2 / np.arange(1, 41) ** 2)
    assert (list(lowest.get_xdata()), lowest.get_label()) == ([40], "lowest validation loss: epoch 40")
    np.testing.assert_allclose(figure.axes[1].lines[0].get_ydata(), 1 - 1 / np.arange(1, 41))
    assert figure.axes[0].get_yscale() == "log"
    assert "0.001" in [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert "HalfMSE, scaled values" in texts_of(figure)


def test_without_validation_there_is_one_panel():
    figure = plotting.loss_figure([record(1, validation=None, r2=None), record(2, validation=None, r2=None)])
    assert len(figure.axes) == 1
    assert [line.get_label() for line in figure.axes[0].lines] == ["training (mean over the epoch)"]


def test_a_single_epoch_is_seen_as_a_marker_and_counted_in_whole_numbers():
    figure = plotting.loss_figure([record(1)])
    assert figure.axes[0].lines[0].get_marker() == "o"
    figure.draw_without_rendering()
    assert [float(tick) for tick in figure.axes[-1].get_xticks() if 0 <= tick <= 1.5] == [0, 1]


@pytest.mark.parametrize("losses", [(0.0, 0.0), (-3.0, 2.0), (5.0, float("inf")), (1.0, 1e-30)])
def test_losses_of_any_size_can_be_drawn(losses):
    records = [record(1, losses[0], losses[0], -80.0), record(2, losses[1], losses[1], 0.9)]
    figure = plotting.loss_figure(records)
    figure.draw_without_rendering()
    assert figure.axes[1].get_ylim() == (-0.3, 1), "one bad epoch does not squeeze the others"


def test_no_epoch_at_all_is_refused():
    with pytest.raises(ConfigError, match="no complete epoch"):
        plotting.loss_figure([])


# ---------------------------------------------------------------- error by lead


def test_the_lead_figure_shows_the_model_and_every_baseline_from_zero(scores):
    figure = plotting.lead_figure(scores)
    for ax, key in zip(figure.axes, ("rmse", "mae"), strict=True):
        names = ["model", "same as now", "same time yesterday", "linear model"]
        assert [line.get_label() for line in ax.lines] == names
        for line, part in zip(ax.lines, [scores, *scores["baselines"].values()], strict=True):
            np.testing.assert_array_equal(line.get_xdata(), np.arange(1, 9))
            np.testing.assert_array_equal(line.get_ydata(), [part["lead"][str(lead)][key] for lead in range(1, 9)])
        assert ax.get_ylim()[0] == 0
        assert ax.get_ylabel() == f"{key.upper()} (µg/m³)"
        assert ax.get_xlabel() == "hours ahead"
        assert sorted(text.get_text() for text in ax.texts) == sorted(names)
    assert "26 parameters" in texts_of(figure)


def test_labels_at_lines_that_end_together_do_not_overlap(scores):
    figure = plotting.lead_figure(scores)  # 13.0 and 12.9 at the last lead
    figure.draw_without_rendering()
    for ax in figure.axes:
        boxes = sorted((text.get_window_extent() for text in ax.texts), key=lambda box: box.y0)
        assert all(low.y1 <= high.y0 for low, high in pairwise(boxes))
        assert all(box.x1 <= figure.bbox.x1 for box in boxes)


def test_a_single_lead_missing_scores_and_other_steps_are_drawn(scores):
    parts = [scores, *scores["baselines"].values()]
    for part in parts:
        part["lead"] = {"1": part["lead"]["1"]}
    parts[1]["lead"]["1"]["rmse"] = None  # null in evaluation.json
    scores["units"] = ""
    figure = plotting.lead_figure(scores, step="step")
    assert "same time yesterday" in texts_of(figure)
    assert figure.axes[0].get_ylabel() == "RMSE"
    assert figure.axes[0].get_xlabel() == "steps ahead"


# ---------------------------------------------------------------- files, and matplotlib itself


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory):
    """A run of one epoch on a small table."""
    from minidl.experiment import load_experiment
    from minidl.runs.run import Run

    folder = tmp_path_factory.mktemp("plotting")
    rng = np.random.default_rng(2)
    rows = "\n".join(f"{a:.3f},{b:.3f}" for a, b in rng.random((400, 2)))
    (folder / "table.csv").write_text("a,b\n" + rows + "\n")
    (folder / "small.yaml").write_text(f"""
model:
  type: Sequential
  layers: [{{type: RecurrentLayer, hidden_size: 2}}, LastStep, {{type: Dense, output_size: 1}}]
data:
  series: {{type: CSVSeries, path: '{(folder / "table.csv").as_posix()}', target: b, features: [a, b]}}
  test_size: 150
optimizer: {{type: SGD, learning_rate: 0.05}}
training: {{epochs: 1}}
""")
    experiment = load_experiment(folder / "small.yaml")
    splits = experiment.load_data()
    run = Run.create(experiment, folder / "run")
    run.train(splits)
    return run, splits, run.evaluate(splits)


def test_the_figures_of_a_run_are_files_in_its_folder(finished_run):
    run, splits, scores = finished_run
    files = save_figures(run, splits, scores)
    assert files == [run.path / "figures" / name for name in ("loss.png", "forecast.png", "error_by_lead.png")]
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)
    assert sorted((run.path / "figures").iterdir()) == sorted(files), "no half-written file is left"
    before = [file.read_bytes() for file in files]
    save_figures(run, splits, scores)
    assert [file.read_bytes() for file in files] == before, "the same run gives the same pictures"


def test_a_run_without_an_epoch_has_no_loss_figure(finished_run, monkeypatch):
    run, splits, scores = finished_run
    monkeypatch.setattr(run, "log", list)
    assert [file.name for file in save_figures(run, splits, scores)] == ["forecast.png", "error_by_lead.png"]


def test_a_folder_that_cannot_be_made_is_one_clear_line(finished_run, monkeypatch, tmp_path):
    run, splits, scores = finished_run
    (tmp_path / "figures").write_text("a file where the folder should be")
    (tmp_path / "log.jsonl").write_bytes((run.path / "log.jsonl").read_bytes())
    monkeypatch.setattr(run, "path", tmp_path)
    with pytest.raises(StorageError, match=r"loss\.png: cannot write: "):
        save_figures(run, splits, scores)


def test_without_matplotlib_drawing_says_what_to_install(scores, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert not plotting.have_matplotlib()
    splits = make_splits()
    for draw in (
        lambda: plotting.lead_figure(scores),
        lambda: plotting.loss_figure([record(1)]),
        lambda: plotting.forecast_figure(splits, Persistence(scaled_rows(splits))),
    ):
        with pytest.raises(MinidlError) as caught:
            draw()
        assert str(caught.value) == "figures need matplotlib: pip install matplotlib"


def test_the_users_own_settings_stay_as_they_are(scores):
    before = dict(matplotlib.rcParams)
    plotting.lead_figure(scores)
    assert dict(matplotlib.rcParams) == before


def test_matplotlib_is_imported_when_a_figure_is_drawn_and_pyplot_never():
    program = """
import sys
import minidl, minidl.plotting
assert 'matplotlib' not in sys.modules, "import minidl.plotting imported matplotlib"
minidl.plotting.loss_figure([minidl.training.EpochRecord(1, 1, 0.1, None, None, 0.1, 1.0)]).draw_without_rendering()
assert "matplotlib" in sys.modules
assert "matplotlib.pyplot" not in sys.modules
"""
    root = Path(plotting.__file__).parents[2]
    path = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}
    )
    assert done.returncode == 0, done.stderr
