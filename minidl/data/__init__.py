"""Series of rows, and how they become scaled windows for training and testing."""

from __future__ import annotations

from minidl.data.batch import Batch
from minidl.data.beijing_pm25 import BeijingPM25
from minidl.data.csv_series import CSVSeries
from minidl.data.data import Data
from minidl.data.gaps import Filling, Gaps
from minidl.data.poison import Poison
from minidl.data.scalers import MinMaxScaler, ScaleFit, Scaler, StandardScaler
from minidl.data.series import Series, Table
from minidl.data.splits import SampleValidation, Splits, TailValidation, Validation, WindowData
from minidl.data.windows import Windows

__all__ = [
    "Batch",
    "BeijingPM25",
    "CSVSeries",
    "Data",
    "Filling",
    "Gaps",
    "MinMaxScaler",
    "Poison",
    "SampleValidation",
    "ScaleFit",
    "Scaler",
    "Series",
    "Splits",
    "StandardScaler",
    "Table",
    "TailValidation",
    "Validation",
    "WindowData",
    "Windows",
]
