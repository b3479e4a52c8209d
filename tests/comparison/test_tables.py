"""The tables of a comparison, cell by cell, from made-up runs in which no two numbers are alike."""

from __future__ import annotations

from typing import Any

import pytest
from made_up import BROKEN, CONFIG, analysed, baseline, of_two, record

from minidl.comparison import tables
from minidl.comparison.tested import terms
from minidl.forecasting.over_time import over_time_table

ONE, OTHER = [0.70, 0.72, 0.71, 0.73], [0.60, 0.63, 0.20, BROKEN]
DEEP = [
    {"type": "RecurrentLayer", "hidden_size": 2, "bias": False},
    {"type": "RecurrentLayer", "hidden_size": 3, "bias": False},
    {"type": "LastStep"},
    {"type": "Dense", "output_size": 1, "bias": False},
]


@pytest.fixture(scope="module")
def rich() -> dict[str, Any]:
    """A config with published numbers and a deep one, of which a run broke; R² is 0.70 ... at 4 hours, RMSE 30 ..."""
    published = {"source": "book", "r2": [0.75, 0.85, 0.95], "loss": [0.01, 0.02, 0.03]}
    configs = {
        "one": {**CONFIG, "evaluation": {**CONFIG["evaluation"], "published": published}},
        "other": {**CONFIG, "model": {"type": "Sequential", "layers": DEEP}},
    }
    made = [record("one", s, r2) for s, r2 in enumerate(ONE)] + [record("other", s, r2) for s, r2 in enumerate(OTHER)]
    for i, run in enumerate(made):
        run["seconds"]["training"] = float(i)
        if run["status"] == "done":
            run["engine"] = "compiled" if i % 2 else "numpy"
            for j, k in enumerate(("4", "2", "1")):
                run["scores"]["block"][k]["r2"] += 0.01 * j
                run["scores"]["block"][k]["rmse"] -= j
            for j in range(1, 5):
                run["scores"]["lead"][str(j)]["r2"] -= 0.11 * j
                run["scores"]["lead"][str(j)]["rmse"] += 3 * j
    return analysed(made, {"persistence": baseline(0.5, 50.0), "linear": baseline(0.65, 35.0)}, configs=configs)


# By hand: of 0.60, 0.63, 0.20 and a broken run the median is (0.20 + 0.60) / 2; skill is 1 - (RMSE / 50)².
SCORES = {
    "r2": [
        ["", "one", "book", "other", "same as now", "linear model"],
        ["4 h", "0.7150 (0.7000 to 0.7300)", "0.7500", "0.4000 (0.2000 to 0.6300; 1 broken)", "0.5000", "0.6500"],
        ["2 h", "0.7250 (0.7100 to 0.7400)", "0.8500", "0.4100 (0.2100 to 0.6400; 1 broken)", "0.5000", "0.6500"],
        ["1 h", "0.7350 (0.7200 to 0.7500)", "0.9500", "0.4200 (0.2200 to 0.6500; 1 broken)", "0.5000", "0.6500"],
    ],
    "skill": [
        ["", "one", "other", "same as now", "linear model"],
        ["4 h", "0.675 (0.640 to 0.708)", "-0.600 (-1.560 to 0.452; 1 broken)", "0.000", "0.510"],
        ["2 h", "0.697 (0.664 to 0.730)", "-0.552 (-1.496 to 0.482; 1 broken)", "0.000", "0.510"],
        ["1 h", "0.719 (0.686 to 0.750)", "-0.506 (-1.434 to 0.510; 1 broken)", "0.000", "0.510"],
    ],
    "rmse": [
        ["", "one", "other", "same as now", "linear model"],
        ["4 h", "28.50 (27.00 to 30.00)", "60.00 (37.00 to 80.00; 1 broken)", "50.00", "35.00"],
        ["2 h", "27.50 (26.00 to 29.00)", "59.00 (36.00 to 79.00; 1 broken)", "50.00", "35.00"],
        ["1 h", "26.50 (25.00 to 28.00)", "58.00 (35.00 to 78.00; 1 broken)", "50.00", "35.00"],
    ],
}


@pytest.mark.parametrize("metric", SCORES)
def test_scores_stand_under_their_heads(rich: dict[str, Any], metric: str) -> None:
    assert tables.scores_table(rich, terms(rich).metric(metric)) == SCORES[metric]


def test_published_losses_stand_beside_losses(rich: dict[str, Any]) -> None:
    head, first, *_ = tables.scores_table(rich, terms(rich).metric("loss"))
    cells = dict(zip(head, first, strict=True))
    assert cells["one"].startswith("0.02") or cells["one"].startswith("0.03")
    assert (cells["book"], cells["same as now"], cells["linear model"]) == ("0.010000", "0.050000", "0.035000")


