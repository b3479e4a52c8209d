"""Parquet files from strangers: what is damaged, hostile or of another kind is refused in one line."""

from __future__ import annotations

import builtins
import io
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl.cli import main
from minidl.core.errors import DataError, MissingPackageError
from minidl.data import CSVSeries
from minidl.data.tables import layout, parquet, typed

pyarrow = pytest.importorskip("pyarrow")
HOURS = np.datetime64("2014-01-01", "s") + 3600 * np.arange(80)


def bytes_of(columns: dict[str, Any], **how: Any) -> bytes:
    from pyarrow import parquet as writing

    file = io.BytesIO()
    writing.write_table(pyarrow.table(columns), file, **how)
    return file.getvalue()


def columns() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {"t": pyarrow.array(HOURS), "a": rng.normal(size=80), "k": ["x", "y", "y", "zz"] * 20}


def read(path: Path, data: bytes, **keys: Any) -> Any:
    path.write_bytes(data)
    numbers = {"k": {"x": 0, "y": 1, "zz": 2}}
    return CSVSeries(str(path), "a", ["a", "k"], time="t", categories=numbers, **keys).read()


@pytest.mark.parametrize("compression", ["snappy", "zstd", "none"])
@pytest.mark.parametrize("rows", [1000, 7])
def test_all_that_a_file_may_be_is_read(tmp_path: Path, compression: str, rows: int) -> None:
    table = read(tmp_path / "a.parquet", bytes_of(columns(), compression=compression, row_group_size=rows))
    np.testing.assert_array_equal(table.values[:, 0], columns()["a"])
    assert table.values[:8, 1].tolist() == [0, 1, 1, 2, 0, 1, 1, 2]
    np.testing.assert_array_equal(table.times, HOURS)


def test_gaps_among_values_that_are_held_once_are_gaps() -> None:
    # Caught here: pyarrow gives the first value where one of a dictionary is missing.
    held = pyarrow.chunked_array([pyarrow.array([1.5, None, 2.5]).dictionary_encode()])
    values, utc = parquet._converted(held)
    np.testing.assert_array_equal(values, [1.5, np.nan, 2.5])
    assert not utc
    texts = pyarrow.chunked_array([pyarrow.array(["b", None, "a", "b"]).dictionary_encode()])
    assert parquet._converted(texts) == (["b", "", "a", "b"], False)


def test_damage_is_one_line_wherever_it_is(tmp_path: Path) -> None:
    rng, refused = random.Random(0), list[DataError]()
    whole = bytes_of(columns(), compression="zstd", write_page_checksum=True)
    for case in range(300):
        data = bytearray(whole)
        if case % 3 == 0:
            data = data[: 4 + case * (len(data) - 4) // 300]
        elif case % 3 == 1:
            data[rng.randrange(4, len(data))] ^= 1 << rng.randrange(8)
        else:
            place = rng.randrange(4, len(data))
            del data[place : place + rng.randrange(1, 30)]
        try:
            read(tmp_path / "a.parquet", bytes(data))
        except DataError as err:
            refused.append(err)
    assert len(refused) > 200
    lines = [line for err in refused for line in err.lines]
    assert len(lines) <= 10 * len(refused)
    assert all(str(tmp_path) in line and len(line) < 600 and line.isprintable() for line in lines)


def test_a_page_that_is_not_what_its_checksum_says_is_refused(tmp_path: Path) -> None:
    # Without its checksum the changed number would be read.
    data = bytes_of(columns(), compression="none", use_dictionary=False, write_page_checksum=True)
    number = np.float64(columns()["a"][5]).tobytes()
    assert data.count(number) == 1, "or it is in the statistics too"
    with pytest.raises(DataError, match=r"a\.parquet: a Parquet file, and damaged: .*CRC"):
        read(tmp_path / "a.parquet", data.replace(number, np.float64(7.0).tobytes()))


def test_the_command_line_ends_with_3_for_a_damaged_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for data in (bytes_of(columns())[:-9], b"PAR1" + bytes(9) + b"PAR1", b"PAR1\xff"):
        Path("a.parquet").write_bytes(data)
        assert main(["new", "experiment", "mine", "--from", "a.parquet", "--target", "a"]) == 3
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) == 1
        assert lines[0].startswith("minidl new: a.parquet: a Parquet file, and damaged: ")


def test_a_file_of_too_many_rows_or_too_much_text_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytes_of(columns())
    monkeypatch.setattr(parquet, "MAX_ROWS", 79)
    with pytest.raises(DataError, match=r"a\.parquet: says that it has 80 rows; at most 79 are read\.$"):
        read(tmp_path / "a.parquet", data)
    monkeypatch.setattr(parquet, "MAX_ROWS", 80)
    monkeypatch.setattr(typed, "MAX_TABLE", 100)
    with pytest.raises(DataError, match=r"a\.parquet: column k: more than 0 MB of text\.$"):
        read(tmp_path / "a.parquet", data)
    monkeypatch.undo()
    # What packs well is held once: 80 texts of a megabyte are one.
    with pytest.raises(DataError, match=r"column k: unknown category"):
        read(tmp_path / "a.parquet", bytes_of({**columns(), "k": ["x" * 1_000_000] * 80}))


def test_columns_of_another_kind_are_refused_if_they_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    lists = {**columns(), "k": [[1], [2]] * 40, "b": [b"1"] * 80}
    with pytest.raises(DataError, match=r"a\.parquet: column k: holds list<.*>, no numbers, times or texts\.$"):
        read(path, bytes_of(lists))
    path.write_bytes(bytes_of(lists))
    assert len(CSVSeries(str(path), "a", ["a"], time="t").read()) == 80
    with pytest.raises(DataError, match=r"a\.parquet: column b: holds binary, no numbers, times or texts\.$"):
        CSVSeries(str(path), "a", ["a", "b"], time="t").read()


def test_no_pyarrow_or_an_old_one_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, real = bytes_of(columns()), builtins.__import__
    monkeypatch.setattr(pyarrow, "__version__", "14.0.0")
    with pytest.raises(MissingPackageError, match=r"a\.parquet: pyarrow 14\.0\.0 may run code that a file holds"):
        read(tmp_path / "a.parquet", data)
    monkeypatch.undo()

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingPackageError, match=r"a\.parquet: a Parquet file is read by pyarrow: pip install "):
        read(tmp_path / "a.parquet", data)


def test_a_text_that_begins_like_one_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("PAR1,b\n1,2\n3,4\n")
    assert CSVSeries(str(tmp_path / "a.csv"), "PAR1", ["PAR1"]).read().values.ravel().tolist() == [1.0, 3.0]
    assert b"PAR1" in layout.NO_TEXT  # other readers of text say what it is


def test_a_parquet_file_is_looked_at_and_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("table.parquet").write_bytes(bytes_of(columns()))
    assert main(["new", "experiment", "mine", "--from", "table.parquet", "--target", "a"]) == 0
    assert "80 rows of 3 columns, in a Parquet file" in capsys.readouterr().out
    assert main(["train", "mine.yaml", "--set", "training.epochs=1", "--set", "engine=numpy"]) == 0
