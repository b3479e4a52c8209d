"""The forecast figure is read back: what stands at which hour, on which axis, in which units.

Faults that this suite catches: a forecast drawn one row early or late (the
textbook's own), scaled values instead of the target's units, blocks that do not
start where the score's do.
"""

from __future__ import annotations

import numpy as np
import pytest
from figures_read import HOUR, lines_of, make_splits, scaled_rows, texts_of, truth_at

from minidl import plotting
from minidl.forecasting import Persistence, block_scores
from minidl.plotting import style as look


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


def test_the_name_of_the_axis_stands_beside_its_numbers():
    splits = make_splits(name="load", units="")
    figure = plotting.forecast_figure(splits, scaled_rows(splits).truth, [3], assumption="nothing " * 9)
    figure.axes[0].set_ylim(41.9, 54.3)
    with look.style():  # whose letters decide how many numbers there are
        look.png(figure)
        numbers = {label.get_text(): label.get_window_extent() for label in figure.axes[0].get_yticklabels()}
        assert "42.5" in numbers  # wider than the whole numbers that the layout is made for
        assert figure._supylabel.get_window_extent().x1 + 10 < min(box.x0 for box in numbers.values())
