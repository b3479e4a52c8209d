"""Handwritten digits, row by row: the small pictures that come with scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from minidl.core.errors import MissingPackageError
from minidl.core.extras import install_command
from minidl.core.registry import register
from minidl.data.sequence_sources import ArraySequences, SequenceSource
from minidl.data.sequence_table import SequenceTable

SIZE = 8


@register
@dataclass(eq=False)
class DigitRows(SequenceSource):
    """1,797 pictures of 8 x 8 grey values from 0 to 16, each a sequence of its rows from the top; needs scikit-learn.

    References
    ----------
    Alpaydin and Kaynak (1998), Optical recognition of handwritten digits (the test part).
    UCI Machine Learning Repository.
    """

    has_files: ClassVar[bool] = False

    @property
    def feature_names(self) -> tuple[str, ...]:
        return tuple(f"column{i}" for i in range(SIZE))

    @property
    def label_names(self) -> tuple[str, ...]:
        return tuple("0123456789")

    def read(self, path: Path | None = None) -> SequenceTable:
        """All pictures.

        Raises
        ------
        MissingPackageError
            scikit-learn is not installed.
        """
        self.refuse(path)
        try:
            from sklearn.datasets import load_digits
        except ImportError as err:
            raise MissingPackageError(
                f"DigitRows: the pictures are those of scikit-learn, which is not there: {install_command('digits')}"
            ) from err
        found = load_digits()
        return ArraySequences(found.images, found.target, labels=self.label_names, features=self.feature_names).table
