"""What pyarrow reads at once is, bit by bit, what minidl's own reader makes of the file; refusals are the same too."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minidl.core.errors import DataError
from minidl.data import CSVSeries
from minidl.data.tables import plain
from minidl.data.tables.layout import TextLayout
from minidl.data.tables.plain import Wanted, plain_columns

pytest.importorskip("pyarrow")

MISSING = ["", "NA", "nan", "-200", "#"]
ODD = [
    "inf", "-Infinity", "nan", "NaN", "null", "NULL", "1_000", "0x10", "0x1p3", "1e5", "1E-3", "1e400", "1e-400",
    "1e141", "-0",
    "-200.0", "+3", ".5", "5.", ".", "-", "1 000", "1,5", "1.234,5", "1,234.5", '"3"', '"4', '5"', '"6"7', '""',
    " 7", "8\t", "\v9",
    "9007199254740993", "123456789012345678901234567890", "0.1000000000000000055511151231257827",
    "2.2250738585072011e-308", "4.9e-324",
    "true", "١", "\x00", "µ", " NA", "NA\t", "#1", "#", "1d5", "1f", "1e", "e1", "--1", "0.1.2", "1\u00a0",
    "NA ", "-200",
]  # fmt: skip
NUMBERS = st.floats(allow_nan=False, allow_infinity=False).map(repr) | st.integers(-(10**19), 10**19).map(str)
USUAL = st.integers(-999, 999).map(lambda tenths: f"{tenths / 10}")
CELLS = USUAL | NUMBERS | st.sampled_from([*ODD, *MISSING])
TIMES = [
    "2014-01-01", "2014-01-01 00:00", "2014-01-01T00:00:00", "2014-01-01 00:00:00", "2014-01-01 00", "2014-01-01 0000",
    "2014-01-01T000000", "2014-01-01 00:00Z", "2014-01-01 00:00:00.0", "2013-12-31 24:00", "20140101",
    "2014-1-1", " 2014-01-01",
    "2014-01-01 ", "0000-12-31", "0001-01-01", "9999-12-31", "2014-02-30", "2014-01-01 23:59:60", "NA", "",
    "2014-01-01t00:00", "+014-01-01",
    "2014/01/01", "2014-01-01 00-00", "2014-01-01  0:00",
]  # fmt: skip
LINE_ENDS = st.sampled_from(["\n", "\r\n", "\r"])


def outcome(path: Path, worth: int, **keys: Any) -> Any:
    """What reading gives: the numbers' bits, the gaps and the times, or the lines of the refusal."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain, "WORTH", worth)
        try:
            table = CSVSeries(str(path), **keys).read()
        except DataError as err:
            return err.lines
    gaps = None if table.gaps is None else table.gaps.where.tolist()
    return table.values.tobytes(), gaps, None if table.times is None else table.times.tolist(), table.utc


def agree(path: Path, text: str, **keys: Any) -> None:
    path.write_bytes(text.encode())
    assert outcome(path, 0, **keys) == outcome(path, 1 << 62, **keys)


def plainly(text: str, *numbers: str, time: str | None = None, **layout: Any) -> plain.Plain | None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain, "WORTH", 0)
        return plain_columns(text.encode(), TextLayout(**layout), Wanted(numbers, frozenset(MISSING), time))


def numbers(found: plain.Plain, column: str) -> npt.NDArray[np.float64]:
    values = found.get(column, frozenset(MISSING))
    assert values is not None
    return values


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("plain") / "air.csv"


@given(
    st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=6),
    LINE_ENDS,
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from([".", ","]),
    st.sampled_from(["", "#"]),
    st.sampled_from(["", "\n", "\n\n", ",\n", "1\n", "\n\n1,2,3", "\n#\n4,5,6\n"]),
    st.sampled_from([["NA"], ["", "nan", " NA"], MISSING]),
)
@settings(max_examples=100, deadline=None)
def test_random_tables_are_read_as_without_it(
    path: Path,
    rows: list[tuple[str, str, str]],
    line_end: str,
    delimiter: str,
    decimal: str,
    comment: str,
    end: str,
    missing: list[str],
) -> None:
    text = "\n".join([delimiter.join(row) for row in (("a", "b", "c"), *rows)]) + end.replace(",", delimiter)
    if decimal == "," and delimiter != ",":
        text = text.replace(".", ",")
    keys = {"delimiter": delimiter, "decimal": decimal, "comment": comment, "missing": missing}
    agree(path, text.replace("\n", line_end), target="a", features=["a", "b"], gaps="interpolate", **keys)


