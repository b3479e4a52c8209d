"""Losses: a number to make small, and its gradient.

``loss, dy = HalfMSE()(y, target)``. All are means over *all* entries of y: over the
batch, and over time and features where y has them; `CrossEntropy` over all labels, `GaussianNLL` over all targets.
With weights they are weighted means, divided by the sum of the weights.
"""

from minidl.losses.binary_cross_entropy import BinaryCrossEntropy
from minidl.losses.cross_entropy import CrossEntropy
from minidl.losses.differences import MAE, MSE, DifferenceLoss, HalfMSE
from minidl.losses.gaussian_nll import GaussianNLL
from minidl.losses.huber import Huber
from minidl.losses.log_cosh import LogCosh
from minidl.losses.loss import Loss
from minidl.losses.quantile import Quantile
from minidl.losses.sum_of_losses import SumOfLosses
from minidl.losses.weighted_leads import WeightedLeads

__all__ = [
    "MAE",
    "MSE",
    "BinaryCrossEntropy",
    "CrossEntropy",
    "DifferenceLoss",
    "GaussianNLL",
    "HalfMSE",
    "Huber",
    "LogCosh",
    "Loss",
    "Quantile",
    "SumOfLosses",
    "WeightedLeads",
]