def test_the_spread_of_every_config_stands_at_every_horizon_and_lead(rich: dict[str, Any]) -> None:
    assert tables.spread_table(rich, "block") == [
        ["", "", "runs", "broken", "R² median", "mean", "std", "lowest", "highest", "RMSE, µg/m³", "skill"],
        ["one", "4 h", "4", "0", "0.7150", "0.7150", "0.0129", "0.7000", "0.7300", "28.50", "0.675"],
        ["", "2 h", "4", "0", "0.7250", "0.7250", "0.0129", "0.7100", "0.7400", "27.50", "0.697"],
        ["", "1 h", "4", "0", "0.7350", "0.7350", "0.0129", "0.7200", "0.7500", "26.50", "0.719"],
        ["other", "4 h", "3", "1", "0.4000", "0.4767", "0.2401", "0.2000", "0.6300", "60.00", "-0.600"],
        ["", "2 h", "3", "1", "0.4100", "0.4867", "0.2401", "0.2100", "0.6400", "59.00", "-0.552"],
        ["", "1 h", "3", "1", "0.4200", "0.4967", "0.2401", "0.2200", "0.6500", "58.00", "-0.506"],
    ]
    leads = tables.spread_table(rich, "lead")
    assert leads[1] == ["one", "1 h", "4", "0", "0.6050", "0.6050", "0.0129", "0.5900", "0.6200", "31.50", "0.603"]
    assert leads[5] == ["other", "1 h", "3", "1", "0.2900", "0.3667", "0.2401", "0.0900", "0.5200", "63.00", "-0.748"]


def test_differences_are_second_minus_first(rich: dict[str, Any]) -> None:
    assert tables.differences_table(rich)[1:] == [
        ["other - one", "4 h", "R²", "4, 1 broken", "-0.2333", "-0.1000", "-", "-", "0.125", "0", "4", "0.375"],
        ["", "2 h", "R²", "4, 1 broken", "-0.2333", "-0.1000", "-", "-", "0.125", "0", "4", "0.375"],
        ["", "1 h", "R²", "4, 1 broken", "-0.2333", "-0.1000", "-", "-", "0.125", "0", "4", "0.375"],
    ]


def test_failures_are_counted_by_kind(rich: dict[str, Any]) -> None:
    assert tables.failures_table(rich) == [
        [
            "",
            "runs",
            "NaN or Inf",
            "failed to train",
            "worse than now, 4 h",
            "worse than now, 2 h",
            "worse than now, 1 h",
        ],
        ["one", "4", "0", "0", "0", "0", "0"],
        ["other", "4", "1", "1", "1", "1", "1"],
    ]


def test_costs_are_counted_by_hand(rich: dict[str, Any]) -> None:
    # One layer of 2 on 1 column: 2 + 4 + 2 and 2 + 1 parameters; 6 steps of 2 + 4 multiply-adds, and 2.
    # Layers of 2 and 3 without biases: 2 + 4 + 6 + 9 + 3; 6 steps of 2 + 4 + 6 + 9, and 3.
    assert tables.cost_table(rich)[1:] == [
        ["one", "2", "11", "38", "1.5", "compiled, numpy"],
        ["other", "2+3", "24", "129", "5.0", "compiled, numpy"],
    ]
    assert tables.confounds_table(rich) == [
        ["", "one", "other"],
        ["depth", "1 recurrent layer", "2 recurrent layers"],
        ["width", "2", "2+3"],
        ["biases", "with biases", "without biases"],
        ["number of parameters", "11", "24"],
        ["multiply-adds per window", "38", "129"],
    ]


def test_the_verdict_names_costs_failures_and_engines(rich: dict[str, Any]) -> None:
    lines = rich["verdict"]["lines"]
    assert lines[0].startswith(
        "Between the configs, depth, width, biases and number of parameters differ; with them the"
    )
    assert lines[0].endswith("The result is about all of these together, not about one of them.")
    assert lines[1] == (
        "Cost. one: 11 parameters, 38 multiply-adds a window, 1.5 s of training; "
        "other: 24 parameters, 129 multiply-adds a window, 5.0 s of training."
    )
    assert "1 of 4 runs of other ended with NaN or Inf (seed 3): NaN in step 3." in lines[2]
    assert lines[3].startswith(
        "1 of 4 runs of other failed to train, worse than persistence at every horizon (seed 2);"
    )
    assert lines[4].startswith("The median run of other loses to persistence (same as now) at 4, 2 and 1 hours, and to")
    assert lines[5] == "Engines: compiled, numpy; these agree within rounding only."
    assert len(lines) == 6


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (1, "(seed 0)"),
        (10, "(seeds 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)"),
        (12, "(seeds 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more)"),
    ],
)
def test_of_very_many_broken_runs_ten_seeds_are_named(count: int, words: str) -> None:
    lines = of_two([BROKEN] * count + [0.5], [0.6] * (count + 1))["verdict"]["lines"]
    assert any(f"{count} of {count + 1} runs of one ended with NaN or Inf {words}: " in line for line in lines)


