"""Constructor arguments as data: checked, shown, and turned into config and back.

Every layer, loss, optimizer, series and config section is a dataclass whose
fields are its constructor's arguments. This module is what they share. Types
and bounds stand in the field's annotation (``Annotated[int, Meta(ge=1)]``) and
are checked by msgspec.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from minidl.core.errors import ConfigError
from minidl.core.registry import default_name, is_kind, lookup, names, suggest
from minidl.core.text import printable, short

# Every number has an upper bound, far beyond what anybody means: a slip of the finger is refused when it is
# read, not when memory is gone or numbers overflow. `convert` refuses NaN and infinity whatever the type says.
MAX_NUMBER = 1_000_000_000
MAX_SEED = (1 << 63) - 1
PositiveInt = Annotated[int, msgspec.Meta(ge=1, le=MAX_NUMBER)]
NonNegativeInt = Annotated[int, msgspec.Meta(ge=0, le=MAX_NUMBER)]
Seed = Annotated[int, msgspec.Meta(ge=0, le=MAX_SEED)]
Number = Annotated[float, msgspec.Meta(ge=-MAX_NUMBER, le=MAX_NUMBER)]
PositiveFloat = Annotated[float, msgspec.Meta(gt=0, le=MAX_NUMBER)]
NonNegativeFloat = Annotated[float, msgspec.Meta(ge=0, le=MAX_NUMBER)]


def argument_hints(cls: Any) -> dict[str, Any]:
    """The constructor's argument names and their type hints, in order."""
    return _argument_hints(cls)


@functools.cache
def _argument_hints(cls: Any) -> dict[str, Any]:
    names = [field.name for field in dataclasses.fields(cls) if field.init]
    hints: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        # Only the arguments: Python 3.10 cannot evaluate the annotation KW_ONLY.
        own = {name: hint for name, hint in vars(base).get("__annotations__", {}).items() if name in names}
        holder = type(base.__name__, (), {"__annotations__": own, "__module__": base.__module__})
        hints |= typing.get_type_hints(holder, include_extras=True)
    return {name: hints[name] for name in names}


def required_arguments(cls: Any) -> list[str]:
    """The arguments that have no default."""
    missing = dataclasses.MISSING
    return [
        field.name
        for field in dataclasses.fields(cls)
        if field.init and field.default is missing and field.default_factory is missing
    ]


def component_hint(hint: Any) -> tuple[type, bool] | None:
    """``(base, many)`` if a hint asks for a component or a config section, or for a list of them.

    ``X | None`` counts as X; anything else gives None.
    """
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        rest = [part for part in typing.get_args(hint) if part is not type(None)]
        hint = rest[0] if len(rest) == 1 else None
    if typing.get_origin(hint) is list:
        inner = component_hint(typing.get_args(hint)[0])
        return None if inner is None else (inner[0], True)
    if is_kind(hint) or (isinstance(hint, type) and issubclass(hint, Configurable)):
        return hint, False
    return None


def _instead(part: Any, base: type) -> str:
    """What stands where an object is expected; for a class or a name how to make the object of it."""
    if isinstance(part, type):
        needed = required_arguments(part) if dataclasses.is_dataclass(part) else []
        return f"the class {part.__name__}; write {part.__name__}({', '.join(f'{name}=...' for name in needed)})"
    if not (isinstance(part, str) and is_kind(base) and issubclass(base, Configurable)):
        return repr(part) if isinstance(part, Configurable) else printable(short(part))
    if part not in names(base):
        return f"{printable(short(part))}{suggest(part, names(base))}"
    return f"{part!r}" + _instead(lookup(base, part), base).removeprefix(f"the class {part}")


def _with_article(word: str) -> str:
    return f"{'an' if word[0].lower() in 'aeiou' else 'a'} {word}"


def convert(value: Any, hint: Any) -> Any:
    """`value` as plain `hint` asks (an int where a float is meant becomes one).

    Raises
    ------
    ConfigError
        Wrong type, out of bounds ("expected `int` >= 1, got 0"), NaN or infinite.
    """
    if isinstance(value, np.generic):
        value = value.item()
    try:
        converted = msgspec.convert(value, hint, strict=True)
    except msgspec.ValidationError as err:
        text = str(err)
        text = text[0].lower() + text[1:]
        shown = short(value)
        choices = [word for word in _choices(hint) if isinstance(word, str)]
        if isinstance(value, str) and choices and "enum" in text:
            raise ConfigError(f"unknown value {shown}{suggest(value, choices)}") from err
        wrong = [key for key in value if key not in choices] if isinstance(value, dict) else []
        if wrong and choices and "enum" in text:
            raise ConfigError(f"unknown key {short(wrong[0])}{suggest(str(wrong[0]), choices)}") from err
        got = shown if ", got" not in text else f"{text.rsplit(', got ', 1)[1]} {shown}"
        raise ConfigError(f"{text.rsplit(', got ', 1)[0]}, got {got}") from err
    for number in _non_finite(converted):
        raise ConfigError(f"expected a finite number, got {number}")
    return converted


