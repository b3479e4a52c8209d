"""A DataFrame and a Parquet file are read as the CSV file of the same content: the same bits, gaps and refusals."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl import SGD, Dense, LastStep, Sequential
from minidl.core.errors import ConfigError, DataError
from minidl.data import CSVSeries, WindowData
from minidl.data.tables.frames import Frame
from minidl.experiment import Experiment, load_experiment
from minidl.runs import Run
from minidl.tasks import Forecast

pd = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")


def outcome(series: CSVSeries) -> Any:
    """What reading gives, bit by bit; or the refusal, its places as lines of the file."""
    try:
        table = series.read()
    except DataError as err:
        named = [line.replace(series.path, "TABLE", 1) for line in err.lines]
        return [
            re.sub(r"^TABLE: row (\d+) \(counted from 0\)", lambda m: f"TABLE:{int(m[1]) + 2}", line) for line in named
        ]
    gaps = None if table.gaps is None else table.gaps.where.tolist()
    times = None if table.times is None else table.times.astype(str).tolist()
    return table.values.tobytes(), gaps, times, table.utc, table.series, table.firsts


def three_ways(folder: Path, frame: Any, target: str, features: list[str], **keys: Any) -> Any:
    """The outcome, once it was found to be the same from CSV, from Parquet and from the frame."""
    # A file of Parquet keeps an index for pandas alone; as CSV it is a column.
    whole = Frame.of(frame).frame
    whole.to_csv(folder / "a.csv", index=False)
    whole.to_parquet(folder / "a.parquet", index=False)
    csv = outcome(CSVSeries(str(folder / "a.csv"), target, features, **keys))
    assert outcome(CSVSeries(str(folder / "a.parquet"), target, features, **keys)) == csv
    assert outcome(CSVSeries.from_frame(frame, target, features, **keys)) == csv
    return csv


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("typed")


NUMBERS = [1.5, 0.1, -0.0, float("nan"), 1e140, -1e140, 1e141, float("inf"), -200.0, 2.0**60, 1e-300, 123456.789]
HOURS = pd.date_range("2014-01-01 05:00", periods=4, freq="h")
COLUMNS: dict[str, Any] = {
    "floats": st.lists(st.sampled_from(NUMBERS), min_size=4, max_size=4),
    "floats of 32 bits": st.lists(st.sampled_from(NUMBERS[:4]), min_size=4, max_size=4).map(
        lambda values: np.array(values, np.float32)
    ),
    "whole": st.lists(st.integers(-(2**62), 2**62), min_size=4, max_size=4),
    "whole or none": st.lists(st.none() | st.integers(-300, 300), min_size=4, max_size=4).map(
        lambda values: pd.array(values, dtype="Int64")
    ),
    "nullable": st.lists(st.none() | st.sampled_from(NUMBERS), min_size=4, max_size=4).map(
        lambda values: pd.array(values, dtype="Float64")
    ),
    "texts": st.lists(
        st.sampled_from(["1", " 2.5", "NA", "x", "", None, "-200.0", "1e5", "ä"]), min_size=4, max_size=4
    ),
    "kinds": st.lists(st.sampled_from(["a", "b", None]), min_size=4, max_size=4).map(pd.Categorical),
    "true": st.lists(st.sampled_from([True, False]), min_size=4, max_size=4),
    "decimals": st.lists(st.sampled_from([Decimal("1.50"), Decimal("-0.1"), None]), min_size=4, max_size=4),
}


@given(st.data(), st.sampled_from(list(COLUMNS)))
@settings(max_examples=150, deadline=None)
def test_any_column_is_read_as_from_csv(folder: Path, data: st.DataObject, kind: str) -> None:
    frame = pd.DataFrame({"a": data.draw(COLUMNS[kind]), "b": [1.0, 2.0, 4.0, 8.0]})
    missing = data.draw(st.sampled_from([["", "NA"], ["NA"], ["", "-200"]]))
    gaps = data.draw(st.sampled_from(["refuse", "interpolate"]))
    three_ways(folder, frame, "b", ["b", "a"], missing=missing, gaps=gaps)
    if kind in ("texts", "kinds", "true", "whole"):
        numbers = {"a": {"a": 0, "b": 1, "x": 2, "1": 3, "True": 4, "False": 5}}
        three_ways(folder, frame, "b", ["b", "a"], categories=numbers, missing=missing)


TIMES: dict[str, Any] = {
    "hours": HOURS,
    "days": pd.date_range("2014-01-30", periods=4, freq="D"),
    "months": pd.period_range("2014-01", periods=4, freq="M").to_timestamp(),
    "with a zone": HOURS.tz_localize("Europe/Berlin"),
    "in UTC": HOURS.tz_localize("UTC"),
    "in seconds": HOURS.astype("datetime64[s]"),
    "a fraction": HOURS + pd.Timedelta("1ms"),
    "a gap": HOURS.where([True, True, False, True]),
    "twice": HOURS[[0, 1, 1, 2]],
    "back": HOURS[[0, 2, 1, 3]],
    "left out": pd.date_range("2014-01-01", periods=9, freq="h")[[0, 1, 2, 5]],
    "texts": HOURS.astype(str),
    "dates": [datetime.date(2014, 1, day) for day in range(1, 5)],
    "long ago": HOURS.astype("datetime64[s]") - np.timedelta64(2000 * 365, "D"),
    "numbers": [1.0, 2.0, 3.0, 4.0],
}


@pytest.mark.parametrize("kind", TIMES)
@pytest.mark.parametrize("how", [{}, {"sort": True, "duplicates": "drop", "missing_times": "gaps"}, {"steps": "rows"}])
def test_any_times_are_read_as_from_csv(folder: Path, kind: str, how: dict[str, Any]) -> None:
    frame = pd.DataFrame({"t": TIMES[kind], "a": [1.0, 2.0, 4.0, 8.0]})
    three_ways(folder, frame, "a", ["a"], time="t", gaps="interpolate", **how)
    if kind != "with a zone":  # pandas writes it in the zone, and Parquet holds UTC
        three_ways(folder, frame, "a", ["a"], time="t", time_format="%Y-%m-%d %H:%M:%S", **how)


def test_what_is_plain_is_taken_as_it_is() -> None:
    # Caught here: an index that is not taken for the times, or a time that is not in UTC.
    frame = pd.DataFrame({"a": [1.0, np.nan, 4.0, 8.0]}, index=HOURS)
    table = CSVSeries.from_frame(frame, "a", ["a"], gaps="interpolate").read()
    assert table.times is not None
    assert table.times[1] == np.datetime64("2014-01-01T06:00:00")
    assert table.values.ravel().tolist() == [1.0, 2.5, 4.0, 8.0]
    assert table.n_filled == 1
    berlin = CSVSeries.from_frame(frame.tz_localize("Europe/Berlin"), "a", ["a"], gaps="interpolate").read()
    assert berlin.utc
    assert berlin.times is not None
    assert berlin.times[1] == np.datetime64("2014-01-01T05:00:00")
    months = frame.set_index(pd.period_range("2014-01", periods=4, freq="M", name="month"))
    assert CSVSeries.from_frame(months, "a", ["a"], gaps="interpolate").read().step_name() == "month"
    assert CSVSeries.from_frame(frame.reset_index(drop=True), "a", ["a"], gaps="interpolate").read().times is None


def test_rows_in_which_nothing_stands_are_none_where_rows_have_times(folder: Path) -> None:
    frame = pd.DataFrame({"t": HOURS.insert(2, pd.NaT), "a": [1.0, 2.0, np.nan, "x", 8.0], "b": [None] * 5})
    frame["a"] = frame["a"].map(lambda cell: None if cell != cell else str(cell))
    found = three_ways(folder, frame, "a", ["a"], time="t")
    assert found == [
        "TABLE:5: column a: 'x' is not a number; if it stands for a gap, add it to `missing`. If the column holds "
        "texts, give each its number in `categories`."
    ]


def test_several_series_and_columns_of_a_date_and_a_clock_are_read_as_from_csv(folder: Path) -> None:
    frame = pd.DataFrame(
        {"day": HOURS.normalize(), "clock": [t.time() for t in HOURS], "a": [1.0, 2.0, 4.0, 8.0], "shop": [1, 1, 1, 1]}
    )
    form = "%Y-%m-%d %H:%M:%S"
    found = three_ways(folder, frame, "a", ["a"], time=["day", "clock"], time_format=form, series_by="shop")
    assert found[2][0] == "2014-01-01T05:00:00"
    assert found[4] == ("1",)
    both = pd.concat([frame, frame.assign(shop=2)]).set_index(["shop", "clock"])
    assert three_ways(folder, both, "a", ["a"], series_by="shop")[4] == ("1", "2")


def test_what_is_no_table_is_refused_in_one_line() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0]})
    with pytest.raises(DataError, match=r"^DataFrame: expected a DataFrame of pandas, got list\.$"):
        CSVSeries.from_frame([1.0, 2.0], "a", ["a"])
    with pytest.raises(DataError, match=r"^DataFrame: only one row of data; a series needs at least 2 rows\.$"):
        CSVSeries.from_frame(frame[:1], "a", ["a"]).read()
    with pytest.raises(DataError, match=r"^DataFrame: the column 'a' appears 2 times; rename all but one\.$"):
        CSVSeries.from_frame(pd.concat([frame, frame], axis=1), "a", ["a"]).read()
    with pytest.raises(DataError, match=r"^DataFrame: no column 'b'; known: a$"):
        CSVSeries.from_frame(frame, "b", ["b"]).read()
    with pytest.raises(DataError, match=r"^DataFrame: the key `delimiter` is for files of text; leave it out\.$"):
        CSVSeries.from_frame(frame, "a", ["a"], delimiter=";").read()
    with pytest.raises(ConfigError, match=r"^CSVSeries: target: 'b' is not among the features"):
        CSVSeries.from_frame(frame, "b", ["a"])


def test_a_frame_that_is_gone_is_asked_for_as_a_file(folder: Path) -> None:
    series = CSVSeries.from_frame(pd.DataFrame({"a": [1.0, 2.0]}), "a", ["a"])
    again = CSVSeries(**series.to_config())
    with pytest.raises(DataError, match=r"^DataFrame: the table was given in Python, and is no longer there; give it"):
        again.read()
    (folder / "other.csv").write_text("a\n3\n4\n")
    assert again.read(folder / "other.csv").values.ravel().tolist() == [3.0, 4.0]
    assert series.read(folder / "other.csv").values.ravel().tolist() == [3.0, 4.0]


def test_a_spoilt_frame_is_a_file_of_the_same_form(folder: Path) -> None:
    frame = pd.DataFrame({"a": np.arange(8.0), "k": list("abababab")}, index=pd.date_range("2014", periods=8, freq="h"))
    series = CSVSeries.from_frame(frame, "a", ["a", "k"], categories={"k": {"a": 0, "b": 1}})
    spoilt = series.forged(5, "noise")
    assert spoilt is not None
    (folder / "spoilt.csv").write_bytes(spoilt)
    table, other = series.read(), series.read(folder / "spoilt.csv")
    np.testing.assert_array_equal(table.values[:5], other.values[:5])
    assert (table.values[5:, 0] != other.values[5:, 0]).all()


def test_an_experiment_trains_on_a_frame_and_its_run_asks_for_a_file_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame({"a": np.sin(np.arange(90.0))}, index=pd.date_range("2014", periods=90, freq="h", name="t"))
    experiment = Experiment(
        model=Sequential([LastStep(), Dense(1)]),
        data=WindowData(CSVSeries.from_frame(frame, "a", ["a"]), time_steps=4, test_size=30),
        optimizer=SGD(0.05),
        evaluation=Forecast(horizons=[2]),
        engine="numpy",
    )
    splits = experiment.load_data()
    run = Run.create(experiment)
    run.train(splits)
    frame.to_csv("a.csv")
    again = load_experiment(run.path / "config.yaml")
    again.data.series.path = "a.csv"
    other = again.load_data()
    np.testing.assert_array_equal(splits.train.gather(slice(None)).x, other.train.gather(slice(None)).x)
    assert run.evaluate(splits) == run.evaluate(other)
    opened = Run.open(run.path)
    with pytest.raises(DataError, match="DataFrame: the table was given in Python"):
        opened.experiment.load_data()
