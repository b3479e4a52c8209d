"""How a table is written down as text, and its text in UTF-8 without what is no row of it."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from minidl.core.arguments import NonNegativeInt
from minidl.core.errors import ConfigError, DataError

Delimiter = Annotated[str, msgspec.Meta(min_length=1, max_length=1)]
Mark = Annotated[str, msgspec.Meta(max_length=1)]
NUMERAL = r"[+-]?\d[\d.,' \u00a0\u202f\u2019]*"  # a number with marks as people write them
MAX_TABLE = 500_000_000  # bytes, also of what unpacks from a compressed file

_PACKED: dict[bytes, tuple[str, Callable[[io.BytesIO], Any]]] = {
    b"\x1f\x8b": ("gzip", lambda file: gzip.GzipFile(fileobj=file)),
    b"BZh": ("bzip2", bz2.BZ2File),
    b"\xfd7zXZ\x00": ("xz", lzma.LZMAFile),
}
# How files begin that are no text, although people give them as tables.
NO_TEXT = {
    b"\x28\xb5\x2f\xfd": "compressed with zstd; unpack it (unzstd)",
    b"PK\x03\x04": "a ZIP archive or a spreadsheet; unpack it, or save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "a spreadsheet; save it as CSV",
    b"PAR1": "a Parquet file; write it as CSV",
    b"\x89HDF": "an HDF5 file; write it as CSV",
}
# The same of text.
_NO_TABLE = {
    b"<!doctype html": "a web page; download the table itself",
    b"<html": "a web page; download the table itself",
    b"<?xml": "XML; write it as CSV",
    b"[{": "JSON; write it as CSV",
    b'{"': "JSON; write it as CSV",
}


@dataclass(eq=False, kw_only=True)
class TextLayout:
    """How a table is written down as text.

    Parameters
    ----------
    delimiter : one character; a blank stands for any number of blanks and tabs.
    encoding : of the text. A file that begins with the mark of UTF-8 or UTF-16 is read as that.
    column_names : of all columns, for a file without a header; empty: its first row is the header.
    skip_lines : lines before the header that are no rows.
    skip_end : lines at the end that are no rows, as totals; empty ones after the last that is not do not count.
    comment : lines that begin with this character are no rows; "": there are none.
    decimal : what stands before a number's decimals.
    thousands : what may separate groups of three digits; "": nothing.
    symbols : what may stand before or behind a number, as ``$``, ``%`` or ``kWh``, and is left out; ``()``: a number in
        parentheses is negative.
    """

    delimiter: Delimiter = ","
    encoding: Literal["utf-8", "utf-16", "latin-1", "cp1252"] = "utf-8"
    column_names: list[str] | None = None
    skip_lines: NonNegativeInt = 0
    skip_end: NonNegativeInt = 0
    comment: Mark = ""
    decimal: Literal[".", ","] = "."
    thousands: Mark = ""
    symbols: list[str] = field(default_factory=list)

    def check_layout(self) -> None:
        """ConfigError for marks that contradict each other."""
        where = type(self).__name__
        if self.delimiter in '\r\n"':
            raise ConfigError(f"{where}: delimiter: {self.delimiter!r} cannot separate cells.")
        if self.thousands and (self.thousands == self.decimal or self.thousands in "+-\r\n0123456789"):
            raise ConfigError(f"{where}: thousands: {self.thousands!r} cannot separate thousands here.")
        odd = next((symbol for symbol in self.symbols if not symbol.strip() or set(symbol) & set("0123456789+-")), None)
        if odd is not None:
            raise ConfigError(f"{where}: symbols: {odd!r} cannot stand beside a number.")
        names = self.column_names or []
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ConfigError(f"{where}: column_names: {twice!r} appears twice.")

    def bare(self, text: str) -> str:
        """A number without the symbols around it, and with the minus of a keyboard."""
        text = text.replace("\u2212", "-")
        if not self.symbols:
            return text
        if "()" in self.symbols and text.startswith("(") and text.endswith(")"):
            return "-" + self.bare(text[1:-1])
        sign = text[:1] if text.startswith(("+", "-")) else ""
        body = text.removeprefix(sign)
        for symbol in self.symbols:
            if body.startswith(symbol) or body.endswith(symbol):
                return sign + body.removeprefix(symbol).removesuffix(symbol).strip()
        return text

    def number(self, text: str) -> str:
        """A number as `float` wants it, or what is none for `float` either."""
        text = self.bare(text)
        if self.thousands:
            mark, point = re.escape(self.thousands), re.escape(self.decimal)
            if re.fullmatch(rf"[+-]?[1-9]\d{{0,2}}(?:{mark}\d{{3}})+(?:{point}\d*)?", text, re.ASCII):
                text = text.replace(self.thousands, "")
        return text if self.decimal == "." else text.replace(".", "?").replace(self.decimal, ".")

    def text_of(self, data: bytes, name: str) -> bytes:
        """A file's text in UTF-8.

        Raises
        ------
        DataError
            Damaged, no text, or in another encoding.
        """
        return _decoded(_unpacked(data, name), name, self.encoding)

    def rows_of(self, text: bytes, blank_rows: bool = True) -> tuple[bytes, npt.NDArray[np.int64] | None]:
        """A text without the lines that are no rows, and the line of each; None: all are there.

        Parameters
        ----------
        blank_rows : whether lines of delimiters only are rows.
        """
        mark, delimiter = self.comment.encode(), self.delimiter.encode()
        some_blank = not blank_rows and any(end in text and end + delimiter in text for end in (b"\r", b"\n"))
        whole = not (self.skip_lines or self.skip_end or (mark and mark in text) or some_blank)
        if whole and self.delimiter != " ":
            return text, None
        lines = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        if self.delimiter == " ":
            lines = [b" ".join(line.split()) for line in lines]
            blank_rows = False
        if self.skip_end:
            while lines and not lines[-1].strip():
                lines.pop()
            del lines[-self.skip_end :]
        numbers = [
            i
            for i, line in enumerate(lines)
            if i >= self.skip_lines
            and not (mark and line.lstrip().startswith(mark))
            and (blank_rows or (not line and delimiter != b" ") or line.strip(b" \t" + delimiter))
        ]
        return b"\n".join(lines[i] for i in numbers), np.array([*numbers, len(lines)], np.int64) + 1


PLAIN = TextLayout()  # with a header, in UTF-8


def _unpacked(data: bytes, name: str) -> bytes:
    for beginning, (what, opened) in _PACKED.items():
        if data.startswith(beginning) and not data.isascii():
            try:
                with opened(io.BytesIO(data)) as file:
                    content: bytes = file.read(MAX_TABLE + 1)
            except (OSError, EOFError, lzma.LZMAError, zlib.error, ValueError) as err:
                raise DataError(f"{name}: compressed with {what}, and damaged: {err}.") from err
            if len(content) > MAX_TABLE:
                raise DataError(f"{name}: unpacks to more than {MAX_TABLE // 1_000_000} MB, which a table may have.")
            return content
    return data


def _decoded(data: bytes, name: str, encoding: str) -> bytes:
    for beginning, what in NO_TEXT.items():
        if data.startswith(beginning) and not data.isascii():
            raise DataError(f"{name}: the file is {what}.")
    start = data[:100].removeprefix(codecs.BOM_UTF8).lstrip().lower()
    for beginning, what in _NO_TABLE.items():
        if start.startswith(beginning):
            raise DataError(f"{name}: the file is {what}.")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif data.startswith(codecs.BOM_UTF8):
        data, encoding = data.removeprefix(codecs.BOM_UTF8), "utf-8"
    if encoding != "utf-8":
        try:
            return data.decode(encoding).encode("utf-8")
        except UnicodeError as err:
            raise DataError(f"{name}: the file is not in {encoding}: {err}; see the key `encoding`.") from err
    try:
        if not data.isascii():
            data.decode("utf-8")
    except UnicodeDecodeError as err:
        line = data.count(b"\n", 0, err.start) + 1
        raise DataError(
            f"{name}:{line}: the byte 0x{data[err.start]:02x} is not UTF-8; save the file as UTF-8, or say what it is "
            "(`encoding`: latin-1, cp1252, utf-16)."
        ) from err
    return data
