"""Numbers to learn of sequences in .npz files, and arrays of other forms."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl import DataError
from minidl.data import NPZSequences, SequenceTable

X = np.arange(24.0).reshape(3, 4, 2)


def read(folder: Path, targets: tuple[str, ...] = ("h", "w"), **arrays: Any) -> SequenceTable:
    np.savez(folder / "x.npz", **arrays)
    return NPZSequences(str(folder / "x.npz"), features=["a", "b"], targets=[*targets]).read()


def refused(folder: Path, message: str, **arrays: Any) -> None:
    with pytest.raises(DataError, match=f"^{re.escape(f'{folder}/x.npz: {message}')}$"):
        read(folder, **arrays)


def test_numbers_are_one_row_a_sequence(tmp_path: Path) -> None:
    y = np.array([[1, 2], [3, 4], [5, 6]])
    found = read(tmp_path, x=X, y=y, group=np.array([1, 1, 2]), time=np.array([3.0, 2.0, 1.0]))
    assert found.known_targets().tolist() == y.tolist()
    assert found.known_targets().dtype == np.float64
    assert (found.target_names, found.label_names, found.labels) == (("h", "w"), (), None)
    assert found.groups == ("1", "1", "2")
    assert found.times is not None
    assert found.times.tolist() == [3, 2, 1]
    assert found.lengths.tolist() == [4, 4, 4]
    one = read(tmp_path, ("h",), x=X, y=np.array([1.5, 2.5, 3.5]))
    assert one.known_targets().tolist() == [[1.5], [2.5], [3.5]]
    assert (one.groups, one.times) == (None, None)


def test_rows_beyond_the_lengths_are_left_out(tmp_path: Path) -> None:
    y = np.ones((3, 2))
    found = read(tmp_path, x=X, y=y, lengths=np.array([2, 4, 1]))
    assert found.values.tolist() == [*X[0, :2].tolist(), *X[1].tolist(), *X[2, :1].tolist()]
    joined = read(tmp_path, x=X.reshape(12, 2), y=y, lengths=np.array([2, 9, 1]))
    assert joined.values.tolist() == X.reshape(12, 2).tolist()


@pytest.mark.parametrize(
    ("y", "shown"),
    [(np.array(["a", "b", "c"]), "<U1 of shape (3,)"), (np.zeros((3, 2, 1)), "float64 of shape (3, 2, 1)")],
)
def test_what_are_no_numbers_of_sequences_is_refused(tmp_path: Path, y: Any, shown: str) -> None:
    refused(tmp_path, f"y is {shown}; expected numbers (sequences, K), or name `labels`.", x=X, y=y)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": X[0, 0]}, "x has shape (2,); expected (sequences, time, features), or (rows, features)."),
        ({"x": X[0]}, "x has shape (4, 2), all rows in a row, but there is no array lengths."),
        ({"x": X, "lengths": np.ones(3)}, "lengths are float64 of shape (3,); expected whole numbers (S,)."),
        ({"x": X, "lengths": np.ones((3, 1), int)}, "lengths are int64 of shape (3, 1); expected whole numbers (S,)."),
        ({"x": X, "lengths": np.array([4, 5, 1])}, "3 lengths of up to 5 rows do not fit x of shape (3, 4, 2)."),
        ({"x": X, "lengths": np.array([4, 4])}, "2 lengths of up to 4 rows do not fit x of shape (3, 4, 2)."),
    ],
)
def test_lengths_that_do_not_fit_are_refused(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    refused(tmp_path, message, y=np.ones((3, 2)), **arrays)


def test_an_array_that_is_missing_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    refused(tmp_path, "there is no array x of numbers; it holds y.", y=np.ones(3))
    refused(tmp_path, "there is no array x of numbers; it holds x.", x=np.array(["a"]))
    refused(tmp_path, "there is no array x of numbers; it holds nothing.", other=np.ones(3))
    refused(tmp_path, "there is no array y of what is to be learned; it holds x.", x=X)
    source = NPZSequences(str(tmp_path / "x.npz"), features=["a", "b"], targets=["h"])
    found = source.read(tmp_path / "x.npz")  # to predict, nothing needs to be there to learn
    assert (found.targets, found.source) == (None, str(tmp_path / "x.npz"))


def test_the_arrays_of_a_file_may_have_as_many_bytes_as_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(tmp_path, x=X, y=np.ones((3, 2)))
    with zipfile.ZipFile(tmp_path / "x.npz") as archive:
        size = sum(item.file_size for item in archive.infolist())
    monkeypatch.setattr("minidl.data.npz_sequences.MAX_UNPACKED", size)
    assert len(read(tmp_path, x=X, y=np.ones((3, 2)))) == 3
    monkeypatch.setattr("minidl.data.npz_sequences.MAX_UNPACKED", size - 1)
    refused(tmp_path, f"its arrays are {size:,} bytes; at most {size - 1:,} are read.", x=X, y=np.ones((3, 2)))


def test_labels_of_steps_are_padded_or_joined_as_x_is(tmp_path: Path) -> None:
    y, lengths = np.array([[0, 1, 1, 9], [1, 1, 0, 0], [1, 9, 9, 9]]), np.array([3, 4, 1])
    source = NPZSequences(str(tmp_path / "x.npz"), features=["a", "b"], labels=["low", "high"])
    np.savez(tmp_path / "x.npz", x=X, y=y, lengths=lengths)
    assert source.read().step_labels().tolist() == [0, 1, 1, 1, 1, 0, 0, 1]
    real = y < 9
    np.savez(tmp_path / "x.npz", x=X[real], y=y[real], lengths=lengths)
    assert source.read().step_labels().tolist() == [0, 1, 1, 1, 1, 0, 0, 1]
