"""The keys of a series that say how the times of its rows are written, and where they are local."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from minidl.core.errors import ConfigError, DataError, MissingPackageError
from minidl.data.steps import Times
from minidl.data.tables.rows import TableRows
from minidl.data.tables.several import series_of_rows
from minidl.data.tables.time_formats import TimeFormat
from minidl.data.tables.time_zones import in_utc, zone_of
from minidl.data.timestamps import ISO


@dataclass(eq=False, kw_only=True)
class TimeKeys:
    """How times are written; a class of series has the argument `time` beside them.

    Parameters
    ----------
    time_format : as for strptime; see `TimeFormat`. "": ISO 8601.
    time_zone : where the times are local, as ``Europe/Berlin``; they become UTC. A zone that the cells name is not
        looked at then. Of an hour that is there twice in autumn, the first row is the one in summer time.
    """

    time_format: str = ""
    time_zone: str = ""

    def check_times(self) -> None:
        """ConfigError for keys that are wrong, or contradict each other."""
        where, time = type(self).__name__, self._time
        if isinstance(time, list) and len(time) not in (3, 4) and not self.time_format:
            raise ConfigError(
                f"{where}: time: expected one column, or those for year, month, day and perhaps hour (others also "
                f"need time_format), got {time}"
            )
        asked = next((key for key in ("time_format", "time_zone") if getattr(self, key)), None)
        if asked and time is None:
            raise ConfigError(f"{where}: {asked}: also needs time, the column of times.")
        if self.time_zone:
            try:
                with suppress(MissingPackageError):  # which no config can mend; told when times are read
                    zone_of(self.time_zone)
            except ValueError as err:
                raise ConfigError(f"{where}: time_zone: {str(err).partition(';')[0]}.") from err
        try:
            self._form = TimeFormat(self.time_format, any_zone=bool(self.time_zone)) if self.time_format else ISO
        except ConfigError as err:
            raise ConfigError(f"{where}: {err}") from err

    @property
    def _time(self) -> str | list[str] | None:
        time: str | list[str] | None = getattr(self, "time", None)
        return time

    @property
    def time_columns(self) -> list[str]:
        """The columns of times."""
        return [self._time] if isinstance(self._time, str) else self._time or []

    def times_of(self, file: TableRows) -> tuple[Times | None, bool]:
        """Times of the file's rows, and whether they are in UTC.

        Raises
        ------
        DataError
            One is none, or in a zone of which it cannot be told.
        """
        if self._time is None:
            return None, False
        if isinstance(self._time, list) and not self.time_format:
            times, utc = file.timestamps_from_parts(self._time), False
        else:
            times, utc = self._moments(file)
        if utc or not self.time_zone:
            return times, utc
        columns = getattr(self, "_series_columns", None)
        times, problems = in_utc(times, self.time_zone, series_of_rows(file, columns)[0] if columns else None)
        file.refuse(problems)
        return times, True

    def _moments(self, file: TableRows) -> tuple[Times, bool]:
        try:
            return file.moments(self.time_columns, self._form)
        except DataError as err:
            if self.time_format or len(file.some_moments(self.time_columns, ISO)[1]):
                raise
            hint = 'no cell is such a time; `time_format` says of which form they are, as "%d.%m.%Y %H:%M"'
            raise DataError(*err.lines, f"{file.name}: column {self.time_columns[0]}: {hint}.") from err
