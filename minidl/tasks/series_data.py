"""What a forecast asks of its data: windows of a series, with the step of the training."""

from __future__ import annotations

from minidl.core.errors import ConfigError, DataError
from minidl.data import Data, Table, WindowData
from minidl.data.steps import apart


def window_data(data: Data) -> WindowData:
    """The data, if they are windows of a series; else ConfigError."""
    if not isinstance(data, WindowData):
        raise ConfigError(
            f"evaluation: Forecast needs windows of a series, which is WindowData; data is {type(data).__name__}. "
            "Give evaluation the type of another task (minidl list tasks)."
        )
    return data


def check_step(table: Table, trained: str | None, name: str) -> None:
    """Refuse rows that are another time apart than those of the training."""
    given = table.step_name()
    if trained is not None and given != trained:
        now = "its rows have no even step" if given == "step" else f"its rows are {apart(given)} apart"
        then = "had none" if trained == "step" else f"were {apart(trained)} apart"
        raise DataError(f"{name}: {now}, those that the run was trained on {then}; a forecast needs the same step.")
