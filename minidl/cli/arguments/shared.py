"""Arguments that several verbs have."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_plugin(parser: argparse.ArgumentParser) -> None:
    """--plugin, for every verb that builds a model."""
    parser.add_argument(
        "--plugin",
        action="append",
        default=[],
        metavar="FILE.py",
        help="run this Python file first; the layers, losses, ... that it registers can be named. Repeatable",
    )


def add_overrides(parser: argparse.ArgumentParser) -> None:
    """--set."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="overrides",
        metavar="KEY.PATH=VALUE",
        help="change a value of the config, e.g. training.epochs=5 or model.layers.0.hidden_size=8. Repeatable",
    )


def add_config(parser: argparse.ArgumentParser) -> None:
    """CONFIG, --set and --plugin."""
    parser.add_argument("config", metavar="CONFIG", help="a config file, or a shipped name (minidl list configs)")
    add_overrides(parser)
    add_plugin(parser)


def add_json(parser: argparse.ArgumentParser) -> None:
    """--json."""
    parser.add_argument("--json", action="store_true", help="print the result as JSON on standard output")


def add_workers(parser: argparse.ArgumentParser) -> None:
    """--jobs, --executor and --scheduler."""
    parser.add_argument("--jobs", type=int, metavar="N", help="processes at a time; default: one a processor")
    parser.add_argument("--executor", choices=("processes", "dask"), default="processes", help="what runs trainings")
    parser.add_argument("--scheduler", metavar="tcp://HOST:PORT", help="of a Dask cluster that is running")


def add_runs(parser: argparse.ArgumentParser) -> None:
    """RUN, --ensemble and --checkpoint."""
    parser.add_argument("run", metavar="RUN", nargs="+", type=Path, help="a run folder; several with --ensemble")
    parser.add_argument(
        "--ensemble",
        action="store_true",
        help="the runs' mean forecast, with weights from the validation part; they must forecast the same rows",
    )
    add_checkpoint(parser)


def add_checkpoint(parser: argparse.ArgumentParser) -> None:
    """--checkpoint."""
    parser.add_argument(
        "--checkpoint", choices=("init", "last", "best", "refit"), help="which weights; default: as the config says"
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--args."""
    parser.add_argument("--args", default="{}", metavar="YAML", help="constructor arguments, e.g. '{hidden_size: 8}'")
