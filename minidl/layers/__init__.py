"""The library's layers, one file each."""

from minidl.layers.activations import (
    Activation,
    IdentityActivation,
    ReluActivation,
    SigmoidActivation,
    TanhActivation,
)
from minidl.layers.dense import Dense
from minidl.layers.recurrent import RecurrentLayer
from minidl.layers.sequence_ends import LastStep
from minidl.layers.sequential import Repeat, Sequential
from minidl.layers.streaming import Stream

__all__ = [
    "Activation",
    "Dense",
    "IdentityActivation",
    "LastStep",
    "RecurrentLayer",
    "ReluActivation",
    "Repeat",
    "Sequential",
    "SigmoidActivation",
    "Stream",
    "TanhActivation",
]
