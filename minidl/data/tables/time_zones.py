"""Time zones by name: the offset of local times from UTC.

Names of regions (``Europe/Berlin``) are those of the tz database, by way of Python's zoneinfo. Of abbreviations
only those are taken that stand for one offset everywhere; ``EST``, ``CST`` and ``IST`` mean several.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from minidl.core.errors import MissingPackageError

Seconds = npt.NDArray[np.int64]
_HOURS = {
    "UTC": 0,
    "GMT": 0,
    "Z": 0,
    "WET": 0,
    "WEST": 1,
    "CET": 1,
    "CEST": 2,
    "MEZ": 1,
    "MESZ": 2,
    "EET": 2,
    "EEST": 3,
    "MSK": 3,
    "JST": 9,
    "AEST": 10,
    "AEDT": 11,
    "NZST": 12,
    "NZDT": 13,
}
_EPOCH = datetime(1970, 1, 1)
_DAY = 86400
_KNOWN = "Europe/London"  # in every zone database
_ADVICE = "give the times in UTC, or each with its offset"


@cache
def zone_of(name: str) -> int | ZoneInfo:
    """Seconds from UTC, or a region whose clocks change.

    Raises
    ------
    ValueError
        The name is none, or stands for several zones.
    MissingPackageError
        Nothing is known of regions here.
    """
    if name in _HOURS:
        return 3600 * _HOURS[name]
    if "/" in name:
        try:
            return ZoneInfo(name)
        except (OSError, ValueError, KeyError) as err:  # not there, no name, no zone
            _check_database(name, err)
    raise ValueError(
        f"{name!r} is no time zone that is known, or more than one; `time_zone` says where the times are local "
        "(America/New_York)"
    )


def _check_database(name: str, problem: Exception) -> None:
    """MissingPackageError if Python knows no region at all, as on Windows without the package tzdata."""
    try:
        ZoneInfo(_KNOWN)
    except (OSError, ValueError, KeyError):
        raise MissingPackageError(
            f"time_zone: {name!r} needs a database of time zones, and Python finds none here; pip install tzdata."
        ) from problem


def offsets(local: Seconds, zone: int | ZoneInfo) -> tuple[Seconds, Seconds]:
    """Seconds from UTC, (n,), of local times in seconds since 1970: before a change of clocks, and after it.

    They differ only where a time is twice, or not at all.
    """
    if isinstance(zone, int):
        return np.full(len(local), zone), np.full(len(local), zone)
    days, which = np.unique(local // _DAY, return_inverse=True)
    starts = [_offset(int(day) * _DAY, zone, 0) for day in days]
    ends = [_offset((int(day) + 1) * _DAY, zone, 1) for day in days]
    before, after = np.array(starts)[which], np.array(ends)[which]
    for row in np.flatnonzero(before != after):  # a day on which clocks change
        before[row], after[row] = (_offset(int(local[row]), zone, fold) for fold in (0, 1))
    return before, after


def why_twice(before: int, after: int) -> str:
    """Why a local time with two offsets is none, or two."""
    way, span = ("forward", after - before) if before < after else ("back", before - after)
    length = f"{span // 3600} h" if span % 3600 == 0 else f"{span // 60} min"
    return (
        f"clocks go {length} {way} then, so that {'there is no such time' if before < after else 'it is there twice'}"
    )


def in_utc(
    times: npt.NDArray[np.datetime64], name: str, series: npt.NDArray[np.int64] | None = None
) -> tuple[npt.NDArray[np.datetime64], dict[int, str]]:
    """Local times of a region, (n,), in UTC; and what is wrong with them, by row.

    A time that is there twice when clocks go back is the earlier one in the first row, and the later one in the second
    row; in rows that run backwards in time it is the other way round. In one row alone it is the earlier one.

    Parameters
    ----------
    series : (n,), which one a row belongs to; None: the rows are one.
    """
    local = times.astype("datetime64[s]").astype(np.int64)
    before, after = offsets(local, zone_of(name))
    found, problems = before.copy(), dict[int, str]()
    of = np.zeros(len(local), np.int64) if series is None else series
    seen: dict[tuple[int, int], list[int]] = {}
    for row in np.flatnonzero(before != after):
        seen.setdefault((int(of[row]), int(local[row])), []).append(int(row))
    backwards = {one: _runs_backwards(local[of == one]) for one in {one for one, _ in seen}}
    for (one, time), rows in seen.items():
        if before[rows[0]] > after[rows[0]] and len(rows) <= 2:
            later = rows[0] if backwards[one] else rows[-1]
            found[later] = after[later] if len(rows) == 2 else before[later]
        else:
            why = why_twice(int(before[rows[0]]), int(after[rows[0]]))
            problems[rows[0]] = f"the time {_EPOCH + timedelta(seconds=time)} in {name}: {why}; {_ADVICE}."
    return (local - found).astype("datetime64[s]"), problems


def _runs_backwards(local: Seconds) -> bool:
    steps = np.diff(local)
    return bool((steps < 0).sum() > (steps > 0).sum())


def _offset(local: int, zone: ZoneInfo, fold: int) -> int:
    time = (_EPOCH + timedelta(seconds=local)).replace(tzinfo=zone, fold=fold)
    offset = time.utcoffset()
    return 0 if offset is None else int(offset.total_seconds())
