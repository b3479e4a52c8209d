"""Decimal numbers from a column's cells, in bulk, and to the last bit what `float` makes of them.

A number of at most 15 digits, with at most 22 of them behind the point, is the quotient of
two floats that are exact, and one division rounds it right (Clinger 1990). All other cells
are left to who knows more: long numbers, exponents, gaps, texts.

References
----------
W. D. Clinger (1990), How to read floating point numbers accurately, PLDI '90.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from minidl.data.tables.cells import Bytes, Column, Places

_LONGEST = 17  # characters: a sign, 15 digits and a point
_MOST_DIGITS = 15
_POWERS = 10.0 ** np.arange(_LONGEST + 1)


def decimals(column: Column, point: str = ".") -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """float64 (n,) and bool (n,): the numbers, and which cells are one; 0 elsewhere."""
    values, known = np.zeros(len(column)), np.zeros(len(column), np.bool_)
    for rows, starts, ends in column.blocks():
        lengths = ends - starts
        width = min(int(lengths.max()), _LONGEST)
        if width:
            values[rows], known[rows] = _block(column.matrix(starts, width), lengths, ord(point))
            known[rows] &= lengths <= width
    values[~known] = 0
    return values, known


def whole_numbers(column: Column, most_digits: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """int64 (n,) and bool (n,): the numbers, and which cells are one, of digits and nothing else; 0 elsewhere."""
    values, known = np.zeros(len(column), np.int64), np.zeros(len(column), np.bool_)
    for rows, starts, ends in column.blocks():
        lengths = ends - starts
        known[rows] = (lengths > 0) & (lengths <= most_digits)
        for k, characters in enumerate(column.matrix(starts, most_digits).T):
            inside = lengths > k
            digits = characters - np.uint8(48)
            known[rows] &= (digits < 10) | ~inside
            values[rows] = np.where(inside, 10 * values[rows] + digits, values[rows])
    values[~known] = 0
    return values, known


def _block(cells: Bytes, lengths: Places, point: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """The same for some cells; those longer than the matrix come out wrong."""
    mantissa = np.zeros(len(cells), np.int64)
    n_digits, behind, points = (np.zeros(len(cells), np.uint8) for _ in range(3))
    signs = (cells[:, 0] == ord("-")) | (cells[:, 0] == ord("+"))
    for k, characters in enumerate(np.ascontiguousarray(cells.T)):
        inside = lengths > k
        digits = characters - np.uint8(48)
        is_digit = (digits < 10) & inside
        np.multiply(mantissa, 10, out=mantissa, where=is_digit)
        np.add(mantissa, digits, out=mantissa, where=is_digit)
        n_digits += is_digit
        behind += is_digit & (points > 0)
        points += (characters == point) & inside
    known = (n_digits > 0) & (n_digits <= _MOST_DIGITS) & (points <= 1)
    known &= n_digits + points + signs == lengths
    values = mantissa / _POWERS[behind]
    return np.where(cells[:, 0] == ord("-"), -values, values), known
