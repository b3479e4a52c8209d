"""The layers of a config's or a run's model: output shape, and every parameter's shape and count."""

from __future__ import annotations

import argparse

from minidl.cli.common import load_plugins, print_json
from minidl.compiled import engine_line, explain
from minidl.core.errors import ConfigError, MinidlError
from minidl.core.output import show
from minidl.core.summary import summarize
from minidl.core.text import listed, printable
from minidl.data import WindowData
from minidl.experiment import Experiment, load_experiment
from minidl.files.reading import user_path
from minidl.runs.run import Run


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
        engine = _engine(experiment)
    summary = summarize(experiment.model, experiment.input_shape, experiment.dtype)
    task, loss = type(experiment.evaluation).__name__, type(experiment.loss).__name__
    data = experiment.data
    targets = list(data.series.targets) if isinstance(data, WindowData) else []
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
        about |= {"targets": targets} if targets else {}
        print_json({"input_shape": summary.input_shape, "layers": layers, **about})
        return 0
    show(*summary.lines())
    show(f"task: {task}{f' of {listed(targets)}' if targets else ''}, learned by {loss}")
    show(f"engine: {engine}")
    return 0


def _engine(experiment: Experiment) -> str:
    """What would train it: as `train` chooses it, by the data; or by the model alone where they cannot be read."""
    try:
        train = experiment.load_data().train
    except MinidlError as err:
        parts = experiment.model, experiment.loss, experiment.optimizer
        said = explain(*parts, experiment.dtype, experiment.engine, training=experiment.training)
        hint = f"train decides by the length of the training, and the data cannot be read: {err.lines[0]}"
        return f"{said} ({hint})" if said == "compiled" and experiment.engine == "auto" else said
    experiment.build_model()
    return engine_line(experiment.trainer(), experiment.engine, train)
