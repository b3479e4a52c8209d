"""Scores: plain functions of arrays, and what is known of each."""

from minidl.metrics.labels import accuracy, class_scores, confusion, macro_f1
from minidl.metrics.metric import Metric
from minidl.metrics.numbers import half_mse, mae, r2, rmse
from minidl.metrics.usual import usual_metrics

__all__ = [
    "Metric",
    "accuracy",
    "class_scores",
    "confusion",
    "half_mse",
    "macro_f1",
    "mae",
    "r2",
    "rmse",
    "usual_metrics",
]
