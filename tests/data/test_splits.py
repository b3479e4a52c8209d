"""Splits: which rows go where, what the scaler sees, and what is too small."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl.core.errors import ConfigError, DataError
from minidl.data import (
    BeijingPM25,
    MinMaxScaler,
    SampleValidation,
    Series,
    Splits,
    Table,
    TailValidation,
    WindowData,
    Windows,
)


@dataclass(eq=False)
class Counting(Series):
    """Row i holds i and 1000 - 2 i; the second column is forecast."""

    rows: int = 100

    @property
    def feature_names(self) -> tuple[str, ...]:
        return ("up", "down")

    def read(self, path: Path | None = None) -> Table:
        i = np.arange(self.rows, dtype=np.float64)
        return Table(np.stack([i, 1000 - 2 * i], axis=1), None, self.feature_names, target_index=1)


@dataclass(eq=False)
class Unreadable(Counting):
    def read(self, path: Path | None = None) -> Table:
        raise AssertionError("the data were read")


def data(**arguments: Any) -> WindowData:
    return WindowData(**{"series": Counting(), "time_steps": 4, "test_size": 20, **arguments})


def rows_of(windows: Windows) -> tuple[int, int]:
    """First and last row that any window or label of the set touches."""
    return int(windows.starts.min()), int(windows.origin_rows.max()) + windows.leads - 1


@pytest.fixture(scope="module")
def textbook() -> Splits:
    section = WindowData(BeijingPM25(), scaler=MinMaxScaler(fit_on="all"), validation=SampleValidation())
    return section.load(rng=np.random.default_rng(3))


def test_the_textbook_split_has_its_numbers_of_windows(textbook: Splits) -> None:
    assert textbook.validation is not None
    assert (len(textbook.train), len(textbook.validation), len(textbook.test)) == (35_040, 1_000, 8_736)
    assert textbook.n_train_rows == 35_064
    assert rows_of(textbook.train) == (0, 35_063)
    assert rows_of(textbook.test) == (35_064, 43_823)


def test_the_textbook_label_is_pm25_of_the_hour_after_the_window(textbook: Splits) -> None:
    table = textbook.table
    assert table.times is not None
    batch = textbook.test.gather(np.array([0, 8735]))
    x, y = batch.x, batch.target
    # The first test label is 2014-01-02 00:00, the last one 2014-12-31 23:00.
    origins = textbook.test.origin_rows[[0, 8735]]
    assert [str(time) for time in table.times[origins]] == ["2014-01-02T00:00:00", "2014-12-31T23:00:00"]
    # pm2.5 spans 0 ... 994 over all five years; float32 keeps seven digits.
    np.testing.assert_allclose(y[:, 0], table.values[origins, 0] / 994, rtol=1e-6)
    np.testing.assert_allclose(x[1, :, 0], table.values[43_823 - 24 : 43_823, 0] / 994, rtol=1e-6)


def test_the_scaled_rows_are_one_contiguous_array_that_all_windows_view(textbook: Splits) -> None:
    assert textbook.values.dtype == np.float32
    assert textbook.values.flags.c_contiguous
    assert textbook.validation is not None
    for windows in (textbook.train, textbook.validation, textbook.test):
        assert windows.values is textbook.values


def test_the_input_shape_is_known_without_reading() -> None:
    assert data(series=Unreadable()).input_shape == (4, 2)
    assert WindowData(BeijingPM25()).input_shape == (24, 6)


def test_fitting_on_train_does_not_look_at_the_test_part() -> None:
    splits = data().load("float64")
    np.testing.assert_array_equal(splits.scale.offset, [0, 1000 - 2 * 79])
    np.testing.assert_array_equal(splits.scale.range, [79, 2 * 79])
    assert splits.values[:80].min() == 0.0
    assert splits.values[:80].max() == 1.0
    assert splits.values[80:, 0].min() > 1.0


def test_fitting_on_train_counts_the_validation_tail_as_training_rows() -> None:
    plain, held_out = data().load(), data(validation=TailValidation(30)).load()
    np.testing.assert_array_equal(plain.scale.range, held_out.scale.range)
    assert held_out.n_train_rows == 80


def test_fitting_on_all_looks_at_every_row() -> None:
    splits = data(scaler=MinMaxScaler(fit_on="all")).load("float64")
    np.testing.assert_array_equal(splits.scale.range, [99, 198])


def test_the_label_is_scaled_as_its_column() -> None:
    splits = data().load("float64")
    batch = splits.train.gather(slice(None))
    x, y = batch.x, batch.target
    # The label of one window is the last value of the target column in the next.
    np.testing.assert_array_equal(y[:-1, 0], x[1:, -1, 1])
    np.testing.assert_allclose(splits.scale.unscale(y[:, 0], 1), 1000 - 2 * splits.train.origin_rows, rtol=1e-13)


def test_training_and_testing_share_no_row() -> None:
    splits = data().load()
    assert rows_of(splits.train) == (0, 79)
    assert rows_of(splits.test) == (80, 99)
    assert (len(splits.train), len(splits.test)) == (76, 16)
    assert splits.validation is None


def test_a_validation_tail_shares_no_row_with_training_or_testing() -> None:
    splits = data(validation=TailValidation(30)).load()
    assert splits.validation is not None
    assert rows_of(splits.train) == (0, 49)
    assert rows_of(splits.validation) == (50, 79)
    assert rows_of(splits.test) == (80, 99)
    assert (len(splits.train), len(splits.validation)) == (46, 26)


@pytest.mark.parametrize("leads", [1, 3, 16])
def test_all_labels_lie_in_their_windows_part(leads: int) -> None:
    # Caught here: labels of the last windows of a part that are rows of the next one.
    splits = data(validation=TailValidation(30)).load(leads=leads)
    assert splits.validation is not None
    assert rows_of(splits.train) == (0, 49)
    assert rows_of(splits.validation) == (50, 79)
    assert (len(splits.train), len(splits.validation)) == (47 - leads, 27 - leads)
    assert (rows_of(splits.test), len(splits.test)) == ((80, 99), 16)  # origins, whatever is learned
    assert rows_of(data().load(leads=leads).train) == (0, 79)


def test_sampled_validation_windows_are_different_training_windows() -> None:
    splits = data(validation=SampleValidation(40)).load(rng=np.random.default_rng(0))
    assert splits.validation is not None
    assert len(splits.train) == 76
    assert len(set(splits.validation.starts.tolist())) == len(splits.validation) == 40
    assert set(splits.validation.starts.tolist()) <= set(splits.train.starts.tolist())


def test_the_same_generator_draws_the_same_validation_windows() -> None:
    section = data(validation=SampleValidation(40))
    drawn = []
    for seed in (5, 5, 6):
        validation = section.load(rng=np.random.default_rng(seed)).validation
        assert validation is not None
        drawn.append(validation.starts.tolist())
    assert drawn[0] == drawn[1] != drawn[2]


def test_labels_at_every_step_are_passed_on_to_all_parts() -> None:
    splits = data(validation=TailValidation(30)).load(every_step=True)
    assert splits.validation is not None
    for windows in (splits.train, splits.validation, splits.test):
        assert windows.gather(np.array([0])).target.shape == (1, 4, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"test_size": 4}, "WindowData: test_size: 4 rows give no window of 4 time steps; at least 5 rows are needed."),
        (
            {"validation": TailValidation(4)},
            "TailValidation: size 4 gives no window of 4 time steps; at least 5 rows are needed.",
        ),
        ({"time_steps": 0}, "WindowData: time_steps: expected `int` >= 1"),
        ({"series": "BeijingPM25"}, "WindowData: series: expected a Series, got 'BeijingPM25'"),
        ({"scaler": MinMaxScaler}, "WindowData: scaler: expected a Scaler, got the class MinMaxScaler"),
    ],
)
def test_sizes_that_fit_no_series_are_refused_before_reading(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}"):
        data(**{"series": Unreadable(), **arguments})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"test_size": 96},
            "Counting: 100 rows and test_size 96 leave 4 rows for training; a window and what it forecasts take 5.",
        ),
        ({"test_size": 8760}, "Counting: 100 rows and test_size 8760 leave 0 rows for training"),
        (
            {"validation": TailValidation(76)},
            "TailValidation: size 76 leaves 4 of 80 training rows; a window and what it forecasts take 5.",
        ),
        ({"validation": TailValidation(900)}, "TailValidation: size 900 leaves 0 of 80 training rows"),
        (
            {"validation": SampleValidation(77)},
            "SampleValidation: size 77 is more than the 76 training windows.",
        ),
    ],
)
def test_too_few_rows_are_refused_with_the_numbers(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=f"^{re.escape(message)}"):
        data(**arguments).load(rng=np.random.default_rng(0))


def test_the_smallest_parts_give_one_window_each() -> None:
    section = data(series=Counting(15), test_size=5, validation=TailValidation(5))
    splits = section.load()
    assert splits.validation is not None
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (1, 1, 1)
    with pytest.raises(DataError, match=r"TailValidation: size 5 leaves 5 of 10 training rows; .* forecasts take 6"):
        section.load(leads=2)
    section = data(series=Counting(30), test_size=5, validation=TailValidation(5))
    with pytest.raises(DataError, match="size 5 holds no window and what it forecasts, which take 6 rows"):
        section.load(leads=2)
    with pytest.raises(DataError, match="leave 10 rows for training; a window and what it forecasts take 11"):
        data(series=Counting(15), test_size=5).load(leads=7)


def test_drawing_without_a_generator_is_refused() -> None:
    with pytest.raises(ConfigError, match="SampleValidation: windows are drawn at random; pass rng to load"):
        data(validation=SampleValidation(5)).load()


def test_the_config_is_the_arguments() -> None:
    found = data(series=BeijingPM25(), validation=TailValidation(30)).to_config()
    assert found.pop("series") == {"type": "BeijingPM25", "test_gaps": "last_known", "filled_labels": "keep"}
    assert found.pop("scaler") == {"type": "MinMaxScaler", "fit_on": "train", "per_series": True}
    assert found.pop("validation") == {"type": "TailValidation", "size": 30}
    assert found == {"time_steps": 4, "test_size": 20, "derived": [], "test_by_time": False, "longest_gap": None}


@dataclass(eq=False)
class Spiky(Counting):
    """One value of the test part is far outside of the others."""

    spike: float = 1e30

    def read(self, path: Path | None = None) -> Table:
        table = super().read(path)
        values = table.values.copy()
        values[90, 1] = self.spike
        return replace(table, values=values)


@pytest.mark.parametrize(("dtype", "spike"), [("float32", 1e30), ("float32", 1e39), ("float32", -1e18)])
def test_a_value_that_is_too_large_when_scaled_is_named(dtype: str, spike: float) -> None:
    scaled = (spike - 842) / 158
    message = f"data: row 90 (counted from 0), column down: the value {spike:g} is {scaled:g} when it is scaled"
    with pytest.raises(DataError, match=re.escape(message)):
        data(series=Spiky(spike=spike)).load(dtype)
    data(series=Spiky(spike=spike)).load("float64")


def test_a_range_near_zero_cannot_make_infinite_values() -> None:
    class Tiny(Counting):
        def read(self, path: Path | None = None) -> Table:
            table = super().read(path)
            values = table.values.copy()
            values[:80, 1] = 0
            values[7, 1] = 5e-324
            return replace(table, values=values)

    with pytest.raises(DataError, match="column down: the value 840 is inf when it is scaled, too large for float64"):
        data(series=Tiny()).load("float64")
