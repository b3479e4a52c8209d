"""Print the JSON Schema of configs, for editors and other tools.

Save it beside your configs, and put this line on top of each:
# yaml-language-server: $schema=minidl.schema.json
"""

from __future__ import annotations

import argparse

from minidl.cli.arguments.shared import add_plugin


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument(
        "what", nargs="?", choices=("experiment", "model"), default="experiment", help="default: experiment"
    )
    add_plugin(parser)
