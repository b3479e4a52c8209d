"""List what configs can name, and the configs and models that are shipped."""

from __future__ import annotations

import argparse

from minidl.cli.arguments.shared import add_json, add_plugin

KINDS = {  # of the registry, by what they are called here
    "layers": "layer",
    "initializers": "initializer",
    "losses": "loss",
    "optimizers": "optimizer",
    "schedules": "schedule",
    "callbacks": "callback",
    "series": "series",
    "sequences": "sequence source",
    "data": "data",
    "features": "feature",
    "scalers": "scaler",
    "splits": "split",
    "validations": "validation",
    "rivals": "rival",
    "tasks": "task",
}
CHOICES = (*KINDS, "metrics", "configs", "models")


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    parser.add_argument("kind", choices=CHOICES, nargs="?", help="what to list")
    add_plugin(parser)
    add_json(parser)
