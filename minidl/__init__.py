"""minidl: recurrent stacks on NumPy.

Layers with their own forward and backward, one container that stacks them,
models and experiments assembled from YAML.
"""

from minidl._version import __version__
from minidl.core.errors import (
    ConfigError,
    CorruptFileError,
    DataError,
    MinidlError,
    NumericalError,
    ShapeError,
    StorageError,
)
from minidl.core.layer import INFERENCE, Array, Context, Grads, Layer, Shape, n_parameters, read_only
from minidl.core.registry import register
from minidl.core.workspace import Workspace
from minidl.fitting import fit
from minidl.layers import (
    Activation,
    Bidirectional,
    Container,
    Dense,
    IdentityActivation,
    LastStep,
    Parallel,
    RecurrentLayer,
    ReluActivation,
    Repeat,
    Residual,
    SelectFeatures,
    Sequential,
    SigmoidActivation,
    TanhActivation,
)
from minidl.losses import MAE, MSE, CrossEntropy, DifferenceLoss, HalfMSE, Loss
from minidl.optimizers import SGD, Adam, Optimizer

__all__ = [
    "INFERENCE",
    "MAE",
    "MSE",
    "SGD",
    "Activation",
    "Adam",
    "Array",
    "Bidirectional",
    "ConfigError",
    "Container",
    "Context",
    "CorruptFileError",
    "CrossEntropy",
    "DataError",
    "Dense",
    "DifferenceLoss",
    "Grads",
    "HalfMSE",
    "IdentityActivation",
    "LastStep",
    "Layer",
    "Loss",
    "MinidlError",
    "NumericalError",
    "Optimizer",
    "Parallel",
    "RecurrentLayer",
    "ReluActivation",
    "Repeat",
    "Residual",
    "SelectFeatures",
    "Sequential",
    "Shape",
    "ShapeError",
    "SigmoidActivation",
    "StorageError",
    "TanhActivation",
    "Workspace",
    "__version__",
    "fit",
    "n_parameters",
    "read_only",
    "register",
]
