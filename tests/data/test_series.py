"""Table: its parts must fit together; Series: users can write their own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl.core.errors import DataError
from minidl.data import Series, Table, WindowData


def table(**parts: Any) -> Table:
    return Table(**{"values": np.zeros((3, 2)), "times": None, "feature_names": ("a", "b"), "target_index": 1, **parts})


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"values": np.zeros((3, 4))},
            r"Table: values have shape \(3, 4\), expected \(rows, 2\) for the features a, b",
        ),
        ({"values": np.zeros(3)}, r"Table: values have shape \(3,\)"),
        ({"times": np.zeros(2, "datetime64[s]")}, r"Table: 3 rows of values, but times of shape \(2,\)"),
        ({"target_index": 2}, "Table: target_index 2 is none of 2 columns"),
        ({"target_index": -1}, "Table: target_index -1 is none of 2 columns"),
        (
            {"values": np.array([[0.0, 1.0], [2.0, np.nan], [np.inf, 0.0]])},
            r"Table: row 1 \(counted from 0\), column b: nan is not a finite number; 2 such values in all",
        ),
    ],
)
def test_parts_that_do_not_fit_are_refused(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        table(**parts)


@pytest.mark.parametrize(("step", "name"), [(3600, "h"), (1800, "30 min"), (86400, "d"), (7200, "2 h"), (90, "90 s")])
def test_only_hourly_rows_are_counted_in_hours(step: int, name: str) -> None:
    times = np.array([0, step, 2 * step], dtype="datetime64[s]")
    assert table(times=times).step_name() == name
    assert table(times=times).step == np.timedelta64(step, "s")


def test_the_repr_is_short_and_says_what_is_forecast() -> None:
    assert repr(table()) == "Table(3 rows, a, b; target b)"


def test_a_series_of_ones_own_can_be_cut_into_windows() -> None:
    @dataclass(eq=False)
    class Sine(Series):
        period: int = 24

        @property
        def feature_names(self) -> tuple[str, ...]:
            return ("sine",)

        def read(self, path: Path | None = None) -> Table:
            values = np.sin(np.arange(100) * 2 * np.pi / self.period)[:, None]
            return Table(values, None, self.feature_names, target_index=0)

    splits = WindowData(Sine(), time_steps=5, test_size=20).load()
    assert (len(splits.train), len(splits.test)) == (75, 15)
