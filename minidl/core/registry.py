"""The one table from names to classes: what a config may name.

A *kind* is an abstract base (Layer, Loss, Optimizer, Series, ...). ``register``
files a class under its own name in the kind it derives from. Nothing is ever
imported because a config names it; a name that is not in the table is an error
with a suggestion.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from minidl.core.errors import ConfigError

T = TypeVar("T", bound=Callable[..., Any])
Kind = TypeVar("Kind", bound=type)

_KINDS: dict[type, tuple[str, dict[str, Any]]] = {}
_FUNCTION_KIND: list[type] = []
_DEFAULTS: dict[type, str] = {}
_entry_points_loaded = False
_entry_point_packages: set[str] = set()
MOST_NAMED = 50  # more known names make no readable line
WRITTEN = "_written_at"  # the attribute in which an object keeps its place in a config
# What other libraries call a class, in small letters without strokes.
_ALSO_CALLED = {
    "RecurrentLayer": ("rnn", "simplernn", "elman", "elmanrnn", "vanillarnn", "basicrnn"),
    "Dense": ("linear", "fullyconnected", "fc"),
    "MeanOverTime": ("globalaveragepooling1d", "averagepooling", "avgpool", "meanpool"),
    "MaxOverTime": ("globalmaxpooling1d", "maxpooling", "maxpool"),
    "MSE": ("l2", "l2loss", "meansquarederror", "meansquareerror"),
    "MAE": ("l1", "l1loss", "meanabsoluteerror"),
    "Huber": ("smoothl1", "smoothl1loss"),
    "Quantile": ("pinball", "pinballloss"),
    "CrossEntropy": ("nll", "nllloss", "softmaxcrossentropy", "logsoftmax"),
    "BinaryCrossEntropy": ("bce", "bceloss", "bcewithlogits", "bcewithlogitsloss", "logloss"),
    "StepDecay": ("steplr", "multisteplr"),
    "ExponentialDecay": ("exponentiallr",),
    "StandardScaler": ("zscore", "normalize", "normalizer"),
    "glorot_uniform": ("xavier", "xavieruniform"),
}


def open_kind(name: str, *, functions: bool = False, default: str | None = None) -> Callable[[Kind], Kind]:
    """Class decorator: make an abstract base a kind, called `name` in messages.

    With ``functions=True`` the members of the kind are plain functions (one
    kind only: initializers). `default` is the name of the member that a config
    means where it gives no ``type``.
    """

    def decorate(base: Kind) -> Kind:
        _KINDS[base] = (name, {})
        if default is not None:
            _DEFAULTS[base] = default
        if functions:
            _FUNCTION_KIND.append(base)
        return base

    return decorate


def register(item: T) -> T:
    """Decorator: let configs name this class (or initializer function) by its own name.

    Raises
    ------
    ConfigError
        The class derives from no kind, declares arguments without being a
        dataclass, or its name is taken by another one.
    """
    if not isinstance(item, type):
        base = _FUNCTION_KIND[0]
    else:
        bases = [base for base in _KINDS if base not in _FUNCTION_KIND and issubclass(item, base)]
        if not bases:
            kinds = ", ".join(base.__name__ for base in _KINDS if base not in _FUNCTION_KIND)
            raise ConfigError(f"register: {item.__name__} must derive from one of {kinds}.")
        base = bases[0]
        if "__dataclass_fields__" not in vars(item):
            _check_arguments(item)
    name = item.__name__
    kind, entries = _KINDS[base]
    old = entries.get(name)
    same = old is not None and (old.__module__, old.__qualname__) == (item.__module__, item.__qualname__)
    if old is not None and not same:
        raise ConfigError(f"register: a {kind} named {name} exists already, in {old.__module__}; choose another name.")
    entries[name] = item
    return item


def _check_arguments(item: type) -> None:
    """Refuse arguments of a class that is no dataclass: configs could neither give nor save them."""
    who = f"register: {item.__name__}"
    if "__annotations__" in vars(item):
        raise ConfigError(f"{who} declares arguments but is not a dataclass; put @dataclass(eq=False) below @register.")
    code = getattr(vars(item).get("__init__"), "__code__", None)
    if code is not None and code.co_argcount + code.co_kwonlyargcount > 1:
        name = code.co_varnames[1]
        raise ConfigError(
            f"{who}: an __init__ with arguments; put @dataclass(eq=False) below @register, and in place of the "
            f"__init__ {name}: float, or what it is."
        )


def kinds() -> dict[str, type]:
    """Every kind's name and its base, for example ``{"layer": Layer, ...}``."""
    return {name: base for base, (name, _) in _KINDS.items()}


