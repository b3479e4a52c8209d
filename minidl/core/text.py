"""Text and numbers on their way to people: what would act on a terminal is shown, not executed."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

# Spaces of other widths than the common one: not printable for Python, and yet ordinary text.
_SPACES = frozenset("\u00a0\u1680\u202f\u205f\u3000").union(map(chr, range(0x2000, 0x200B)))


def printable(text: object) -> str:
    r"""A text as one line that a terminal shows and does not obey.

    Control characters (escapes, line breaks, tabs), overrides of the reading
    direction, separators of lines and paragraphs, lone surrogates and what else is
    invisible become the escapes that Python writes: ``\x1b``, ``\n``, ``\u202e``.
    All other text stays, whatever its language, and so do backslashes: what is
    printable already does not change.

    Parameters
    ----------
    text : a string, or what `str` makes of any other object.
    """
    shown = str(text)
    if shown.isprintable():
        return shown
    return "".join(c if c.isprintable() or c in _SPACES else ascii(c)[1:-1] for c in shown)


def short(value: Any) -> str:
    """A value in a message; an int of thousands of digits has no repr."""
    if type(value) is int and abs(value) > 10**60:
        return "an int of more than 60 digits"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join([", ".join(names[:-1])] * (len(names) > 1) + [names[-1]])


def counted(n: int, word: str) -> str:
    """``1 epoch``, ``1,000 epochs``."""
    return f"{n:,} {word}{'s' * (n != 1)}"


def aligned(rows: list[list[str]], left: int = 1) -> list[str]:
    """Rows of cells as lines: the first `left` columns to the left, the others to the right."""
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(w) if i < left else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def number(value: float | None, digits: int = 4) -> str:
    """A number, or a dash."""
    return "-" if value is None else f"{value:.{digits}f}"


def signed(value: float) -> str:
    """+0.0123; what would round to 0 in two digits: +1.2e-05; 0 has a plus."""
    value += 0.0
    return f"{value:+.4f}" if value == 0 or abs(value) >= 5e-5 else f"{value:+.1e}"


def p_words(p: float) -> str:
    """``= 0.012`` or ``< 0.001``."""
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def shell_word(text: object) -> str:
    r"""A text as one word of a command line that can be copied into a shell.

    Quotes stand only where they are needed; what is not printable is written as bash and
    zsh read it, ``$'a\x1bb'``.
    """
    word = str(text)
    if word == printable(word):
        return shlex.quote(word)
    escaped = "".join(rf"\{c}" if c in "\\'" else _shell_escape(c) for c in word)
    return f"$'{escaped}'"


def _shell_escape(letter: str) -> str:
    if printable(letter) == letter:
        return letter
    try:
        # Bytes of a file name that are no text are lone surrogates in Python.
        return "".join(f"\\x{byte:02x}" for byte in letter.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        return printable(letter)
