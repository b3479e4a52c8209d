"""Schedules: how the learning rate changes from step to step.

A schedule holds its arguments only. It is a function of the step, and of scores that it is
fed with at the end of epochs; what it remembers of these is a dict that the caller keeps.
"""

from minidl.optimizers.schedules.constant import Constant
from minidl.optimizers.schedules.cosine import Cosine
from minidl.optimizers.schedules.exponential_decay import ExponentialDecay
from minidl.optimizers.schedules.one_cycle import OneCycle
from minidl.optimizers.schedules.reduce_on_plateau import ReduceOnPlateau
from minidl.optimizers.schedules.schedule import Progress, Schedule, ScheduleState
from minidl.optimizers.schedules.step_decay import StepDecay

__all__ = [
    "Constant",
    "Cosine",
    "ExponentialDecay",
    "OneCycle",
    "Progress",
    "ReduceOnPlateau",
    "Schedule",
    "ScheduleState",
    "StepDecay",
]
