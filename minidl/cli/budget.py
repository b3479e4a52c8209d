"""Find the widths of a stack that meet a budget of parameters or multiply-adds, for each depth asked."""

from __future__ import annotations

import argparse
import re
from dataclasses import asdict

from minidl.cli.common import load_plugins, print_json
from minidl.comparison.budget import Unit, WidthPlan, plan_widths
from minidl.config import build, find_model, parse_file
from minidl.config.tree import shorten
from minidl.core.errors import ConfigError
from minidl.core.layer import Layer
from minidl.core.output import show
from minidl.core.text import aligned
from minidl.layers import Sequential


def run(args: argparse.Namespace) -> int:
    """One line a stack that meets the budget, or the nearest one."""
    load_plugins(args)
    tree = parse_file(find_model(args.model))
    if isinstance(tree.value, dict) and "type" not in tree.value and {"model", "data", "extends"} & {*tree.value}:
        raise ConfigError(f"{args.model}: is a whole config; give a file that holds a model, as below its model:.")
    model = build(Layer, tree)
    if not isinstance(model, Sequential):
        raise ConfigError(f"{args.model}: expected a Sequential, got {type(model).__name__}.")
    unit: Unit = "parameters" if args.parameters is not None else "multiply_adds"
    budget = args.parameters if args.parameters is not None else args.multiply_adds
    time, features = _numbers("--input-shape", args.input_shape, 2)
    plans = [
        plan
        for depth in _numbers("--depths", args.depths)
        for plan in plan_widths(model, (time, features), depth=depth, budget=budget, unit=unit)
    ]
    if args.json:
        print_json([{**asdict(plan), "depth": len(plan.widths), "exact": plan.exact} for plan in plans])
    else:
        show(*aligned([["depth", "widths", "parameters", "multiply-adds", ""], *map(_row, plans)]))
    return 0


def _row(plan: WidthPlan) -> list[str]:
    off = plan.spent - plan.budget
    word = "exact" if plan.exact else f"nearest, {abs(off):,} {'more' if off > 0 else 'less'}"
    widths = "+".join(map(str, plan.widths))
    return [str(len(plan.widths)), widths, f"{plan.parameters:,}", f"{plan.multiply_adds:,}", word]


def _numbers(option: str, text: str, count: int | None = None) -> list[int]:
    parts = text.split(",")
    if not all(re.fullmatch(r" *0*[1-9][0-9]{,11} *", part) for part in parts) or count not in (None, len(parts)):
        wanted = f"{count or 'some'} positive numbers with commas between"
        raise ConfigError(f"{option}: expected {wanted}, got {shorten(text)}.")
    return [int(part) for part in parts]
