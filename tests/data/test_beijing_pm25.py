"""The Beijing data against an independent plain-loop reading of the shipped file."""

from __future__ import annotations

import gzip
import hashlib
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from minidl.core.errors import CorruptFileError, DataError, StorageError
from minidl.data import BeijingPM25, Table
from minidl.data import beijing_pm25 as module

HEADER = "No,year,month,day,hour,pm2.5,DEWP,TEMP,PRES,cbwd,Iws,Is,Ir"


@pytest.fixture(scope="module")
def table() -> Table:
    return BeijingPM25().read()


@pytest.fixture(scope="module")
def original() -> bytes:
    return gzip.decompress((files("minidl.data") / "PRSA_data_2010.1.1-2014.12.31.csv.gz").read_bytes())


def plain_loop(text: str) -> list[list[float]]:
    """The textbook's preparation in the plainest Python, row by row."""
    rows = [line.split(",") for line in text.split("\r\n")[1:] if line]
    pm25 = [None if row[5] == "NA" else float(row[5]) for row in rows]
    last_hour, last_value = -1, 0.0
    filled: list[float] = []
    for hour, value in enumerate(pm25):
        if value is None:
            continue
        for gap in range(last_hour + 1, hour):
            filled.append(last_value + (value - last_value) * (gap - last_hour) / (hour - last_hour))
        filled.append(value)
        last_hour, last_value = hour, value
    prepared = []
    for hour, row in enumerate(rows):
        wind = float(row[10])
        if hour > 0 and row[9] == rows[hour - 1][9]:
            wind -= float(rows[hour - 1][10])
        direction = {"NW": 9, "NE": 3, "SE": 6, "SW": 12, "cv": 0}[row[9]]
        prepared.append([filled[hour], float(row[6]), float(row[7]), float(row[8]), direction, wind])
    return prepared


def test_the_shipped_file_is_the_published_one(original: bytes) -> None:
    assert len(original) == 2_010_494
    digest = hashlib.sha256(original).hexdigest()
    assert digest == "4127f868775e31b3956522adc0ec75af8937dde6a3896e8beed3a376c6d27f1c"


def test_all_values_equal_those_of_a_plain_loop(table: Table, original: bytes) -> None:
    # Catches a fault in gap filling, in the wind's directions or in its hourly speed. The
    # two ways to write a line differ by rounding: 1e-12 of values below 1,100.
    np.testing.assert_allclose(table.values, plain_loop(original.decode()), rtol=0, atol=1e-12)


def test_the_first_gap_is_a_line_from_zero_at_the_hour_before(table: Table) -> None:
    # The first known value is 129 at hour 24, so hour i of the gap has 129 (i + 1) / 25.
    np.testing.assert_allclose(table.values[:25, 0], [129 * (i + 1) / 25 for i in range(25)], rtol=1e-14)


def test_the_first_rows_of_the_wind_are_as_computed_by_hand(table: Table) -> None:
    # File: NW 1.79, NW 4.92, NW 6.71, …, NW 43.82, cv 0.89, NW 1.79, NW 2.68, NE 1.79
    np.testing.assert_array_equal(table.values[[0, 1, 15, 16, 18], 4], [9, 9, 0, 9, 3])
    np.testing.assert_allclose(table.values[[0, 1, 2, 15, 16, 17, 18], 5], [1.79, 3.13, 1.79, 0.89, 1.79, 0.89, 1.79])


def test_the_table_has_the_published_size_times_and_gaps(table: Table) -> None:
    assert table.values.shape == (43_824, 6)
    assert table.times is not None
    assert (str(table.times[0]), str(table.times[-1])) == ("2010-01-01T00:00:00", "2014-12-31T23:00:00")
    assert table.n_filled == 2_067
    assert (table.step_name(), table.units, table.target_name) == ("h", "µg/m³", "pm2.5")
    assert table.feature_names == BeijingPM25().feature_names == ("pm2.5", "DEWP", "TEMP", "PRES", "cbwd", "Iws")


def test_no_hourly_wind_speed_is_negative(table: Table) -> None:
    assert table.values[:, 5].min() > 0


