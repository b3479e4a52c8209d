"""Arrays by name as safetensors, refused by what their header says before any is made.

A safetensors file is the length n of the header (8 bytes), n bytes of JSON, and the
data. What `encode_tensors` writes `decode_tensors` reads: both keep to MAX_HEADER.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt
import safetensors.numpy

from minidl.core.errors import CorruptFileError, StorageError
from minidl.core.text import printable
from minidl.files.reading import convert_json, decode_json

Array = npt.NDArray[Any]
Said = Mapping[str, tuple[str, tuple[int, ...]]]  # dtype and shape by name

MAX_HEADER = 1 << 24  # enough for 100,000 arrays
MAX_TENSORS = 1 << 34  # bytes, where nobody says how large the arrays are
_NAMES = {"F32": "float32", "F64": "float64"}


class _Tensor(TypedDict):
    dtype: str
    shape: list[int]


def encode_tensors(arrays: Mapping[str, Array], where: object, metadata: Mapping[str, str] | None = None) -> bytes:
    """The bytes of a file with these arrays, and with texts by name beside them.

    Raises
    ------
    StorageError
        There are so many that the file could not be read again.
    """
    whole = {name: np.ascontiguousarray(value) for name, value in arrays.items()}
    content = safetensors.numpy.save(whole, None if metadata is None else dict(metadata))
    n = int.from_bytes(content[:8], "little")
    if n > MAX_HEADER:
        problem = f"the names of {len(arrays):,} arrays take {n:,} bytes; at most {MAX_HEADER:,} can be read again"
        raise StorageError(f"{where}: {problem}.")
    return content


def tensors_limit(expected: Mapping[str, Array] | None, data: int | None = None) -> int:
    """How large a file may be: of arrays like the expected ones, or of any with this many bytes of data."""
    if data is None:
        data = MAX_TENSORS if expected is None else sum(value.nbytes for value in expected.values())
    return 8 + _header_limit(expected) + data


def decode_tensors(content: bytes, where: object, expected: Mapping[str, Array] | None = None) -> dict[str, Array]:
    """The arrays of a file.

    Parameters
    ----------
    expected : arrays with the names, shapes and dtypes that are wanted; None: any of float32 and float64.

    Raises
    ------
    CorruptFileError
        It is no such file, or its arrays are others.
    """
    said = _check_header(content, where, expected)
    try:
        arrays = dict(safetensors.numpy.load(content))
    except (safetensors.SafetensorError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as err:
        raise CorruptFileError(f"{where}: not a safetensors file: {err}.") from err
    if {name: (str(value.dtype), value.shape) for name, value in arrays.items()} != said:
        raise CorruptFileError(f"{where}: not a safetensors file: its header has two meanings.")
    return arrays


def tensors_metadata(content: bytes, where: object) -> dict[str, str]:
    """The texts beside the arrays of a file.

    Raises
    ------
    CorruptFileError
        It is no such file.
    """
    return convert_json(_header(content, where, MAX_HEADER)[0].get("__metadata__", {}), dict[str, str], where)


def compare_arrays(said: Said, expected: Mapping[str, Array], where: object) -> None:
    """Refuse arrays, told by dtype and shape, that are not those expected.

    Raises
    ------
    CorruptFileError
        The message names the first difference.
    """
    if said.keys() != expected.keys():
        difference = ", ".join(printable(name)[:60] for name in sorted(said.keys() ^ expected.keys())[:10])
        problem = f"its parameters are not the model's; the difference: {difference}"
        raise CorruptFileError(f"{where}: {problem}.")
    for name, value in expected.items():
        if said[name] != (str(value.dtype), value.shape):
            found = "{} {}".format(*said[name])
            problem = f"{name} is {found}, the model's is {value.dtype} {value.shape}"
            raise CorruptFileError(f"{where}: {problem}.")


def _header_limit(expected: Mapping[str, Array] | None) -> int:
    """How many bytes of header are plausible; JSON may need six for one of a name."""
    if expected is None:
        return MAX_HEADER
    sizes = (128 + 6 * len(name.encode("utf-8", "replace")) + 24 * value.ndim for name, value in expected.items())
    return min(MAX_HEADER, 1024 + sum(sizes))


def _header(content: bytes, where: object, limit: int) -> tuple[dict[str, Any], int]:
    """What the header says, undeclared, and its length."""
    n = int.from_bytes(content[:8], "little")
    if not 2 <= n <= min(limit, len(content) - 8):
        raise CorruptFileError(f"{where}: not a safetensors file, or cut short: the header claims {n:,} bytes.")
    return decode_json(content[8 : 8 + n].rstrip(), dict[str, dict[str, Any]], where), n


def _check_header(content: bytes, where: object, expected: Mapping[str, Array] | None) -> Said:
    """Dtype and shape of each array, by what the header says."""
    header, n = _header(content, where, _header_limit(expected))
    header.pop("__metadata__", None)
    total = 0
    said: dict[str, tuple[str, tuple[int, ...]]] = {}
    for name, item in convert_json(header, dict[str, _Tensor], where).items():
        dtype, shape = _NAMES.get(item["dtype"]), tuple(item["shape"])
        if dtype is None or not all(size >= 0 for size in shape):
            found = printable(item["dtype"])[:20]
            raise CorruptFileError(f"{where}: {printable(name)[:60]!r} is {found}; expected F32 or F64.")
        total += math.prod(shape) * np.dtype(dtype).itemsize
        said[name] = (dtype, shape)
    if total != len(content) - 8 - n:
        there = len(content) - 8 - n
        raise CorruptFileError(f"{where}: the header claims {total:,} bytes of data; there are {there:,}.")
    if expected is not None:
        compare_arrays(said, expected, where)
    return said
