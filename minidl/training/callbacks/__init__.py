"""What happens around the training loop."""

from minidl.training.callbacks.callback import VALIDATION_LOSS, Callback, CallbackState, Choice
from minidl.training.callbacks.csv_log import CSVLog
from minidl.training.callbacks.early_stopping import EarlyStopping
from minidl.training.callbacks.keep_best import KeepBest
from minidl.training.callbacks.parameter_statistics import ParameterStatistics
from minidl.training.callbacks.saturation import Saturation
from minidl.training.callbacks.tensor_board import TensorBoard

__all__ = [
    "VALIDATION_LOSS",
    "CSVLog",
    "Callback",
    "CallbackState",
    "Choice",
    "EarlyStopping",
    "KeepBest",
    "ParameterStatistics",
    "Saturation",
    "TensorBoard",
]
