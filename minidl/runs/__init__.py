"""Runs: what a training leaves behind, and how it is read again."""

from minidl.runs.run import Run

__all__ = ["Run"]
