"""Small classes of their own kinds, so that these tests depend on no real layer."""

from __future__ import annotations

from abc import ABC
from dataclasses import KW_ONLY, dataclass, field
from typing import Annotated, Any, Literal, Protocol

from msgspec import Meta

from minidl.core.arguments import Configurable, PositiveFloat, PositiveInt
from minidl.core.errors import ConfigError
from minidl.core.initializers import Initializer, zeros
from minidl.core.registry import _KINDS, open_kind, register


@open_kind("shape")
@dataclass(eq=False)
class Shape(Configurable, ABC):
    """Something with an outline."""


@open_kind("colour")
@dataclass(eq=False)
class Colour(Configurable, ABC):
    """What a shape is filled with."""


@register
@dataclass(eq=False)
class PlainRed(Colour):
    """Red, with nothing to choose."""


@register
@dataclass(eq=False)
class MixedColour(Colour):
    """A colour by its parts.

    Parameters
    ----------
    parts : red, green, blue, each in [0, 1].
    mode : how the parts add up.
    """

    parts: list[Annotated[float, Meta(ge=0, le=1)]] = field(default_factory=lambda: [0.5, 0.5, 0.5])
    mode: Literal["additive", "subtractive"] = "additive"

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.parts) != 3:
            raise ConfigError(f"MixedColour: parts: expected three numbers, got {len(self.parts)}")


@register
@dataclass(eq=False)
class CircleShape(Shape):
    """A round shape.

    Parameters
    ----------
    radius : in cm, above 0.
    colour, border : what it is filled with, and the line around it.
    """

    radius: PositiveFloat
    _: KW_ONLY
    colour: Colour = field(default_factory=PlainRed)
    border: Colour | None = None
    filled: bool = True
    fill_initializer: Initializer = zeros


@register
@dataclass(eq=False)
class RectangleShape(Shape):
    """A shape with four corners."""

    width: PositiveInt = 1
    height: PositiveInt = 1
    labels: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.labels.get("area", 0) < 0:
            raise ConfigError("labels.area: must not be negative")
        if self.width < self.height:
            raise ConfigError("RectangleShape: the width must not be below the height; swap them")


@register
@dataclass(eq=False)
class GroupShape(Shape):
    """Several shapes as one."""

    members: list[Shape] = field(default_factory=list)


@register
@dataclass(eq=False)
class BrokenShape(Shape):
    """A plugin's class with a fault of its own."""

    how: Literal["type", "value", "key"] = "value"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.how == "key":
            raise KeyError("nothing")
        raise {"type": TypeError, "value": ValueError}[self.how]("it is broken")


@dataclass(eq=False)
class Paper(Configurable):
    """The sheet.

    Parameters
    ----------
    size : of the sheet.
    margins : in cm, at the four sides.
    """

    size: Literal["A4", "A5"] = "A4"
    margins: tuple[float, ...] = (1.0, 1.0)
    title: str | None = None
    notes: list[str] | str = ""
    nested: dict[str, list[int]] = field(default_factory=dict)
    switch: str = "off"


@dataclass(eq=False)
class Drawing(Configurable):
    """A whole drawing."""

    shape: Shape
    paper: Paper = field(default_factory=Paper)
    background: Colour | None = None
    seed: int = 0
    scale: PositiveFloat = 1.0
    any_value: Any = None


# The kinds are in the registry only while a test of this folder runs (conftest.py).
SAMPLE_KINDS = {base: _KINDS.pop(base) for base in (Shape, Colour)}

GOOD = """\
# A comment
seed: 3
scale: 1e-3
paper:
  size: A5
  margins: [1, 2.5, .5]
  title: "A title"
  nested: {a: [1, 2], b: []}
background: PlainRed
shape:
  type: GroupShape
  members:
    - {type: CircleShape, radius: 2, colour: PlainRed, filled: false}
    - type: RectangleShape
      width: 4
      height: 3
      labels: {a: 1, b: 2}
    - type: CircleShape
      radius: 1.5
      fill_initializer: normal_fan_in
      colour:
        type: MixedColour
        parts: [0, 1, 0.5]
        mode: subtractive
"""


class Written(Protocol):
    """Writes a file into the test's folder and returns its path."""

    def __call__(self, name: str, text: str) -> str:
        """The path of the file `name`."""
