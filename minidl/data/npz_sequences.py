"""Sequences from a file that numpy.savez has written."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from minidl.core.errors import DataError
from minidl.core.registry import register
from minidl.data.csv_file import read_bytes
from minidl.data.csv_series import Features
from minidl.data.sequence_sources import IN_PYTHON, NamedSequences, label_numbers
from minidl.data.sequence_table import SequenceTable

MAX_UNPACKED = 1 << 31  # bytes of the arrays in a file


@register
@dataclass(eq=False)
class NPZSequences(NamedSequences):
    """Sequences from a file that ``numpy.savez`` has written; nothing in it is run.

    It holds ``x``: (S, time, F), with ``lengths`` (S,) where sequences are shorter; or (n, F), the rows
    of all sequences one after another, with ``lengths``. ``y`` holds what is to be learned: class labels
    (S,), or (S, time) or (n,) as x has them, as whole numbers or names; or numbers (S, K). ``group`` and
    ``time`` (S,) are there for splits by group or time.

    Parameters
    ----------
    path : the file; a relative path is relative to the working directory.
    features : names of x's columns.
    labels : names of the classes; empty where y holds numbers.
    targets : names of y's columns where it holds numbers.
    """

    path: str
    features: Features
    labels: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)

    def read(self, path: Path | None = None) -> SequenceTable:
        """The sequences of `path`, or of the source's own file.

        Raises
        ------
        DataError
            It is no such file, or an array is missing or has the wrong form.
        StorageError
            It cannot be read.
        """
        where = str(self.path if path is None else path)
        if path is None and where == IN_PYTHON:
            hint = "predict takes others (--input), as a file of numpy.savez"
            raise DataError(f"{where}: the sequences were given in Python, and are no longer there; {hint}.")
        arrays = _arrays(where)
        x, y = arrays.get("x"), arrays.get("y")
        if x is None or x.dtype.kind not in "fiub":
            raise DataError(f"{where}: there is no array x of numbers; it holds {', '.join(arrays) or 'nothing'}.")
        if y is None and path is None:
            raise DataError(f"{where}: there is no array y of what is to be learned; it holds {', '.join(arrays)}.")
        lengths, real = _real_rows(x, arrays.get("lengths"), where)
        labels = targets = None
        if y is not None and self.labels:
            y = y[real] if x.ndim == 3 and y.shape == x.shape[:2] else y
            labels = label_numbers(y, self.labels, where)
        elif y is not None:
            targets = _targets(y, where)
        group, time = arrays.get("group"), arrays.get("time")
        return SequenceTable(
            x[real].astype(np.float64) if x.ndim == 3 else x.astype(np.float64),
            lengths,
            self.feature_names,
            labels=labels,
            label_names=self.label_names,
            targets=targets,
            target_names=self.target_names,
            groups=None if group is None else tuple(map(str, group.tolist())),
            times=time,
            source=where,
        )


def _targets(y: npt.NDArray[Any], where: str) -> npt.NDArray[np.float64]:
    if y.dtype.kind not in "fiub" or y.ndim not in (1, 2):
        raise DataError(
            f"{where}: y is {y.dtype} of shape {y.shape}; expected numbers (sequences, K), or name `labels`."
        )
    return y.astype(np.float64).reshape(len(y), -1)


def _real_rows(x: npt.NDArray[Any], lengths: Any, where: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Lengths, and (S, time) bool: which steps of padded sequences are rows; of joined ones nothing."""
    if x.ndim not in (2, 3):
        raise DataError(f"{where}: x has shape {x.shape}; expected (sequences, time, features), or (rows, features).")
    if lengths is None:
        if x.ndim == 2:
            raise DataError(f"{where}: x has shape {x.shape}, all rows in a row, but there is no array lengths.")
        lengths = np.full(len(x), x.shape[1])
    if lengths.dtype.kind not in "iu" or lengths.ndim != 1:
        raise DataError(f"{where}: lengths are {lengths.dtype} of shape {lengths.shape}; expected whole numbers (S,).")
    lengths = lengths.astype(np.int64)
    if x.ndim == 3 and (len(lengths) != len(x) or lengths.max(initial=0) > x.shape[1]):
        raise DataError(
            f"{where}: {len(lengths)} lengths of up to {lengths.max()} rows do not fit x of shape {x.shape}."
        )
    steps = np.arange(x.shape[1] if x.ndim == 3 else 0)
    return lengths, steps < lengths[:, None]


def _arrays(where: str) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an .npz file."""
    content = read_bytes(where)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(item.file_size for item in archive.infolist())
        if unpacked <= MAX_UNPACKED:
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                return {name: file[name] for name in ("x", "y", "lengths", "group", "time") if name in file.files}
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, KeyError, NotImplementedError) as err:
        raise DataError(f"{where}: not a file of numpy.savez with plain arrays: {err}.") from err
    raise DataError(f"{where}: its arrays are {unpacked:,} bytes; at most {MAX_UNPACKED:,} are read.")
