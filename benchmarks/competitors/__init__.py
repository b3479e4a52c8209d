"""One class for each competitor: the same model, trained and asked as its own documentation advises.

``train(n)`` takes n steps on the case's batch and waits for the result;
``parameters()`` gives all weights in the order of `Case.weights`, to be compared.
``one()`` and ``many()`` forecast one window and the windows of `Case.many`, after ``ask()``.
"""

from __future__ import annotations

from typing import Any

from benchmarks.cases import Case
from benchmarks.competitors.jax_scan import Jax
from benchmarks.competitors.keras_jax import Keras
from benchmarks.competitors.onnx_runtime import Onnxruntime
from benchmarks.competitors.own import Minidl
from benchmarks.competitors.pytorch import Torch

JAX_INSIDE = "jax, inside"
OWN_CELL = ["own cell, numpy", "own cell, compiled"]
ONE_THREAD = "minidl compiled, one thread"
TRAINING = ["minidl numpy", "minidl compiled", "torch", "jax", JAX_INSIDE, "keras"]


def training(case: Case) -> list[str]:
    """Names of those that train a case; a user's own cell has the equations of an LSTM."""
    return [*TRAINING, *(OWN_CELL if case.kind == "LSTM" else [])]


def two_threads(case: Case) -> list[str]:
    """Names of those that train a case on two cores; one of them uses one."""
    return [*TRAINING, ONE_THREAD]


def inference(case: Case) -> list[str]:
    """Names of those that forecast."""
    return [*training(case), "onnxruntime"]


def make(name: str, case: Case) -> Any:
    """A competitor by its name."""
    if name == ONE_THREAD:
        return Minidl(case, "compiled", threads=1)
    if name.startswith("minidl "):
        return Minidl(case, name.removeprefix("minidl "))
    if name in OWN_CELL:
        return Minidl(case, name.removeprefix("own cell, "), own_cell=True)
    if name == JAX_INSIDE:
        return Jax(case, inside=True)
    return {"torch": Torch, "jax": Jax, "keras": Keras, "onnxruntime": Onnxruntime}[name](case)
