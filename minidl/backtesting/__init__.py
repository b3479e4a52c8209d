"""Backtests: origins that roll forward over a series, with a new training before each, and without."""
