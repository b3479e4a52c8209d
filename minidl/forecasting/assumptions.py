"""What a score takes for granted, in words: the one source of these words, wherever a score is shown or stored."""

from __future__ import annotations

from minidl.core.errors import DataError
from minidl.data import Splits, Table
from minidl.forecasting.forecasters import Covariates

KEPT = "other columns keep their last values"  # what predict does
FUTURE: dict[Covariates, str] = {
    "actual": "later values of other columns are taken as known; predict, which cannot know them, keeps the last",
    "hold_last": f"{KEPT}, as in predict",
    "same_hour_yesterday": "other columns take the latest known values of the same time of day; predict keeps the last",
}


def assumptions(splits: Splits, covariates: Covariates) -> list[str]:
    """What scores on the test part assume; the first line is about what comes after a forecast is made.

    Parameters
    ----------
    covariates : as in `Forecast.future_covariates`.
    """
    table = splits.table
    alone = len(table.feature_names) == 1
    lines = ["the target is the only column, so that nothing of the future is assumed" if alone else FUTURE[covariates]]
    lines += [line for line in (_derived(table, covariates), _gaps(splits), _scaling(splits)) if line]
    return lines


def kept_words(table: Table) -> str:
    """What `forecast_ahead` takes for granted."""
    return "; ".join(line for line in (KEPT, _derived(table, "hold_last")) if line)


def _derived(table: Table, covariates: Covariates) -> str:
    """What columns are, as exceptions to `FUTURE`."""
    actual = covariates == "actual"
    n = len(table.of_target if actual else table.known_ahead)
    columns = f"{n} column{'s' * (n != 1)}"
    if not n:
        return ""
    return (
        f"{columns} made from the target: the last values are kept" if actual else f"{columns} known from the calendar"
    )


def _gaps(splits: Splits) -> str:
    gaps, table = splits.table.gaps, splits.table
    if gaps is None or not gaps.where[splits.n_train_rows :].any():
        return ""
    filled = int(gaps.where[splits.n_train_rows :].sum())
    scored = int(gaps.where[splits.test.origin_rows, table.target_index].sum())
    how = (
        "straight lines to the next known value, which look ahead"
        if gaps.filling.test_lines
        else "the last known value"
    )
    text = f"{filled:,} gap{'s' * (filled != 1)} in the test part {'were' if filled != 1 else 'was'} filled by {how}"
    return f"{text}; {scored:,} of them {'are' if scored != 1 else 'is'} scored as truth" if scored else text


def _scaling(splits: Splits) -> str:
    return "the scaling was fitted on all rows, the test part included" if splits.fit_on == "all" else ""


def rows_of_yesterday(splits: Splits) -> int:
    """How many rows a day has, where every forecast of the test part has a day before it.

    Raises
    ------
    DataError
        There is no such number; the message says why.
    """
    table, first = splits.table, int(splits.test.origin_rows[0])
    rows = table.rows_of_a_day
    if rows is None:
        step = table.step_name()
        if table.times is None:
            raise DataError("the rows have no times, so that nothing says how many make a day.")
        if step in ("step", "d", "week", "month", "quarter", "year"):
            apart = "day" if step == "d" else step
            raise DataError(f"the rows are one {apart} apart, so that there is no time of day.")
        raise DataError(f"the rows are {step} apart, and a day is no whole number of 2 or more of them.")
    if first < rows:
        raise DataError(f"a day is {rows} rows; the table has {first} before the first forecast.")
    return rows


def check_covariates(splits: Splits, covariates: Covariates) -> None:
    """Refuse what the table cannot give.

    Raises
    ------
    DataError
        ``same_hour_yesterday`` is asked for, and there is no yesterday.
    """
    if covariates == "same_hour_yesterday":
        try:
            rows_of_yesterday(splits)
        except DataError as err:
            raise DataError(
                f"evaluation.future_covariates: same_hour_yesterday cannot be used: {err} Use hold_last."
            ) from err


def left_out(splits: Splits) -> dict[str, str]:
    """Baselines that this table cannot have, and why not."""
    try:
        rows_of_yesterday(splits)
    except DataError as err:
        return {"seasonal_24h": str(err)}
    return {}
