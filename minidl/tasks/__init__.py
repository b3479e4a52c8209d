"""What models are for: tasks say what goes in, what comes out, how it is scored, and against which baselines."""

from minidl.tasks.classify import Classify
from minidl.tasks.forecast import Forecast, Published, forecast_task, window_data
from minidl.tasks.label import Label
from minidl.tasks.regress import Regress
from minidl.tasks.sequence_task import SequenceTask
from minidl.tasks.task import Metric, Parts, Prediction, Task

__all__ = [
    "Classify",
    "Forecast",
    "Label",
    "Metric",
    "Parts",
    "Prediction",
    "Published",
    "Regress",
    "SequenceTask",
    "Task",
    "forecast_task",
    "window_data",
]
