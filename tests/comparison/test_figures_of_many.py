"""Which configs and baselines the figures of a comparison show."""

from __future__ import annotations

from typing import Any

import pytest
from made_up import BROKEN, CONFIG, analysed, baseline, record

from minidl.comparison import figures
from minidl.tasks.forecast_figures import lead_figure

pytestmark = pytest.mark.figures


def many(count: int) -> dict[str, Any]:
    """`count` configs of two runs, the later the better, but for the first, whose runs broke."""
    made = []
    for i in range(count):
        for seed in range(2):
            made.append(record(f"net{i}", seed, BROKEN if i == 0 else 0.5 + 0.01 * i + 0.001 * seed))
    return analysed(made)


def test_of_many_configs_the_best_five_are_shown_in_their_own_order() -> None:
    assert list(figures.shown(many(7))) == ["net2", "net3", "net4", "net5", "net6"]
    assert list(figures.shown(many(5))) == ["net0", "net1", "net2", "net3", "net4"]
    made = [record(f"net{i}", 0, None, 5.0 + i) for i in range(7)]
    less = analysed(made, {"persistence": baseline(None, 9.0)})
    assert list(figures.shown(less)) == ["net0", "net1", "net2", "net3", "net4"]


def test_a_config_of_broken_runs_comes_after_all_others_also_where_these_are_below_zero() -> None:
    r2 = {"net0": BROKEN, **{f"net{i}": -1.0 * i for i in range(1, 6)}}
    result = analysed([record(label, seed, value) for label, value in r2.items() for seed in range(2)])
    assert list(figures.shown(result)) == ["net1", "net2", "net3", "net4", "net5"]


def test_the_first_row_decides_which_configs_are_shown() -> None:
    made = [record(f"net{i}", 0, 0.5 + 0.01 * i) for i in range(7)]
    for i, run in enumerate(made):
        for k in ("2", "1"):
            run["scores"]["block"][k]["r2"] = 0.9 - 0.1 * i
    assert list(figures.shown(analysed(made))) == ["net2", "net3", "net4", "net5", "net6"]


@pytest.mark.parametrize(
    ("value", "sign", "near"),
    [
        # Of 0, 1, ..., 10 a tenth is below 1: of R², 0.1 less than that is near.
        (0.91, 1, True),
        (0.9, 1, False),
        (0.89, 1, False),
        # Of RMSE a tenth is above 9: near is what is less worse than that by their range, 10, and a tenth of 5.
        (19.4, -1, True),
        (19.5, -1, False),
        (19.6, -1, False),
    ],
)
def test_what_a_baseline_is_near_to(value: float, sign: int, near: bool) -> None:
    assert figures._is_near(value, [float(score) for score in range(11)], sign) == near
    assert figures._is_near(sign * 1e9, [0.0], sign)  # better by any distance


def test_a_median_of_exactly_0_is_a_score_like_any_other() -> None:
    result = analysed([record(f"net{i}", 0, 0.1 * i) for i in range(6)])
    assert list(figures.shown(result)) == ["net1", "net2", "net3", "net4", "net5"]


def test_the_errors_axis_ends_a_quarter_above_the_largest_median_and_is_not_empty() -> None:
    for size, top in ((0.5, 1.25 * 0.5), (0.0, 1.0)):
        found = analysed(
            [record("one", 0, 0.5, size), record("other", 0, 0.5, size)], {"persistence": baseline(0.5, size)}
        )
        figure = lead_figure(found, figures.shown(found))
        assert figure.axes[0].get_ylim() == pytest.approx((0, top))
        assert len(figure.axes) == 1


def test_the_errors_axis_has_room_for_a_baseline_at_its_last_lead() -> None:
    now = baseline(0.5, 0.6)
    now["lead"]["4"]["rmse"] = 0.8
    found = analysed([record("one", 0, 0.5, 0.5), record("other", 0, 0.5, 0.5)], {"persistence": now})
    assert lead_figure(found, figures.shown(found)).axes[0].get_ylim() == pytest.approx((0, 1.25 * 0.8))


def test_configs_with_different_losses_have_panels_of_their_own() -> None:
    configs = {"one": CONFIG, "other": {**CONFIG, "loss": {"type": "Huber", "delta": 1.0}}, "third": CONFIG}
    made = [record(label, seed, 0.5) for label in configs for seed in range(2)]
    curve = [{"epoch": [1, 2], "train_loss": [2.0, 1.0]}]
    figure = figures.curves_figure(analysed(made, configs=configs), dict.fromkeys(configs, curve))
    lines = [[line.get_label() for line in ax.get_lines()] for ax in figure.axes]
    assert lines == [["one, median", "third, median"], ["other, median"]]
    titles = [ax.get_title(loc="left") or ax.get_title() for ax in figure.axes]
    assert [title.split()[0] for title in titles] == ["HalfMSE", "Huber"]