def test_a_fresh_file_with_the_same_columns_is_read_whatever_its_length(tmp_path: Path) -> None:
    path = tmp_path / "fresh.csv"
    path.write_text(
        f"{HEADER}\n1,2015,1,1,0,NA,-21,-11,1021,SW,1.5,0,0\n2,2015,1,1,1,40,-21,-12,1020,SW,4.0,0,0\n"
        "3,2015,1,1,2,NA,-21,-12,1020,cv,0.5,0,0\n"
    )
    table = BeijingPM25().read(path)
    np.testing.assert_allclose(
        table.values, [[20, -21, -11, 1021, 12, 1.5], [40, -21, -12, 1020, 12, 2.5], [40, -21, -12, 1020, 0, 0.5]]
    )
    assert table.n_filled == 2


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("2,2015,1,1,1,high,0,0,1020,NW,1,0,0", r"fresh\.csv:3: column pm2\.5: 'high' is not a number"),
        ("2,2015,1,1,1,40,NA,0,1020,NW,1,0,0", r"fresh\.csv:3: column DEWP: 'NA' is not a number"),
        ("2,2015,1,1,1,40,0,0,1020,NNW,1,0,0", r"fresh\.csv:3: column cbwd: unknown category 'NNW'; did you mean NW"),
        ("2,2015,1,1,3,40,0,0,1020,NW,1,0,0", r"fresh\.csv:3: the time 2015-01-01 03:00:00 is 3 h after"),
    ],
)
def test_a_wrong_fresh_file_is_refused_with_its_line(tmp_path: Path, row: str, message: str) -> None:
    path = tmp_path / "fresh.csv"
    path.write_text(
        f"{HEADER}\n1,2015,1,1,0,30,0,0,1020,NW,1,0,0\n{row}\n"
        + "3,2015,1,1,2,30,0,0,1020,NW,1,0,0\n4,2015,1,1,3,30,0,0,1020,NW,1,0,0\n"
    )
    with pytest.raises(DataError, match=message):
        BeijingPM25().read(path)


def test_a_fresh_file_without_any_pm25_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "fresh.csv"
    path.write_text(f"{HEADER}\n1,2015,1,1,0,NA,0,0,1020,NW,1,0,0\n2,2015,1,1,1,NA,0,0,1020,NW,1,0,0\n")
    with pytest.raises(DataError, match=r"column pm2\.5: every row is a gap"):
        BeijingPM25().read(path)


def ship_instead(monkeypatch: pytest.MonkeyPatch, folder: Path, archive: bytes | None) -> None:
    if archive is not None:
        (folder / module.FILE_NAME).write_bytes(archive)
    monkeypatch.setattr(module, "files", lambda _: folder)


def test_other_data_under_the_same_name_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, original: bytes
) -> None:
    ship_instead(monkeypatch, tmp_path, gzip.compress(original.replace(b",129,", b",130,", 1), 1))
    with pytest.raises(
        CorruptFileError, match=r"damaged: SHA-256 [0-9a-f]{64} of the data, expected 4127f868"
    ) as caught:
        BeijingPM25().read()
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty"])
def test_a_damaged_archive_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, damage: str) -> None:
    archive = bytearray((files("minidl.data") / module.FILE_NAME).read_bytes())
    archive[1000] ^= damage == "flipped"
    stop = {"truncated": 5000, "flipped": None, "empty": 0}[damage]
    ship_instead(monkeypatch, tmp_path, bytes(archive[:stop]))
    with pytest.raises(CorruptFileError, match=r"damaged: .*; install minidl again"):
        BeijingPM25().read()


def test_a_missing_archive_is_a_storage_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ship_instead(monkeypatch, tmp_path, None)
    with pytest.raises(StorageError, match="no such file; install minidl again"):
        BeijingPM25().read()


def cells(content: bytes) -> list[list[str]]:
    return [line.split(",") for line in content.decode().splitlines()]


def test_what_is_forged_is_all_that_is_read_of_the_rows_from_the_first_on(original: bytes, tmp_path: Path) -> None:
    # Catches a forgery that leaves a column as it is: a leak of it would not be seen.
    first, before = 43_800, cells(original)
    noise, gaps = BeijingPM25().forged(first, "noise"), BeijingPM25().forged(first, "gaps")
    assert noise is not None
    assert gaps is not None
    noisy, gappy = cells(noise), cells(gaps)
    assert noisy[: 1 + first] == gappy[: 1 + first] == before[: 1 + first]
    head, kept = before[0], {"No", "year", "month", "day", "hour", "cbwd", "Is", "Ir"}
    for old, new, missing in zip(before[1 + first :], noisy[1 + first :], gappy[1 + first :], strict=True):
        assert {name for name, a, b in zip(head, old, new, strict=True) if a == b} <= kept
        assert missing == [*old[:5], "", *old[6:]]  # a gap
    assert {row[9] for row in noisy[1 + first :]} > {"NW", "cv"}
    (tmp_path / "forged.csv").write_bytes(noise)
    read = BeijingPM25().read(tmp_path / "forged.csv").values
    assert np.abs(read[first:, :4]).max(axis=0).min() > 1000
