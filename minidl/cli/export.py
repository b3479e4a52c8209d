"""Write a run's model as an ONNX file, which other programs run."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from minidl.cli.common import load_plugins
from minidl.cli.training import say_plugin_changes
from minidl.core.errors import ConfigError
from minidl.core.output import show
from minidl.files.reading import user_path
from minidl.interop import to_onnx
from minidl.runs.run import Run


def run(args: argparse.Namespace) -> int:
    """Load and write."""
    load_plugins(args)
    made = Run.open(args.run)
    say_plugin_changes(made)
    output = user_path(args.output or Path(f"{made.path.resolve().name}.onnx"))
    if os.path.lexists(output):
        raise ConfigError(f"--output {output}: exists already; choose another file.")
    state, experiment = made.load_weights(args.checkpoint), made.experiment
    to_onnx(experiment.model, output)
    name = args.checkpoint or made.scored_checkpoint()
    shape = ", ".join(map(str, ("batch", *("time" if n is None else n for n in experiment.input_shape))))
    show(
        f"{output}: the weights of epoch {state['epoch']} ({name}); x ({shape}) and y in {experiment.dtype}, "
        f"scaled as in {made.path / 'scale.json'}"
    )
    return 0
