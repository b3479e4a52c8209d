"""Sequences to try tasks on: made by a function of a seed, or from lists and pictures of other packages."""

from minidl.data.examples.digits import DigitRows
from minidl.data.examples.echo import Echo
from minidl.data.examples.family_names import FamilyNames
from minidl.data.examples.subtraction import Subtraction
from minidl.data.examples.waves import Waves

__all__ = ["DigitRows", "Echo", "FamilyNames", "Subtraction", "Waves"]
