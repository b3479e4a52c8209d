"""Score a run's weights on the test part, beside the baselines, and draw its figures again; or several runs' mean."""

from __future__ import annotations

import argparse
from typing import Any

from minidl.cli.common import load_plugins, plugin_arguments, print_json, score_table
from minidl.cli.runs import opened
from minidl.cli.training import draw, next_line, report
from minidl.core.output import show
from minidl.core.text import aligned, shell_word
from minidl.data import Splits
from minidl.data.steps import ahead_short
from minidl.forecasting.rounding import rounding_of
from minidl.metrics import Metric
from minidl.runs.ensemble import Ensemble
from minidl.runs.groups import ByGroup, scores_by
from minidl.runs.run import Run
from minidl.tasks import Forecast


def run(args: argparse.Namespace) -> int:
    """Load, score, draw."""
    load_plugins(args)
    made = opened(args)
    if args.by is not None:
        return _by_group(made, args)
    return _ensemble(made, args) if isinstance(made, Ensemble) else _run(made, args)


def _run(made: Run, args: argparse.Namespace) -> int:
    made.load_weights(args.checkpoint)
    parts = made.experiment.load_data()
    scores = made.evaluate(parts, args.checkpoint)
    configured = scores["checkpoint"] == made.scored_checkpoint()
    if not args.json:
        show(*report(made, parts, scores))  # to be read while the figures are drawn
    if configured:
        draw(made, parts, scores)
    if args.json:
        print_json(scores)
    else:
        name = "evaluation" if configured else f"evaluation-{scores['checkpoint']}"
        show(f"{made.path / name}.json: all scores")
        show(next_line(made, args))
    return 0


def _ensemble(made: Ensemble, args: argparse.Namespace) -> int:
    data = made.load_data()
    scores = made.evaluate(data)
    if args.json:
        print_json(scores)
        return 0
    task, parts, targets = made.task, data[0], scores.get("targets", {})
    shown = {**_beside(scores), **({"targets": {name: _beside(of) for name, of in targets.items()}} if targets else {})}
    show("", *score_table(task, parts, shown, "ensemble"))
    rows, step = [str(k) for k in sorted(task.horizons)], parts.table.step_name()
    for target, own in (targets or {"": scores}).items():
        of, by_lead = f"{target}: " if target else "", own["weights"]["by_lead"]
        head = [f"{of}weights", *(f"{ahead_short(k, step)} ahead" for k in rows)]
        cells = [[f"  {name}", *(f"{numbers[int(k) - 1]:.2f}" for k in rows)] for name, numbers in by_lead.items()]
        show("", *aligned([head, *cells]), "", f"ensemble: {of}{own['weights']['said']}")
    lost = task.losing_words(parts, scores, rounding_of([run.experiment.dtype for run in made.runs]))
    show(*([f"The ensemble {lost}."] if lost else []))
    names = " ".join(map(shell_word, made.names))
    show(f"next: minidl predict --ensemble {names}{plugin_arguments(args)}")
    return 0


def _beside(scores: dict[str, Any]) -> dict[str, Any]:
    """The scores with those of the plain mean and of the runs among the baselines."""
    return {
        **scores,
        "baselines": {"equal weights": scores["equal_weights"], **scores["members"], **scores["baselines"]},
    }


def _by_group(made: Run | Ensemble, args: argparse.Namespace) -> int:
    found = scores_by(made, args.by, args.checkpoint)
    if args.json:
        by_target = {parts.table.target_name: scores for parts, scores in found}
        print_json(by_target if found[0][0].table.targets else found[0][1])
        return 0
    for parts, scores in found:
        show("", *group_table(scores, args.by, parts))
    return 0


def group_table(scores: ByGroup, by: str, parts: Splits) -> list[str]:
    """A table for each score, with a row for each group."""
    task, table = Forecast(), parts.table
    zone, of = " (UTC)" * (by == "hour" and table.utc), f"{table.target_name}: " if table.targets else ""
    bias = Metric("bias", "bias (forecast - truth)", False, digits=2, in_units=True)
    lines = []
    # Within a level there is little left to explain, so that its R² says nothing.
    for metric in (task.metric("rmse"), *[task.metric("r2")] * (by != "level"), bias):
        cells = []
        for group, row in scores.items():
            words = f"{ahead_short(group, table.step_name())} ahead" if by == "lead" else group
            first = next(iter(row.values()))
            cells.append([f"  {words}", f"{first['n']:,}", *(metric.shown(one[metric.name]) for one in row.values())])
        head = [f"{of}{metric.title(table.units)}, by {by}{zone}", "forecasts", *row]
        lines += [*aligned([head, *cells]), ""]
    return lines[:-1]
