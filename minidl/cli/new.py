"""Write a starter: minidl new experiment NAME, a config with every key explained; minidl new cell NAME, a cell"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from minidl.cli.new_cell import write_cell
from minidl.cli.new_from import config_from
from minidl.cli.new_texts import FORECAST, LEARNED, SEQUENCES, SHIPPED
from minidl.core.errors import ConfigError
from minidl.core.output import show
from minidl.core.text import shell_word
from minidl.files.appending import write_new


def run(args: argparse.Namespace) -> int:
    """Write the file, unless there is one."""
    how = {name: getattr(args, name) for name in ("target", "time_format", "time_zone", "series_by")}
    asked = next((name for name, value in how.items() if value is not None), None)
    if args.table is None and asked is not None:
        raise ConfigError(f"--{asked.replace('_', '-')}: also needs --from TABLE.")
    if args.table is not None and (args.what == "cell" or args.task in LEARNED):
        raise ConfigError("--from: makes an experiment that forecasts, and nothing else.")
    if args.what == "cell":
        if args.task:
            raise ConfigError("--task: only an experiment has one.")
        write_cell(args.name)
        return 0
    if not re.fullmatch(r"\w[\w.-]{0,99}", args.name):
        raise ConfigError(f"NAME: expected letters, digits, '_', '-' and '.', got {args.name!r}.")
    path = Path(f"{args.name.removesuffix('.yaml')}.yaml")
    text = FORECAST.format(file=path, **SHIPPED)
    if args.task in LEARNED:
        text = SEQUENCES.format(file=path, task=args.task, **LEARNED[args.task])
    if args.table is not None:
        text = config_from(args.table, path, **how)
    try:
        write_new(path, text.encode())
    except FileExistsError as err:
        raise ConfigError(f"{path}: exists already; choose another name.") from err
    show(f"{path}: written; next: minidl train {shell_word(path)}")
    return 0
