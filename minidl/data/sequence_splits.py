"""Which sequences are for training, for validation and for the final scores: by fraction, by group, or by time.

The choice depends on the split's own seed, never on the experiment's: all seeds are
scored on the same sequences.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import numpy.typing as npt
from msgspec import Meta

from minidl.core.arguments import Configurable, Seed
from minidl.core.errors import ConfigError, DataError
from minidl.core.registry import open_kind, register
from minidl.data.sequence_table import SequenceTable

Ints = npt.NDArray[np.int64]
Fraction = Annotated[float, Meta(ge=0, lt=1)]
Some = Annotated[float, Meta(gt=0, lt=1)]


@open_kind("split", default="FractionSplit")
@dataclass(eq=False)
class Split(Configurable, ABC):
    """Cuts sequences into three parts.

    Parameters
    ----------
    test : share of the sequences that only the final scores see.
    validation : share of the sequences that judge the model while it trains; 0: no validation.
    """

    test: Some = 0.2
    validation: Fraction = 0.2

    how: ClassVar[str]  # the test part is chosen, in words

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.test + self.validation >= 1:
            shares = f"{self.test:g} and validation {self.validation:g}"
            raise ConfigError(f"{type(self).__name__}: test: {shares} leave nothing for training.")

    @abstractmethod
    def assign(self, table: SequenceTable, strata: Ints | None) -> Ints:
        """int64 (S,): 0 for training, 1 for validation, 2 for the test.

        Parameters
        ----------
        strata : a number for each sequence, whose shares should be alike in all parts; None: there are none.
        """

    def divide(self, table: SequenceTable, strata: Ints | None = None) -> tuple[Ints, Ints, Ints]:
        """Numbers of the sequences of each part, ascending.

        Raises
        ------
        DataError
            A part that is asked for is empty, or the table lacks what the split needs.
        """
        part = self.assign(table, strata)
        found = [np.flatnonzero(part == number) for number in range(3)]
        asked = (True, self.validation > 0, True)
        for name, sequences, wanted in zip(("training", "validation", "test"), found, asked, strict=True):
            if wanted and not len(sequences):
                raise DataError(
                    f"{table.source}: {type(self).__name__} leaves none of {len(table)} sequences for the {name} part."
                )
        return found[0], found[1], found[2]

    def counts(self, n: int) -> tuple[int, int]:
        """How many of n belong to the test and to validation, rounded; to training at least one, if there is one."""
        test = round(self.test * n)
        return test, min(round(self.validation * n), max(n - test - 1, 0))


@register
@dataclass(eq=False)
class FractionSplit(Split):
    """Sequences drawn at random; where each has a label, the classes have the same shares in all parts.

    Parameters
    ----------
    stratified : whether they have; labels of single steps play no part.
    seed : of the draw.
    """

    stratified: bool = True
    seed: Seed = 0

    how: ClassVar[str] = "the sequences of the test part were drawn at random: new ones are like those of training"

    def assign(self, table: SequenceTable, strata: Ints | None) -> Ints:
        rng, part = np.random.default_rng(self.seed), np.zeros(len(table), np.int64)
        classes = np.zeros(len(table), np.int64) if strata is None or not self.stratified else strata
        order = rng.permutation(len(table))
        if len(np.unique(classes)) == 1:
            _deal(part, order, self.counts(len(order)))
            return part
        # Class after class, each evenly spread over 0 ... 1: the first shares hold every class in proportion.
        place = np.empty(len(table))
        for number in np.unique(classes):
            members = order[classes[order] == number]
            place[members] = (np.arange(len(members)) + 0.5) / len(members)
        test, validation = self.test, self.test + self.validation
        part[place < validation] = 1
        part[place < test] = 2
        return part


@register
@dataclass(eq=False)
class GroupSplit(Split):
    """Whole groups: a person, a machine or a place that was seen in training never appears in the test.

    Groups are drawn at random until a part has its share of the sequences, or as near as whole groups come to it.

    Parameters
    ----------
    seed : of the draw.
    """

    seed: Seed = 0

    how: ClassVar[str] = "no group of the test part was seen in training"

    def assign(self, table: SequenceTable, strata: Ints | None) -> Ints:
        if table.groups is None:
            raise DataError(f"{table.source}: there are no groups, which GroupSplit needs; name them in data.source.")
        names, group = np.unique(np.array(table.groups), return_inverse=True)
        sizes, part = np.bincount(group), np.zeros(len(names), np.int64)
        order = np.random.default_rng(self.seed).permutation(len(names))
        for number, wanted in zip((2, 1), self.counts(len(table)), strict=True):
            taken = 0
            for one in order[part[order] == 0]:
                if abs(taken + sizes[one] - wanted) < abs(taken - wanted):
                    part[one], taken = number, taken + sizes[one]
        assigned: Ints = part[group]
        return assigned


@register
@dataclass(eq=False)
class TimeSplit(Split):
    """By the time of each sequence's first row: the latest are the test part, those before them validation."""

    how: ClassVar[str] = "the sequences of the test part began after all those of training"

    def assign(self, table: SequenceTable, strata: Ints | None) -> Ints:
        if table.times is None:
            raise DataError(
                f"{table.source}: sequences have no times, which TimeSplit needs; name them in data.source."
            )
        part: Ints = np.zeros(len(table), np.int64)
        _deal(part, np.argsort(table.times, kind="stable")[::-1], self.counts(len(table)))
        return part


def _deal(part: Ints, order: npt.NDArray[Any], counts: tuple[int, int]) -> None:
    test, validation = counts
    part[order[:test]] = 2
    part[order[test : test + validation]] = 1
