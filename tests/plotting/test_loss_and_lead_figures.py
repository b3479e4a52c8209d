"""Loss by epoch and error by lead, read back from their figures."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from figures_read import record, texts_of

from minidl import plotting
from minidl.core.errors import ConfigError


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


def test_the_rate_figure_marks_the_suggestion_and_cuts_off_what_is_far_above_the_start():
    rates = np.geomspace(1e-4, 10, 41)
    losses = np.where(rates < 1, 1 / (1 + 100 * rates), 1e6)
    figure = plotting.rate_figure(rates.tolist(), losses, losses, float(rates[20]), title="small", loss_name="HalfMSE")
    (axes,) = figure.axes
    batches, mean, marked = axes.lines
    np.testing.assert_array_equal(batches.get_xdata(), rates)
    np.testing.assert_array_equal(mean.get_ydata(), losses)
    assert (list(marked.get_xdata()), marked.get_label()) == ([rates[20]], f"suggestion: {rates[20]:.2g}")
    assert axes.get_ylim()[1] < 2
    figure.draw_without_rendering()
    assert "0.001" in [label.get_text() for label in axes.get_xticklabels()]
    assert all(text in texts_of(figure) for text in ("small", "HalfMSE"))
