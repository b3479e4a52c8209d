"""Plain scalars as the core schema of YAML 1.2 reads them, and the way back.

PyYAML follows YAML 1.1, where ``1e-3`` is a string, ``on`` is true, ``010`` is
eight and ``1:30`` is ninety. Here ``1e-3`` is a number, ``010`` is ten, and the
others stay strings. `dump` writes what `resolve` reads back to the same values.
"""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

_CONSTANTS: dict[str, Any] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_CONSTANTS |= {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_MAX_DIGITS = 400


def resolve(text: str) -> Any:
    """The value of a plain (unquoted) scalar.

    Raises
    ------
    ValueError
        A number beyond what a float can hold.
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INT.fullmatch(text):
        if len(text) > _MAX_DIGITS:
            raise ValueError(f"a number of {len(text)} digits is too long")
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return int(text, base) if base != 10 else int(text)
    if _FLOAT.fullmatch(text):
        value = float(text)
        if math.isinf(value):
            raise ValueError(f"the number {text[:60]} is too large for a float")
        return value
    if _INFINITE.fullmatch(text):
        return float(text.replace(".", "", 1))
    return text


class _Dumper(yaml.SafeDumper):
    """Quotes every string that either YAML 1.1 or the core schema would not read as a string."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    # PyYAML writes some line breaks of Unicode unescaped, unless it is told to use double quotes.
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')


_Dumper.add_representer(str, _represent_text)
for _tag, _pattern in (("int", _INT), ("float", _FLOAT), ("float", _INFINITE)):
    _whole = re.compile(f"(?:{_pattern.pattern})\\Z", re.ASCII)
    _Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _whole, None)


def dump(config: Any) -> str:
    """A resolved config as YAML text, keys in their order; `parse_text` reads it back to the same values."""
    text: str = yaml.dump(config, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text