def is_kind(hint: object) -> bool:
    """Whether a type hint is the base of a kind."""
    return isinstance(hint, type) and hint in _KINDS


def kind_name(base: type) -> str:
    """The word for a kind in messages: ``layer`` for Layer."""
    return _KINDS[base][0]


def default_name(base: type) -> str | None:
    """The member of a kind that a config means where it gives no ``type``; None: there is none."""
    return _DEFAULTS.get(base)


def names(base: type) -> list[str]:
    """All registered names of a kind, sorted."""
    load_entry_points()
    return sorted(_KINDS[base][1])


def lookup(base: type, name: str) -> Any:
    """The class (or initializer) registered under `name` in the kind of `base`.

    Raises
    ------
    ConfigError
        No such name; the message suggests the nearest one.
    """
    kind, entries = _KINDS[base]
    if name not in entries:
        load_entry_points()
    if name not in entries:
        raise ConfigError(f"unknown {kind} {name!r}{suggest(name, entries)}")
    return entries[name]


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was meant, if one is near.

    What other libraries call it; the shortest that contains this one, tanh in TanhActivation; the nearest by its
    letters; or the longest that this one contains, Cosine in CosineAnnealingLR.
    """
    lowered = {candidate.lower(): candidate for candidate in sorted(known)}
    word = name.lower()
    called = [ours.lower() for ours, others in _ALSO_CALLED.items() if re.sub("[_ -]", "", word) in others]
    holding = [candidate for candidate in lowered if len(name) > 2 and word in candidate]
    near = [
        *(ours for ours in called if ours in lowered),
        *sorted(holding, key=len),
        *difflib.get_close_matches(word, lowered, n=1, cutoff=0.6),
        *sorted((candidate for candidate in lowered if len(candidate) > 2 and candidate in word), key=len)[-1:],
    ]
    return lowered[near[0]] if near else None


def suggest(name: str, known: Iterable[str]) -> str:
    """``"; did you mean X?"`` for the nearest known name; or the known names, if they are not very many."""
    known = sorted(known)
    near = nearest(name, known)
    if near:
        return f"; did you mean {near}?"
    return f"; known: {', '.join(known)}" if 0 < len(known) <= MOST_NAMED else ""


def suggest_some(name: str, known: Iterable[str], where: str) -> str:
    """As `suggest`, but the three nearest names where none is near, and where all are to be found."""
    known = sorted(known)
    if nearest(name, known):
        return suggest(name, known)
    lowered = {candidate.lower(): candidate for candidate in known}
    some = [lowered[one] for one in difflib.get_close_matches(name.lower(), lowered, n=3, cutoff=0.0)]
    return f"; the nearest are {', '.join(some)}; all: {where}" if some else ""


def note_place(item: object, place: str) -> None:
    """Remember with an object where in a config it is written, for the messages of what fails in it."""
    vars(item)[WRITTEN] = place


def load_entry_points() -> None:
    """Import the modules that installed packages name in the entry-point group ``minidl.plugins``."""
    global _entry_points_loaded
    if _entry_points_loaded:
        return
    _entry_points_loaded = True
    import importlib.metadata  # 40 ms that few processes need

    for point in importlib.metadata.entry_points(group="minidl.plugins"):
        _entry_point_packages.add(point.module.split(".")[0])
        try:
            point.load()
        except Exception as err:
            raise ConfigError(f"plugin {point.name} ({point.value}): {type(err).__name__}: {err}") from err


def from_entry_point(module: str) -> bool:
    """Whether a module belongs to an installed package that registers classes by itself."""
    return module.split(".")[0] in _entry_point_packages
