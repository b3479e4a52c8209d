"""DataFrames of pandas as tables; pandas itself is not imported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.core.errors import DataError
from minidl.data.tables.layout import TextLayout
from minidl.data.tables.typed import TypedRows, Values

NAME = "DataFrame"


@dataclass(frozen=True, eq=False)
class Frame:
    """A DataFrame whose index, if it says something, is a column.

    Parameters
    ----------
    frame : it; None: it is no longer there.
    index : the column that its times became; None: the index holds none.
    """

    frame: Any
    index: str | None

    @classmethod
    def of(cls, frame: Any) -> Frame:
        """Of what a user gives.

        Raises
        ------
        DataError
            It is no DataFrame.
        """
        if not (hasattr(frame, "iloc") and hasattr(frame, "columns") and hasattr(frame, "index")):
            raise DataError(f"{NAME}: expected a DataFrame of pandas, got {type(frame).__name__}.")
        named = [name for name in frame.index.names if name is not None]
        of_times = frame.index.nlevels == 1 and _of_times(frame.index.dtype)
        if not named and not of_times:
            return cls(frame, None)
        name = named[0] if named else "index"
        whole = frame.reset_index() if named else frame.rename_axis(index=name).reset_index()
        return cls(whole, str(name) if of_times else None)

    def rows(self, layout: TextLayout, blank_rows: bool) -> TypedRows:
        """Its rows."""
        if self.frame is None:
            raise DataError(f"{NAME}: the table was given in Python, and is no longer there; give it as a file.")
        header = list(map(str, self.frame.columns))
        return TypedRows(header, self._values, len(self.frame), name=NAME, layout=layout, blank_rows=blank_rows)

    def _values(self, index: int) -> tuple[Values, bool]:
        column = self.frame.iloc[:, index]
        dtype = column.dtype
        own = isinstance(dtype, np.dtype)
        if dtype.kind == "M":
            zone = getattr(dtype, "tz", None) or getattr(getattr(dtype, "pyarrow_dtype", None), "tz", None)
            naive = column.dt.tz_convert("UTC").dt.tz_localize(None) if zone else column
            return naive.to_numpy(dtype=naive.dtype if isinstance(naive.dtype, np.dtype) else "datetime64[ns]"), bool(
                zone
            )
        if str(dtype).startswith("period["):
            return column.dt.to_timestamp().to_numpy(), False
        if own and dtype.kind in "iuf":
            return column.to_numpy(), False
        gaps = column.isna().to_numpy(dtype=bool)
        if dtype.kind == "f":
            return column.to_numpy(dtype=dtype.numpy_dtype, na_value=np.nan), False
        if dtype.kind in "iu" and not gaps.any():
            return column.to_numpy(dtype=dtype.numpy_dtype), False
        return ["" if gap else str(cell) for cell, gap in zip(column.tolist(), gaps.tolist(), strict=True)], False


def _of_times(dtype: Any) -> bool:
    return dtype.kind == "M" or str(dtype).startswith("period[")
