"""Print the JSON Schema of configs, for editors and other tools.

Save it beside your configs, and put this line on top of each:
# yaml-language-server: $schema=minidl.schema.json
"""

from __future__ import annotations

import argparse

from minidl.cli.common import add_plugin, load_plugins, print_json
from minidl.config.schema import json_schema
from minidl.core.layer import Layer
from minidl.experiment import Experiment


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument(
        "what", nargs="?", choices=("experiment", "model"), default="experiment", help="default: experiment"
    )
    add_plugin(parser)


def run(args: argparse.Namespace) -> int:
    """Print it."""
    load_plugins(args)
    print_json(json_schema(Experiment if args.what == "experiment" else Layer))
    return 0
