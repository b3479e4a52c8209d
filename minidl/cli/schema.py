"""Print the JSON Schema of configs, for editors and other tools."""

from __future__ import annotations

import argparse

from minidl.cli.common import load_plugins, print_json
from minidl.config.schema import json_schema
from minidl.core.layer import Layer
from minidl.experiment import Experiment


def run(args: argparse.Namespace) -> int:
    """Print it."""
    load_plugins(args)
    print_json(json_schema(Experiment if args.what == "experiment" else Layer))
    return 0
