"""Text of unknown origin in Markdown, HTML and SVG: shown there, and never obeyed.

Names of configs, columns, units and files come from people whom the reader may not
know, through files that these people made.
"""

from __future__ import annotations

import html
import re
from typing import Any

from minidl.core.text import printable

# What begins something else than text in Markdown, wherever it stands in a line; ``_`` not inside a word.
_MARKS = re.compile(r"[\\`*\[\]|~$]|(?<![^\W_])_|_(?![^\W_])")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def printable_texts(value: Any) -> Any:
    """JSON values with every text in them made printable, keys too."""
    if isinstance(value, dict):
        return {printable(key): printable_texts(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [printable_texts(part) for part in value]
    return printable(value) if isinstance(value, str) else value


def as_html(text: str) -> str:
    """A text for HTML, in or out of an attribute."""
    return html.escape(printable(text), quote=True)


def as_markdown(text: str) -> str:
    """A text for Markdown, which may hold HTML, links and pictures: here it holds none of them."""
    return _MARKS.sub(r"\\\g<0>", html.escape(printable(text), quote=False))


def as_markdown_code(text: str) -> str:
    """A block of code for a terminal, with a fence that its text cannot close."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}console\n{printable(text)}\n{fence}"


def well_formed(svg: bytes) -> bytes:
    """An XML text without the characters that XML does not have, as matplotlib copies them into comments."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", svg.decode("utf-8", "replace")).encode()
