"""The text of one cell as a number, or what to say where it is none."""

from __future__ import annotations

import math
import re

from minidl.data.tables.layout import NUMERAL, TextLayout
from minidl.data.tables.plain import LARGEST

DIGITS = 4  # of a part of a time


def shown(text: str) -> str:
    """The text for a message, cut where it is long."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def as_float(text: str) -> float:
    """The number; NaN where the text is none, or has Python's underscores."""
    try:
        return math.nan if "_" in text else float(text)
    except ValueError:
        return math.nan


def finite_number(text: str, layout: TextLayout, *, of_series: bool = True) -> float:
    """The number as the layout writes it; ValueError where the text is none, or it is not finite or too large.

    Parameters
    ----------
    of_series : whether the keys of a series help, which the message then names.
    """
    value, gap = as_float(layout.number(text)), "; if it stands for a gap, add it to `missing`" * of_series
    if math.isinf(value):
        raise ValueError(f"{shown(text)} is not a finite number{gap}.")
    if math.isnan(value):
        advice = " If the column holds texts, give each its number in `categories`."
        if re.fullmatch(NUMERAL, text, re.ASCII):
            advice = " The keys `decimal` and `thousands` say how numbers are written."
        elif re.fullmatch(rf"\D{{0,9}}{NUMERAL}\D{{0,9}}", text, re.ASCII):
            advice += " The key `symbols` says what may stand beside numbers."
        raise ValueError(f"{shown(text)} is not a number{gap}.{advice * of_series}")
    if abs(value) > LARGEST:
        raise ValueError(f"{shown(text)} is too large (at most {LARGEST:g}){gap}.")
    return value


def whole_number(text: str) -> int:
    """The number of at most four digits; ValueError for any other text."""
    if not (text.isascii() and text.isdigit() and len(text) <= DIGITS):
        raise ValueError(f"{shown(text)} is not a whole number of at most {DIGITS} digits.")
    return int(text)
