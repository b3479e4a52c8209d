"""CSVSeries: any table by column names, gaps refused or filled."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl.core.errors import ConfigError, DataError, StorageError
from minidl.core.registry import lookup
from minidl.data import CSVSeries, Series


def write(folder: Path, text: str) -> Path:
    path = folder / "air.csv"
    path.write_text(text, encoding="utf-8")
    return path


def series(path: Path | str = "air.csv", **arguments: Any) -> CSVSeries:
    return CSVSeries(str(path), **{"target": "pm", "features": ["temp", "pm"], **arguments})


def test_columns_are_read_by_name_in_the_order_of_features(tmp_path: Path) -> None:
    path = write(tmp_path, "when,pm,unused,temp\n2012-01-01 00:00,1,x,10\n2012-01-01 01:00,2,y,20\n")
    table = series(path, time="when", units="µg/m³").read()
    np.testing.assert_array_equal(table.values, [[10.0, 1.0], [20.0, 2.0]])
    assert table.values.dtype == np.float64
    assert table.times is not None
    assert str(table.times[1]) == "2012-01-01T01:00:00"
    assert (table.feature_names, table.target_index, table.target_name) == (("temp", "pm"), 1, "pm")
    assert (table.units, table.n_filled, table.step_name(), len(table)) == ("µg/m³", 0, "h", 2)


def test_feature_names_are_known_without_a_file() -> None:
    assert series("does-not-exist.csv").feature_names == ("temp", "pm")


def test_without_a_time_column_there_are_no_times(tmp_path: Path) -> None:
    table = series(write(tmp_path, "pm,temp\n1,2\n3,4\n")).read()
    assert table.times is None
    assert table.step is None
    assert table.step_name() == "step"


def test_times_may_come_from_parts_and_the_delimiter_be_another(tmp_path: Path) -> None:
    path = write(tmp_path, "y;m;d;pm;temp\n2012;2;28;1;2\n2012;2;29;3;4\n")
    table = series(path, time=["y", "m", "d"], delimiter=";").read()
    assert table.step == np.timedelta64(86400, "s")
    assert table.step_name() == "d"
    assert table.utc is False


def test_categories_are_numbered(tmp_path: Path) -> None:
    path = write(tmp_path, "pm,temp\n1,cold\n3,warm\n")
    table = series(path, categories={"temp": {"cold": 0, "warm": 1}}).read()
    np.testing.assert_array_equal(table.values[:, 0], [0.0, 1.0])


def test_another_file_of_the_same_form_can_be_read(tmp_path: Path) -> None:
    table = series("does-not-exist.csv").read(write(tmp_path, "pm,temp\n1,2\n3,4\n5,6\n"))
    np.testing.assert_array_equal(table.values, [[2.0, 1.0], [4.0, 3.0], [6.0, 5.0]])


def test_gaps_are_refused_with_their_number_and_the_first_place(tmp_path: Path) -> None:
    path = write(tmp_path, "pm,temp\n1,2\nNA,4\n5,\n")
    message = f"{path}:3: column pm: a gap (2 gaps in all); `gaps: interpolate` fills gaps."
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        series(path).read()


def test_a_single_gap_is_called_the_only_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r":3: column temp: a gap \(the only gap\)"):
        series(write(tmp_path, "pm,temp\n1,2\n3,nan\n5,6\n")).read()


def test_gaps_become_lines_between_neighbours_and_the_nearest_value_at_the_ends(tmp_path: Path) -> None:
    # By hand: 3 … 9 in three steps is 3, 5, 7, 9; the ends take 3 and 9.
    path = write(tmp_path, "pm,temp\nNA,0\n3,0\nNA,0\n,0\n9,0\nNaN,0\nnan,0\n")
    table = series(path, gaps="interpolate").read()
    np.testing.assert_allclose(table.values[:, 1], [3, 3, 5, 7, 9, 9, 9], rtol=1e-15)
    assert table.n_filled == 5


def test_a_gap_may_be_as_long_as_max_gap_says(tmp_path: Path) -> None:
    path = write(tmp_path, "pm,temp\n1,0\n,0\n,0\n7,0\n")
    assert series(path, gaps="interpolate", max_gap=2).read().values[:, 1].tolist() == [1, 3, 5, 7]
    message = r"column pm: a gap of 2 rows from row 1 \(counted from 0\) on; `max_gap` is 1\.$"
    with pytest.raises(DataError, match=message):
        series(path, gaps="interpolate", max_gap=1).read()


def test_other_texts_can_mean_a_gap(tmp_path: Path) -> None:
    path = write(tmp_path, "pm,temp\n1,0\n-999,0\n3,0\n")
    table = series(path, gaps="interpolate", missing=["-999"]).read()
    np.testing.assert_array_equal(table.values[:, 1], [1.0, 2.0, 3.0])


@pytest.mark.parametrize("gaps", ["refuse", "interpolate"])
def test_a_column_of_only_gaps_is_refused(tmp_path: Path, gaps: str) -> None:
    with pytest.raises(DataError, match="column pm: every row is a gap; leave it out of `features`"):
        series(write(tmp_path, "pm,temp\nNA,1\nNA,2\n"), gaps=gaps).read()


def test_a_missing_file_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"gone\.csv: no such file"):
        series(tmp_path / "gone.csv").read()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target": "tmp"}, "CSVSeries: target: 'tmp' is not among the features; did you mean temp?"),
        ({"features": ["pm", "pm"]}, "CSVSeries: features: 'pm' appears twice."),
        ({"features": []}, "CSVSeries: features: expected `array` of length >= 1"),
        ({"features": ["pm", 3]}, "CSVSeries: features: expected `str`, got `int`"),
        ({"categories": {"tmp": {}}}, "CSVSeries: categories: 'tmp' is not among the features; did you mean temp?"),
        ({"time": ["y", "m"]}, "CSVSeries: time: expected one column, or those for year, month, day"),
        ({"gaps": "drop"}, "CSVSeries: gaps: unknown value 'drop'; known: interpolate, refuse"),
        ({"delimiter": ", "}, "CSVSeries: delimiter: expected `str` of length <= 1"),
        ({"delimiter": "\n"}, r"CSVSeries: delimiter: '\n' cannot separate cells."),
    ],
)
def test_arguments_that_cannot_work_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}"):
        series(**arguments)


def test_the_config_holds_the_arguments_and_makes_the_series_again() -> None:
    first = series(time=["y", "m", "d"], categories={"temp": {"a": 1.0}}, gaps="interpolate")
    assert lookup(Series, "CSVSeries")(**first.to_config()).to_config() == first.to_config()
