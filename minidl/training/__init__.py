"""The training loop."""

from minidl.training.engine import Advanced, Engine, NumpyEngine
from minidl.training.interrupt import StopOnSignal
from minidl.training.loop import Callback, Trainer
from minidl.training.outputs import predict
from minidl.training.records import EpochRecord
from minidl.training.settings import Training
from minidl.training.sources import Arrays, Source

__all__ = [
    "Advanced",
    "Arrays",
    "Callback",
    "Engine",
    "EpochRecord",
    "NumpyEngine",
    "Source",
    "StopOnSignal",
    "Trainer",
    "Training",
    "predict",
]
