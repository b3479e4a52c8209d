"""Train a config's model, score it beside the baselines, and leave a run folder."""

from __future__ import annotations

import argparse

from minidl.cli.common import config_arguments, load_plugins
from minidl.cli.training import train_and_report
from minidl.core.arguments import PositiveInt, checked
from minidl.core.errors import ConfigError
from minidl.core.layer import n_parameters
from minidl.core.output import say, show
from minidl.core.text import counted
from minidl.experiment import Experiment, load_experiment
from minidl.runs.drawing_apart import DrawnApart
from minidl.runs.dry_run import dry_run
from minidl.runs.overfitting import Known, overfit
from minidl.runs.run import Run
from minidl.tasks import Parts
from minidl.training.threads import one_blas_thread


def run(args: argparse.Namespace) -> int:
    """Train, evaluate, draw."""
    load_plugins(args)
    experiment = load_experiment(args.config, args.overrides)
    if experiment.sweep:
        raise ConfigError(f"{args.config}: has sweep:, so it is many experiments; run it with minidl compare.")
    if args.dry_run or args.overfit_batch is not None:
        return _try(experiment, args)
    parts = experiment.load_data()
    with one_blas_thread(), DrawnApart(experiment, parts) as apart:
        made = Run.create(experiment, args.run_dir, args.plugin)
        examples = f"{len(parts.train)} training {experiment.evaluation.examples}"
        say(*parts.notes(), f"{made.path}: {n_parameters(experiment.model)} parameters, {examples}")
        return train_and_report(made, parts, args, lambda *watch: made.train(parts, *watch), apart)


def _try(experiment: Experiment, args: argparse.Namespace) -> int:
    """A training of which nothing is kept."""
    tried = "--dry-run" if args.dry_run else "--overfit-batch"
    wanted = {"--run-dir": args.run_dir is not None, "--json": args.json, "--overfit-batch": args.overfit_batch}
    for option, given in wanted.items():
        if given and option != tried:
            raise ConfigError(f"{tried} leaves no run and no scores; leave out {option}.")
    if not args.dry_run:
        checked(args.overfit_batch, PositiveInt, "--overfit-batch")
    parts = experiment.load_data()
    say(*parts.notes())
    return _dry_run(experiment, parts, args) if args.dry_run else _overfit(experiment, parts, args)


def _dry_run(experiment: Experiment, parts: Parts, args: argparse.Namespace) -> int:
    epochs = counted(experiment.training.epochs, "epoch")
    dry_run(experiment, parts, show)
    show(f"all of it works, and nothing was kept; next, for {epochs}: minidl train {config_arguments(args)}")
    return 0


def _overfit(experiment: Experiment, parts: Parts, args: argparse.Namespace) -> int:
    metric, examples = experiment.evaluation.metrics[0], experiment.evaluation.examples

    def told(known: Known) -> None:
        show(f"step {known.step:>5,}  loss {known.loss:.6g}  {metric.words} {metric.shown(known.score)}")

    found = overfit(experiment, parts, args.overfit_batch, told, say)
    steps, config = counted(found.end.step, "step"), config_arguments(args)
    of = f"{found.examples:,} {examples}" if found.examples > 1 else f"1 of the {examples}"
    if found.learned:
        show(f"learned: the model knows {of} by heart after {steps}; nothing was kept", f"next: minidl train {config}")
        return 0
    show(
        f"not learned: after {steps} the loss of {of} is {found.end.loss:.3g}, {found.start.loss:.3g} at the start; "
        "nothing was kept",
        "look at the learning rate, at dropout, weight decay and label smoothing, and at whether the inputs tell "
        "their targets",
    )
    return 1
