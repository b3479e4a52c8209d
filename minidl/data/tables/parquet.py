"""Parquet files as tables, by pyarrow.

A file is a stranger's: its bytes are read by minidl, its size is bounded before anything is
unpacked, and nothing but numbers, times and texts is taken from it. Versions of pyarrow that run
code which a file holds (before 14.0.1, CVE-2023-47248) are refused.
"""

from __future__ import annotations

from typing import Any

from minidl.core.errors import DataError, MissingPackageError
from minidl.core.extras import install_command
from minidl.core.text import printable
from minidl.data.tables.layout import TextLayout
from minidl.data.tables.typed import TypedRows, Values

MAGIC = b"PAR1"
MAX_ROWS = 50_000_000
_SAFE = (14, 0, 1)
_AS_TEXT = ("integer", "decimal", "boolean", "time", "null")
_LARGEST_METADATA = 10_000_000  # bytes of a text, or parts of a list, in what a file says of itself


class ParquetFile:
    """The columns of a Parquet file.

    Parameters
    ----------
    data : the file's bytes.
    name : how messages call the file.

    Raises
    ------
    DataError
        Damaged, or too many rows.
    MissingPackageError
        There is no pyarrow, or an old one.
    """

    def __init__(self, data: bytes, name: str) -> None:
        self._name, self._data = name, data
        self._errors = _errors(name)
        try:
            file = self._opened([])
            self.schema, self.n_rows = file.schema_arrow, file.metadata.num_rows
            if not 0 <= self.n_rows <= MAX_ROWS:
                raise DataError(f"{name}: says that it has {self.n_rows:,} rows; at most {MAX_ROWS:,} are read.")
            self.header = [str(column) for column in self.schema.names]
            # A text of which there are many is held once.
            self._file = self._opened([column.name for column in self.schema if _is_text(column.type)])
        except self._errors as err:
            raise self._damaged(err) from err

    def rows(self, layout: TextLayout, blank_rows: bool, fewest: int = 2) -> TypedRows:
        """Its rows; see `TypedRows`."""
        how: dict[str, Any] = {"name": self._name, "layout": layout, "blank_rows": blank_rows, "fewest": fewest}
        return TypedRows(self.header, self._values, self.n_rows, **how)

    def _opened(self, texts: list[str]) -> Any:
        import pyarrow
        from pyarrow import parquet

        return parquet.ParquetFile(
            pyarrow.BufferReader(self._data),
            read_dictionary=texts,
            pre_buffer=False,
            thrift_string_size_limit=_LARGEST_METADATA,
            thrift_container_size_limit=_LARGEST_METADATA,
            page_checksum_verification=True,  # of pages that have a checksum
        )

    def _values(self, index: int) -> tuple[Values, bool]:
        name = self.header[index]
        try:
            table = self._file.read(columns=[self.schema.names[index]], use_threads=False)
            if table.num_columns != 1 or table.num_rows != self.n_rows:
                raise ValueError(f"the column {name} is not as long as the file says")
            table.validate(full=True)
            return _converted(table.column(0))
        except _OtherType as err:
            raise DataError(f"{self._name}: column {name}: holds {err}, no numbers, times or texts.") from err
        except self._errors as err:
            raise self._damaged(err) from err

    def _damaged(self, err: BaseException) -> DataError:
        said = (str(err).splitlines() or [type(err).__name__])[0]
        return DataError(f"{self._name}: a Parquet file, and damaged: {printable(said)[:200].rstrip('.')}.")


class _OtherType(Exception):  # noqa: N818
    """A type of columns that is not read."""


def _errors(name: str) -> tuple[type[BaseException], ...]:
    """What pyarrow raises for a damaged file."""
    try:
        import pyarrow
    except ImportError as err:
        raise MissingPackageError(
            f"{name}: a Parquet file is read by pyarrow: {install_command('tables')}; or write it as CSV."
        ) from err
    if tuple(int(part) for part in pyarrow.__version__.split(".")[:3] if part.isdigit()) < _SAFE:
        raise MissingPackageError(
            f"{name}: pyarrow {pyarrow.__version__} may run code that a file holds; {install_command('tables')} "
            "--upgrade (14.0.1 or newer)."
        )
    return pyarrow.lib.ArrowException, OSError, ValueError, TypeError, LookupError, MemoryError, OverflowError


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind))


def _converted(column: Any) -> tuple[Values, bool]:
    """A column's values, and whether they are times in UTC."""
    from pyarrow import types

    if types.is_dictionary(column.type) and not _is_text(column.type.value_type):
        column = column.cast(column.type.value_type)  # to_numpy would take the first value for a gap
    kind = column.type
    if types.is_timestamp(kind) or types.is_date(kind):
        return column.to_numpy(), getattr(kind, "tz", None) is not None
    if types.is_floating(kind) or (types.is_integer(kind) and not column.null_count):
        return column.to_numpy(), False
    if types.is_dictionary(kind):
        return [text for chunk in column.chunks for text in _looked_up(chunk)], False
    if not any(is_one(kind) for is_one in (_is_text, *(getattr(types, f"is_{name}") for name in _AS_TEXT))):
        raise _OtherType(str(kind)[:60])
    return ["" if cell is None else str(cell) for cell in column.to_pylist()], False


def _looked_up(chunk: Any) -> list[str]:
    """The texts of a chunk that holds each only once."""
    texts = [*("" if text is None else text for text in chunk.dictionary.to_pylist()), ""]
    return [texts[number] for number in chunk.indices.fill_null(len(texts) - 1).to_pylist()]
