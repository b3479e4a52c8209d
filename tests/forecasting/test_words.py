"""Baselines in words, and which of them a model loses to."""

from __future__ import annotations

from typing import Any

import pytest

from minidl.forecasting.words import baseline_short, baseline_words, horizons_words, losing_words, losses_to


def baseline(**rmse: float | None) -> dict[str, Any]:
    return {"block": {k.removeprefix("at"): {"rmse": value} for k, value in rmse.items()}}


BASELINES = {"persistence": baseline(at8=2.0, at1=1.0), "linear": baseline(at8=1.5, at1=None)}


@pytest.mark.parametrize(
    ("rmse", "expected"),
    [
        ({"8": 1.75, "1": 0.5}, {"linear": ["8"]}),
        ({"8": 2.5, "1": 1.5}, {"persistence": ["8", "1"], "linear": ["8"]}),
        ({"8": 2.0, "1": 1.0}, {"linear": ["8"]}),  # as good as persistence is no loss
        ({"8": 1.5 + 1e-12, "1": 0.1}, {}),  # nor is a difference of rounding
        ({"8": None}, {}),
        ({"8": 1.0, "1": 0.1}, {}),
    ],
)
def test_a_model_loses_where_its_error_is_larger(rmse: dict[str, float | None], expected: dict[str, list[str]]) -> None:
    assert losses_to(rmse, BASELINES, ["8", "1"], rounding=1e-6) == expected


def test_losses_in_words() -> None:
    lost = {"persistence": ["8", "4", "1"], "linear of other": ["1"]}
    assert losing_words(lost, "h") == (
        "loses to persistence (same as now) at 8, 4 and 1 hours, and to the linear model of other at 1 hour"
    )
    assert losing_words({"seasonal_24h": ["2"]}, "30 min") == (
        "loses to the value of the same time yesterday at 2 steps of 30 min"
    )
    assert losing_words({}, "h") == ""


def test_names_that_nobody_knows_are_read_out() -> None:
    assert (baseline_short("seasonal_24_steps"), baseline_words("seasonal_24_steps of b")) == (
        "seasonal 24 steps",
        "seasonal 24 steps of b",
    )
    assert baseline_short("linear of b") == "linear model of b"


@pytest.mark.parametrize(("horizons", "words"), [(["1"], "1 day"), (["7"], "7 days"), (["7", "1"], "7 and 1 days")])
def test_horizons_in_words(horizons: list[str], words: str) -> None:
    assert horizons_words(horizons, "d") == words
