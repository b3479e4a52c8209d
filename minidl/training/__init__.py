"""The training loop and what is saved of it."""

from minidl.training.checkpoints import SaveCheckpoints, load_checkpoint, load_weights, save_checkpoint
from minidl.training.engine import Engine, NumpyEngine
from minidl.training.interrupt import StopOnSignal
from minidl.training.log import WriteLog, read_log
from minidl.training.loop import Arrays, Callback, EpochRecord, Source, Trainer, Training, fit, predict

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
    "fit",
    "load_checkpoint",
    "load_weights",
    "predict",
    "read_log",
    "save_checkpoint",
]
