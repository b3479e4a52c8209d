"""Check a layer of your own: gradients, shapes, re-entrancy, config, one line a check."""

from __future__ import annotations

import argparse

from minidl.cli.common import print_json
from minidl.cli.layer_argument import layer_in_file, made
from minidl.core.errors import ConfigError
from minidl.core.output import show
from minidl.testing.checks import run_checks


def run(args: argparse.Namespace) -> int:
    """0 if every check holds, 1 if one does not."""
    layer, shape = made(layer_in_file(args.layer), args), _shape(args.input_shape)
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


def _shape(text: str) -> tuple[int, ...]:
    try:
        shape = tuple(int(part) for part in text.split(","))
    except ValueError:
        shape = ()
    if not 1 <= len(shape) <= 2 or min(shape, default=0) < 1:
        raise ConfigError(f"--input-shape: expected one or two positive numbers such as 5,3, got {text!r}.")
    return shape
