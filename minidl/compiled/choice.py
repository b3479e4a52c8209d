"""Which engine a model gets, and why: decided without importing numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from minidl.compiled.jit import numba_installed
from minidl.compiled.kernel import (
    ActivationKernel,
    LayerKernel,
    LossKernel,
    OptimizerKernel,
    has_part,
    kernel_of,
    no_kernel,
)
from minidl.compiled.rules import leaves
from minidl.core.arguments import checked
from minidl.core.errors import ConfigError
from minidl.core.extras import install_command
from minidl.core.layer import Layer, n_parameters
from minidl.core.walk import joined, walk
from minidl.layers import Cell, Dropout, Embedding, RecurrentLayer, Rollout
from minidl.losses import Loss, SumOfLosses, WeightedLeads
from minidl.optimizers import Optimizer
from minidl.training import Advanced, Trainer, Training
from minidl.training.sources import Source, gathered

EngineName = Literal["auto", "numpy", "compiled"]

# From this many units on matrix products take all the time, and in one thread both engines are about as fast.
# Several threads share each product in NumPy, and whole batches in compiled code.
UNITS_LIMIT = 1024
# Below this many time steps in all training steps together, NumPy is done before the compiler is.
# The count, not the state of the cache, decides: the same config gets the same engine everywhere.
WORTH_COMPILING = 500_000
# So many multiplications forward add to NumPy's time step about what it takes by itself, less what compiled code takes.
A_STEP = 400_000
_SOME_LENGTHS = np.array([9, 4, 1])


def obstacle(model: Layer, loss: Loss, optimizer: Optimizer, dtype: npt.DTypeLike) -> str | None:
    """Why the compiled engine cannot take this training, in a few words; None: it can."""
    reason = model_obstacle(model, dtype)
    if reason is not None:
        return reason
    for part, item, kind in (
        *(("loss", one, LossKernel) for one in _all_of(loss)),
        ("optimizer", optimizer, OptimizerKernel),
    ):
        reason = no_kernel(item, (kind,))
        if reason is not None:
            return f"the {part} {type(item).__name__} {reason}"
    for one in _all_of(loss):
        for summed in one.losses if isinstance(one, SumOfLosses) else ():
            if summed.counts(np.zeros(0, np.int64)) is not None:
                return f"the loss {type(summed).__name__} in a sum has weights of its own"
    return None


def _all_of(loss: Loss) -> list[Loss]:
    """A loss, and those that it is made of."""
    inner = loss.losses if isinstance(loss, SumOfLosses) else [loss.loss] if isinstance(loss, WeightedLeads) else []
    return [loss, *(part for one in inner for part in _all_of(one))]


def training_obstacle(trainer: Advanced) -> str | None:
    """Why the compiled engine cannot take this Trainer's steps, in a few words; None: it can."""
    if type(trainer).train_step is not Trainer.train_step or "train_step" in vars(trainer):
        return f"the {type(trainer).__name__} has a train_step of its own"
    reason = obstacle(trainer.model, trainer.loss, trainer.optimizer, trainer.parameters.values.dtype)
    return reason or settings_obstacle(trainer.settings, trainer.model) or _generator_obstacle(trainer)


def _generator_obstacle(trainer: Advanced) -> str | None:
    kind = type(trainer.streams.layers.bit_generator)
    draws = (getattr(kernel_of(layer), "mask", None) is not None for _, layer in leaves(trainer.model))
    if kind is not np.random.PCG64 and any(draws):
        return f"its streams.layers is a generator {kind.__name__}, and masks are drawn from PCG64 only"
    return None


def settings_obstacle(training: Training, model: Layer) -> str | None:
    """Why a training of a model that has kernels is left to NumPy, in a few words; None: it is not."""
    for position, layer in leaves(model) if training.bptt_steps is not None else ():
        if type(layer).final_state is not Layer.final_state and not has_part(layer, "went_on"):
            return f"training.bptt_steps is set, and {_named(position, layer)} has no kernel for states that go on"
    for position, rollout in _rollouts(model) if training.bptt_steps is not None else ():
        return f"training.bptt_steps is set, and {_named(position, rollout)} has no kernel for states that go on"
    return None


def model_obstacle(model: Layer, dtype: npt.DTypeLike) -> str | None:
    """Why there is no compiled code for this model, in a few words; None: there is."""
    if not numba_installed():
        return f"numba is not installed ({install_command('fast')})"
    if np.dtype(dtype) not in (np.float32, np.float64):
        return f"there are no kernels for {np.dtype(dtype)}"
    dtypes = {str(value.dtype): name for name, value in model.params.items()}
    if len(dtypes) > 1:
        return "its parameters have several dtypes: " + ", ".join(f"{name} is {kind}" for kind, name in dtypes.items())
    seen: set[int] = set()
    for position, layer in leaves(model):
        if id(layer) in seen:
            return f"{_named(position, layer)} stands twice in the stack"
        seen.add(id(layer))
        reason = _layer_obstacle(layer, np.dtype(dtype))
        if reason is not None:
            return f"{_named(position, layer)} {reason}"
    return next((reason for at, rollout in _rollouts(model) if (reason := _growing_obstacle(at, rollout))), None)


def grows(model: Layer) -> bool:
    """Whether layers go on from their states in one forecast."""
    return any(rollout.grow for _, rollout in _rollouts(model))


