"""Train a run again, from its folder alone, and say whether the result is equal, or where it first differs."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from minidl.cli.common import load_plugins, print_json
from minidl.core.output import say, show
from minidl.core.text import counted
from minidl.runs.reproducing import reproduce
from minidl.runs.run import Run
from minidl.training.showing import ShowEpochs


def run(args: argparse.Namespace) -> int:
    """Train again, compare."""
    load_plugins(args)
    made = Run.open(args.run)
    temporary = Path(tempfile.mkdtemp(prefix="minidl-")) if args.run_dir is None else None
    progress = ShowEpochs(made.experiment.evaluation.metrics)
    try:
        result = reproduce(made, args.run_dir or Path(str(temporary), "again"), args.plugin, [progress])
    finally:
        progress.close()
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
    for line in result.circumstances:
        say(f"{made.path}: {line}")
    if args.json:
        print_json({"equal": result.difference is None, "first_difference": result.difference})
    elif result.difference is None:
        show(f"{made.path}: equal: {counted(result.epochs, 'epoch')}, log and weights, byte for byte")
    else:
        show(f"{made.path}: not equal; the first difference: {result.difference}")
    return 0 if result.difference is None else 1
