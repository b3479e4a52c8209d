"""Series of rows and how they become scaled windows; sequences of any length and how they become batches."""

from __future__ import annotations

from minidl.data.batch import Batch
from minidl.data.beijing_pm25 import BeijingPM25
from minidl.data.csv_sequences import CSVSequences
from minidl.data.csv_series import CSVSeries
from minidl.data.data import Data
from minidl.data.examples import DigitRows, Echo, FamilyNames, Subtraction, Waves
from minidl.data.features import Calendar, Change, ColumnFeature, Direction, Feature, GapMask, OneHot, Rolling
from minidl.data.gaps import Filling, Gaps
from minidl.data.npz_sequences import NPZSequences
from minidl.data.poison import Poison
from minidl.data.scalers import LogScaler, MinMaxScaler, RootScaler, ScaleFit, Scaler, StandardScaler
from minidl.data.sequence_sources import ArraySequences, GeneratedSequences, SequenceSource
from minidl.data.sequence_splits import FractionSplit, GroupSplit, Split, TimeSplit
from minidl.data.sequence_table import SequenceTable
from minidl.data.sequences import SequenceParts, Sequences, SequenceSet
from minidl.data.series import Categories, Table
from minidl.data.series_kind import Series
from minidl.data.splits import Splits, WindowData
from minidl.data.validation import SampleValidation, TailValidation, Validation
from minidl.data.windows import Windows

__all__ = [
    "ArraySequences",
    "Batch",
    "BeijingPM25",
    "CSVSequences",
    "CSVSeries",
    "Calendar",
    "Categories",
    "Change",
    "ColumnFeature",
    "Data",
    "DigitRows",
    "Direction",
    "Echo",
    "FamilyNames",
    "Feature",
    "Filling",
    "FractionSplit",
    "GapMask",
    "Gaps",
    "GeneratedSequences",
    "GroupSplit",
    "LogScaler",
    "MinMaxScaler",
    "NPZSequences",
    "OneHot",
    "Poison",
    "Rolling",
    "RootScaler",
    "SampleValidation",
    "ScaleFit",
    "Scaler",
    "SequenceParts",
    "SequenceSet",
    "SequenceSource",
    "SequenceTable",
    "Sequences",
    "Series",
    "Split",
    "Splits",
    "StandardScaler",
    "Subtraction",
    "Table",
    "TailValidation",
    "TimeSplit",
    "Validation",
    "Waves",
    "WindowData",
    "Windows",
]
