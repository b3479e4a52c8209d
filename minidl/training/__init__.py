"""The training loop."""

from minidl.core.interrupt import StopOnSignal
from minidl.training.callbacks import Callback, CSVLog, EarlyStopping, ParameterStatistics, Saturation, TensorBoard
from minidl.training.engine import Advanced, Engine, NumpyEngine
from minidl.training.loop import Trainer
from minidl.training.outputs import predict
from minidl.training.records import EpochRecord
from minidl.training.settings import Training
from minidl.training.sources import Arrays, Source

__all__ = [
    "Advanced",
    "Arrays",
    "CSVLog",
    "Callback",
    "EarlyStopping",
    "Engine",
    "EpochRecord",
    "NumpyEngine",
    "ParameterStatistics",
    "Saturation",
    "Source",
    "StopOnSignal",
    "TensorBoard",
    "Trainer",
    "Training",
    "predict",
]
