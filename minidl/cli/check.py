"""Check configs: keys, types, bounds and shapes. No data is read, nothing is written."""

from __future__ import annotations

import argparse

from minidl.cli.common import load_plugins, print_json
from minidl.core.errors import ConfigError
from minidl.core.layer import n_parameters
from minidl.core.output import say, show
from minidl.core.text import counted
from minidl.experiment import load_experiment


def run(args: argparse.Namespace) -> int:
    """One line a config that is right; all problems of one that is not."""
    load_plugins(args)
    code, found = 0, []
    for config in args.configs:
        try:
            parameters, experiments, searched = _checked(config, args.overrides)
            found.append({"config": config, "parameters": parameters, "experiments": experiments, "problems": []})
            if not args.json:
                grid = f", {experiments} experiments" if experiments > 1 else ""
                keys = f", {counted(searched, 'key')} to search" if searched else ""
                show(f"{config}: ok, {parameters} parameters{grid}{keys}")
        except ConfigError as err:
            code = err.exit_code
            found.append({"config": config, "parameters": None, "experiments": None, "problems": list(err.lines)})
            if not args.json:
                say(*err.lines)
    if args.json:
        print_json(found)
    return code


def _checked(config: str, overrides: list[str]) -> tuple[int, int, int]:
    """The parameters of a config's model, its experiments with ``sweep:``, and its keys with ``search:``."""
    from minidl.comparison.entries import load_entries

    experiment = load_experiment(config, overrides)
    experiments = len(load_entries([config], overrides)) if experiment.sweep else 1
    return n_parameters(experiment.model), experiments, len(experiment.search)
