"""The layers of a config's or a run's model: output shape, and every parameter's shape and count."""

from __future__ import annotations

import argparse

from minidl.cli.common import add_config, add_json, load_plugins, print_json
from minidl.compiled import explain
from minidl.compiled.choice import uneven_obstacle
from minidl.core.errors import ConfigError
from minidl.core.output import show
from minidl.core.summary import summarize
from minidl.core.text import printable
from minidl.experiment import load_experiment
from minidl.files.reading import user_path
from minidl.runs.run import Run


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb's arguments."""
    add_config(parser)
    parser.usage = "minidl summary [-h] [--set KEY.PATH=VALUE] [--plugin FILE.py] [--json] CONFIG|RUN"
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the table."""
    load_plugins(args)
    if user_path(args.config).is_dir():
        if args.overrides:
            raise ConfigError("--set: a run's config is fixed; give a config file to change values.")
        made = Run.open(args.config)
        experiment, engines = made.experiment, made.manifest().get("engines", [])
        engine = f"{', then '.join(map(printable, engines))} (trained this run)" if engines else "not recorded"
    else:
        experiment = load_experiment(args.config, args.overrides)
        parts = experiment.model, experiment.loss, experiment.optimizer
        engine = explain(*parts, experiment.dtype, experiment.engine, training=experiment.training)
        lengths = experiment.data.input_shape[0] is None
        if engine == "compiled" and uneven_obstacle(*parts[:2], lengths=lengths, weights=False):
            engine += "; numpy where sequences differ in length"
    summary = summarize(experiment.model, experiment.data.input_shape, experiment.dtype)
    task, loss = type(experiment.evaluation).__name__, type(experiment.loss).__name__
    if args.json:
        layers = [
            {
                "layer": row.name,
                "output_shape": row.output_shape,
                "parameters": {name: list(shape) for name, shape in row.parameters.items()},
                "count": row.count,
            }
            for row in summary.rows
        ]
        about = {"parameters": summary.parameters, "engine": engine, "task": task, "loss": loss}
        print_json({"input_shape": summary.input_shape, "layers": layers, **about})
        return 0
    show(*summary.lines())
    show(f"task: {task}, learned by {loss}")
    show(f"engine: {engine}")
    return 0
