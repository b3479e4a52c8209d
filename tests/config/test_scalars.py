"""Plain scalars by the core schema of YAML 1.2, and text that reads back to the same values."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from minidl.config import dump, parse_text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1E3", 1000.0),
        ("-1.5e+2", -150.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("-.5", -0.5),
        ("+7", 7),
        ("-0", 0),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("true", True),
        ("TRUE", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("No", "No"),
        ("y", "y"),
        ("1:30", "1:30"),
        ("2010-01-01", "2010-01-01"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("tRUE", "tRUE"),
        ("inf", "inf"),
        ("nan", "nan"),
        (".", "."),
        ("e3", "e3"),
        ("١", "١"),
        ("'1e-3'", "1e-3"),
        ('"true"', "true"),
        ("'~'", "~"),
        ("|-\n  5", "5"),
    ],
)
def test_a_scalar_is_what_yaml_1_2_says(text: str, value: Any) -> None:
    got = parse_text(f"k: {text}\n").plain()["k"]
    assert got == value
    assert type(got) is type(value)


def test_nan_is_a_number() -> None:
    assert math.isnan(parse_text("k: .nan").plain()["k"])


plain_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False)
    | st.text()
    | st.from_regex(r"[-+]?[0-9.:_]{0,4}([eE][-+]?[0-9])?|0[xob][0-9a-f]{0,3}|\.?(inf|nan|NaN)", fullmatch=True),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(plain_values)
@example(["on", "1e-3", "010", "1:30", "", "~", "=", "<<", "- x", "a: b", "a # b", " x ", "\ufeffx", "\x85", "\u2028"])
@example([1e-05, 1e16, 5e-324, math.inf, -math.inf, "a\nb\n\n", "\ta", "\r", "😀", "x" * 200, "x " * 200, "%", "!t"])
@example({"true": 1, "1": 2, "": 3, "null": {"on": []}, "x" * 200: 1})
def test_what_dump_writes_is_read_back_to_the_same_values(value: Any) -> None:
    back = parse_text(dump({"k": value})).plain()["k"]
    assert back == value
    assert repr(back) == repr(value)  # 1 and 1.0 and true are equal, but not the same


def test_dump_keeps_the_order_and_repeats_what_occurs_twice() -> None:
    shared = {"b": 1, "a": [1, 2]}
    assert dump({"x": shared, "c": shared, "unit": "µg/m³"}) == (
        "x:\n  b: 1\n  a:\n  - 1\n  - 2\nc:\n  b: 1\n  a:\n  - 1\n  - 2\nunit: µg/m³\n"
    )


def test_a_line_of_a_text_goes_on_until_it_has_passed_100_characters() -> None:
    long, short = "x" * 96, "x" * 95
    assert dump({"k": f"{short} y z"}) == f"k: {short} y z\n"
    assert dump({"k": f"{long} y z"}) == f"k: {long} y\n  z\n"