def _rollouts(model: Layer) -> list[tuple[str, Rollout]]:
    return [(position, layer) for position, layer in walk(model) if isinstance(layer, Rollout)]


def _growing_obstacle(at: str, rollout: Rollout) -> str | None:
    """Why a window that grows is left to NumPy: what is called for each row goes on, with the masks that it has."""
    for position, layer in leaves(rollout.layer, joined(at, "inner")) if rollout.grow else ():
        name = f"{_named(position, layer)}, in a {_named(at, rollout)} that grows,"
        if isinstance(layer, Dropout) and layer.drop_rate and not layer.shared_over_time:
            return f"{name} has masks that are not shared over time"
        if type(layer).final_state is not Layer.final_state and not has_part(layer, "linked"):
            return f"{name} has no kernel for states that go on with their gradient"
    return None


def _layer_obstacle(layer: Layer, dtype: np.dtype[Any]) -> str | None:
    reason = no_kernel(layer, (LayerKernel, ActivationKernel))
    if reason is not None:
        return reason
    if isinstance(layer, Embedding) and layer.symbols > 2 ** (np.finfo(dtype).nmant + 1):
        return f"has {layer.symbols:,} symbols, more than {dtype} can tell apart"
    activation = getattr(layer, "activation", None)
    if isinstance(activation, Layer):
        reason = no_kernel(activation, (ActivationKernel,))
        if reason is not None:
            return f"has the activation {type(activation).__name__}, which {reason}"
    return None


def drawback(model: Layer, time_steps: float | None, training: Training) -> str | None:
    """Why the compiled engine does not pay for this model; None: it does.

    `time_steps` is the number of time steps of all training steps together, None if it is not known.
    """
    multiplications = 0
    for position, layer in leaves(model):
        if isinstance(layer, (Cell, RecurrentLayer)):
            multiplications += training.batch_size * n_parameters(layer)
            if training.threads == 1 and layer.hidden_size >= UNITS_LIMIT:
                return (
                    f"{_named(position, layer)} has {layer.hidden_size:,} units; "
                    f"from {UNITS_LIMIT:,} on NumPy is about as fast"
                )
    if time_steps is not None and time_steps * (1 + multiplications / A_STEP) < WORTH_COMPILING:
        return "so short a training is done before the compiler is"
    return None


def _named(position: str, layer: Layer) -> str:
    return f"{type(layer).__name__} {position}".rstrip()


def explain(
    model: Layer,
    loss: Loss,
    optimizer: Optimizer,
    dtype: npt.DTypeLike = "float32",
    engine: EngineName = "auto",
    time_steps: float | None = None,
    training: Training | None = None,
) -> str:
    """Which engine trains this model, in one line: ``compiled``, or ``numpy: `` and the reason.

    Parameters
    ----------
    engine : what the config asks for.
    time_steps : see `drawback`.
    training : how it is trained; None: with the defaults.

    Raises
    ------
    ConfigError
        `engine` is ``compiled`` and the model cannot be compiled, or there is no such engine.
    """
    settings = training or Training()
    return line(
        engine,
        lambda: obstacle(model, loss, optimizer, dtype) or settings_obstacle(settings, model),
        lambda: drawback(model, time_steps, settings),
    )


def line(engine: EngineName, obstacle: Callable[[], str | None], drawback: Callable[[], str | None]) -> str:
    """The line of `explain`; what stands against compiled code is asked only where it matters."""
    engine = checked(engine, EngineName, "engine")
    if engine == "numpy":
        return "numpy: the config asks for it"
    reason = obstacle()
    if engine == "compiled" and reason is not None:
        raise ConfigError(f"engine is compiled, but {reason}; set engine: auto or numpy.")
    if engine == "auto":
        reason = reason or drawback()
    return "compiled" if reason is None else f"numpy: {reason}"


def source_obstacle(source: Source, model: Layer, loss: Loss) -> str | None:
    """Why the compiled engine cannot take these examples, in a few words; None: it can. The model has kernels."""
    batch = gathered(source, slice(0, 1))
    weights = batch.weight is not None or loss.counts(batch.target) is not None
    return uneven_obstacle(model, loss, lengths=batch.lengths is not None, weights=weights)


def uneven_obstacle(model: Layer, loss: Loss, *, lengths: bool, weights: bool) -> str | None:
    """Why examples with lengths or weights are left to NumPy, in a few words; None: they are not."""
    for one in _all_of(loss) if lengths or weights else ():
        if not has_part(one, "weighted"):
            what = "lengths" if lengths else "weights"
            return f"the examples have {what}, and the loss {type(one).__name__} has no kernel for them"
    return ragged_obstacle(model) if lengths else None


def ragged_obstacle(model: Layer) -> str | None:
    """Why sequences of different length are left to NumPy, in a few words; None: they are not."""
    for position, rollout in _rollouts(model):
        return f"the examples have lengths, and {_named(position, rollout)} has no kernel for them"
    for position, layer in leaves(model):
        after = layer.output_lengths(_SOME_LENGTHS)
        if after is not None and layer.causal:  # it works step by step
            taken = np.array_equal(after, _SOME_LENGTHS)
        else:
            taken = has_part(layer, "ragged")
        if not taken:
            return f"the examples have lengths, and {_named(position, layer)} has no kernel for them"
    return None
