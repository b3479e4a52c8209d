"""The compiled engine: kernels beside the layers, composed into one function a stack.

Importing this package does not import numba; `explain` says which engine a model
gets, and why. See docs/engine.md.
"""

from minidl.compiled.choice import EngineName, explain
from minidl.compiled.engines import choose_engine, engine_line, predictor
from minidl.compiled.jit import jit
from minidl.compiled.kernel import (
    ActivationKernel,
    LayerKernel,
    LossKernel,
    OptimizerKernel,
    register_kernel,
)
from minidl.compiled.prediction import Predictor
from minidl.compiled.rules import register_rule

__all__ = [
    "ActivationKernel",
    "EngineName",
    "LayerKernel",
    "LossKernel",
    "OptimizerKernel",
    "Predictor",
    "choose_engine",
    "engine_line",
    "explain",
    "jit",
    "predictor",
    "register_kernel",
    "register_rule",
]
