"""The layers of a config's or a run's model: output shape, and every parameter's shape and count."""

from __future__ import annotations

import argparse

from minidl.cli.arguments.shared import add_config, add_json


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    add_config(parser)
    parser.usage = "minidl summary [-h] [--set KEY.PATH=VALUE] [--plugin FILE.py] [--json] CONFIG|RUN"
    add_json(parser)
