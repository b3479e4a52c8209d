"""Text of unknown origin is shown, not executed."""

from __future__ import annotations

import os
import shutil
import subprocess
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.core.text import counted, listed, printable, shell_word, signed

# Categories of Unicode, from its own table: letters, marks, numbers, punctuation, symbols and spaces are text.
TEXT = ("L", "M", "N", "P", "S", "Zs")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x9b31mred", r"\x9b31mred"),
        ("a\r\nb\tc", r"a\r\nb\tc"),
        ("\x00\x07\x08\x7f", r"\x00\x07\x08\x7f"),
        ("safe\u202egnp.exe", r"safe\u202egnp.exe"),
        ("\u2066x\u2069\u200f", r"\u2066x\u2069\u200f"),
        ("a\u2028b\u2029c\x85d", r"a\u2028b\u2029c\x85d"),
        ("\udce9t\udce9", r"\udce9t\udce9"),
        ("\ufeffa\u200bb\u00adc", r"\ufeffa\u200bb\xadc"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_a_terminal_would_obey_or_hide_is_shown_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a b",
        "µg/m³, R², ½·MSE",
        "北京 PM2.5　列",
        "Größe: 5\u00a0%",
        "שלום مرحبا नमस्ते",
        "👍",
        r"C:\new\table.csv",
        "'\"",
    ],
)
def test_ordinary_text_of_any_language_stays(text: str) -> None:
    assert printable(text) == text


def test_any_object_can_be_shown() -> None:
    assert printable(None) == "None"
    assert printable(ValueError("two\nlines")) == r"two\nlines"


@given(st.text(st.characters()))
def test_every_text_becomes_one_printable_line_that_stays_as_it_is(text: str) -> None:
    shown = printable(text)
    assert all(unicodedata.category(c).startswith(TEXT) for c in shown)
    assert len(shown.splitlines()) <= 1
    assert printable(shown) == shown
    shown.encode()


@given(st.text(st.characters(categories=TEXT)))
def test_text_without_anything_invisible_is_never_changed(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    "name", ["runs/a-001", "my run", "it's", "a\x1b[31m", "a\nb", "\\n\t'x", "北京 \u202e", "$HOME `x`", "b\udce9", ""]
)
def test_a_shell_word_is_printable_and_means_the_name(name: str) -> None:
    word = shell_word(name)
    assert printable(word) == word
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("needs bash")
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    done = subprocess.run([bash, "-c", f"printf %s {word}"], capture_output=True, check=True, env=environment)
    assert done.stdout == os.fsencode(name)


def test_names_are_listed_with_one_and_before_the_last() -> None:
    assert [listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])] == ["a", "a and b", "a, b and c"]


def test_one_is_counted_without_an_s() -> None:
    assert [counted(n, "epoch") for n in (0, 1, 2, 1000)] == ["0 epochs", "1 epoch", "2 epochs", "1,000 epochs"]


def test_a_difference_has_a_sign_and_nothing_has_a_plus():
    assert [signed(v) for v in (0.0123, -0.5, 1.2e-5, 0.0, -0.0)] == [
        "+0.0123",
        "-0.5000",
        "+1.2e-05",
        "+0.0000",
        "+0.0000",
    ]
