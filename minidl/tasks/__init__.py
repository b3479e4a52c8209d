"""What models are for: tasks say what goes in, what comes out, how it is scored, and against which baselines."""

from minidl.tasks.forecast import Forecast, Published, forecast_task, window_data
from minidl.tasks.task import Metric, Parts, Prediction, Task

__all__ = ["Forecast", "Metric", "Parts", "Prediction", "Published", "Task", "forecast_task", "window_data"]
