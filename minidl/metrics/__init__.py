"""Scores: plain functions of arrays, and what is known of each."""

from minidl.metrics.labels import accuracy, class_scores, confusion, macro_f1
from minidl.metrics.metric import Metric
from minidl.metrics.numbers import half_mse, mae, r2, rmse
from minidl.metrics.sums import by_stretch, mean_of_sums, r2_columns, r2_of_sums, root_of_sums
from minidl.metrics.usual import usual_metrics

__all__ = [
    "Metric",
    "accuracy",
    "by_stretch",
    "class_scores",
    "confusion",
    "half_mse",
    "macro_f1",
    "mae",
    "mean_of_sums",
    "r2",
    "r2_columns",
    "r2_of_sums",
    "rmse",
    "root_of_sums",
    "usual_metrics",
]
