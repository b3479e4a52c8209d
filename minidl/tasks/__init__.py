"""What models are for: tasks say what goes in, what comes out, how it is scored, and against which baselines."""

from minidl.metrics import Metric
from minidl.tasks.classify import Classify
from minidl.tasks.forecast import Forecast, forecast_task
from minidl.tasks.intervals import Intervals
from minidl.tasks.label import Label
from minidl.tasks.protocols import Parts, Prediction, Setting
from minidl.tasks.published import Published
from minidl.tasks.regress import Regress
from minidl.tasks.sequence_task import SequenceTask
from minidl.tasks.series_data import window_data
from minidl.tasks.task import Task

__all__ = [
    "Classify",
    "Forecast",
    "Intervals",
    "Label",
    "Metric",
    "Parts",
    "Prediction",
    "Published",
    "Regress",
    "SequenceTask",
    "Setting",
    "Task",
    "forecast_task",
    "window_data",
]
