"""What the pictures show is what the tables say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from made_up import BAD, BROKEN, GOOD, LARGE, SMALL, analysed, baseline, of_two, record, undefined

from minidl.comparison import figures, tables
from minidl.tasks.terms import SKILL


def points(axes: Any, marker: str) -> list[float]:
    found: list[float] = []
    for line in axes.lines:
        if line.get_marker() == marker:
            found += np.atleast_1d(line.get_xdata()).tolist()
    return found


@pytest.mark.figures
@pytest.mark.parametrize(("one", "other"), [(GOOD, BAD), (BAD, GOOD)])
def test_the_figures_show_scores_and_differences_as_they_are(one: list[float], other: list[float]) -> None:
    result = of_two(one, [*other[:-1], BROKEN])
    axes = figures.differences_figure(result).axes[0]
    assert points(axes, "o") == pytest.approx([b - a for a, b in zip(one[:-1], other[:-1], strict=True)])
    assert axes.get_title("left").endswith("1 pair with a broken run")
    assert points(axes, "D") == pytest.approx([np.mean([b - a for a, b in zip(one[:-1], other[:-1], strict=True)])])
    axes = figures.scores_figure(result).axes[0]
    assert points(axes, "o") == pytest.approx([*one, *other[:-1]])
    assert points(axes, "D")[1] == pytest.approx(np.median([*other[:-1], -9]))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["one", "other\n(1 of 8 broke)"]


@pytest.mark.figures
def test_the_interval_in_the_figure_is_that_of_the_table() -> None:
    result = of_two(GOOD, BAD)
    axes = figures.differences_figure(result).axes[0]
    row = result["pairs"][0]["rows"]["4"]
    bars = [line.get_xdata() for line in axes.lines if line.get_linewidth() == 4]
    assert list(bars[0]) == [row["low"], row["high"]]
    assert "p = 0.008, corrected p = 0.023" in axes.get_title("left")


@pytest.mark.figures
def test_the_figures_of_undefined_r2_show_rmse_and_put_the_worst_at_the_right() -> None:
    result = undefined(SMALL, [*LARGE[:-1], 400.0])
    axes = figures.scores_figure(result).axes[0]
    assert points(axes, "o") == pytest.approx([*SMALL, *LARGE[:-1], 400.0])
    assert "RMSE" in axes.get_title("left")
    assert axes.get_xlim()[1] < 100
    assert [text.get_text() for text in axes.texts] == ["1 further right, up to 400 →"]
    low = of_two(GOOD, [*BAD[:-1], -40.0])
    axes = figures.scores_figure(low).axes[0]
    assert axes.get_xlim()[0] > -10
    assert [text.get_text() for text in axes.texts] == ["← 1 further left, down to -40.00"]


def test_a_baseline_that_is_beyond_all_numbers_is_no_reference() -> None:
    beyond = baseline(None, 0.0)
    for kind in ("block", "lead"):
        for one in beyond[kind].values():
            one |= {"rmse": None, "mae": None, "loss": None}
    made = [record("one", seed, r2) for seed, r2 in enumerate(GOOD)]
    made += [record("other", seed, r2) for seed, r2 in enumerate(BAD)]
    result = analysed(made, {"persistence": beyond, "linear": beyond})
    assert result["configs"]["one"]["block"]["4"]["skill"]["median"] is None
    assert result["configs"]["one"]["failed_to_train"] == []
    assert result["verdict"]["pairs"][0]["better"] == "one"
    assert "loses" not in " ".join(result["verdict"]["lines"])
    assert tables.scores_table(result, SKILL)[1] == ["4 h", "-", "-", "-", "-"]


@pytest.mark.figures
def test_the_smallest_difference_that_matters_is_shaded_where_it_was_asked_about() -> None:
    result = of_two(GOOD, BAD)
    assert [len(axes.patches) for axes in figures.differences_figure(result).axes] == [0, 0, 0]
    result["asked"]["smallest"] = 0.02  # of R², in which all three horizons are compared
    for axes in figures.differences_figure(result).axes:
        (band,) = axes.patches
        assert (band.get_x(), band.get_x() + band.get_width()) == pytest.approx((-0.02, 0.02))
    for row in result["pairs"][0]["rows"].values():
        row["metric"] = "rmse"
    assert [len(axes.patches) for axes in figures.differences_figure(result).axes] == [0, 0, 0]
