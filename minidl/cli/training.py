"""What train and resume share: train until it ends or is interrupted, then score and draw."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from minidl import plotting
from minidl.cli.common import plugin_arguments, print_json, score_table
from minidl.core.extras import install_command
from minidl.core.interrupt import Interrupted
from minidl.core.output import say, show
from minidl.core.text import counted, shell_word
from minidl.files.plugins import plugin_changes
from minidl.forecasting.rounding import rounding_of
from minidl.runs.drawing import save_figures
from minidl.runs.drawing_apart import DrawnApart
from minidl.runs.run import Run
from minidl.tasks import Parts
from minidl.training import Callback, EpochRecord, StopOnSignal
from minidl.training.showing import ShowEpochs

Save = Callable[[Run, Parts, dict[str, Any]], list[Path]]
Train = Callable[[Sequence[Callback], Callable[[], bool]], list[EpochRecord]]


def train_and_report(made: Run, parts: Parts, args: argparse.Namespace, train: Train, apart: DrawnApart) -> int:
    """Call `train` with callbacks and a request to stop; evaluate and draw unless it was stopped; the exit code."""
    plugins = plugin_arguments(args)
    folder = shell_word(made.path)
    progress = ShowEpochs(made.experiment.evaluation.metrics)
    made.notify = say
    how = f"{made.path / 'checkpoints'}; go on with: minidl resume {folder}{plugins}"
    with StopOnSignal(
        lambda number: say(f"interrupted before a step was taken; what there is is saved in {how}")
    ) as stop:
        try:
            history = train([progress], stop)
        finally:
            progress.close()
        # Still within, so that a second signal ends the process and spoils no message.
        if stop.signal is not None and not (len(history) >= made.experiment.training.epochs and made.refitted):
            say(f"interrupted after {counted(len(history), 'epoch')}; everything is saved in {how}")
            return 128 + stop.signal
    try:
        if stop.signal is not None:  # it came while the last epoch ended
            raise Interrupted(stop.signal)
        apart.begin(made)
        scores = made.evaluate(parts)
        if not args.json:
            show(*report(made, parts, scores))  # to be read while the figures are drawn
        figures = draw(made, parts, scores, apart.save_figures)
    except KeyboardInterrupt:
        say(f"the training is complete; score it with: minidl evaluate {folder}{plugins}")
        raise
    if args.json:
        print_json({"run": str(made.path), "figures": [str(path) for path in figures], **scores})
    else:
        what = "scores, log, checkpoints, figures" if figures else "scores, log, checkpoints"
        show(f"{made.path}: {what}")
        show(next_line(made, args))
    return 0


def draw(made: Run, parts: Parts, scores: dict[str, Any], save: Save = save_figures) -> list[Path]:
    """The run's figures, or one line where matplotlib is missing."""
    if not plotting.have_matplotlib():
        say(f"no figures: matplotlib is not installed ({install_command('plot')})")
        return []
    return save(made, parts, scores)


def report(made: Run, parts: Parts, scores: dict[str, object]) -> list[str]:
    """The table of scores, which weights they are of, and which baselines are better, if any is."""
    task = made.experiment.evaluation
    weights = f"model: the weights of epoch {scores['epoch']} ({scores['checkpoint']})"
    lost = task.losing_words(parts, scores, rounding_of([made.experiment.dtype]))
    return ["", *score_table(task, parts, scores), "", weights, *([f"The model {lost}."] if lost else [])]


def next_line(made: Run, args: argparse.Namespace) -> str:
    """The natural next command after scores."""
    run = f"{shell_word(made.path)}{plugin_arguments(args)}"
    if not made.experiment.evaluation.needs_file:
        later = " --later FILE" if made.experiment.data.known_ahead else ""
        return f"next: minidl predict {shell_word(made.path)}{later}{plugin_arguments(args)}"
    if made.experiment.data.has_files:
        return f"next: minidl predict {shell_word(made.path)} --input FILE{plugin_arguments(args)}"
    return f"next: minidl reproduce {run}"


def say_plugin_changes(made: Run) -> None:
    """A line for each plugin that is not that of the run: what is computed with it may be something else."""
    for line in plugin_changes(made.environment().get("plugins", [])):
        say(f"{made.path}: {line}")
