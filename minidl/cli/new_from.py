"""minidl new experiment NAME --from TABLE --target COLUMN: a config for a table, with what was found in it"""

from __future__ import annotations

import json
from pathlib import Path

from minidl.cli.new_texts import FORECAST
from minidl.core.errors import DataError
from minidl.core.output import show
from minidl.core.text import counted, printable
from minidl.data import Table
from minidl.data.steps import apart
from minidl.data.tables.facts import gap_stretches, seasons
from minidl.data.tables.looking import Findings, look_at

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
    words = [*look.words, *gap_stretches(look.table), seasons(look.table), _size(look)]
    for line in words:
        show(printable(f"{table}: {line}"))
    rows, name = min((len(one), series) for one, series in _each(look))
    if name and rows < _FEWEST:
        raise DataError(
            f"{table}: series {name!r} has {counted(rows, 'row')}, too few for windows, tests and validation; "
            f"leave series of fewer than {_FEWEST} rows out of the file."
        )
    test, validation = max(2, rows // 5), max(2, rows // 8)
    time_steps = max(1, min(24, rows // 12))
    keys = [f"    {key}: {json.dumps(value, ensure_ascii=True)}" for key, value in look.keys.items()]
    return FORECAST.format(
        file=printable(file),
        about="# What was found in the table, and assumed:\n" + "".join(f"# - {printable(line)}\n" for line in words),
        series="\n".join(["  series:", "    type: CSVSeries", *keys]),
        targets=len(look.table.target_columns),
        time_steps=time_steps,
        test_size=test,
        validation=validation,
        horizons=[k for k in (8, 4, 2, 1) if k <= max(1, (test - 1) // 2)],
    )


def _each(look: Findings) -> list[tuple[Table, str]]:
    """The table of each series, and its name; "" names the only one."""
    return list(zip(look.table.each(), look.table.series or ("",), strict=True))


def _size(look: Findings) -> str:
    rows, gaps = counted(len(look.table), "row"), counted(look.table.n_filled, "gap")
    return f"the table has {rows}, {apart(look.table.step_name())} apart, and {gaps}"
