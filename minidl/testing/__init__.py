"""Checks for layers, your own included."""

from minidl.testing.checks import CheckResult, check_gradients, check_layer, run_checks

__all__ = ["CheckResult", "check_gradients", "check_layer", "run_checks"]