@pytest.mark.parametrize(
    ("r2", "word"), [(0.705, "smaller"), (0.70, "smaller"), (0.60, "not smaller"), (0.9, "not smaller")]
)
def test_a_published_difference_is_held_against_the_spread_of_seeds(r2: float, word: str) -> None:
    # Standard deviations of 0.0129; the first config's published R² is 0.70.
    configs = {
        label: {
            **CONFIG,
            "evaluation": {
                **CONFIG["evaluation"],
                "published": {"source": "book", "r2": [value, 0.1, 0.1], "loss": [0.1, 0.1, 0.1]},
            },
        }
        for label, value in (("one", 0.70), ("other", r2))
    }
    made = [record(label, s, r2) for label in configs for s, r2 in enumerate(ONE)]
    line = next(line for line in analysed(made, configs=configs)["verdict"]["lines"] if "book" in line)
    assert line == (
        f"The book's difference at 4 hours, {r2 - 0.7:+.4f} R² for other, is {word} than the standard deviation "
        "between seeds, 0.0129 for one and 0.0129 for other."
    )


def test_two_runs_over_time_say_whose_errors_are_smaller() -> None:
    leads = [
        {"lead": "1", "statistic": 3.456, "p": 0.0004, "n": 1234, "lags": 0},
        {"lead": "2", "statistic": -2.5, "p": 0.012, "n": 1234, "lags": 1},
        {"lead": "3", "statistic": -1.0, "p": 0.3, "n": 1234, "lags": 2},
    ]
    found = [{"first": "one", "second": "other", "seeds": [0, 1], "leads": leads}]
    assert over_time_table(found, "h")[1:] == [
        ["1 h", "+3.46", "< 0.001", "1,234", "other"],  # above 0: the first has the larger errors
        ["2 h", "-2.50", "0.012", "1,234", "one"],
        ["3 h", "-1.00", "0.300", "1,234", "no evidence"],
    ]
    assert len(over_time_table([], "h")) == 1


def test_a_sweep_is_listed_from_the_best_on_with_stars_for_trade_offs() -> None:
    sizes = {"one": 4, "two": 2, "three": 3}
    points = {label: {"model.layers.0.hidden_size": size} for label, size in sizes.items()}
    configs = {
        label: {
            **CONFIG,
            "model": {"type": "Sequential", "layers": [{"type": "RecurrentLayer", "hidden_size": size}, *DEEP[2:]]},
        }
        for label, size in sizes.items()
    }
    made = []
    for label, r2, seconds in (("one", 0.8, 3.0), ("two", 0.7, 1.0), ("three", 0.6, 2.0)):
        made += [{**record(label, seed, r2), "seconds": {"training": seconds}} for seed in range(2)]
    result = analysed(made, configs=configs, points=points)
    assert tables.trade_offs_table(result) == [
        ["", "R² 4 h, median", "parameters", "", "training, s", ""],
        ["hidden_size=4", "0.8000", "28", "★", "3.0", "★"],
        ["hidden_size=2", "0.7000", "10", "★", "1.0", "★"],
        ["hidden_size=3", "0.6000", "18", "", "2.0", ""],
    ]


def test_trade_offs_by_rmse_and_of_scores_that_are_equal_but_for_rounding() -> None:
    points = {label: {"size": size} for label, size in (("one", 1), ("two", 2), ("three", 3))}
    made = []
    for label, rmse, seconds in (("one", 5.0, 3.0), ("two", 4.0, 1.0), ("three", 4.0 * (1 - 1e-15), 2.0)):
        made += [{**record(label, seed, None, rmse), "seconds": {"training": seconds}} for seed in range(2)]
    result = analysed(made, {"persistence": baseline(None, 9.0)}, points=points)
    # The same number of parameters: the two of 4.0 are no better than each other; one is quicker.
    found = {point["label"]: point["best_by"] for point in result["trade_offs"]}
    assert found == {
        "one": {"parameters": False, "seconds": False},
        "two": {"parameters": True, "seconds": True},
        "three": {"parameters": True, "seconds": False},
    }
    assert tables.trade_offs_table(result)[0][1] == "RMSE 4 h, median"
    assert [row[0] for row in tables.trade_offs_table(result)[1:]] == ["size=3", "size=2", "size=1"]
