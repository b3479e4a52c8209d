"""Optimizers: one step on the flat vector of all parameters; schedules of the learning rate beside them.

An optimizer holds its arguments only. What it remembers between steps is a dict
of arrays that `start` makes and the caller keeps.
"""

from minidl.optimizers.adam import Adam
from minidl.optimizers.clipping import clip_global_norm
from minidl.optimizers.optimizer import Optimizer, State
from minidl.optimizers.schedules import (
    Constant,
    Cosine,
    ExponentialDecay,
    OneCycle,
    Progress,
    ReduceOnPlateau,
    Schedule,
    ScheduleState,
    StepDecay,
)
from minidl.optimizers.sgd import SGD

__all__ = [
    "SGD",
    "Adam",
    "Constant",
    "Cosine",
    "ExponentialDecay",
    "OneCycle",
    "Optimizer",
    "Progress",
    "ReduceOnPlateau",
    "Schedule",
    "ScheduleState",
    "State",
    "StepDecay",
    "clip_global_norm",
]
