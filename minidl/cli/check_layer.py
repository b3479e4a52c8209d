"""Check a layer of your own: gradients, shapes, re-entrancy, config, one line a check."""

from __future__ import annotations

import argparse

from minidl.cli.common import add_json, print_json
from minidl.config import construct, parse_text
from minidl.core.arguments import required_arguments
from minidl.core.errors import ConfigError
from minidl.core.layer import Layer
from minidl.core.output import show
from minidl.core.registry import suggest
from minidl.files.plugins import load_plugin
from minidl.testing.checks import run_checks


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("layer", metavar="FILE.py:CLASS", help="the layer's file and class")
    parser.add_argument("--args", default="{}", metavar="YAML", help="constructor arguments, e.g. '{hidden_size: 8}'")
    parser.add_argument(
        "--input-shape",
        default="5,3",
        metavar="TIME,FEATURES",
        help="input without the batch axis; default 5,3. One number: features only",
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """0 if every check holds, 1 if one does not."""
    layer, shape = _layer(args), _shape(args.input_shape)
    results = run_checks(layer, shape)
    failed = sum(result.error is not None for result in results)
    if args.json:
        print_json([{"check": r.name, "error": r.error, "skipped": r.skipped} for r in results])
        return 1 if failed else 0
    show(f"{layer!r} on input of shape (batch, {', '.join(map(str, shape))})")
    for result in results:
        word = "FAILED " if result.error else "skipped" if result.skipped else "ok     "
        detail = result.error or result.skipped
        show(f"  {word} {result.name}" + (f": {detail}" if detail else ""))
    show(f"{failed} of {len(results)} checks failed" if failed else "all checks passed")
    return 1 if failed else 0


def _layer(args: argparse.Namespace) -> Layer:
    file, _, name = args.layer.rpartition(":")
    if not file:
        raise ConfigError(f"expected FILE.py:CLASS, got {args.layer!r}.")
    try:
        module = load_plugin(file)
    except ConfigError as err:
        raise ConfigError(*(line.removeprefix("--plugin ") for line in err.lines)) from err
    layers = {key: value for key, value in vars(module).items() if isinstance(value, type) and issubclass(value, Layer)}
    if name not in layers:
        raise ConfigError(f"{file} has no layer {name!r}{suggest(name, layers)}")
    arguments = parse_text(args.args, "--args").plain()
    if not isinstance(arguments, dict):
        raise ConfigError(f"--args: expected a mapping such as {{hidden_size: 8}}, got {args.args!r}.")
    missing = [argument for argument in required_arguments(layers[name]) if argument not in arguments]
    if missing:
        example = ", ".join(f"{argument}: ..." for argument in missing)
        raise ConfigError(f"{name} needs the arguments {', '.join(missing)}; give them with --args '{{{example}}}'.")
    layer: Layer = construct(layers[name], arguments)
    return layer


def _shape(text: str) -> tuple[int, ...]:
    try:
        shape = tuple(int(part) for part in text.split(","))
    except ValueError:
        shape = ()
    if not 1 <= len(shape) <= 2 or min(shape, default=0) < 1:
        raise ConfigError(f"--input-shape: expected one or two positive numbers such as 5,3, got {text!r}.")
    return shape
