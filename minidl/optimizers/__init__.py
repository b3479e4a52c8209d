"""Optimizers: one step on the flat vector of all parameters; schedules of the learning rate beside them.

An optimizer holds its arguments only. What it remembers between steps is a dict
of arrays that `start` makes and the caller keeps.
"""

from minidl.optimizers.adagrad import Adagrad
from minidl.optimizers.adam import Adam
from minidl.optimizers.adamw import AdamW
from minidl.optimizers.clipping import clip_by_value, clip_global_norm
from minidl.optimizers.groups import Segments, unmatched
from minidl.optimizers.lion import Lion
from minidl.optimizers.optimizer import Optimizer, ParameterGroup, State
from minidl.optimizers.rmsprop import RMSProp
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
    "Adagrad",
    "Adam",
    "AdamW",
    "Constant",
    "Cosine",
    "ExponentialDecay",
    "Lion",
    "OneCycle",
    "Optimizer",
    "ParameterGroup",
    "Progress",
    "RMSProp",
    "ReduceOnPlateau",
    "Schedule",
    "ScheduleState",
    "Segments",
    "State",
    "StepDecay",
    "clip_by_value",
    "clip_global_norm",
    "unmatched",
]
