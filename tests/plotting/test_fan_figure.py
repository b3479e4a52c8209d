"""The picture of intervals shows what is forecast and scored."""

from __future__ import annotations

import numpy as np
import pytest
from figures_read import lines_of, make_splits, texts_of, truth_at

from minidl.forecasting.intervals import IntervalForecaster, all_scores
from minidl.losses.distributions import Quantiles
from minidl.plotting import fan_figure, typical_rows
from minidl.tasks.protocols import Scores

LEADS = 12


def forecast_of(splits, margins):
    """Points that are their window's first row, and levels around them that open with the lead."""
    column = splits.values[:, 1]

    def points(starts, horizon):
        return np.repeat(column[starts][:, None], horizon, axis=1)

    def distributions(starts, horizon):
        opening = 0.01 * np.arange(1, horizon + 1)[None, :, None] * np.array([-1.0, 2.0])
        return Quantiles([0.1, 0.9], points(starts, horizon)[:, :, None] + opening)

    intervals = IntervalForecaster(distributions, 0.8, margins)
    scores: Scores = all_scores(splits, points, intervals, [LEADS], True)
    return points, intervals, {**scores, "intervals": {"step": "h"}, "assumptions": ["nothing"]}


@pytest.mark.parametrize("times", [True, False])
@pytest.mark.parametrize(("n_rows", "days"), [(96, 30), (6, 30), (1000, 3)])  # 6: fewer rows than a fan
def test_fans_are_forecasts_with_their_calibrated_intervals_from_the_truth(times, n_rows, days):
    splits = make_splits(days, times=times)
    margins = np.linspace(0.1, 0.3, LEADS)
    points, intervals, scores = forecast_of(splits, margins)
    figure = fan_figure(splits, points, intervals, scores, n_rows=n_rows)
    above, below = figure.axes
    shown = typical_rows(splits, n_rows)
    assert len(above.collections) == max(1, len(shown) // LEADS)
    place = np.arange(len(splits.table)) if not times else splits.table.times
    lines = lines_of(above)
    np.testing.assert_allclose(lines["truth"][1], truth_at(splits, lines["truth"][0]))
    x, y = lines["forecast"]  # the first of them
    first = shown[0]
    np.testing.assert_array_equal(x, place[first - 1 : first + LEADS])
    value = splits.table.values[first - 24, 1]
    np.testing.assert_allclose(y, [splits.table.values[first - 1, 1], *[value] * LEADS])
    span = splits.scale.range[1]
    low = [value - span * (0.01 * k + margins[k - 1]) for k in range(1, LEADS + 1)]
    high = [value + span * (0.02 * k + margins[k - 1]) for k in range(1, LEADS + 1)]
    outline = above.collections[0].get_paths()[0].vertices[:, 1]
    for expected in (*low, *high):
        assert np.isclose(outline, expected).any()
    covered = [100 * scores["lead"][str(k)]["coverage"] for k in range(1, LEADS + 1)]
    np.testing.assert_allclose(lines_of(below)["of the truths within"][1], covered)


@pytest.mark.parametrize(("margins", "said"), [(None, "not calibrated"), (np.zeros(LEADS), "calibrated on the val")])
def test_the_picture_says_which_intervals_and_what_they_rest_on(margins, said):
    splits = make_splits(5)
    texts = texts_of(fan_figure(splits, *forecast_of(splits, margins)))
    for text in (
        "Intervals of 80 % on the test part",
        said,
        "assumed: nothing",
        "1 to 12 hours ahead",
        "pm2.5 (µg/m³)",
    ):
        assert text in texts
