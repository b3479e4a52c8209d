"""List what configs can name, and the configs and models that are shipped."""

from __future__ import annotations

import argparse

from minidl import metrics
from minidl.cli.common import add_json, add_plugin, load_plugins, print_json
from minidl.config import shipped
from minidl.config.nodes import MAX_BYTES
from minidl.core.errors import ConfigError
from minidl.core.output import show
from minidl.core.registry import kinds, lookup, names
from minidl.files.reading import read_given

PLURALS = {"loss": "losses", "series": "series", "data": "data", "sequence source": "sequences"}


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("kind", choices=_choices(), nargs="?", help="what to list")
    add_plugin(parser)
    add_json(parser)


def _choices() -> list[str]:
    return [*_kinds(), "metrics", "configs", "models"]


def _kinds() -> dict[str, type]:
    import minidl.experiment  # noqa: F401  (files every kind in the registry)

    return {PLURALS.get(name, name + "s"): base for name, base in kinds().items()}


def run(args: argparse.Namespace) -> int:
    """One line a name, with the first line of what it is.

    Raises
    ------
    ConfigError
        It is not said what to list.
    """
    if args.kind is None:
        raise ConfigError(f"say what to list: {', '.join(_choices())}.")
    load_plugins(args)
    if args.kind in ("configs", "models"):
        found = {
            name: _first_comment(read_given(path, MAX_BYTES).decode()) for name, path in shipped(args.kind).items()
        }
    elif args.kind == "metrics":
        scores = (metrics.half_mse, metrics.r2, metrics.mae, metrics.rmse, metrics.accuracy, metrics.macro_f1)
        found = {metric.__name__: _first_line(metric) for metric in scores}
    else:
        base = _kinds()[args.kind]
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
