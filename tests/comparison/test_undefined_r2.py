"""Verdicts where R² is undefined: RMSE is compared, and less is better."""

from __future__ import annotations

import json

import numpy as np
import pytest
from made_up import BAD, GOOD, LARGE, SMALL, analysed, baseline, record, report_of, undefined

from minidl.cli.compare import terminal_report
from minidl.comparison import figures, tables
from minidl.comparison.together import profiles_figure
from minidl.comparison.verdict import verdict
from minidl.plotting import have_matplotlib


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


@pytest.mark.parametrize("without", [(3,), (0, 1), tuple(range(8))])
def test_a_run_for_which_alone_the_metric_is_undefined_loses_like_a_broken_one(without: tuple[int, ...]) -> None:
    """Caught here: a traceback after all runs were made, as precision of a run that never says yes would give."""
    made = [record("one", seed, r2) for seed, r2 in enumerate(BAD)]
    made += [record("other", seed, None if seed in without else r2, 30.0) for seed, r2 in enumerate(GOOD)]
    made += [record("third", seed, r2) for seed, r2 in enumerate(BAD)]
    result = analysed(made)
    row, other = result["pairs"][0]["rows"]["4"], result["configs"]["other"]
    assert (row["metric"], row["first_better"], row["second_better"]) == ("r2", len(without), 8 - len(without))
    block = other["block"]["4"]["r2"]
    assert (block["broken"], other["broken"], other["block"]["4"]["rmse"]["broken"]) == (len(without), [], 0)
    counted = sorted(-np.inf if seed in without else r2 for seed, r2 in enumerate(GOOD))
    middle = np.mean(counted[3:5])
    assert block["median"] == (pytest.approx(middle) if np.isfinite(middle) else None)
    known = [r2 for r2 in counted if np.isfinite(r2)]
    assert other["median_seed"] == (GOOD.index(known[(len(known) - 1) // 2]) if known else None)
    assert report_of(result)
    if have_matplotlib():
        axes = figures.scores_figure(result).axes[0]
        assert sum(len(line.get_xdata()) for line in axes.lines if line.get_marker() == "o") == 24 - len(without)
        profile = profiles_figure(result, ["other"]).axes[0]
        shares = [y for line in profile.lines for y in line.get_ydata()]
        assert max(shares, default=0.0) == 1 - len(without) / 8


def test_the_smallest_difference_that_matters_is_of_the_leading_metric_alone() -> None:
    made = [record("one", seed, None, rmse) for seed, rmse in enumerate(SMALL)]
    made += [record("other", seed, None, rmse) for seed, rmse in enumerate(LARGE)]
    result = analysed(made, {"persistence": baseline(None, 5.0)}, smallest=10.0)  # of R²; what is compared is RMSE
    assert {row["outcome"] for row in result["pairs"][0]["rows"].values()} == {"better"}


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
