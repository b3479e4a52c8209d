"""What a feature is: further columns of a table, each row made from this row and earlier ones.

Features know their columns' names before anything is read, so that a model can be
checked against them. They see the rows unscaled, with every gap filled, and are
scaled like the others. A feature learns nothing from the data.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from minidl.core.arguments import Configurable
from minidl.core.errors import ConfigError, DataError
from minidl.core.registry import open_kind, suggest
from minidl.data.gaps import Gaps
from minidl.data.series import Categories, Table


@open_kind("feature")
@dataclass(eq=False)
class Feature(Configurable, ABC):
    """Further columns of a table.

    What is made from the rows' times alone is known ahead: a forecast is given its
    true later values. So is what is made from such columns.
    """

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns that this is made from, beside the rows' times."""
        return ()

    @property
    def replaced(self) -> tuple[str, ...]:
        """Which of them the new columns take the place of."""
        return ()

    @abstractmethod
    def names(self, categories: Categories) -> tuple[str, ...]:
        """The new columns, in order.

        Parameters
        ----------
        categories : for columns of texts, the number of each text, as far as the series says them.
        """

    @abstractmethod
    def columns(self, table: Table) -> npt.NDArray[np.float64]:
        """(n, k): the new columns of a table whose gaps are filled; a row depends on none that comes later.

        Raises
        ------
        DataError
            The table lacks what this is made from.
        """


@dataclass(eq=False)
class ColumnFeature(Feature):
    """A feature that is made from one column.

    Parameters
    ----------
    column : of the series, or of a feature before this one.
    replace : whether the new columns take that one's place.
    """

    column: str
    replace: bool = field(default=False, kw_only=True)

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def replaced(self) -> tuple[str, ...]:
        return self.sources if self.replace else ()


def derived_names(features: Sequence[Feature], names: tuple[str, ...], categories: Categories) -> tuple[str, ...]:
    """The columns of a table with these ones, once all features were added.

    Raises
    ------
    ConfigError
        A feature is made from a column that there is not, or gives one a second time.
    """
    for i, feature in enumerate(features):
        where = f"derived.{i}: {type(feature).__name__}"
        for column in feature.sources:
            if column not in names:
                raise ConfigError(f"{where}: no column {column!r}{suggest(column, names)}")
        left, new = _left(names, feature), feature.names(categories)
        for name in new:
            if name in left or new.count(name) > 1:
                raise ConfigError(f"{where}: there is a column {name!r} already.")
        names = (*left, *new)
    return names


def derive(features: Sequence[Feature], table: Table) -> Table:
    """A table whose gaps are filled, with the columns of all features.

    Raises
    ------
    ConfigError
        A feature would take the target's place.
    DataError
        The table lacks what a feature is made from.
    """
    for feature in features:
        table = _with_feature(table, feature)
    return table


def _left(names: tuple[str, ...], feature: Feature) -> tuple[str, ...]:
    return tuple(name for name in names if name not in feature.replaced)


def _with_feature(table: Table, feature: Feature) -> Table:
    targets = [table.feature_names[column] for column in table.target_columns]
    for name in targets:
        if name in feature.replaced:
            raise ConfigError(
                f"data.derived: {type(feature).__name__}: {name} is the target, whose place nothing can take; "
                "say replace: false."
            )
    new, left = feature.names(table.categories), _left(table.feature_names, feature)
    kept = [table.feature_names.index(name) for name in left]
    made, shape = feature.columns(table), (len(table), len(new))
    if made.shape != shape:
        raise DataError(
            f"data.derived: {type(feature).__name__}: columns gave shape {made.shape}, expected {shape}, a column for "
            "each of its names."
        )
    return replace(
        table,
        values=np.concatenate([table.values[:, kept], made], axis=1),
        feature_names=(*left, *new),
        target_index=left.index(table.target_name),
        targets=tuple(one._replace(column=kept.index(one.column)) for one in table.targets),
        gaps=_gaps(table, feature, kept, shape),
        known_ahead=_spread(table.known_ahead, new, all(name in table.known_ahead for name in feature.sources)),
        early=_spread(table.early, new, any(name in table.early for name in feature.sources)),
        of_target=_spread(table.of_target, new, bool({*targets, *table.of_target} & {*feature.sources})),
    )


def _spread(names: tuple[str, ...], new: tuple[str, ...], too: bool) -> tuple[str, ...]:
    return (*names, *new) if too else names


def _gaps(table: Table, feature: Feature, kept: list[int], shape: tuple[int, ...]) -> Gaps | None:
    """A value that takes the place of a filled one is a filled one; others are made, and count as none."""
    if table.gaps is None:
        return None
    taken = [table.feature_names.index(name) for name in feature.replaced]
    filled = np.repeat(table.gaps.where[:, taken].any(axis=1, keepdims=True), shape[1], axis=1)
    return replace(table.gaps, where=np.concatenate([table.gaps.where[:, kept], filled], axis=1))


def known_texts(column: str, categories: Categories, given: Mapping[str, float] | None, who: str) -> dict[str, float]:
    """The number of each text of a column: as given, or as the series says.

    Raises
    ------
    ConfigError
        Nobody says it.
    """
    found = categories.get(column, {}) if given is None else given
    if not found:
        raise ConfigError(
            f"{who}: the series does not say which categories the column {column!r} has; give them as "
            "categories: {NAME: NUMBER, ...}."
        )
    return dict(found)