@pytest.mark.parametrize("decimal", [".", ","])
def test_each_odd_cell_is_read_as_without_it(path: Path, decimal: str) -> None:
    for cell in [*ODD, *MISSING]:
        for row in (f"{cell};3", f"3;{cell}"):
            for missing in ([], [" NA", "NA\t"], MISSING):
                keys: dict[str, Any] = {"features": ["a"], "gaps": "interpolate", "missing": missing}
                text = "\n".join(["a;b", "1;2", row, "5;6", ""])
                agree(path, text, target="a", delimiter=";", decimal=decimal, **keys)


def test_other_layouts_are_read_as_without_it(path: Path) -> None:
    agree(path, "a,b\n1e100,2\n3,4\n", target="a", features=["a"], thousands="e")
    agree(path, "a,b\n1,2\n\n3,4\n", target="a", features=["a"])
    agree(path, "a\n1\n\n3\n", target="a", features=["a"], gaps="interpolate")
    agree(path, "a,a,b\n1,2,3\n3,4,5\n", target="b", features=["b"])
    agree(path, "a§b\n1§2\n3§4\n", target="b", features=["b"], delimiter="§")
    agree(path, "x\n#,\na,b\n1,2\n# 9\n,\n3,4\n", target="b", features=["b", "a"], skip_lines=1, comment="#")
    for names in (["a", "b"], ["a"], ["a", "b", "c"]):
        agree(path, "1,2\n3,4\n", target="a", features=["a"], column_names=names)


HOW = st.sampled_from([{}, {"steps": "rows"}, {"sort": True}])


@given(st.lists(st.sampled_from(TIMES), min_size=1, max_size=2), HOW)
@example(["2014-01-01 00:00", "2014-01-01"], {})
@settings(max_examples=80, deadline=None)
def test_each_time_is_read_as_without_it(path: Path, times: list[str], how: dict[str, Any]) -> None:
    rows = enumerate([*times, "2014-01-02", "2014-01-03"])
    text = "t,a\n" + "".join(f"{time},{i}\n" for i, time in rows)
    agree(path, text, target="a", features=["a"], time="t", **how)


def test_what_is_plain_is_read_at_once() -> None:
    found = plainly("t,a,c,b\n2014-01-01 00:00,1,x,0.1\n2014-01-01 01:00,NA,y,-2e3\n", "b", "a", time="t")
    assert found is not None
    assert found.header == ["t", "a", "c", "b"]
    np.testing.assert_array_equal(numbers(found, "b"), [0.1, -2000.0])
    np.testing.assert_array_equal(numbers(found, "a"), [1.0, np.nan])
    assert found.times is not None
    assert found.times.astype(str).tolist() == ["2014-01-01T00:00:00", "2014-01-01T01:00:00"]
    comma = plainly("1,5;2\r\n-0,1;3\r\n\r\n", "a", decimal=",", delimiter=";", column_names=["a", "b"])
    assert comma is not None
    assert numbers(comma, "a").tolist() == [1.5, -0.1]
    assert plainly('a,b\n1,2\n"3",4\n', "a") is None
    assert plainly("a,b\n1,2\n3,4\n", "c") is None
    assert plainly("a,b\n1,2\n", "a") is None


def test_large_numbers_of_rows_come_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    # Several blocks, each with a gap, so that the bits of what is known do not begin at a byte.
    monkeypatch.setattr(plain, "_BLOCK", 1000)
    rng = np.random.default_rng(0)
    values = rng.normal(size=2000)
    values[rng.random(2000) < 0.1] = np.nan
    text = "b,a\n" + "".join(f"0,{'NA' if np.isnan(value) else value}\n" for value in values.tolist())
    found = plainly(text, "a")
    assert found is not None
    np.testing.assert_array_equal(numbers(found, "a"), values)


def test_a_column_that_begins_within_its_bits_is_read_from_there() -> None:
    import pyarrow

    column = pyarrow.array([1.0, None, 3.0, 4.0, None, 6.0]).slice(1)
    np.testing.assert_array_equal(plain._floats(column), [np.nan, 3.0, 4.0, np.nan, 6.0])


def test_a_small_file_or_no_pyarrow_leaves_it_to_minidls_own_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"a,b\n1,2\n3,4\n"
    asked: list[str] = []
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("pyarrow"):
            asked.append(name)
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    assert plain_columns(text, TextLayout(), Wanted(["a"], frozenset())) is None
    assert not asked
    monkeypatch.setattr(plain, "WORTH", 0)
    assert plain_columns(text, TextLayout(), Wanted(["a"], frozenset())) is None
    assert asked
