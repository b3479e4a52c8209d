"""What each shortcut moves: every column by hand, from records in which no two numbers are alike."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from minidl.forecasting.shortcuts import honest_configs, shortcut_effects, shortcuts_table

CONFIG: dict[str, Any] = {
    "data": {"scaler": {"type": "MinMaxScaler", "fit_on": "train"}},
    "evaluation": {"future_covariates": "actual"},
}
TESTED = {"4": "r2", "1": "r2"}


def numbers(label: str, seed: int, base: float) -> dict[str, Any]:
    """A run whose scores are `base` plus a number of their own each."""
    block, lead = (
        {k: {"r2": base + 0.01 * i - less, "rmse": 5.0} for i, k in enumerate(("4", "2", "1"))} for less in (0, 0.2)
    )
    more: dict[str, Any] = {}
    more["covariates"] = {
        way: {k: {"r2": base + 0.01 * i - less, "rmse": 7.0 + i} for i, k in enumerate(("4", "2", "1"))}
        for way, less in (("hold_last", 0.05), ("same_hour_yesterday", 0.07))
    }
    more["shifted"] = {k: {"r2": base + 0.01 * i + 0.3, "rmse": 2.0 + i} for i, k in enumerate(("4", "2", "1"))}
    return {"label": label, "seed": seed, "status": "done", "scores": {"block": block, "lead": lead}, "more": more}


RECORDS = {
    "net": [numbers("net", seed, base) for seed, base in enumerate((0.50, 0.60, 0.54))],
    # Seed 2 was not trained with the other scaler.
    "net+fit_on_train": [numbers("net+fit_on_train", seed, base) for seed, base in enumerate((0.47, 0.61))],
}


def rows(tested: dict[str, str] = TESTED, records: dict[str, Any] = RECORDS) -> dict[tuple[str, str], dict[str, Any]]:
    found = shortcut_effects(records, {"net": CONFIG}, tested)["net"]
    return {(row["shortcut"], row["horizon"], row["without"]): row for row in found}  # type: ignore[misc]


def test_each_row_is_the_score_with_and_without_the_shortcut() -> None:
    # taken, avoided, moved, low, high, n: medians over the seeds, and of the differences seed by seed.
    expected = {
        ("scaler", "4", "fitted on training rows"): (0.55, 0.54, 0.01, -0.01, 0.03, 2),
        ("scaler", "1", "fitted on training rows"): (0.57, 0.56, 0.01, -0.01, 0.03, 2),
        ("weather", "4", "the last known row's"): (0.54, 0.49, 0.05, 0.05, 0.05, 3),
        ("weather", "4", "yesterday's, of the same time"): (0.54, 0.47, 0.07, 0.07, 0.07, 3),
        ("horizon", "4", "lead 4 alone"): (0.54, 0.34, 0.2, 0.2, 0.2, 3),
        ("plot", "4", "drawn at its own row"): (0.84, 0.54, 0.3, 0.3, 0.3, 3),
        ("plot", "1", "drawn at its own row"): (0.86, 0.56, 0.3, 0.3, 0.3, 3),
    }
    found = rows()
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        names = ("taken", "avoided", "moved", "low", "high", "n")
        assert tuple(found[key][name] for name in names) == pytest.approx(values), key
    assert found["scaler", "4", "fitted on training rows"]["with"] == "fitted on all rows, the test part included"
    assert found["weather", "4", "the last known row's"]["with"] == "the true later values are known"
    assert found["horizon", "4", "lead 4 alone"]["with"] == "average over leads 1 to 4"
    assert found["plot", "4", "drawn at its own row"]["with"] == "drawn one row early"


def test_the_table_has_each_number_under_its_head() -> None:
    found = shortcut_effects(RECORDS, {"net": CONFIG}, TESTED)["net"]
    head, first, *rest = shortcuts_table(found, "h", {"r2": "R²"})
    assert dict(zip(head, first, strict=True)) == {
        "shortcut": "scaler",
        "with it": "fitted on all rows, the test part included",
        "without it": "fitted on training rows",
        "": "4 h",
        "of": "R²",
        "with": "0.5500",
        "without": "0.5400",
        "moved by": "+0.0100",
        "lowest to highest": "-0.0100 to +0.0300",
        "runs": "2",
    }
    assert [row[0] for row in rest] == ["scaler", *["later columns"] * 2, "block average", *["shifted plot"] * 2]


def test_a_shortcut_that_makes_rmse_smaller_flatters() -> None:
    records = copy.deepcopy(RECORDS)
    for one in records["net"]:
        one["scores"]["block"]["4"]["rmse"] = 6.0  # with hold_last 7, shifted 2, lead 4 alone 9
        one["scores"]["lead"]["4"]["rmse"] = 9.0
    found = rows({"4": "rmse"}, records)
    moved = {key[0]: row["moved"] for key, row in found.items() if key[0] != "scaler"}
    assert moved == {"weather": 1.0, "horizon": 3.0, "plot": 4.0}
    assert all(row["metric"] == "rmse" for row in found.values())


def test_a_shortcut_that_moves_nothing_moves_it_by_plus_zero() -> None:
    records = copy.deepcopy(RECORDS)
    for one in records["net"]:
        one["more"]["shifted"]["4"]["rmse"] = one["scores"]["block"]["4"]["rmse"]
    found = rows({"4": "rmse"}, records)["plot", "4", "drawn at its own row"]
    assert [str(found[name]) for name in ("moved", "low", "high")] == ["0.0"] * 3  # not -0.0


def test_runs_that_broke_and_forecasts_that_were_not_asked_are_left_out() -> None:
    records = copy.deepcopy(RECORDS)
    records["net"][1] |= {"status": "failed"}
    del records["net"][0]["more"]["covariates"]["same_hour_yesterday"]
    records["net"][2]["more"]["covariates"]["hold_last"]["4"]["r2"] = None
    counts = {(key[0], key[2]): row["n"] for key, row in rows({"4": "r2"}, records).items()}
    assert counts == {
        ("scaler", "fitted on training rows"): 1,
        ("weather", "the last known row's"): 1,
        ("weather", "yesterday's, of the same time"): 1,
        ("horizon", "lead 4 alone"): 2,
        ("plot", "drawn at its own row"): 2,
    }
    held = {**CONFIG, "evaluation": {"future_covariates": "hold_last"}}
    shortcuts = {row["shortcut"] for row in shortcut_effects(RECORDS, {"net": held}, TESTED)["net"]}
    assert shortcuts == {"scaler", "horizon", "plot"}  # the weather is not taken as known


def test_only_a_scaler_that_sees_the_test_part_is_trained_again() -> None:
    assert honest_configs(CONFIG) == {}
    sees = {**CONFIG, "data": {"scaler": {"type": "MinMaxScaler", "fit_on": "all"}}}
    assert honest_configs(sees) == {"+fit_on_train": CONFIG}
    assert sees["data"]["scaler"]["fit_on"] == "all"
    assert list(shortcut_effects(RECORDS, {"net": sees}, TESTED)) == ["net"]
