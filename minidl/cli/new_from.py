"""minidl new experiment NAME --from TABLE --target COLUMN: a config for a table, with what was found in it"""

from __future__ import annotations

import json
from pathlib import Path

from minidl.cli.new_gaps import gap_lines
from minidl.cli.new_texts import FORECAST
from minidl.core.errors import DataError
from minidl.core.output import show
from minidl.core.text import counted, printable
from minidl.data import Table, TailValidation, WindowData
from minidl.data.splits import Splits
from minidl.data.steps import apart
from minidl.data.tables.facts import gap_stretches, seasons
from minidl.data.tables.looking import Findings, look_at
from minidl.parallel.experiments import OnlyTable

_FEWEST = 8  # rows of a series


def config_from(
    table: Path,
    file: Path,
    *,
    target: list[str] | None,
    time_format: str | None,
    time_zone: str | None,
    series_by: list[str] | None,
) -> str:
    """The text of a config for a table; what was found is shown.

    Raises
    ------
    ConfigError
        No such column, or something is to be decided.
    DataError, StorageError
        The table cannot be read.
    """
    columns = None if series_by is None else [name for name in series_by if name]
    look = look_at(table, target, time_format, columns, time_zone)
    rows, name = min((len(one), series) for one, series in _each(look))
    if name and rows < _FEWEST:
        raise DataError(
            f"{table}: series {name!r} has {counted(rows, 'row')}, too few for windows, tests and validation; "
            f"leave series of fewer than {_FEWEST} rows out of the file."
        )
    data, splits = _parts(table, look.table, rows)
    horizons = [k for k in (8, 4, 2, 1) if k <= max(1, (data.test_size - 1) // 2)]
    _check_tests(table, splits, data.time_steps + horizons[0])
    gaps, (first, end) = gap_lines(data, splits), data.borders(rows)
    words = [*look.words, *gap_stretches(look.table), *gaps.words, seasons(look.table), _size(look)]
    for line in words:
        show(printable(f"{table}: {line}"))
    keys = [f"    {key}: {json.dumps(value, ensure_ascii=True)}" for key, value in look.keys.items()]
    return FORECAST.format(
        file=printable(file),
        about="# What was found in the table, and assumed:\n" + "".join(f"# - {printable(line)}\n" for line in words),
        series="\n".join(["  series:", "    type: CSVSeries", *keys]),
        targets=len(look.table.target_columns),
        time_steps=data.time_steps,
        test_size=data.test_size,
        validation=end - first,
        gaps=gaps.config,
        horizons=horizons,
    )


def _parts(file: Path, table: Table, rows: int) -> tuple[WindowData, Splits]:
    """How a table is cut whose shortest series has so many rows, and its parts.

    The validation part is an eighth of the rows, or as much as it takes for it to hold a known target.

    Raises
    ------
    DataError
        The target is not known in some part.
    """
    test, time_steps, problem = max(2, rows // 5), max(1, min(24, rows // 12)), DataError()
    for share in (8, 4, 2):
        validation = TailValidation(max(2, rows // share))
        data = WindowData(OnlyTable(table), time_steps=time_steps, test_size=test, validation=validation)
        try:
            return data, data.load()
        except DataError as err:
            problem = problem if problem.args else err
    raise DataError(f"{file}: {problem}") from problem


def _check_tests(file: Path, splits: Splits, span: int) -> None:
    """DataError where the target is not known in any test row that is so far from the first one as to be scored."""
    rows = [
        slice(rows.stop - n + span - 1, rows.stop)
        for rows, n in zip(splits.table.stretches(), splits.test_rows, strict=True)
    ]
    for table in splits.table.of_targets():
        if not any(table.target_known[late].any() for late in rows):
            raise DataError(
                f"{file}: {table.target_name} is missing in the last {counted(splits.test_rows[0], 'row')}, so that "
                "nothing can be scored; leave rows at the end without it out of the file."
            )


def _each(look: Findings) -> list[tuple[Table, str]]:
    """The table of each series, and its name; "" names the only one."""
    return list(zip(look.table.each(), look.table.series or ("",), strict=True))


def _size(look: Findings) -> str:
    rows, gaps = counted(len(look.table), "row"), counted(look.table.n_filled, "gap")
    return f"the table has {rows}, {apart(look.table.step_name())} apart, and {gaps}"
