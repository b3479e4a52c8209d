"""The library's layers, one file each."""

from minidl.layers.activations import (
    Activation,
    IdentityActivation,
    ReluActivation,
    SigmoidActivation,
    TanhActivation,
)
from minidl.layers.containers.bidirectional import Bidirectional
from minidl.layers.containers.container import Container
from minidl.layers.containers.parallel import Parallel
from minidl.layers.containers.residual import Residual
from minidl.layers.containers.sequential import Repeat, Sequential
from minidl.layers.dense import Dense
from minidl.layers.recurrent.elman import RecurrentLayer
from minidl.layers.select_features import SelectFeatures
from minidl.layers.sequence_ends import LastStep
from minidl.layers.streaming import Stream

__all__ = [
    "Activation",
    "Bidirectional",
    "Container",
    "Dense",
    "IdentityActivation",
    "LastStep",
    "Parallel",
    "RecurrentLayer",
    "ReluActivation",
    "Repeat",
    "Residual",
    "SelectFeatures",
    "Sequential",
    "SigmoidActivation",
    "Stream",
    "TanhActivation",
]
