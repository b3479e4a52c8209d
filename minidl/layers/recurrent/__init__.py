"""Recurrent layers, and their loop over time."""

from minidl.layers.recurrent.elman import RecurrentLayer

__all__ = ["RecurrentLayer"]
