"""Verdicts, tables, figures and reports of made-up runs whose truth is known, in either order."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from made_up import BROKEN, CONFIG, analysed, baseline, of_two, record

from minidl.cli.compare import terminal_report
from minidl.comparison import figures, tables
from minidl.comparison.report import html_body, markdown
from minidl.comparison.tested import terms
from minidl.comparison.verdict import verdict
from minidl.tasks.terms import SKILL

GOOD = [0.70, 0.72, 0.71, 0.73, 0.74, 0.69, 0.75, 0.68]
BAD = [0.60, 0.63, 0.64, 0.61, 0.62, 0.57, 0.70, 0.55]  # worse in every seed, by 0.10 on average


def report_of(result: dict[str, Any]) -> str:
    """The blocks of report.md."""
    from minidl.comparison.report import _blocks

    blocks = list(_blocks(result, [], "minidl compare"))
    assert html_body(blocks).count("<table") == markdown(blocks).count("|---|\n")
    return markdown(blocks)


@pytest.mark.parametrize(("one", "other", "better"), [(GOOD, BAD, "one"), (BAD, GOOD, "other")])
def test_the_better_of_two_is_named_in_either_order(one: list[float], other: list[float], better: str) -> None:
    # Fails for a verdict that always names the first, or always the second.
    worse = {"one": "other", "other": "one"}[better]
    result = of_two(one, other)
    pair = result["verdict"]["pairs"][0]
    assert pair["better"] == better
    assert result["verdict"]["headline"] == pair["sentence"]
    assert pair["sentence"] == (
        f"{better} is better than {worse}: at 4 hours R² of {better} is higher by 0.1000 on average (95 % interval "
        f"+0.0733 to +0.1233, p = 0.008; median +0.1100), and better in 8 of 8 seeds; corrected p = 0.023."
    )
    row = result["pairs"][0]["rows"]["4"]
    sign = 1 if better == "other" else -1
    assert row["mean"] == pytest.approx(sign * 0.1)
    assert (row["favours"] == "second") == (better == "other")
    assert (row["first_better"], row["second_better"]) == ((0, 8) if better == "other" else (8, 0))
    assert result["configs"][better]["block"]["4"]["r2"]["median"] == pytest.approx(0.715)
    assert result["configs"][worse]["block"]["4"]["r2"]["median"] == pytest.approx(0.615)


@pytest.mark.parametrize(("one", "other", "better"), [(GOOD, BAD, "one"), (BAD, GOOD, "other")])
def test_every_table_says_which_is_better_in_either_order(one: list[float], other: list[float], better: str) -> None:
    result = of_two(one, other)
    head, first, *_ = tables.differences_table(result)
    cells = dict(zip(head, first, strict=True))
    sign = "+" if better == "other" else "-"
    assert cells["second - first"] == "other - one"
    assert cells["mean"] == f"{sign}0.1000"
    assert cells["median"] == f"{sign}0.1100"
    assert (cells["second better"], cells["first better"]) == (("8", "0") if better == "other" else ("0", "8"))
    assert cells["95 % interval"] == ("+0.0733 to +0.1233" if better == "other" else "-0.1233 to -0.0733")
    assert (cells["p"], cells["corrected p"], cells["of"], cells["pairs"]) == ("0.008", "0.023", "R²", "8")
    scores = tables.scores_table(result, terms(result).leading)
    assert scores[0] == ["", "one", "other", "same as now"]
    assert scores[1] == [
        "4 h",
        *(["0.7150 (0.6800 to 0.7500)", "0.6150 (0.5500 to 0.7000)"][:: 1 if better == "one" else -1]),
        "-1.0000",
    ]


def test_nothing_is_better_where_scores_differ_by_rounding_only() -> None:
    result = of_two(GOOD, [r2 * (1 - 1e-15) for r2 in GOOD])
    sentence = "No evidence of a difference between one and other: every score is the same but for rounding."
    assert result["verdict"]["headline"] == sentence
    assert result["verdict"]["pairs"][0]["better"] is None
    assert all(row["differences"] == [0.0] * 8 for row in result["pairs"][0]["rows"].values())


def test_float32_models_are_the_same_up_to_their_own_rounding() -> None:
    nearly = [r2 + 2e-8 for r2 in GOOD]
    assert of_two(GOOD, nearly)["verdict"]["pairs"][0]["better"] == "other"
    coarse = of_two(GOOD, nearly, config={**CONFIG, "dtype": "float32"})
    assert coarse["verdict"]["pairs"][0]["better"] is None
    assert "every score is the same but for rounding" in coarse["verdict"]["headline"]


def test_too_few_seeds_are_named_and_no_interval_is_given() -> None:
    result = of_two(GOOD[:5], BAD[:5])
    assert result["verdict"]["headline"] == (
        "No evidence of a difference between one and other: with 5 seeds and 3 tests none could be shown, "
        "at least 7 seeds are needed."
    )
    row = result["pairs"][0]["rows"]["4"]
    assert (row["low"], row["high"]) == (None, None)
    assert tables.differences_table(result)[1][6] == "-"


def test_an_interval_and_its_p_stand_together_where_the_correction_changes_the_verdict() -> None:
    other = [0.75, 0.74, 0.78, 0.76, 0.75, 0.70, 0.74, 0.70]
    result = of_two(GOOD, other)
    row = result["pairs"][0]["rows"]["4"]
    assert row["p"] < 0.05 < row["p_adjusted"]
    assert row["low"] > 0
    assert result["verdict"]["pairs"][0]["better"] is None
    assert "p = 0.031; median" in result["verdict"]["headline"]
    assert "better in 7 of 8 seeds; corrected p = 0.094" in result["verdict"]["headline"]


def test_a_verdict_can_depend_on_the_horizon() -> None:
    made = [record("one", seed, r2) for seed, r2 in enumerate(GOOD)]
    made += [record("other", seed, r2) for seed, r2 in enumerate(BAD)]
    for seed in range(8):
        made[seed]["scores"]["block"]["1"]["r2"] = BAD[seed]
        made[8 + seed]["scores"]["block"]["1"]["r2"] = GOOD[seed]
    found = analysed(made)["verdict"]["pairs"][0]
    assert found["better"] is None
    assert found["sentence"] == "It depends on the horizon: one at 4 and 2 hours is better, other at 1 hour."


def test_a_difference_at_some_horizons_says_at_which() -> None:
    made = [record("one", seed, r2) for seed, r2 in enumerate(BAD)]
    made += [record("other", seed, r2) for seed, r2 in enumerate(GOOD)]
    for seed in range(8):
        made[8 + seed]["scores"]["block"]["2"]["r2"] = BAD[seed]
    found = analysed(made)["verdict"]["pairs"][0]
    assert found["better"] == "other"
    assert found["sentence"].startswith("other is better than one at 4 and 1 hours: at 4 hours R² of other is higher")
    assert found["sentence"].endswith("; no evidence of a difference at 2 hours.")


# --- runs that broke


@pytest.mark.parametrize("turned", [False, True])
def test_a_broken_run_is_a_loss_everywhere_and_means_are_of_the_survivors(turned: bool) -> None:
    breaks = [0.71, 0.73, 0.72, 0.74, 0.75, 0.70, BROKEN, BROKEN]  # 0.01 better in six seeds
    holds = GOOD
    result = of_two(holds, breaks) if turned else of_two(breaks, holds)
    label = "other" if turned else "one"
    row = result["pairs"][0]["rows"]["4"]
    wins = (row["second_better"], row["first_better"])
    assert wins == ((6, 2) if turned else (2, 6))
    assert (row["n"], row["survivors"], row["low"]) == (8, 6, None)
    assert row["mean"] == pytest.approx(0.01 if turned else -0.01)
    assert row["p"] > 0.05
    assert result["pairs"][0]["broken"][label] == [6, 7]
    r2 = result["configs"][label]["block"]["4"]["r2"]
    # Sorted: -Inf, -Inf, 0.70, 0.71, 0.72, ...: the median is 0.715; of the six survivors it would be 0.725.
    assert (r2["n"], r2["broken"], r2["median"]) == (6, 2, pytest.approx(0.715))
    assert r2["mean"] == pytest.approx(0.725)
    rmse = result["configs"][label]["block"]["4"]["rmse"]
    assert rmse["median"] == pytest.approx(28.5)  # the worst RMSE is the largest
    headline = result["verdict"]["headline"]
    assert "over the 6 seeds that gave scores for both (no interval: 2 pairs with a broken run" in headline
    assert f"of other is {'higher' if turned else 'lower'} by 0.0100" in headline
    assert f"better in {6 if turned else 2} of 8 seeds" in headline
    line = next(line for line in result["verdict"]["lines"] if "NaN or Inf" in line)
    assert line == (
        f"2 of 8 runs of {label} ended with NaN or Inf (seeds 6, 7): NaN in step 3. Each counts as a loss in medians, "
        "wins and tests; means, ranges and skill are of the runs that survived."
    )
    text = report_of(result)
    assert "(0.7000 to 0.7500; 2 broken)" in text
    assert "8, 2 broken" in text
    assert "mean and median are of the pairs that gave two scores" in text
    assert "(0.7000 to 0.7500; 2 broken)" in "\n".join(terminal_report(result))
    json.dumps(result, allow_nan=False)


def test_a_config_that_always_breaks_loses() -> None:
    for one, other, better in ((GOOD, [BROKEN] * 8, "one"), ([BROKEN] * 8, GOOD, "other")):
        result = of_two(one, other)
        pair = result["verdict"]["pairs"][0]
        assert pair["better"] == better
        assert "no seed gave scores for both; broken runs count as losses" in pair["sentence"]
        assert f"{better} is better in 8 of 8 seeds" in pair["sentence"]
        broken = {"one": "other", "other": "one"}[better]
        assert result["configs"][broken]["block"]["4"]["r2"]["median"] is None
        assert result["configs"][broken]["median_seed"] is None
        assert "- (8 broken)" in report_of(result)
        assert f"The median run of {broken} loses to persistence" in " ".join(result["verdict"]["lines"])


def test_two_configs_that_always_break_are_no_better_than_each_other() -> None:
    result = of_two([BROKEN] * 8, [BROKEN] * 8)
    assert result["verdict"]["headline"].endswith("no run of either gave a score.")
    assert result["verdict"]["pairs"][0]["better"] is None
    assert all(row["p"] == 1 for row in result["pairs"][0]["rows"].values())


def test_of_many_configs_one_that_mostly_breaks_is_not_the_best() -> None:
    made = [
        record(label, seed, r2)
        for label, runs in zip("abc", (BAD, GOOD, [0.9, 0.9] + [BROKEN] * 6), strict=True)
        for seed, r2 in enumerate(runs)
    ]
    result = analysed(made)
    assert result["verdict"]["headline"].startswith("b has the highest median R² at 4 hours, 0.7150; of 3 pairs")
    assert result["configs"]["c"]["block"]["4"]["r2"]["median"] is None
    assert list(figures.shown(result)) == ["a", "b", "c"]


def test_the_best_of_many_are_named_together_where_they_are_equal_but_for_rounding() -> None:
    runs = {"a": GOOD, "b": BAD, "c": [r2 + 1e-15 for r2 in GOOD]}
    made = [record(label, seed, r2) for label, scores in runs.items() for seed, r2 in enumerate(scores)]
    assert analysed(made)["verdict"]["headline"].startswith("a and c have the highest median R² at 4 hours, 0.7150;")


# --- R² that is undefined


def undefined(one: list[float], other: list[float]) -> dict[str, Any]:
    """Runs with these RMSE on a target that never changes."""
    made = [record("one", seed, None, rmse) for seed, rmse in enumerate(one)]
    made += [record("other", seed, None, rmse) for seed, rmse in enumerate(other)]
    return analysed(made, {"persistence": baseline(None, 5.0)})


SMALL, LARGE = [3.0, 3.2, 3.1, 3.4, 3.3, 2.9, 3.5, 2.8], [4.0, 4.3, 4.2, 4.1, 4.6, 3.9, 4.4, 3.7]


@pytest.mark.parametrize(("one", "other", "better"), [(SMALL, LARGE, "one"), (LARGE, SMALL, "other")])
def test_where_r2_is_undefined_rmse_is_compared_and_less_is_better(
    one: list[float], other: list[float], better: str
) -> None:
    result = undefined(one, other)
    pair = result["verdict"]["pairs"][0]
    assert pair["better"] == better
    assert f"at 4 hours RMSE of {better} is lower by 1.0000 µg/m³ on average" in pair["sentence"]
    assert f"{better} is better than" in pair["sentence"]
    assert "better in 8 of 8 seeds" in pair["sentence"]
    assert result["asked"]["tested"] == {"4": "rmse", "2": "rmse", "1": "rmse"}
    for config in result["configs"].values():
        assert (config["broken"], config["failed_to_train"]) == ([], [])
        block = config["block"]["4"]
        assert (block["r2"]["n"], block["r2"]["median"], block["rmse"]["n"], block["mae"]["n"]) == (0, None, 8, 8)
    assert result["configs"]["one"]["block"]["4"]["rmse"]["median"] == pytest.approx(np.median(one))
    row = result["pairs"][0]["rows"]["4"]
    assert row["metric"] == "rmse"
    assert row["mean"] == pytest.approx(-1.0 if better == "other" else 1.0)
    text = report_of(result)
    line = (
        "R² is undefined at 4, 2 and 1 hours: the target is constant in the test part. "
        "There the configs are compared by RMSE."
    )
    assert line in text
    assert line in "\n".join(terminal_report(result))
    assert "| MAE, µg/m³ |" in text
    assert "| R² |" not in text.split("## Paired differences")[0].split("By block")[0]
    assert "NaN or Inf" not in " ".join(result["verdict"]["lines"])
    json.dumps(result, allow_nan=False)


def test_r2_is_compared_where_it_exists_and_rmse_elsewhere() -> None:
    made = [record("one", seed, r2) for seed, r2 in enumerate(GOOD)]
    made += [record("other", seed, r2) for seed, r2 in enumerate(BAD)]
    reference = baseline(-1.0, 200.0)
    for one in [*(run["scores"] for run in made), reference]:
        one["block"]["2"]["r2"] = None
    result = analysed(made, {"persistence": reference})
    assert result["asked"]["tested"] == {"4": "r2", "2": "rmse", "1": "r2"}
    assert result["verdict"]["pairs"][0]["better"] == "one"
    assert [row[2] for row in tables.differences_table(result)[1:]] == ["R²", "RMSE", "R²"]
    assert "R² is undefined at 2 hours: the target" in " ".join(result["verdict"]["lines"])
    assert [metric.name for metric in tables.shown_metrics(result)] == ["r2", "skill", "rmse", "mae"]


def test_baselines_that_win_are_found_by_either_metric() -> None:
    made = [record("one", seed, r2) for seed, r2 in enumerate(GOOD)]
    made += [record("other", seed, r2) for seed, r2 in enumerate(BAD)]
    between = {"persistence": baseline(0.65, 35.0), "linear": baseline(0.715 + 1e-12, 28.5)}
    lines = " ".join(analysed(made, between)["verdict"]["lines"])
    assert "The median run of other loses to persistence (same as now) at 4, 2 and 1 hours, and to the linear" in lines
    assert "The median run of one loses" not in lines  # to the linear model by rounding only
    result = undefined(SMALL, LARGE)
    assert "loses" not in " ".join(result["verdict"]["lines"])
    result["baselines"]["persistence"] = baseline(None, 3.5)
    lines = " ".join(verdict(result)["lines"])
    assert "The median run of other loses to persistence" in lines
    assert "The median run of one loses" not in lines


def test_runs_that_failed_to_train_are_worse_than_persistence_at_every_horizon() -> None:
    made = [record("one", seed, r2) for seed, r2 in enumerate(GOOD)]
    made += [record("other", seed, r2) for seed, r2 in enumerate(BAD)]
    # RMSE is 100 (1 - R²): 31 is beaten by R² above 0.69. In seed 0 of `other` one horizon is better.
    made[8]["scores"]["block"]["1"]["rmse"] = 30.0
    result = analysed(made, {"persistence": baseline(0.69, 31.0)})
    assert result["configs"]["one"]["failed_to_train"] == [7]  # 0.68; 0.69 is equal
    assert result["configs"]["other"]["failed_to_train"] == [1, 2, 3, 4, 5, 7]
    assert result["configs"]["other"]["worse_than_reference"] == {"4": 7, "2": 7, "1": 6}
    skill = result["configs"]["one"]["block"]["4"]["skill"]
    assert skill["values"][0] == pytest.approx(1 - (30 / 31) ** 2)


@pytest.mark.parametrize(
    ("scores", "seed"),
    [([0.7], 0), ([0.7, 0.6], 1), ([0.7, 0.5, 0.6], 2), ([0.7, 0.5, 0.6, 0.8], 2), ([0.1, 0.5, 0.4, 0.2, 0.3], 4)],
)
def test_of_any_number_of_runs_the_median_one_is_found_of_an_even_number_the_worse(
    scores: list[float], seed: int
) -> None:
    assert of_two(scores, scores)["configs"]["one"]["median_seed"] == seed


def test_the_median_seed_is_that_of_the_median_score() -> None:
    # GOOD sorted: 0.68 (7), 0.69 (5), 0.70 (0), 0.71 (2), 0.72 ...: the lower of the middle two is seed 2.
    assert of_two(GOOD, BAD)["configs"]["one"]["median_seed"] == 2
    # LARGE, where less is better: 4.6, 4.4, 4.3, 4.2 (seed 2), 4.1 ...
    assert undefined(SMALL, LARGE)["configs"]["other"]["median_seed"] == 2


# --- what the pictures show


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


@pytest.mark.parametrize(
    ("count", "pairs"),
    [
        (2, [("a", "b")]),
        (4, [("a", "b"), ("a", "c"), ("a", "d"), ("b", "c"), ("b", "d"), ("c", "d")]),
        (5, [("a", "b"), ("a", "c"), ("a", "d"), ("a", "e")]),
    ],
)
def test_up_to_four_configs_are_tested_in_all_pairs_and_more_against_the_first(
    count: int, pairs: list[tuple[str, str]]
) -> None:
    made = [record(label, seed, 0.5 + 0.01 * i) for i, label in enumerate("abcde"[:count]) for seed in range(3)]
    result = analysed(made)
    assert [(pair["first"], pair["second"]) for pair in result["pairs"]] == pairs
    assert result["tests"]["number"] == 3 * len(pairs)
    needed = result["tests"]["fewest_seeds"]
    assert 3 * len(pairs) * 2 / 2**needed <= 0.05 < 3 * len(pairs) * 2 / 2 ** (needed - 1)
    assert len(tables.differences_table(result)) == 1 + 3 * len(pairs)


def test_a_mean_of_nothing_is_the_same_on_average() -> None:
    text = of_two([0.3, 0.5] * 4, [0.5, 0.3] * 4)["verdict"]["pairs"][0]["sentence"]
    assert "at 4 hours R² of other is the same on average (" in text


def test_holm_corrects_over_all_pairs_and_horizons() -> None:
    made = [record("one", seed, r2) for seed, r2 in enumerate(GOOD)]
    made += [record("other", seed, r2) for seed, r2 in enumerate(BAD)]
    made += [record("twin", seed, r2) for seed, r2 in enumerate(GOOD)]
    result = analysed(made)
    rows = {(pair["first"], pair["second"]): pair["rows"]["4"] for pair in result["pairs"]}
    # Six tests of p = 2/256 are the smallest of nine.
    assert rows["one", "other"]["p_adjusted"] == pytest.approx(9 * 2 / 256)
    assert rows["one", "twin"]["p_adjusted"] == 1
    assert [pair["better"] for pair in result["verdict"]["pairs"]] == [None, None, None]
    assert result["verdict"]["headline"].startswith("one and twin have the highest median R² at 4 hours, 0.7150; of 3")
    assert result["verdict"]["headline"].endswith("0 differ beyond what seeds do.")
