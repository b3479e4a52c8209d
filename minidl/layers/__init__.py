"""The library's layers, one file each."""

from minidl.layers.activations import (
    Activation,
    IdentityActivation,
    ReluActivation,
    SigmoidActivation,
    TanhActivation,
)
from minidl.layers.ahead import StepsAhead
from minidl.layers.containers.bidirectional import Bidirectional
from minidl.layers.containers.container import Container
from minidl.layers.containers.parallel import Parallel
from minidl.layers.containers.residual import Residual
from minidl.layers.containers.rollout import Rollout
from minidl.layers.containers.sequential import Repeat, Sequential
from minidl.layers.dense import Dense
from minidl.layers.dropout import Dropout
from minidl.layers.embedding import Embedding
from minidl.layers.layer_norm import LayerNorm
from minidl.layers.over_time import MaxOverTime, MeanOverTime
from minidl.layers.recurrent import (
    Cell,
    FastGRNNLayer,
    Gate,
    GRULayer,
    IndRNNLayer,
    JANETLayer,
    LeakyLayer,
    LSTMLayer,
    MGULayer,
    MinGRULayer,
    RecurrentLayer,
    SLSTMLayer,
    SteppedCell,
)
from minidl.layers.select_features import SelectFeatures
from minidl.layers.sequence_ends import LastStep
from minidl.layers.softmax import Softmax
from minidl.layers.streaming import Stream

__all__ = [
    "Activation",
    "Bidirectional",
    "Cell",
    "Container",
    "Dense",
    "Dropout",
    "Embedding",
    "FastGRNNLayer",
    "GRULayer",
    "Gate",
    "IdentityActivation",
    "IndRNNLayer",
    "JANETLayer",
    "LSTMLayer",
    "LastStep",
    "LayerNorm",
    "LeakyLayer",
    "MGULayer",
    "MaxOverTime",
    "MeanOverTime",
    "MinGRULayer",
    "Parallel",
    "RecurrentLayer",
    "ReluActivation",
    "Repeat",
    "Residual",
    "Rollout",
    "SLSTMLayer",
    "SelectFeatures",
    "Sequential",
    "SigmoidActivation",
    "Softmax",
    "SteppedCell",
    "StepsAhead",
    "Stream",
    "TanhActivation",
]
