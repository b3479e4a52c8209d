"""Find a learning rate: a short training whose rate grows at every step, and a picture of its loss."""

from __future__ import annotations

import argparse
from pathlib import Path

from minidl import plotting
from minidl.cli.common import config_arguments, load_plugins, print_json
from minidl.core.errors import ConfigError
from minidl.core.extras import install_command
from minidl.core.output import say, show
from minidl.core.text import counted
from minidl.experiment import Experiment, load_experiment
from minidl.files.reading import user_path
from minidl.plotting import style
from minidl.runs.rate_range import DONE, RateRange, check_range, range_test


def run(args: argparse.Namespace) -> int:
    """Test, draw, suggest."""
    load_plugins(args)
    experiment = load_experiment(args.config, args.overrides)
    if experiment.sweep:
        raise ConfigError(f"{args.config}: has sweep:, so it is many experiments; give one of them.")
    check_range(args.low, args.high, args.steps)
    parts = experiment.load_data()
    say(*parts.notes())
    found = range_test(experiment, parts, low=args.low, high=args.high, steps=args.steps, notify=say)
    picture = _draw(experiment, found, args)
    if args.json:
        values = {"rates": found.rates, "losses": found.losses, "smoothed": found.smoothed}
        print_json(
            {
                "suggestion": found.suggestion,
                "lowest": found.lowest,
                "climbs": found.climbs,
                "picture": picture,
                **values,
            }
        )
    else:
        show(*_lines(found, picture, args))
    return 1 if found.suggestion is None else 0


def _draw(experiment: Experiment, found: RateRange, args: argparse.Namespace) -> str | None:
    """Where the picture is; None and a line where matplotlib is missing."""
    if not plotting.have_matplotlib():
        say(f"no picture: matplotlib is not installed ({install_command('plot')})")
        return None
    name, optimizer = type(experiment.loss).__name__, type(experiment.optimizer).__name__
    title = f"{experiment.name}: loss by learning rate of {optimizer}"
    figure = plotting.rate_figure(
        found.rates,
        found.losses,
        found.smoothed,
        found.suggestion,
        climbs=found.climbs,
        title=title,
        loss_name=f"{name} of a batch",
    )
    path = Path(f"find-rate-{experiment.name}.png") if args.output is None else user_path(args.output)
    return str(style.save(figure, path))


def _lines(found: RateRange, picture: str | None, args: argparse.Namespace) -> list[str]:
    steps = counted(len(found.rates), "step")
    lines = [f"{steps} with rates from {found.rates[0]:.2g} to {found.rates[-1]:.2g}"]
    if picture is not None:
        lines.append(f"{picture}: the loss by rate")
    if found.suggestion is None:
        return [*lines, "the loss falls at none of these rates: take more --steps or a larger --high; see the picture"]
    rate = f"{found.suggestion:.2g}"
    if found.climbs is None:
        why = f"where {100 * DONE:g} % of the loss's fall are done; it climbs at none of these rates"
    else:
        why = f"{found.climbs / found.suggestion:.0f} times below {found.climbs:.2g}, from which the loss climbs"
    return [
        *lines,
        f"suggestion: {rate}, {why}",
        f"next: minidl train {config_arguments(args)} --set optimizer.learning_rate={rate}",
    ]
