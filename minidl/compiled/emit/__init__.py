"""Pieces of compiled code: vectors, products and elementary functions."""
