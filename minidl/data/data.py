"""What the ``data`` section of a config describes, whatever task it is for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from minidl.core.arguments import Configurable
from minidl.core.registry import open_kind


@open_kind("data", default="WindowData")
@dataclass(eq=False)
class Data(Configurable, ABC):
    """Where examples come from, and how they become parts for training, validation and testing."""

    @property
    @abstractmethod
    def input_shape(self) -> tuple[int | None, ...]:
        """Of one example: (time steps, features), None where time varies; nothing is read."""

    @property
    @abstractmethod
    def feature_names(self) -> tuple[str, ...]:
        """The columns that a model gets, in order; known without reading the data."""

    @property
    @abstractmethod
    def has_validation(self) -> bool:
        """Whether there is a part that judges the model while it trains."""

    @property
    def validation_key(self) -> str:
        """Where a config says how large that part is."""
        return "data.validation"

    @property
    def scaled_names(self) -> tuple[str, ...]:
        """The columns that are scaled: those that a model gets, and those that it is compared with."""
        return self.feature_names

    @property
    def known_ahead(self) -> tuple[str, ...]:
        """The columns whose later values a prediction is to be given."""
        return ()

    @property
    def has_files(self) -> bool:
        """Whether a file of the same form can be given for predictions."""
        return True
