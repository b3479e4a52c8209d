"""What the figures of a comparison show: their lines, dots, limits and words, from made-up runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from made_up import BROKEN, CONFIG, analysed, baseline, of_two, record
from matplotlib.colors import to_hex

from minidl.comparison import figures
from minidl.plotting import style as look
from minidl.tasks.forecast_figures import lead_figure

pytestmark = pytest.mark.figures
GOOD = [0.70, 0.72, 0.71, 0.73, 0.74]
BAD = [0.60, 0.63, 0.64, 0.61, 0.62]


def lines(axes: Any, **wanted: Any) -> list[Any]:
    """Lines with these properties."""
    return [
        line for line in axes.lines if all(getattr(line, f"get_{name}")() == value for name, value in wanted.items())
    ]


def xy(line: Any) -> tuple[list[float], list[float]]:
    return np.asarray(line.get_xdata()).tolist(), np.asarray(line.get_ydata()).tolist()


def test_scores_have_a_panel_a_horizon_and_a_row_a_config() -> None:
    made = [record("one", seed, r2) for seed, r2 in enumerate(GOOD)]
    made += [record("other", seed, r2) for seed, r2 in enumerate(BAD)]
    for run in made:
        run["scores"]["block"]["1"]["r2"] += 0.2
    result = analysed(made, {"persistence": baseline(0.58, 42.0), "linear": baseline(-3.0, 99.0)})
    figure = figures.scores_figure(result)
    assert [axes.get_title("left") for axes in figure.axes] == [f"R², blocks of {k} h" for k in (4, 2, 1)]
    first, last = figure.axes[0], figure.axes[2]
    dots = lines(first, marker="o")
    assert [line.get_xdata().tolist() for line in dots] == [GOOD, BAD]
    assert dots[0].get_ydata().tolist() == pytest.approx([-0.25, -0.125, 0, 0.125, 0.25])
    assert dots[1].get_ydata().tolist() == pytest.approx([0.75, 0.875, 1, 1.125, 1.25])
    assert [to_hex(line.get_color()) for line in dots] == [color.lower() for color in look.COLORS[:2]]
    assert lines(last, marker="o")[0].get_xdata().tolist() == pytest.approx([r2 + 0.2 for r2 in GOOD])
    medians = lines(first, marker="D")
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in medians] == [(0.72, 0), (0.62, 1)]
    bars = lines(first, linewidth=2.5)
    assert [line.get_xdata() for line in bars] == [pytest.approx([0.71, 0.73]), pytest.approx([0.61, 0.63])]
    assert [list(line.get_ydata()) for line in bars] == [[0, 0], [1, 1]]
    # Of the baselines one is near, and one so bad that it would squeeze the runs.
    assert [line.get_xdata()[0] for line in lines(first, linewidth=1.4)] == [0.58]
    assert [line.get_label() for line in lines(first, linewidth=1.4)] == ["same as now"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["same as now", "median, middle half"]
    low, high = first.get_xlim()
    assert (low, high) == pytest.approx((0.58 - 0.05 * 0.16, 0.74 + 0.05 * 0.16))
    assert first.get_ylim() == (1.5, -0.5)
    assert list(first.texts) == []


def test_published_numbers_stand_beside_the_runs() -> None:
    published = {"source": "book", "r2": [0.65, 0.66, 0.67], "loss": [0.1, 0.1, 0.1]}
    config = {**CONFIG, "evaluation": {**CONFIG["evaluation"], "published": published}}
    figure = figures.scores_figure(of_two(GOOD, BAD, config=config))
    for axes, value in zip(figure.axes, (0.65, 0.66, 0.67), strict=True):
        assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in lines(axes, marker="*")] == [
            (value, 0),
            (value, 1),
        ]
    assert "published" in [text.get_text() for text in figure.legends[0].get_texts()]
    plain = figures.scores_figure(of_two(GOOD, BAD))
    assert "published" not in [text.get_text() for text in plain.legends[0].get_texts()]


@pytest.mark.parametrize(("r2", "shown"), [(0.5, True), (0.45, False)])
def test_a_baseline_is_drawn_if_it_is_near_the_worst_runs(r2: float, shown: bool) -> None:
    # A tenth of the ten runs is below 0.609, and 0.1 less than that is 0.509; the line itself is no run.
    runs = {"persistence": baseline(r2 + 0.02, 60.0)}
    axes = figures.scores_figure(of_two(GOOD, BAD, baselines=runs)).axes[0]
    assert bool(lines(axes, linewidth=1.4)) == shown


def test_a_single_run_stands_in_the_middle_of_its_row() -> None:
    axes = figures.scores_figure(of_two([0.7], [0.6])).axes[0]
    assert [line.get_ydata().tolist() for line in lines(axes, marker="o")] == [[0], [1]]
    axes = figures.scores_figure(of_two([0.7], [0.7])).axes[0]
    assert axes.get_xlim() == pytest.approx((0.693, 0.707))  # one value: one percent around it


def test_runs_that_collapsed_are_counted_at_the_edge() -> None:
    scores = [0.70, 0.71, 0.72, 0.73, -5.0, -6.0]
    axes = figures.scores_figure(of_two(scores, scores)).axes[0]
    low, middle, high = -6.0, 0.705, 0.73
    quarter = float(np.quantile([*scores, *scores], 0.25))
    edge = max(low, middle - 4 * (high - quarter + 1e-6 * middle))
    assert axes.get_xlim()[0] == pytest.approx(edge - 0.05 * (high - edge))
    tight = [0.70, 0.71, 0.72, 0.73, 0.74, 0.75, 0.76, 0.2]
    axes = figures.scores_figure(of_two(tight, tight)).axes[0]
    quarter = float(np.quantile(tight + tight, 0.25))
    edge = 0.725 - 4 * (0.76 - quarter + 1e-6 * 0.725)
    assert edge > 0.2
    assert axes.get_xlim() == pytest.approx((edge - 0.05 * (0.76 - edge), 0.76 + 0.05 * (0.76 - edge)))
    assert [(text.get_text(), text.xy) for text in axes.texts] == [("← 2 further left, down to 0.20", (0.01, 0.02))]


def test_differences_have_a_panel_a_horizon_with_mean_and_interval() -> None:
    one, other = [*GOOD, 0.7], [*BAD, 0.65]
    result = of_two(one, other)
    figure = figures.differences_figure(result)
    assert len(figure.axes) == 3
    for axes in figure.axes:
        d = [b - a for a, b in zip(one, other, strict=True)]
        dots = lines(axes, marker="o")[0]
        assert dots.get_xdata().tolist() == pytest.approx(d)
        assert dots.get_ydata().tolist() == pytest.approx(np.linspace(-0.3, 0.3, 6))
        mean = lines(axes, marker="D")[0]
        assert (mean.get_xdata()[0], mean.get_ydata()[0]) == (pytest.approx(np.mean(d)), 0)
        interval = lines(axes, linewidth=4)[0]
        assert list(interval.get_xdata()) == pytest.approx([min(d), max(d)])  # of six pairs
        assert list(interval.get_ydata()) == [0, 0]
        # Catches caps beyond its ends: a bar over 0 would contradict the p beside it.
        assert interval.get_solid_capstyle() == "butt"
        assert list(lines(axes, linewidth=1)[0].get_xdata()) == [0, 0]
        assert axes.get_ylim() == (-0.6, 0.6)
        assert axes.get_yticks().tolist() == []
    assert figure.axes[-1].get_xlabel().startswith("other - one\n")
    assert figure.axes[0].get_xlabel() == ""
    few = figures.differences_figure(of_two([0.7], [0.6])).axes[0]
    assert lines(few, linewidth=4) == []
    assert lines(few, marker="o")[0].get_ydata().tolist() == [0]


def curve(*losses: float) -> dict[str, Any]:
    return {"epoch": list(range(1, len(losses) + 1)), "train_loss": list(losses)}


def test_learning_curves_are_the_median_in_the_band_of_all_seeds() -> None:
    result = of_two(GOOD, BAD)
    curves = {"one": [curve(4.0, 2.0), curve(5.0, 1.0), curve(9.0, 3.0), curve()], "other": [curve()]}
    axes = figures.curves_figure(result, curves).axes[0]
    (line,) = axes.lines
    assert xy(line) == ([1, 2], [5.0, 2.0])
    assert line.get_label() == "one, median"
    band = axes.collections[0].get_paths()[0].vertices
    assert {tuple(point) for point in band.tolist()} == {(1, 4), (1, 9), (2, 1), (2, 3)}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "training loss, scaled")
    assert axes.get_yscale() == "log"  # 9 is more than five times 1
    near = figures.curves_figure(result, {"one": [curve(4.0, 2.0), curve(5.0, 1.0)], "other": []}).axes[0]
    assert near.get_yscale() == "linear"


def test_a_run_that_ended_early_keeps_its_last_loss() -> None:
    curves = {"one": [curve(4.0), curve(5.0, 3.0), curve(9.0, 8.0)], "other": [curve(1.0)]}
    axes = figures.curves_figure(of_two(GOOD, BAD), curves).axes[0]
    assert xy(axes.lines[0]) == ([1, 2], [5.0, 4.0])  # not the median of those that go on, 5.5
    assert "a run that ended early keeps its last loss" in axes.get_title(loc="left") + axes.get_title()
    whole = figures.curves_figure(of_two(GOOD, BAD), {"one": [curve(4.0)], "other": [curve(1.0)]}).axes[0]
    assert "early" not in whole.get_title(loc="left") + whole.get_title()


def test_errors_by_lead_have_median_range_and_baselines() -> None:
    made = [record("one", seed, r2) for seed, r2 in enumerate(GOOD)]
    made += [record("other", seed, r2) for seed, r2 in enumerate([*BAD[:2], BROKEN, BROKEN, BROKEN])]
    for run in made:
        for k in ("1", "2", "3", "4") if run["status"] == "done" else ():
            run["scores"]["lead"][k]["rmse"] += 10 * int(k)
    far = baseline(-9.0, 500.0)
    far["lead"]["4"]["rmse"] = None
    baselines = {"persistence": baseline(0.5, 60.0), "linear": baseline(0.5, 200.0), "other": far}
    result = analysed(made, baselines)
    axes = lead_figure(result, figures.shown(result)).axes[0]
    one, other, now, linear, beyond = axes.lines
    assert xy(one)[0] == [1, 2, 3, 4]
    assert xy(one)[1] == pytest.approx([28 + 10, 28 + 20, 28 + 30, 28 + 40])
    assert np.isnan(other.get_ydata()).all()  # most of its runs broke: the median is one of these
    assert [line.get_label() for line in axes.lines] == ["one", "other", "same as now", "linear model", "other"]
    assert (now.get_ydata().tolist(), linear.get_ydata().tolist()) == ([60.0] * 4, [200.0] * 4)
    assert beyond.get_ydata()[:3].tolist() == [500.0] * 3
    bands = [{tuple(np.round(p, 6)) for p in c.get_paths()[0].vertices.tolist()} for c in axes.collections]
    assert bands[0] >= {(1, 36), (1, 40), (4, 66), (4, 70)}
    assert bands[1] >= {(1, 47), (1, 50)}
    # 60 is less than twice the largest median, 68; 200 is not, and does not squeeze the curves.
    assert axes.get_ylim() == pytest.approx((0, 1.25 * 68))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("hours ahead", "RMSE (µg/m³)")


def test_nothing_but_broken_runs_draws_no_line_of_a_config() -> None:
    result = of_two([BROKEN] * 3, [BROKEN] * 3)
    assert [line.get_label() for line in lead_figure(result, figures.shown(result)).axes[0].lines] == ["same as now"]
    assert figures.scores_figure(result).axes[0].lines[:] == []


def test_a_sweeps_best_trade_offs_are_joined_and_named() -> None:
    points = [
        {
            "short": "size=1",
            "score": 0.5,
            "parameters": 10,
            "seconds": None,
            "best_by": {"parameters": True, "seconds": False},
        },
        {
            "short": "size=4",
            "score": 0.7,
            "parameters": 40,
            "seconds": 2.0,
            "best_by": {"parameters": True, "seconds": True},
        },
        {
            "short": "size=3",
            "score": 0.6,
            "parameters": 30,
            "seconds": 3.0,
            "best_by": {"parameters": True, "seconds": False},
        },
        {
            "short": "size=2",
            "score": 0.4,
            "parameters": 20,
            "seconds": 4.0,
            "best_by": {"parameters": False, "seconds": False},
        },
    ]
    result = {**of_two(GOOD, BAD), "trade_offs": points}
    axes = figures.sweep_figure(result, "parameters").axes[0]
    dots, joined = axes.lines
    assert xy(dots) == ([10, 40, 30, 20], [0.5, 0.7, 0.6, 0.4])
    assert xy(joined) == ([10, 30, 40], [0.5, 0.6, 0.7])
    assert [(text.get_text(), text.xy) for text in axes.texts] == [
        ("size=1", (10, 0.5)),
        ("size=3", (30, 0.6)),
        ("size=4", (40, 0.7)),
    ]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("parameters", "median R², blocks of 4 h")
    seconds = figures.sweep_figure(result, "seconds").axes[0]
    assert xy(seconds.lines[0])[0] == [2.0, 3.0, 4.0]
    assert xy(seconds.lines[1])[0] == [2.0]
    assert seconds.get_xlabel() == "seconds of training (median)"


def test_no_panel_is_empty_and_every_one_is_named_and_narrow_enough_for_a_phone() -> None:
    point = {"short": "a", "score": 0.5, "parameters": 10, "seconds": 1.0, "best_by": {"parameters": True}}
    result = {**of_two(GOOD, BAD), "trade_offs": [point]}
    curves = {"one": [curve(4.0, 2.0)], "other": [curve(5.0, 3.0)]}
    made = {
        "scores": (figures.scores_figure(result), 3),
        "differences": (figures.differences_figure(result), 3),
        "curves": (figures.curves_figure(result, curves), 1),
        "leads": (lead_figure(result, figures.shown(result)), 1),
        "sweep": (figures.sweep_figure(result, "parameters"), 1),
    }
    for name, (figure, panels) in made.items():
        assert len(figure.axes) == panels, name
        width, height = figure.get_size_inches()
        assert width == 6.4, name
        assert 1.2 <= height / panels <= (1.7 if panels > 1 else 4.5), name  # inches: not squeezed, and on one screen
        for axes in figure.axes:
            assert axes.lines, name
            assert axes.get_title("left"), name


def test_a_config_has_its_colour_in_all_figures() -> None:
    result = of_two(GOOD, BAD)
    curves = {"one": [curve(4.0, 2.0)], "other": [curve(5.0, 3.0)]}
    colors = [look.BLUE, look.VERMILLION]
    dots = lines(figures.scores_figure(result).axes[0], marker="o")
    assert [line.get_color() for line in dots] == colors
    assert [line.get_color() for line in figures.curves_figure(result, curves).axes[0].lines] == colors
    assert [line.get_color() for line in lead_figure(result, figures.shown(result)).axes[0].lines[:2]] == colors
    assert len(set(look.COLORS)) == len(look.COLORS) == figures.MOST


def test_four_baselines_are_four_kinds_of_line() -> None:
    runs = {name: baseline(0.5, 60.0 + i) for i, name in enumerate(("persistence", "linear", "seasonal", "mean"))}
    result = of_two(GOOD, BAD, baselines=runs)
    axes = lead_figure(result, figures.shown(result)).axes[0]
    drawn = lines(axes, linewidth=1.6)
    assert len(drawn) == len({str(line._dash_pattern) for line in drawn}) == 4


def test_runs_beyond_the_right_edge_are_counted_at_it_where_less_is_better() -> None:
    made = [record(label, s, None, 5.0 + s / 10) for label in ("one", "other") for s in range(5)]
    made += [record(label, 5, None, 60.0) for label in ("one", "other")]
    axes = figures.scores_figure(analysed(made, {"persistence": baseline(None, 5.2)})).axes[0]
    (text,) = axes.texts
    assert text.get_text() == "2 further right, up to 60 →"
    assert (text.xy, text.get_ha()) == ((0.99, 0.02), "right")
    assert axes.get_xlim()[1] < 60
