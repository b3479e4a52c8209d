"""CSV files from texts, and what is refused of them."""

from __future__ import annotations

import re

import pytest

from minidl.core.errors import DataError
from minidl.data.csv_file import CSVFile
from minidl.data.tables.layout import TextLayout


def open_text(text: str, *, delimiter: str = ",") -> CSVFile:
    return CSVFile(text.encode(), name="air.csv", layout=TextLayout(delimiter=delimiter))


def refused(message: str) -> pytest.RaisesExc[DataError]:
    return pytest.raises(DataError, match=f"^{re.escape(message)}")
