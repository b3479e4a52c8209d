"""Pictures: loss by epoch and by learning rate, and those of each task.

Every function returns a matplotlib Figure; pyplot and the global rcParams are
left alone. matplotlib is the extra ``plot``: it is imported when a figure is
drawn, never by ``import minidl``. No score is computed here.
"""

from minidl.plotting.backtest import backtest_figure
from minidl.plotting.fan import fan_figure
from minidl.plotting.forecasts import forecast_figure, lead_figure, typical_rows
from minidl.plotting.searching import search_figure
from minidl.plotting.sequences import classes_figure, confusion_figure, truth_figure
from minidl.plotting.style import have_matplotlib, load_matplotlib
from minidl.plotting.training import loss_figure, rate_figure

__all__ = [
    "backtest_figure",
    "classes_figure",
    "confusion_figure",
    "fan_figure",
    "forecast_figure",
    "have_matplotlib",
    "lead_figure",
    "load_matplotlib",
    "loss_figure",
    "rate_figure",
    "search_figure",
    "truth_figure",
    "typical_rows",
]
