"""A validation of one's own: no window of it may touch the test part, not by one row."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from small import OnlyTable, hourly_table

from minidl.core.errors import DataError
from minidl.data import Validation, WindowData
from minidl.data.validation import window_starts


@dataclass(eq=False)
class Careless(Validation):
    """Validation windows drawn from the test part, as the chapter's own program once did."""

    first: int = -2  # rows from the border on
    stop: int = 8

    def divide(self, n_rows: int, span: int, rng: Any) -> Any:
        return window_starts(0, n_rows, span), window_starts(n_rows + self.first, n_rows + self.stop, span)


def data(validation: Validation) -> WindowData:
    return WindowData(OnlyTable(hourly_table()), time_steps=4, test_size=60, validation=validation)


@pytest.mark.parametrize(("first", "stop"), [(-2, 8), (-9, 1)])
def test_no_validation_can_reach_into_the_test_part(first: int, stop: int) -> None:
    message = f"windows from row {180 + first} to row {180 + stop - 1} reach out of the training part, rows 0 to 179."
    with pytest.raises(DataError, match=re.escape(f"Careless: {message}")):
        data(Careless(first, stop)).load()


def test_one_up_to_the_border_is_taken() -> None:
    assert data(Careless(-9, 0)).load().validation is not None
