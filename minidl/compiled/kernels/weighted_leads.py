"""WeightedLeads: the kernel of its loss, whose shares have the weights of leads in them; see `with_counts`."""

from __future__ import annotations

from typing import Any

from minidl.compiled.kernel import LossKernel, kernel_of


def weighted_leads(loss: Any) -> LossKernel:
    """WeightedLeads."""
    kernel: LossKernel = kernel_of(loss.loss)
    return kernel
