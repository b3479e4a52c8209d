"""Five years of hourly air quality and weather in Beijing, prepared as the textbook does.

The data are those of Song Chen (2015), Beijing PM2.5, UCI Machine Learning
Repository, doi:10.24432/C5JS49, licence CC BY 4.0. See README.md beside this file.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from minidl.core.errors import CorruptFileError, StorageError
from minidl.core.registry import register
from minidl.data.csv_file import CSVFile, read_bytes
from minidl.data.gaps import Filling, Gaps
from minidl.data.poison import Poison, forged_cells
from minidl.data.series import Categories, Table
from minidl.data.series_kind import Series
from minidl.data.tables.layout import MAX_TABLE
from minidl.data.tables.row_order import spacing_problems
from minidl.files.reading import read_given

FILE_NAME = "PRSA_data_2010.1.1-2014.12.31.csv.gz"  # as .xz it is smaller, and takes 18 ms longer to read
MAX_ARCHIVE = 10_000_000
SHA256 = "4127f868775e31b3956522adc0ec75af8937dde6a3896e8beed3a376c6d27f1c"  # of the original, uncompressed bytes
FEATURES = ("pm2.5", "DEWP", "TEMP", "PRES", "cbwd", "Iws")
WEATHER = ("DEWP", "TEMP", "PRES")
MISSING = ("NA", "")
WIND_DIRECTIONS = {"NW": 9.0, "NE": 3.0, "SE": 6.0, "SW": 12.0, "cv": 0.0}


@register
@dataclass(eq=False)
class BeijingPM25(Series):
    """Hourly PM2.5 and weather in Beijing, 2010 to 2014: 43,824 rows of six features.

    In order: ``pm2.5`` (µg/m³; the target), ``DEWP`` (dew point, °C), ``TEMP``
    (°C), ``PRES`` (hPa), ``cbwd`` (wind direction as a number: NW 9, NE 3, SE 6,
    SW 12, calm and variable 0), ``Iws`` (wind speed, m/s in the hour).

    Preparation, as in the textbook: gaps in pm2.5 become straight lines between
    their neighbours, and the gap at the start a line from 0 at hour -1 to the
    first known value. Iws is published as a sum since the direction last
    changed; where the direction equals that of the hour before, the sum of the
    hour before is subtracted. The first row keeps its value.

    Parameters
    ----------
    test_gaps : what gaps of the test part become: ``last_known``, the value
        before the gap, as nothing later is known when a forecast is made;
        ``lines``, which look ahead, to the letter of the textbook. No line
        reaches over the border between two parts.
    filled_labels : ``keep`` trains on filled values of the target and scores them
        as truth, as the textbook does; ``leave_out`` does neither.

    References
    ----------
    Song Chen (2015), Beijing PM2.5, UCI Machine Learning Repository, doi:10.24432/C5JS49.
    """

    test_gaps: Literal["last_known", "lines"] = "last_known"
    filled_labels: Literal["keep", "leave_out"] = "keep"

    @property
    def feature_names(self) -> tuple[str, ...]:
        return FEATURES

    @property
    def known_categories(self) -> Categories:
        return {"cbwd": WIND_DIRECTIONS}

    def read(self, path: Path | None = None) -> Table:
        """The table; with `path`, another CSV file with the same columns, of any length.

        Raises
        ------
        CorruptFileError
            The shipped file is not the published one.
        DataError
            Another file does not hold what it should.
        StorageError
            The file cannot be read.
        """
        file = self._file(path)
        times = file.timestamps_from_parts(("year", "month", "day", "hour"))
        file.refuse(spacing_problems(times))
        pm25 = file.numbers("pm2.5", missing=MISSING)
        weather = [file.numbers(column, missing=()) for column in WEATHER]
        direction = file.categories("cbwd", WIND_DIRECTIONS)
        wind = hourly_wind(file.numbers("Iws", missing=()), direction)
        values = np.stack([pm25, *weather, direction, wind], axis=1)
        lines, labels = self.test_gaps == "lines", self.filled_labels == "keep"
        gaps = Gaps(np.isnan(values), Filling(from_zero=True, test_lines=lines, labels=labels))
        if gaps.where[:, 0].all():
            raise file.error(0, "column pm2.5: every row is a gap.")
        found, said = gaps if gaps.where.any() else None, self.known_categories
        return Table(gaps.fill(values), times, FEATURES, 0, "µg/m³", found, categories=said)

    def forged(self, first: int, poison: Poison) -> bytes | None:
        numbers = {"pm2.5": MISSING, **dict.fromkeys((*WEATHER, "Iws"), ())}
        return forged_cells(self._file(None), first, numbers, {"cbwd": WIND_DIRECTIONS}, poison)

    @staticmethod
    def _file(path: Path | None) -> CSVFile:
        data = shipped_bytes() if path is None else read_bytes(path)
        return CSVFile(data, name=FILE_NAME if path is None else str(path))


def shipped_bytes() -> bytes:
    """The published file, byte for byte.

    Raises
    ------
    CorruptFileError
        The shipped archive is damaged, or not that of the published file.
    StorageError
        The shipped archive cannot be read.
    """
    archive = str(files("minidl.data") / FILE_NAME)
    try:
        data = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(read_given(archive, MAX_ARCHIVE), MAX_TABLE)
    except StorageError as err:
        raise StorageError(f"{str(err).removesuffix('.')}; install minidl again.") from err
    except zlib.error as err:
        raise CorruptFileError(f"{archive}: damaged: {err}; install minidl again.") from err
    digest = hashlib.sha256(data).hexdigest()
    if digest != SHA256:
        raise CorruptFileError(
            f"{archive}: damaged: SHA-256 {digest} of the data, expected {SHA256}; install minidl again."
        )
    return data


def hourly_wind(accumulated: npt.NDArray[np.float64], direction: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(n,): wind speed of each hour from the sum since the direction last changed; the first row keeps its value."""
    hourly = accumulated.copy()
    same = direction[1:] == direction[:-1]
    hourly[1:][same] -= accumulated[:-1][same]
    return hourly