def _choices(hint: Any) -> list[Any]:
    """The values that a Literal allows, also within a union."""
    if typing.get_origin(hint) is Literal:
        return list(typing.get_args(hint))
    return [choice for part in typing.get_args(hint) for choice in _choices(part)]


def lost_in_dtype(item: Configurable, dtype: npt.DTypeLike) -> tuple[str, str] | None:
    """The first argument that breaks its own bounds once it is rounded to `dtype`, and how; None: there is none.

    A learning rate of 1e-50 is 0 in float32, and trains nothing.
    """
    for name, hint in argument_hints(type(item)).items():
        value = getattr(item, name)
        if isinstance(value, float):
            with np.errstate(over="ignore"):
                rounded = float(np.array(value).astype(dtype))
            try:
                convert(rounded, hint)
            except ConfigError as err:
                return name, f"{value:g} is {rounded:g} in {np.dtype(dtype)}; {err}"
    return None


def check_in_dtype(item: Configurable, dtype: npt.DTypeLike) -> None:
    """Refuse arguments that break their bounds once they are rounded to `dtype`; see `lost_in_dtype`.

    Raises
    ------
    ConfigError
        There is one.
    """
    found = lost_in_dtype(item, dtype)
    if found is not None:
        raise ConfigError(f"{type(item).__name__}: {found[0]}: {found[1]}")


def _non_finite(value: Any) -> Iterator[float]:
    """Every NaN and infinity in a plain value."""
    if isinstance(value, float) and not math.isfinite(value):
        yield value
    elif isinstance(value, (list, tuple, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _non_finite(part)


@dataclass(eq=False)
class Configurable:
    """Base of everything that a config can describe.

    Subclasses are dataclasses; their arguments are checked when they are
    constructed, in Python and in YAML alike.
    """

    # The class that a config names in the place of this one, which it cannot name; "": this one.
    written_as: ClassVar[str] = ""

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "__repr__" not in vars(cls):  # or @dataclass writes one, which names every argument
            cls.__repr__ = super(cls, cls).__repr__  # type: ignore[method-assign]

    def __post_init__(self) -> None:
        for name, hint in argument_hints(type(self)).items():
            value = getattr(self, name)
            setattr(self, name, checked(value, hint, f"{type(self).__name__}: {name}"))

    def __repr__(self) -> str:
        """As one writes it: required arguments, and those that are not at their defaults."""
        return f"{type(self).__name__}({', '.join(_written(self))})"

    def to_config(self) -> dict[str, Any]:
        """Exactly the constructor's arguments, as plain YAML values."""
        return {name: _plain(getattr(self, name)) for name in argument_hints(type(self))}


def describe(item: Any) -> Any:
    """A component as a config names it: ``{"type": ..., arguments}``, its kind's default class without ``type``.

    An initializer is its name.
    """
    if not isinstance(item, Configurable):
        return item.__name__
    name = item.written_as or type(item).__name__
    kind = next((base for base in type(item).__mro__ if is_kind(base)), None)
    if kind is None or name == default_name(kind):
        return item.to_config()
    return {"type": name, **item.to_config()}


def _written(item: Configurable) -> Iterator[str]:
    missing = dataclasses.MISSING
    for field in dataclasses.fields(item):
        default = field.default if field.default_factory is missing else field.default_factory()
        shown = _shown(getattr(item, field.name, missing)) if field.init else ""
        if field.init and (default is missing or shown != _shown(default)):
            yield shown if default is missing and not field.kw_only else f"{field.name}={shown}"


def _shown(value: Any) -> str:
    if isinstance(value, Configurable):
        return repr(value)
    if isinstance(value, list) and any(isinstance(part, Configurable) for part in value):
        return f"[{', '.join(map(_shown, value))}]"
    return str(value.__name__) if callable(value) else short(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Configurable) or callable(value):
        return describe(value)
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return value


def checked(value: Any, hint: Any, where: str) -> Any:
    """`value` as an argument of this type: converted if it is plain, refused if it does not fit.

    Raises
    ------
    ConfigError
        ``where: expected ..., got ...``.
    """
    try:
        return _checked(value, hint)
    except ConfigError as err:
        raise ConfigError(f"{where}: {err}") from err


def _checked(value: Any, hint: Any) -> Any:
    component = component_hint(hint)
    if component is None:
        return convert(value, hint)
    base, many = component
    if value is None and type(None) in typing.get_args(hint):
        return None
    if many and not isinstance(value, (list, tuple)):
        raise ConfigError(f"expected a list of {base.__name__}, got {type(value).__name__}")
    for part in value if many else [value]:
        fits = isinstance(part, base) if issubclass(base, Configurable) else callable(part)
        if not fits or isinstance(part, type):
            raise ConfigError(f"expected {_with_article(base.__name__)}, got {_instead(part, base)}")
    return list(value) if many else value
