"""Two runs over time, from made-up models: which pairs are tested, on which rows, and how the table says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from small import hourly_table, window_data

from minidl import INFERENCE, Layer
from minidl.core.layer import Array
from minidl.forecasting.diebold_mariano import diebold_mariano
from minidl.forecasting.over_time import MAX_PAIRS, over_time, over_time_table

T, TEST, HORIZON = 6, 60, 3


@dataclass(eq=False)
class Tilted(Layer):
    """The last value of the target, and a part of the step before it."""

    part: float = 0.0

    def forward(self, x: Array, ctx: Any = INFERENCE) -> tuple[Array, Any]:
        return x[:, -1, :1] + self.part * (x[:, -1, :1] - x[:, -2, :1]), None

    def backward(self, dy: Array, cache: Any) -> tuple[Array, dict[str, Array]]:
        raise NotImplementedError


SPLITS = window_data(hourly_table()).load("float64")
PARTS = {("a", 3): 0.0, ("b", 5): 0.5, ("c", 0): -0.5}


def open_run(label: str, seed: int) -> Any:
    return Tilted(PARTS[label, seed]), SPLITS


def result(*pairs: tuple[str, str], **seeds: int | None) -> dict[str, Any]:
    seeds = {"a": 3, "b": 5, "c": 0, **seeds}
    return {
        "pairs": [{"first": first, "second": second} for first, second in pairs],
        "configs": {label: {"median_seed": seed} for label, seed in seeds.items()},
        "asked": {"rounding": 1e-9},
    }


def errors(part: float) -> Array:
    """By origin and lead, in plain loops, in the target's units."""
    values = SPLITS.table.values[:, 0]
    rows = []
    for start in range(len(values) - TEST, len(values) - T - HORIZON + 1):
        known = values[start : start + T].tolist()
        for _ in range(HORIZON):
            known.append(known[-1] + part * (known[-1] - known[-2]))
        rows.append([known[T + j] - values[start + T + j] for j in range(HORIZON)])
    return np.array(rows)


@pytest.mark.parametrize("pair", [("a", "b"), ("b", "a"), ("b", "c")])
def test_each_lead_is_tested_on_the_errors_of_all_origins(pair: tuple[str, str]) -> None:
    (found,) = over_time(result(pair), open_run, HORIZON, "hold_last")
    seeds = [{"a": 3, "b": 5, "c": 0}[label] for label in pair]
    assert (found["first"], found["second"], found["seeds"]) == (*pair, seeds)
    one, other = (errors(PARTS[run]) for run in zip(pair, seeds, strict=True))
    assert [row["lead"] for row in found["leads"]] == ["1", "2", "3"]
    for j, row in enumerate(found["leads"]):
        expected = diebold_mariano(one[:, j], other[:, j], lead=j + 1)
        assert (row["n"], row["lags"]) == (TEST - T - HORIZON + 1, expected.lags)
        assert (row["statistic"], row["p"]) == pytest.approx((expected.statistic, expected.p), rel=1e-6)


@pytest.mark.parametrize(("origins", "leads"), [(HORIZON + 2, 0), (HORIZON + 3, HORIZON)])
def test_a_few_origins_more_than_leads_are_needed(origins: int, leads: int) -> None:
    few = window_data(hourly_table(), test_size=origins + T + HORIZON - 1).load("float64")
    (found,) = over_time(
        result(("a", "b")), lambda label, seed: (Tilted(PARTS[label, seed]), few), HORIZON, "hold_last"
    )
    assert len(found["leads"]) == leads


def test_pairs_without_a_median_run_are_passed_over_and_six_are_enough() -> None:
    found = over_time(result(("a", "b"), ("a", "c"), ("b", "c"), b=None), open_run, HORIZON, "hold_last")
    assert [(pair["first"], pair["second"]) for pair in found] == [("a", "c")]
    found = over_time(result(*[("a", "b")] * 5, ("b", "a"), ("a", "c")), open_run, HORIZON, "hold_last")
    assert [(pair["first"], pair["second"]) for pair in found] == [("a", "b")] * 5 + [("b", "a")]
    assert MAX_PAIRS == 6


def lead(statistic: float, p: float, n: int = 1234) -> dict[str, Any]:
    return {"lead": "1", "statistic": statistic, "p": p, "n": n, "lags": 0}


def test_the_table_names_who_has_the_smaller_errors_where_that_is_evident() -> None:
    leads = [lead(2.5, 0.049), lead(-2.5, 0.049), lead(2.5, 0.05), lead(0.0, 0.01), {**lead(1.0, 0.5, 7), "lead": "8"}]
    first = {"first": "one", "second": "other", "leads": leads}
    second = {"first": "x", "second": "y", "leads": [lead(9.0, 0.001)]}
    assert over_time_table([first, second], "h") == [
        ["lead", "statistic", "p", "forecasts", "smaller errors"],
        ["1 h", "+2.50", "0.049", "1,234", "other"],
        ["1 h", "-2.50", "0.049", "1,234", "one"],
        ["1 h", "+2.50", "0.050", "1,234", "no evidence"],
        ["1 h", "+0.00", "0.010", "1,234", "one"],
        ["8 h", "+1.00", "0.500", "7", "no evidence"],
    ]
