"""From the parts of a time (a year, a month, the name of a zone) to the time: one by one, or many at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.data.tables.time_zones import offsets, why_twice, zone_of

Numbers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Groups = Mapping[str, str | None]
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_DEFAULTS = {"Y": 1970, "m": 1, "d": 1, "H": 0, "M": 0, "S": 0, "f": 0}


def completed(parts: dict[str, Any], groups: Groups) -> dict[str, Any]:
    """Numbers of years, months, hours and the offset's seconds from what stands for them; single ones or arrays."""
    if "y" in parts:
        parts["Y"] = 1900 + parts["y"] + 100 * (parts["y"] < 69)  # as strptime does
    if groups.get("b"):
        name = str(groups["b"]).lower()
        parts["m"] = next((i for i, month in enumerate(_MONTHS, 1) if name in (month, month[:3], month[:4])), 0)
    if "q" in parts:
        parts["m"] = 3 * parts["q"] - 2
    if "I" in parts:
        parts["H"] = parts["I"] % 12 + 12 * (str(groups.get("p")).lower() == "p") + 99 * (parts["I"] > 12)
    sign = -1 if groups.get("sign") == "-" else 1
    parts["offset"] = sign * (3600 * parts.get("zh", 0) + 60 * parts.get("zm", 0))
    if groups.get("Z"):
        parts["zone"] = zone_of(str(groups["Z"]))
    return {**_DEFAULTS, **parts}


def moment(of: Mapping[str, Any]) -> datetime:
    """The time of single numbers; ValueError or OverflowError says what is wrong with them."""
    if of["f"]:
        raise ValueError("it has a fraction of a second, and times are whole seconds")
    if "s" in of:
        return datetime(1970, 1, 1) + timedelta(seconds=of["s"])
    if "Q" in of:
        if of["Q"] % 1000:
            raise ValueError("it has a fraction of a second, and times are whole seconds")
        return datetime(1970, 1, 1) + timedelta(seconds=of["Q"] // 1000)
    at_24 = of["H"] == 24 and not of["M"] and not of["S"]
    day = (
        datetime.fromisocalendar(of["G"], of["V"], of.get("u", 1)) if "G" in of else datetime(of["Y"], of["m"], of["d"])
    )
    time = datetime(day.year, day.month, day.day, 0 if at_24 else of["H"], of["M"], of["S"])
    time += timedelta(days=of.get("j", 1) - 1 + at_24)
    if "j" in of and (time - timedelta(days=at_24)).year != of["Y"]:
        raise ValueError("the year has no such day")
    if "zone" in of:
        local = np.array([(time - datetime(1970, 1, 1)) // timedelta(seconds=1)])
        before, after = (int(offset[0]) for offset in offsets(local, of["zone"]))
        if before != after:
            raise ValueError(f"{why_twice(before, after)}; give its offset, or `time_zone` in place of the name")
        return time - timedelta(seconds=before)
    return time.replace(tzinfo=timezone(timedelta(seconds=of["offset"]))).astimezone(timezone.utc).replace(tzinfo=None)


def moments(of: Mapping[str, Any]) -> tuple[Numbers, Mask]:
    """The same of many, in seconds since 1970, and which are right (those of a year 1 or 9999 are not looked at)."""
    if "s" in of:
        return of["s"], np.ones(len(of["s"]), np.bool_)
    if "Q" in of:
        return of["Q"] // 1000, of["Q"] % 1000 == 0
    days, right = _days(of)
    right &= of["f"] == 0
    in_day = 3600 * of["H"] + 60 * of["M"] + of["S"]
    right &= (of["H"] < 24) & (of["M"] < 60) & (of["S"] < 60) | (of["H"] == 24) & (in_day == 86400)
    right &= np.abs(of["offset"]) < 86400
    seconds = 86400 * days.astype(np.int64) + in_day - of["offset"]
    if "zone" in of:
        before, after = offsets(np.where(right, seconds, 0), of["zone"])
        seconds, right = seconds - before, right & (before == after)
    return seconds, right


def _days(of: Mapping[str, Any]) -> tuple[Any, Mask]:
    """The days of years and months, of years alone or of weeks; and which there are."""
    if "G" in of:
        monday, end = (_monday(of["G"]) + 7 * weeks for weeks in (of["V"] - 1, of["V"]))
        return monday + of.get("u", 1) - 1, (of["V"] >= 1) & (end <= _monday(of["G"] + 1)) & (of["G"] > 1)
    months = (12 * (of["Y"] - 1970) + of["m"] - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (of["d"] + of.get("j", 1) - 2)
    if "j" in of:
        right = days.astype("datetime64[Y]").astype(np.int64) + 1970 == of["Y"]
    else:
        right = (of["d"] >= 1) & (days.astype("datetime64[M]") == months)
    return days, right & (of["Y"] > 1) & (of["Y"] < 9999) & (of["m"] >= 1) & (of["m"] <= 12)


def _monday(years: Numbers) -> Any:
    """The first days of ISO years: the Mondays of the weeks that hold January 4."""
    fourth = (years - 1970).astype("datetime64[Y]").astype("datetime64[D]") + 3
    return fourth - (fourth.astype(np.int64) + 3) % 7
