"""Columns that are made from a table's own: the calendar, categories apart, differences, rolling statistics."""

from __future__ import annotations

from minidl.data.features.calendar import Calendar
from minidl.data.features.change import Change
from minidl.data.features.direction import Direction
from minidl.data.features.feature import ColumnFeature, Feature, derive, derived_names
from minidl.data.features.gap_mask import GapMask
from minidl.data.features.one_hot import OneHot
from minidl.data.features.rolling import Rolling

__all__ = [
    "Calendar",
    "Change",
    "ColumnFeature",
    "Direction",
    "Feature",
    "GapMask",
    "OneHot",
    "Rolling",
    "derive",
    "derived_names",
]
