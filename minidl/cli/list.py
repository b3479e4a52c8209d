"""List what configs can name, and the configs and models that are shipped."""

from __future__ import annotations

import argparse

from minidl import metrics
from minidl.cli.arguments.list import CHOICES, KINDS
from minidl.cli.common import load_plugins, print_json
from minidl.config import shipped
from minidl.config.nodes import MAX_BYTES
from minidl.core.errors import ConfigError
from minidl.core.output import show
from minidl.core.registry import kinds, lookup, names
from minidl.files.reading import read_given


def run(args: argparse.Namespace) -> int:
    """One line a name, with the first line of what it is.

    Raises
    ------
    ConfigError
        It is not said what to list.
    """
    if args.kind is None:
        raise ConfigError(f"say what to list: {', '.join(CHOICES)}.")
    load_plugins(args)
    if args.kind in ("configs", "models"):
        found = {
            name: _first_comment(read_given(path, MAX_BYTES).decode()) for name, path in shipped(args.kind).items()
        }
    elif args.kind == "metrics":
        scores = (metrics.half_mse, metrics.r2, metrics.mae, metrics.rmse, metrics.accuracy, metrics.macro_f1)
        found = {metric.__name__: _first_line(metric) for metric in scores}
    else:
        import minidl.experiment  # noqa: F401  (files every kind in the registry)

        base = kinds()[KINDS[args.kind]]
        found = {name: _first_line(lookup(base, name)) for name in names(base)}
    if args.json:
        print_json(found)
    else:
        width = max(map(len, found))
        show(*(f"{name:<{width}}  {text}".rstrip() for name, text in found.items()))
    return 0


def _first_line(item: object) -> str:
    return (item.__doc__ or "").strip().split("\n")[0]


def _first_comment(text: str) -> str:
    first = text.split("\n", 1)[0]
    return first.lstrip("# ") if first.startswith("#") else ""
