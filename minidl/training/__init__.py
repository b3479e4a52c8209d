"""The training loop and what is saved of it."""

from minidl.interrupt import StopOnSignal
from minidl.training.checkpoints import load_checkpoint, load_weights, read_checkpoint, save_checkpoint
from minidl.training.engine import Engine, NumpyEngine
from minidl.training.log import WriteLog, read_log
from minidl.training.loop import Callback, EpochRecord, Trainer
from minidl.training.outputs import predict
from minidl.training.saving import SaveCheckpoints
from minidl.training.settings import Training
from minidl.training.sources import Arrays, Source

__all__ = [
    "Arrays",
    "Callback",
    "Engine",
    "EpochRecord",
    "NumpyEngine",
    "SaveCheckpoints",
    "Source",
    "StopOnSignal",
    "Trainer",
    "Training",
    "WriteLog",
    "load_checkpoint",
    "load_weights",
    "predict",
    "read_checkpoint",
    "read_log",
    "save_checkpoint",
]
