"""What was meant by an option that no verb has: most often a key of the config, which is set with --set."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from minidl.arguments import Configurable, argument_hints, component_hint
from minidl.layer import Layer
from minidl.registry import is_kind, lookup, names, suggest


def set_hint(arguments: list[str]) -> str:
    """``"; a config's values are set with --set training.epochs=5"`` for unknown arguments ``--epochs 5``.

    "" if none of them is, or is near to, a key of a config.
    """
    from minidl.experiment import Experiment

    paths = dict(reversed(list(_keys(Experiment, ""))))
    found = []
    for i, argument in enumerate(arguments):
        if not argument.startswith("--"):
            continue
        option, equals, value = argument[2:].partition("=")
        following = arguments[i + 1 : i + 2]
        value = value if equals or not following or following[0].startswith("--") else following[0]
        path = _path(option.replace("-", "_"), paths)
        if path:
            found.append(f"--set {path}={shlex.quote(value) if value else '...'}")
    return f"; a config's values are set with {' '.join(found)}" if found else ""


def _path(name: str, paths: dict[str, str]) -> str | None:
    if name in paths.values():
        return name
    near = suggest(name, paths).removeprefix("; did you mean ").removesuffix("?")
    return paths.get(name) or paths.get(near)


def _keys(section: type, prefix: str) -> Iterator[tuple[str, str]]:
    """Each key's name and path, ``("epochs", "training.epochs")``; of components the keys of all their classes."""
    for name, hint in argument_hints(section).items():
        path, component = f"{prefix}{name}", component_hint(hint)
        yield name, path
        if component is None:
            continue
        base = component[0]
        if base is Layer:
            path += ".layers.0"
        classes = [lookup(base, known) for known in names(base)] if is_kind(base) else [base]
        for cls in classes:
            if isinstance(cls, type) and issubclass(cls, Configurable) and not (base is Layer and prefix):
                yield from _plain_keys(cls, path) if is_kind(base) else _keys(cls, f"{path}.")


def _plain_keys(cls: type, path: str) -> Iterator[tuple[str, str]]:
    for name in argument_hints(cls):
        yield name, f"{path}.{name}"
