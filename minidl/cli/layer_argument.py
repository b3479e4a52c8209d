"""A layer that is named on the command line, with its constructor's arguments."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any, TypeVar

from minidl.config import construct, parse_text
from minidl.core.arguments import argument_hints, required_arguments
from minidl.core.errors import ConfigError
from minidl.core.layer import Layer
from minidl.core.registry import suggest
from minidl.files.plugins import load_plugin

L = TypeVar("L", bound=Layer)


def layer_in_file(text: str) -> type[Layer]:
    """The class that FILE.py:CLASS names; the file is run."""
    file, _, name = text.rpartition(":")
    if not file:
        raise ConfigError(f"expected FILE.py:CLASS, got {text!r}.")
    try:
        module = load_plugin(file)
    except ConfigError as err:
        raise ConfigError(*(line.removeprefix("--plugin ") for line in err.lines)) from err
    layers = {key: value for key, value in vars(module).items() if isinstance(value, type) and issubclass(value, Layer)}
    if name not in layers:
        raise ConfigError(f"{file} has no layer {name!r}{suggest(name, layers)}")
    return layers[name]


def made(layer: type[L], args: argparse.Namespace, defaults: Mapping[str, Any] | None = None) -> L:
    """An object of the class with the arguments of --args; `defaults` stand for those that must be given."""
    arguments = parse_text(args.args, "--args").plain()
    if not isinstance(arguments, dict):
        raise ConfigError(f"--args: expected a mapping such as {{hidden_size: 8}}, got {args.args!r}.")
    needed = required_arguments(layer)
    arguments = {**{key: value for key, value in (defaults or {}).items() if key in needed}, **arguments}
    missing = [argument for argument in needed if argument not in arguments]
    if missing and arguments.keys() <= argument_hints(layer).keys():
        example = ", ".join(f"{argument}: ..." for argument in missing)
        name = layer.__name__
        raise ConfigError(f"{name} needs the arguments {', '.join(missing)}; give them with --args '{{{example}}}'.")
    found: L = construct(layer, arguments)
    return found
