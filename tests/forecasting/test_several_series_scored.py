"""Several series in one table: forecasts start and are scored within each, and come back by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from several import LENGTHS, data, lines, values_of, write

from minidl import INFERENCE, Layer
from minidl.core.errors import DataError
from minidl.data import Splits
from minidl.forecasting import Drift, Persistence, Rows, Seasonal, assumptions, baselines, score
from minidl.forecasting.assumptions import rows_before
from minidl.forecasting.diebold_mariano import diebold_mariano
from minidl.forecasting.groups import group_scores
from minidl.forecasting.outside import read_outside
from minidl.forecasting.over_time import over_time
from minidl.forecasting.rivals.rival import starts_for
from minidl.forecasting.scores import block_starts, lead_starts
from minidl.plotting.forecasts import typical_rows

T, TEST = 5, 15
NAMES = ("east", "north", "south")


@dataclass(eq=False)
class Before(Layer):
    """The target so many rows before the next one."""

    rows: int = 1

    def forward(self, x: Any, ctx: Any = INFERENCE) -> tuple[Any, Any]:
        return x[:, -self.rows, :1].copy(), None

    def backward(self, dy: Any, cache: Any) -> tuple[Any, dict[str, Any]]:
        raise NotImplementedError


@pytest.fixture
def splits(tmp_path: Path) -> Splits:
    return data(write(tmp_path, lines())).load("float64")


def origins(name: str, every: int, horizon: int) -> list[int]:
    """Rows of a series that first labels stand in: every so many of the test part, whose horizon lies in it."""
    n = LENGTHS[name]
    return list(range(n - TEST + T, n - horizon + 1, every))


def last_known(name: str, origin: int, lead: int) -> float:
    return float(values_of(name)[origin - 1, 0])


def a_week_ago(name: str, origin: int, lead: int) -> float:
    row = origin + lead
    while row >= origin:
        row -= 7
    return float(values_of(name)[row, 0])


def drifted(name: str, origin: int, lead: int) -> float:
    y = values_of(name)[:, 0]
    return float(y[origin - 1] + (lead + 1) * (y[origin - 1] - y[0]) / (origin - 1))


@pytest.mark.parametrize("rule", [last_known, a_week_ago, drifted])
def test_scores_of_simple_forecasts_are_those_of_plain_loops_over_the_series(splits: Splits, rule: Any) -> None:
    # Caught here: blocks, leads or rows back that go from one series into another, and another's scale.
    rows = Rows.of(splits.table, splits.values, T)
    made = {
        last_known: Persistence(rows),
        a_week_ago: Seasonal(rows, 7),
        drifted: Drift().fit(splits, rows, "hold_last", 4),
    }[rule]
    scores = score(splits, made, [4, 1])

    def errors(every: int, horizon: int, leads: range) -> tuple[float, float, float]:
        own, scaled, truths = [], [], []
        for name in NAMES:
            y = values_of(name)[:, 0]
            low, high = y[:-TEST].min(), y[:-TEST].max()
            for origin in origins(name, every, horizon):
                for lead in leads:
                    error = rule(name, origin, lead) - y[origin + lead]
                    own.append(error)
                    scaled.append(error / (high - low))
                    truths.append((y[origin + lead] - low) / (high - low))
        r2 = 1 - np.mean(np.square(scaled)) / np.var(truths)
        return float(np.sqrt(np.mean(np.square(own)))), float(np.mean(np.square(scaled)) / 2), float(r2)

    for k in (4, 1):
        block = scores["block"][str(k)]
        assert (block["rmse"], block["loss"], block["r2"]) == pytest.approx(errors(k, k, range(k)), rel=1e-9)
    for lead in range(4):
        found = scores["lead"][str(lead + 1)]
        assert (found["rmse"], found["loss"], found["r2"]) == pytest.approx(
            errors(1, 4, range(lead, lead + 1)), rel=1e-9
        )


def test_scores_by_series_are_those_of_each_alone(splits: Splits) -> None:
    made = {"now": Persistence(Rows.of(splits.table, splits.values, T))}
    found = group_scores(splits, made, "series", 4)
    assert tuple(found) == NAMES
    for name, row in found.items():
        y = values_of(name)[:, 0]
        errors = [y[o - 1] - y[o + lead] for o in origins(name, 1, 4) for lead in range(4)]
        assert row["now"]["n"] == len(errors)
        assert row["now"]["rmse"] == pytest.approx(np.sqrt(np.mean(np.square(errors))), rel=1e-9)
    levels = group_scores(splits, made, "level", 4)
    before = np.concatenate([values_of(name)[:-TEST, 0] for name in NAMES])
    assert next(iter(levels)) == f"up to {np.quantile(before, 0.25):.4g}"


def test_blocks_of_one_time_stand_together(splits: Splits) -> None:
    starts = block_starts(splits, 4)
    assert splits.table.series_of(starts).tolist() == [0, 1, 2] * 2
    assert splits.table.times is not None
    assert len(set(splits.table.times[starts[:3]])) == 1
    assert len(lead_starts(splits, 4)) == 3 * (TEST - T - 3)


def test_a_season_that_the_shortest_series_does_not_have_is_left_out(splits: Splits) -> None:
    assert set(baselines(splits)) == {"persistence", "seasonal_7d", "linear"}
    shortest = min(LENGTHS.values()) - TEST + T
    assert rows_before(splits, shortest) == shortest
    with pytest.raises(DataError, match=f"the table has {shortest} before the first forecast"):
        rows_before(splits, shortest + 1)
    assert "R² and loss are of values scaled by series, 3 in all" in assumptions(splits, "hold_last", 4)


@pytest.mark.parametrize("time", ["date", None])
def test_two_runs_over_time_are_compared_by_the_mean_over_series(tmp_path: Path, time: str | None) -> None:
    # Caught here: errors of one series after another's, as if they followed each other in time.
    parts = data(write(tmp_path, lines()), time=time).load("float64")
    (found,) = over_time(
        {
            "pairs": [{"first": "a", "second": "b"}],
            "configs": {"a": {"median_seed": 0}, "b": {"median_seed": 0}},
            "asked": {"rounding": 1e-9},
        },
        lambda label, seed: (Before(1 if label == "a" else 2), parts),
        2,
        "hold_last",
    )
    means = {rows: np.zeros(TEST - T - 1) for rows in (1, 2)}
    for name in NAMES:
        y = values_of(name)[:, 0]
        spread = y[:-TEST].std()
        for rows, mean in means.items():
            mean += [((y[o - rows] - y[o]) / spread) ** 2 / 3 for o in origins(name, 1, 2)]
    expected = diebold_mariano(np.sqrt(means[1]), np.sqrt(means[2]), lead=1)
    assert found["leads"][0]["n"] == TEST - T - 1
    assert (found["leads"][0]["statistic"], found["leads"][0]["p"]) == pytest.approx((expected.statistic, expected.p))


def test_training_rows_of_leads_lie_in_their_own_series(splits: Splits) -> None:
    starts = starts_for(splits.table, splits.train, 6)
    for first, name in zip(splits.table.firsts, NAMES, strict=True):
        own = starts[(starts >= first) & (starts < first + LENGTHS[name])]
        assert own.max() + T + 6 - 1 == first + LENGTHS[name] - TEST - 12 - 1


@pytest.mark.parametrize("time", ["date", None])
def test_a_picture_shows_rows_of_one_series(tmp_path: Path, time: str | None) -> None:
    splits = data(write(tmp_path, lines()), time=time).load("float64")
    for n in (4, 10, 100):
        rows = typical_rows(splits, n)
        assert len(rows) == min(n, TEST - T)
        assert len(set(splits.table.series_of(rows))) == 1
        np.testing.assert_array_equal(np.diff(rows), 1)


def test_forecasts_of_another_program_have_the_name_of_the_series(splits: Splits, tmp_path: Path) -> None:
    text = ["series,time,lead,forecast"]
    for name, one in zip(NAMES, splits.table.each(), strict=True):
        assert one.times is not None
        for origin in origins(name, 1, 1):
            for lead in range(min(4, LENGTHS[name] - origin)):
                text.append(f"{name},{one.times[origin + lead]},{lead + 1},{last_known(name, origin, lead)!r}")
    path = tmp_path / "theirs.csv"
    path.write_text("\n".join(text) + "\n", encoding="utf-8")
    rows = Rows.of(splits.table, splits.values, T)
    theirs = score(splits, read_outside(path, splits, [4, 1])[0], [4, 1])
    assert theirs["block"]["4"] == pytest.approx(score(splits, Persistence(rows), [4, 1])["block"]["4"], rel=1e-9)
    path.write_text("\n".join(line for line in text if not line.startswith("south")) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match="of south, lead 1"):
        read_outside(path, splits, [4, 1])


def test_scores_by_lead_are_those_of_the_evaluation(splits: Splits) -> None:
    # Caught here: R² of values in units, where the series' levels differ by a factor of 500.
    forecaster = Persistence(Rows.of(splits.table, splits.values, T))
    expected = score(splits, forecaster, [4, 1])["lead"]
    found = group_scores(splits, {"it": forecaster}, "lead", 4)
    for lead, scores in expected.items():
        for metric in ("r2", "rmse", "mae"):
            assert found[lead]["it"][metric] == pytest.approx(scores[metric], rel=1e-9)
    assert found["4"]["it"]["r2"] < 0
