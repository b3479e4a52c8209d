"""The door for arrays: whatever turns into an array of numbers comes in, all else is refused in one line.

Lists, pandas and PyTorch objects and anything with ``__array__`` become plain
float32 or float64 arrays here; past this door nothing else is met.
"""

from __future__ import annotations

import numbers
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.core.errors import ConfigError, DataError
from minidl.core.text import printable

Array = npt.NDArray[Any]

_NO_NUMBERS = {"c": "complex numbers", "U": "text", "S": "text", "T": "text", "M": "dates", "m": "spans of time"}


def plain_array(value: Any, name: str) -> Array:
    """`value` as an array of float32 or float64 in this machine's byte order; not copied if it is one.

    Parameters
    ----------
    value : an array, nested lists, a DataFrame or Series, a tensor, or whatever has
        ``__array__``. Integers and booleans become float64, float16 becomes float32.
    name : what it is, for messages: ``"x"``.

    Raises
    ------
    DataError
        It is not made of real numbers, or some of it is masked.
    """
    if type(value) is np.ndarray and value.dtype.char in "fd" and value.dtype.isnative:
        return value
    array = _numbers(value, name)
    narrow = array.dtype.kind == "f" and array.dtype.itemsize <= 4
    return array.astype(np.float32 if narrow else np.float64, copy=False)


def whole_array(value: Any, name: str) -> Array:
    """`value` as an array of int64: whole numbers such as class labels; not copied if it is one.

    Raises
    ------
    DataError
        It is not made of whole numbers (booleans are some, floats are not), or some of it is masked.
    """
    array = _numbers(value, name)
    if array.dtype.kind == "f":
        missing = first_not_finite(array)
        what = f"{array.dtype}; if they are, write astype(int)" if missing is None else missing
        raise DataError(f"{name}: expected whole numbers, got {what}.")
    return array.astype(np.int64, copy=False)


def numbers_array(value: Any, name: str) -> Array:
    """As `whole_array` for whole numbers and booleans, and as `plain_array` for all others."""
    array = _numbers(value, name)
    return whole_array(array, name) if array.dtype.kind in "iub" else plain_array(array, name)


def _numbers(value: Any, name: str) -> Array:
    """`value` as an array of floats, whole numbers or booleans of any size; see `plain_array`."""
    for part in _masked(value):
        mask = np.ma.getmaskarray(part)
        place = show_place(np.unravel_index(int(np.argmax(mask)), mask.shape))
        n = int(mask.sum())
        what = f"the value at {place} is masked" if n == 1 else f"{n:,} values are masked, the first at {place}"
        raise DataError(f"{name}: {what}; masks are not honoured: fill such values, or leave their examples out.")
    detach = getattr(value, "detach", None)  # a tensor that a gradient is wanted of gives no array
    try:
        array = np.asarray(detach() if callable(detach) else value)
    except Exception as err:  # what a stranger's __array__ raises
        if _ragged(value):
            hint = "fill them up to one length; where they are sequences, say how long they were in `lengths`"
            raise DataError(f"{name}: holds parts of different length; {hint}.") from err
        raise DataError(f"{name}: cannot be made an array of numbers: {_line(err)}.") from err
    kind = array.dtype.kind
    if kind == "O":
        array = _from_objects(array, value, name)
    elif kind not in "fiub":
        held = _NO_NUMBERS.get(kind, f"{array.dtype} values")
        first = f" ({printable(repr(array.reshape(-1)[0].item()))[:60]} is the first)" if array.size else ""
        raise DataError(f"{name}: holds {held}{first}; expected numbers.")
    return array


def _ragged(value: Any) -> bool:
    """Whether these are lists, or arrays in a list, of which one is longer than another."""
    if not isinstance(value, (list, tuple)):
        return False
    return len({_length(part) for part in value} - {None}) > 1 or any(map(_ragged, value))


def _length(part: Any) -> int | None:
    """None: it has none, as numbers, and arrays of a single one."""
    try:
        return len(part)
    except Exception:  # what a stranger's __len__ raises
        return None


def _masked(value: Any) -> Iterator[Any]:
    """Every masked array in a value or in lists of them, if anything in it is masked."""
    if isinstance(value, np.ma.MaskedArray):
        if np.ma.is_masked(value):
            yield value
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _masked(part)


def _from_objects(array: Array, value: Any, name: str) -> Array:
    for place, item in np.ndenumerate(array):
        if not isinstance(item, (numbers.Real, np.bool_)):
            what = "a list of another length" if isinstance(item, (list, tuple)) else f"{printable(repr(item))[:60]}"
            if not place:
                what = "None" if item is None else _with_article(type(item).__name__)
                raise DataError(f"{name}: is {what}, not an array of numbers.")
            column = getattr(value, "columns", None)
            where = f", column {printable(str(column[place[1]]))}" if column is not None and len(place) == 2 else ""
            raise DataError(
                f"{name}: holds {what} of type {type(item).__name__} at {show_place(place)}{where}; expected numbers."
            )
    try:
        return array.astype(np.float64)
    except (OverflowError, ValueError, TypeError) as err:
        raise DataError(f"{name}: cannot be made an array of numbers: {_line(err)}.") from err


def first_not_finite(array: Array, dtype: npt.DTypeLike | None = None, rows: Any = None) -> str | None:
    """``"NaN at [3, 2, 1]"``: the first number that `dtype` (None: its own) cannot hold; None: there is none.

    `rows` are the first axis's numbers in a larger array; None: 0, 1, 2, ...
    """
    if array.dtype.kind != "f":
        return None
    limit = min(float(np.finfo(kind).max) for kind in (array.dtype, dtype or array.dtype))
    with np.errstate(invalid="ignore"):
        # Two passes and no temporary, where all is well; a NaN makes both comparisons false.
        if not array.size or (array.min() >= -limit and array.max() <= limit):
            return None
        bad = ~(np.abs(array) <= limit)
    place = [int(i) for i in np.unravel_index(int(np.argmax(bad)), array.shape)]
    number = array[tuple(place)]
    what = "NaN" if np.isnan(number) else f"{number:g}"
    if np.isfinite(number):
        what += f", which {np.dtype(dtype)} cannot hold,"
    if rows is not None and place:
        place[0] = int(rows[place[0]])
    more = int(bad.sum()) - 1
    return f"{what} at {place}" + (f" and {more:,} more" if more else "")


def float_dtype(dtype: Any, where: str) -> np.dtype[Any]:
    """`dtype` as float32 or float64, which are all that parameters can be.

    Raises
    ------
    ConfigError
        It is another one, or none.
    """
    try:
        found: np.dtype[Any] = np.dtype(dtype)
    except TypeError as err:
        raise ConfigError(f"{where}: dtype: expected float32 or float64, got {dtype!r}.") from err
    if not (found == np.float32 or found == np.float64):
        raise ConfigError(f"{where}: dtype: expected float32 or float64, got {found}.")
    return found


def show_place(place: tuple[Any, ...]) -> str:
    """A place in an array: ``[3, 2, 1]``."""
    return str([int(i) for i in place])


def _line(err: Exception) -> str:
    lines = str(err).splitlines() or [type(err).__name__]
    return printable(lines[0]).rstrip(".")


def _with_article(word: str) -> str:
    return f"{'an' if word[0].lower() in 'aeiou' else 'a'} {word}"
