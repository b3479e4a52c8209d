"""Labels that nobody measured are neither trained on nor scored, unless the series says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from small import hourly_rows, hourly_table, window_data

from minidl.core.errors import DataError
from minidl.data import BeijingPM25, Filling, Gaps, SampleValidation, Splits, Table, TailValidation, WindowData, Windows
from minidl.forecasting import (
    DirectRidge,
    Linear,
    Rows,
    baselines,
    block_scores,
    block_sums,
    check_truth,
    lead_scores,
    rival_forecaster,
)
from minidl.forecasting.rivals.light_gbm import _unseen
from minidl.forecasting.rivals.rival import known_for
from minidl.metrics import r2_of_sums, root_of_sums
from minidl.training.selection import joined

T = 6
GAPS = (30, 31, 150, 185, 186, 200, 201, 202, 239)


def gappy(*rows: int, **rule: Any) -> Table:
    """The small table; what stands at gaps is nonsense, so that nothing can be made of it in silence."""
    where = np.zeros((240, 3), bool)
    where[list(rows or GAPS), 0] = True
    where[100, 1] = True  # a gap elsewhere, which changes no label
    values = np.where(where, 1e6, hourly_rows())
    return replace(hourly_table(), values=values, gaps=Gaps(where, Filling(**rule)))


def loaded(**more: Any) -> Splits:
    return window_data(gappy(), **more).load("float64")


@pytest.mark.parametrize("every_step", [False, True])
def test_windows_of_which_all_labels_were_gaps_are_left_out_of_training_and_validation(every_step: bool) -> None:
    data = window_data(gappy(), validation=TailValidation(40))
    parts = data.load("float64", every_step=every_step)
    assert parts.validation is not None
    for part, first, stop in ((parts.train, 0, 140), (parts.validation, 140, 180)):
        labels = {
            start: range(start + 1 if every_step else start + T, start + T + 1) for start in range(first, stop - T)
        }
        assert part.starts.tolist() == [start for start, rows in labels.items() if {*rows} - {*GAPS}]
    assert len(parts.test) == 54
    kept = window_data(gappy(labels=True)).load("float64", every_step=every_step)
    assert len(kept.train) == 174


@pytest.mark.parametrize("horizon", [1, 4])
def test_scores_are_those_of_measured_truth(horizon: int) -> None:
    splits = loaded()
    forecaster = baselines(splits)["persistence"]
    filled = splits.table.values[:, 0]
    by_lead: dict[int, list[tuple[float, float]]] = {lead: [] for lead in range(1, horizon + 1)}
    blocks = []
    for i, start in enumerate(range(180, 234)):
        for lead in by_lead:
            row = start + T + lead - 1
            if row not in GAPS and i + horizon <= 54:
                by_lead[lead].append((filled[start + T - 1], hourly_rows()[row, 0]))
            if row not in GAPS and i % horizon == 0 and i + horizon <= 54:
                blocks.append((filled[start + T - 1], hourly_rows()[row, 0]))
    found = lead_scores(splits, forecaster, horizon)
    for lead, pairs in by_lead.items():
        assert found[str(lead)] == pytest.approx(plain(pairs) | {"loss": found[str(lead)]["loss"]})
    score = block_scores(splits, forecaster, horizon)
    assert score == pytest.approx(plain(blocks) | {"loss": score["loss"]})
    sums = {name: np.sum(rows, axis=0) for name, rows in block_sums(splits, forecaster, horizon).items()}
    assert r2_of_sums(sums["r2"]) == pytest.approx(score["r2"])
    assert root_of_sums(sums["rmse"]) == pytest.approx(score["rmse"])


def plain(pairs: list[tuple[float, float]]) -> dict[str, float]:
    errors, mean = [y - t for y, t in pairs], sum(t for _, t in pairs) / len(pairs)
    squares = sum(e * e for e in errors)
    r2 = 1 - squares / sum((t - mean) ** 2 for _, t in pairs)
    return {"r2": r2, "mae": sum(map(abs, errors)) / len(pairs), "rmse": (squares / len(pairs)) ** 0.5}


def test_what_stands_at_gaps_changes_no_linear_model_as_a_label() -> None:
    # The gap's row comes into windows as filled, and its own value, which is no label, into nothing.
    plain_table, other = gappy(30), gappy(30)
    other.values[30, 0] = -1e6
    one, two = (window_data(table).load("float64") for table in (plain_table, other))
    rows = Rows.of(one.table, one.values, T)
    np.testing.assert_array_equal(Linear(rows, one.train).coefficients, Linear(rows, two.train).coefficients)
    origin = one.train.origin_rows
    assert 30 not in origin
    assert {29, 31} <= {*origin.tolist()}
    ridge: Any = rival_forecaster(one, DirectRidge(), "hold_last", 3)
    assert len(ridge.coefficients) == 3


def test_long_streams_give_filled_labels_no_weight() -> None:
    batch = loaded().train.series()
    assert batch.weight is not None
    assert np.flatnonzero(batch.weight[0] == 0).tolist() == [row - 1 for row in (30, 31, 150)]
    assert window_data(hourly_table()).load().train.series().weight is None
    whole = loaded().train
    with pytest.raises(DataError, match="no series to go along"):
        replace(whole, starts=np.delete(whole.starts, 50)).series()


def test_notes_say_how_many_gaps_are_no_labels() -> None:
    assert loaded().notes() == [
        "10 gaps in the data were filled",
        "9 of them in the target: they are neither trained on nor scored",
        "3 of 174 training windows left out: none of their labels is known",
    ]
    several = window_data(gappy(), validation=TailValidation(40)).load("float64", leads=2)
    assert several.notes()[2:] == [
        "1 of 133 training windows left out: none of their labels is known",  # rows 30 and 31
        "2 of 264 labels of training windows were gaps: they count nothing",
        "2 of 66 labels of validation windows were gaps: they count nothing",  # row 150 in two windows
        "2 leads are forecast at once",
    ]
    assert window_data(gappy(labels=True)).load().notes() == ["10 gaps in the data were filled"]


def test_parts_without_a_label_are_refused() -> None:
    with pytest.raises(DataError, match="Windows: none of 174 windows has a label that was no gap; give more rows"):
        window_data(gappy(*range(6, 180))).load()
    parts = window_data(gappy(*range(186, 240))).load()
    with pytest.raises(DataError, match=r"evaluation\.horizons: of a lead up to 4 nothing is known in the test part"):
        check_truth(parts, 4)
    check_truth(window_data(gappy(*range(186, 220))).load(), 4)


def test_windows_leave_out_what_they_are_told() -> None:
    values = np.arange(20.0).reshape(-1, 1)
    known = np.ones(20, bool)
    known[[7, 19]] = False
    windows = Windows(values, np.arange(15), 5, 0, known=known)
    assert windows.origin_rows.tolist() == [row for row in range(5, 20) if row not in (7, 19)]
    assert windows.gather(slice(None)).target[:, 0].tolist() == windows.origin_rows.tolist()


@pytest.mark.parametrize("every_step", [False, True])
def test_of_several_leads_one_must_be_known_and_the_others_weigh_nothing(every_step: bool) -> None:
    known = np.ones(20, bool)
    known[[7, 8, 9, 10, 15]] = False
    values = np.where(known, np.arange(20.0), np.nan).reshape(-1, 1)  # poison where nothing was measured
    windows = Windows(values, np.arange(13), 5, 0, every_step, leads=3, known=known)
    labels = {
        start: [[start + t + 1 + j for j in range(3)] for t in range(5)]
        if every_step
        else [start + 5 + j for j in range(3)]
        for start in range(13)
        if every_step or start not in (2, 3)  # rows 7 to 9, and 8 to 10
    }
    assert windows.starts.tolist() == [*labels]
    batch = windows.gather(slice(None))
    assert batch.weight is not None
    rows = np.array([*labels.values()])
    np.testing.assert_array_equal(batch.weight, np.where(known, 1.0, 0.0)[rows])
    np.testing.assert_array_equal(batch.target, np.where(known, np.arange(20.0), 0.0)[rows])
    assert windows.one_ahead().origin_rows.tolist() == [row for row in range(5, 20) if known[row]]
    assert windows.each_start.tolist() == [*range(15)]


@pytest.mark.parametrize("gaps", [(), (0, 1, 2, 3, 4)])
def test_windows_whose_labels_are_all_known_have_no_weights(gaps: tuple[int, ...]) -> None:
    known = ~np.isin(np.arange(20), gaps)  # those stand in no label
    assert Windows(np.zeros((20, 1)), np.arange(13), 5, 0, leads=3, known=known).gather(slice(None)).weight is None


def test_the_shipped_series_keeps_the_textbooks_labels_unless_told_otherwise() -> None:
    sizes = {}
    for way in ("keep", "leave_out"):
        series = BeijingPM25(filled_labels=way)  # type: ignore[arg-type]
        sizes[way] = len(WindowData(series, test_size=8760).load().train)
    assert sizes == {"keep": 35040, "leave_out": 35040 - 1944}  # 2,067 gaps: 99 in 2014, 24 before the first label


def test_a_lead_of_which_nothing_is_known_is_refused_though_another_is() -> None:
    # The first row of the test part is a truth of lead 1 alone, and of a block.
    parts = window_data(gappy(*range(187, 240))).load()
    check_truth(parts, 1)
    with pytest.raises(DataError, match=r"of a lead up to 2 nothing is known in the test part"):
        check_truth(parts, 2)


@pytest.mark.parametrize("horizon", [1, 4])
def test_a_ridge_of_each_lead_is_fitted_to_the_windows_in_which_that_lead_is_known(horizon: int) -> None:
    # Caught here: windows of which another lead is unknown are left out, and sums that take what stands at gaps.
    splits = loaded()
    rows = Rows.of(splits.table, splits.values, T)
    ridge: Any = rival_forecaster(splits, DirectRidge(0.5), "hold_last", horizon)
    for lead in range(1, horizon + 1):
        starts = [s for s in range(180 - T - horizon + 1) if s + T + lead - 1 not in GAPS]
        x = np.array([[1, *splits.values[s : s + T].ravel()] for s in starts])
        y = np.array([splits.values[s + T + lead - 1, 0] for s in starts])
        expected = np.linalg.solve(x.T @ x + 0.5 * np.diag([0, *[1] * (x.shape[1] - 1)]), x.T @ y)
        np.testing.assert_allclose(ridge.coefficients[lead - 1], expected, rtol=1e-9)
    assert rows.time_steps == T


def test_trees_of_each_lead_are_fitted_to_the_windows_in_which_that_lead_is_known() -> None:
    parts = window_data(gappy(), validation=TailValidation(40)).load("float64", leads=3)
    for lead in (1, 2, 3):
        taught = [s for s in range(140 - T - lead + 1) if s + T + lead - 1 not in GAPS]
        assert known_for(parts.table, parts.train, lead).tolist() == taught
        checked = [s for s in range(140, 180 - T - lead + 1) if s + T + lead - 1 not in GAPS]
        assert _unseen(parts, lead).tolist() == checked
    drawn = window_data(gappy(), validation=SampleValidation(160)).load("float64", np.random.default_rng(0), leads=3)
    assert not len(_unseen(drawn, 2))  # all are trained on


def test_parts_are_joined_over_their_border_though_gaps_end_the_first() -> None:
    parts = window_data(gappy(135, 136, 137, 138, 139), validation=TailValidation(40)).load("float64")
    both: Any = joined(parts.train, parts.validation)  # type: ignore[arg-type]
    assert both.origin_rows.tolist() == [row for row in range(T, 180) if not 135 <= row < 140]
