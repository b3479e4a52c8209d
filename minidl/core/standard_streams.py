"""Standard output and error that never stop the work, and show text without obeying it.

A reader may go away, a terminal be closed, a disk be full, an encoding lack letters:
none of that is a reason to end a training or to change an exit code. Whatever a
process prints goes through these streams, that of plugins and of tqdm too.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
import unicodedata
from collections.abc import Iterator
from typing import Any, TextIO

from minidl.core.text import printable

_ENCODING_ERRORS = "minidl-shown"
# What an encoding may lack, beside all that Unicode itself takes apart ("²" is "2", "½" is "1⁄2").
_LOOKS_LIKE = str.maketrans({"⁄": "/", "μ": "u", "·": "*", "★": "*", "“": '"', "”": '"'})


def _in_ascii(err: UnicodeError) -> tuple[str, int]:
    """What cannot be encoded in letters that look like it, or else escaped as in `printable`."""
    if not isinstance(err, UnicodeEncodeError):
        raise err
    found = []
    for letter in err.object[err.start : err.end]:
        like = unicodedata.normalize("NFKD", letter).translate(_LOOKS_LIKE)
        found.append(like if like.isascii() else ascii(letter)[1:-1])
    return "".join(found), err.end


codecs.register_error(_ENCODING_ERRORS, _in_ascii)


class ShownStream:
    """A text stream whose writes never fail; what could not be written is lost, and `lost` tells why.

    Parameters
    ----------
    inner : the stream that is written to; None where the process was started without one.
    escape : show control characters, line breaks aside, as `printable` does.
    """

    def __init__(self, inner: TextIO | None, *, escape: bool = True) -> None:
        self._own = None if inner is not None else open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        self.inner: Any = self._own or inner
        self.lost: OSError | None = None
        self._escape = escape
        self._errors = getattr(self.inner, "errors", None)
        self._encode_with(_ENCODING_ERRORS)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def write(self, text: str) -> int:
        """Write, if it can be written."""
        shown = "\n".join(map(printable, text.split("\n"))) if self._escape else text
        self._try(self.inner.write, shown)
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write each."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flush, if that is possible."""
        self._try(self.inner.flush)

    def as_it_is(self) -> ShownStream:
        """The same stream without escapes, for those who move a terminal's cursor."""
        return ShownStream(self.inner, escape=False)

    def close(self) -> None:
        """Give the inner stream back as it was, flushed. It stays open unless it was made here."""
        self.flush()
        if self._own is not None:
            self._own.close()
        elif self._errors is not None:
            self._encode_with(self._errors)

    def _encode_with(self, errors: str) -> None:
        with contextlib.suppress(AttributeError, OSError, ValueError):  # no stream of bytes below, or closed
            self.inner.reconfigure(errors=errors)

    def _try(self, write: Any, *text: str) -> None:
        try:
            write(*text)
        except OSError as err:
            self.lost = self.lost or err
            with contextlib.suppress(OSError, ValueError):
                # What is still in its buffer, and all that follows, goes where it cannot fail again.
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, self.inner.fileno())
                os.close(nowhere)
                self.inner.flush()
        except ValueError:  # closed, by a plugin for example
            pass


def guard_standard_streams() -> tuple[ShownStream, ShownStream]:
    """Put such streams in the place of standard output and error, for good; they are returned."""
    _fill_descriptors()
    for descriptor in (1, 2):  # a slow reader is waited for, whoever shares the other end's settings
        with contextlib.suppress(AttributeError, OSError):
            os.set_blocking(descriptor, True)
    out, err = ShownStream(sys.stdout), ShownStream(sys.stderr)
    sys.stdout, sys.stderr = out, err
    return out, err


@contextlib.contextmanager
def guarded_standard_streams() -> Iterator[None]:
    """Within it, standard output and error are such streams; at its end, a line tells what a disk did not take."""
    before = sys.stdout, sys.stderr
    out, err = guard_standard_streams()
    try:
        yield
    finally:
        out.close()
        if out.lost is not None and not isinstance(out.lost, BrokenPipeError):
            err.write(f"minidl: standard output: {out.lost.strerror or out.lost}\n")
        err.close()
        sys.stdout, sys.stderr = before


def lead_nowhere() -> None:
    """For good: nothing is read from standard input, and what goes to standard output and error is lost."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _fill_descriptors() -> None:
    """Open the null device as what is closed of 0, 1 and 2, so that no file is opened there and gets messages."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest that is free: this one
