"""Kernels of the library's own classes, one file for each of their modules."""
