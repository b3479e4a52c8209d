"""What a score takes for granted, in words: the one source of these words, wherever a score is shown or stored."""

from __future__ import annotations

import numpy as np

from minidl.core.errors import DataError
from minidl.core.text import counted, listed
from minidl.data import Splits, Table
from minidl.data.later import COVARIATES, Covariates
from minidl.data.seasons import SeasonName, main_season, rows_of_season, season_key

KEPT = "other columns keep their last values"
YESTERDAY = "other columns take the latest known values of the same time of day"
AT_ONCE = "all leads are forecast at once, from known rows: nothing of later rows is assumed"
FUTURE: dict[Covariates, str] = {
    "actual": "later values of other columns are taken as known; predict, which cannot know them, keeps the last",
    "hold_last": f"{KEPT}, as in predict",
    "same_hour_yesterday": f"{YESTERDAY}, as in predict",
}


def direct(leads: int, furthest: int) -> bool:
    """Whether so many leads at once reach the furthest one, so that nothing is fed back; a single one is plain."""
    return leads > 1 and leads >= furthest


def assumptions(splits: Splits, covariates: Covariates, furthest: int) -> list[str]:
    """What scores on the test part assume; the first line is about what comes after a forecast is made.

    Parameters
    ----------
    covariates : as in `Forecast.future_covariates`.
    furthest : the largest lead that is scored.
    """
    table, alone = splits.table, len(splits.table.feature_names) == 1
    later = ["the target is the only column, so that nothing of the future is assumed" if alone else FUTURE[covariates]]
    later += [line for line in [_derived(table, covariates)] if line]
    if direct(splits.leads, furthest) and not splits.later_rows:
        later = [
            at_once_words(table),
            *([] if alone else [f"of the linear baseline, which is recursive: {'; '.join(later)}"]),
        ]
    elif 1 < splits.leads < furthest:
        later.append(f"{splits.leads} leads are forecast at once, then fed back for the next ones")
    return later + [line for line in (_gaps(splits), _scaling(splits), _several(splits)) if line]


def kept_words(table: Table, covariates: Covariates = "hold_last") -> str:
    """What `forecast_ahead` takes for granted."""
    kept = YESTERDAY if covariates == "same_hour_yesterday" else KEPT
    return "; ".join(line for line in (kept, _derived(table, "hold_last")) if line)


def _derived(table: Table, covariates: Covariates) -> str:
    """What columns are, as exceptions to `FUTURE`."""
    actual = covariates == "actual"
    own = [name for name in table.known_ahead if name in table.early]
    n = len(table.of_target if actual else table.known_ahead) - (0 if actual else len(own))
    lines = [f"{counted(len(own), 'column')} known ahead, as the table says"] if own and not actual else []
    if n:
        what = "made from the target: the last values are kept" if actual else "known from the calendar"
        lines.append(f"{counted(n, 'column')} {what}")
    return "; ".join(lines)


def at_once_words(table: Table) -> str:
    """What forecasts assume of later rows that are all made at once, from known ones."""
    if not table.early:
        return AT_ONCE
    return f"{AT_ONCE}, but that {listed(table.early)} of the next one {'is' if len(table.early) == 1 else 'are'} known"


def _gaps(splits: Splits) -> str:
    gaps, table = splits.table.gaps, splits.table
    if gaps is None or not gaps.where[splits.in_test].any():
        return ""
    filled = int(gaps.where[splits.in_test].sum())
    labels = int(gaps.where[splits.test.origin_rows, table.target_index].sum())
    how = (
        "straight lines to the next known value, which look ahead"
        if gaps.filling.test_lines
        else "the last known value"
    )
    text = f"{filled:,} gap{'s' * (filled != 1)} in the test part {'were' if filled != 1 else 'was'} filled by {how}"
    are = "are" if labels != 1 else "is"
    how = f"{are} scored as truth" if gaps.filling.labels else f"would be truth and {are} not scored"
    return f"{text}; {labels:,} of them {how}" if labels else text


def _scaling(splits: Splits) -> str:
    return "the scaling was fitted on all rows, the test part included" if splits.fit_on == "all" else ""


def _several(splits: Splits) -> str:
    if not splits.table.series:
        return ""
    how = "scaled by series" if splits.scale.series else "on one scale for all series"
    return f"R² and loss are of values {how}, {len(splits.table.series):,} in all"


def rows_before(splits: Splits, season: SeasonName | int) -> int:
    """How many rows a season has, where every forecast of the test part has one before it.

    Raises
    ------
    DataError
        There is no such number; the message says why.
    """
    table, origins = splits.table, splits.test.origin_rows
    first = int((origins - np.array(table.firsts)[table.series_of(origins)]).min())
    rows = season if isinstance(season, int) else rows_of_season(table.step, season)
    if rows is None:
        raise DataError(_no_season(table, str(season)))
    if first < rows:
        what = f"a {season} is {rows} rows" if isinstance(season, str) else f"a season is to be {rows} rows"
        raise DataError(f"{what}; the table has {first} before the first forecast.")
    return rows


def _no_season(table: Table, season: str) -> str:
    step = table.step_name()
    if table.times is None:
        return f"the rows have no times, so that nothing says how many make a {season}."
    if step in ("step", "d", "week", "month", "quarter", "year"):
        apart = "day" if step == "d" else step
        what = "time of day" if season == "day" else f"time of the {season}"
        return f"the rows are one {apart} apart, so that there is no {what}."
    return f"the rows are {step} apart, and a {season} is no whole number of 2 or more of them."


def check_covariates(splits: Splits, covariates: Covariates) -> None:
    """Refuse what the table cannot give.

    Raises
    ------
    DataError
        ``same_hour_yesterday`` is asked for, and there is no yesterday.
    """
    if covariates == "same_hour_yesterday":
        try:
            rows_before(splits, "day")
        except DataError as err:
            raise DataError(
                f"evaluation.future_covariates: same_hour_yesterday cannot be used: {err} Use hold_last."
            ) from err


def possible_covariates(splits: Splits) -> tuple[Covariates, ...]:
    """Those that the table can give."""
    return tuple(way for way in COVARIATES if way != "same_hour_yesterday" or not _why_not(splits, "day"))


def left_out(splits: Splits) -> dict[str, str]:
    """Baselines that this table cannot have, and why not."""
    season = first_season(splits.table)
    why = _why_not(splits, season)
    return {season_key(season): why} if why else {}


def first_season(table: Table) -> SeasonName:
    """The season that a table's rows have first of all; a day where they have none."""
    return main_season(table.step) or "day"


def _why_not(splits: Splits, season: SeasonName) -> str:
    try:
        rows_before(splits, season)
    except DataError as err:
        return str(err)
    return ""
