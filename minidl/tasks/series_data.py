"""What a forecast asks of its data and of whoever asks for it: windows of a series, their step, how far ahead."""

from __future__ import annotations

from minidl.core.errors import ConfigError, DataError, ShapeError
from minidl.core.layer import Shape
from minidl.data import Data, Table, WindowData
from minidl.data.steps import apart

MAX_HORIZON = 10_000


def window_data(data: Data) -> WindowData:
    """The data, if they are windows of a series; else ConfigError."""
    if not isinstance(data, WindowData):
        raise ConfigError(
            f"evaluation: Forecast needs windows of a series, which is WindowData; data is {type(data).__name__}. "
            "Give evaluation the type of another task (minidl list tasks)."
        )
    return data


def one_target(data: Data, what: str) -> None:
    """Refuse what is of one target where the data have several; `what` it is, for the message.

    Raises
    ------
    ConfigError
        One line.
    """
    targets = window_data(data).series.targets
    if targets:
        raise ConfigError(
            f"{what} is of one target, but data.series.target names {len(targets)}: {', '.join(targets)}."
        )


def check_step(table: Table, trained: str | None, name: str) -> None:
    """Refuse rows that are another time apart than those of the training."""
    given = table.step_name()
    if trained is not None and given != trained:
        now = "its rows have no even step" if given == "step" else f"its rows are {apart(given)} apart"
        then = "had none" if trained == "step" else f"were {apart(trained)} apart"
        raise DataError(f"{name}: {now}, those that the run was trained on {then}; a forecast needs the same step.")


def check_horizon(horizon: int, leads: int | None) -> None:
    """Refuse so many rows ahead of a prediction; `leads` are those that have intervals, None: there are none."""
    if not 1 <= horizon <= MAX_HORIZON:
        raise ConfigError(f"--horizon: expected a number of rows from 1 to {MAX_HORIZON:,}, got {horizon}.")
    if leads is not None and horizon > leads:
        raise ConfigError(
            f"--horizon: {horizon} is beyond the {leads} leads that the model puts out; later ones would be fed "
            "back, and intervals cannot be. Ask for fewer rows."
        )


def check_later(later_rows: int, output: Shape) -> None:
    """Refuse a model that reads rows whose successors it does not forecast."""
    if later_rows and (len(output) > 1 or later_rows >= (output[-1] or 0)):
        raise ShapeError(
            f"the model reads {later_rows} rows after its window, so it must put out at least {later_rows + 1} leads "
            f"at once, ({later_rows + 1},); its output has shape {output}."
        )


def check_leads(output: Shape, furthest: int) -> None:
    """Refuse a model of one target that puts out other than up to so many leads."""
    if len(output) > 2 or not 1 <= (output[-1] or 0) <= furthest:
        raise ShapeError(
            f"the model's output has shape {output}; a forecast is one number, which is fed back, so (1,) or "
            f"(time, 1), or one for each lead, of which evaluation.horizons scores {furthest}: ({furthest},) or "
            f"(time, {furthest})."
        )


def check_furthest(furthest: int, data: WindowData) -> None:
    """Refuse a largest horizon beyond the test windows."""
    windows = data.test_size - data.time_steps
    if furthest > windows:
        raise ConfigError(
            f"evaluation.horizons: {furthest} rows ahead need at least {furthest} test windows; "
            f"data.test_size {data.test_size} and time_steps {data.time_steps} give {windows}."
        )
