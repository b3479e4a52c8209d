"""What several verbs share: arguments, plugins and the table of scores."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from math import isnan
from typing import Any

from minidl.core.output import show
from minidl.core.text import aligned, shell_word
from minidl.files.plugins import load_plugin
from minidl.tasks import Parts, Task


def plugin_arguments(args: argparse.Namespace) -> str:
    """The --plugin arguments of this command, for the next one that is suggested."""
    return "".join(f" --plugin {shell_word(path)}" for path in args.plugin)


def config_arguments(args: argparse.Namespace) -> str:
    """CONFIG with the --set and --plugin arguments of this command, for the next one that is suggested."""
    changed = "".join(f" --set {shell_word(value)}" for value in args.overrides)
    return f"{shell_word(args.config)}{changed}{plugin_arguments(args)}"


def load_plugins(args: argparse.Namespace) -> None:
    """Run the files given with --plugin."""
    for path in args.plugin:
        load_plugin(path)


def print_json(value: Any) -> None:
    """One JSON document on standard output, in ASCII; NaN, which JSON does not have, becomes null."""
    plain = json.loads(json.dumps(value), parse_constant=lambda _: None)
    show(*json.dumps(plain, indent=1).split("\n"))


def score_table(task: Task, parts: Parts, scores: dict[str, Any], of: str = "model") -> list[str]:
    """A table for each metric, of a model beside published scores and the baselines, and what they assume."""
    lines = [line for words, names, own in task.apart(scores) for line in _tables(task, parts, own, of, names, words)]
    if details := task.details(scores):
        lines += [*aligned(details), ""]
    lines += [f"assumed: {line}" for line in scores["assumptions"]]
    return lines + [f"no baseline {name}: {why}" for name, why in scores.get("left_out", {}).items()]


def _tables(
    task: Task, parts: Parts, scores: dict[str, Any], of: str, names: Sequence[str], words: str
) -> Iterator[str]:
    """A table for each of these metrics; `words` stand in front of its name."""
    rows = task.rows()
    columns = {of: scores[task.table], **{name: b[task.table] for name, b in scores["baselines"].items()}}
    for name in names:
        metric, beside = task.metric(name), task.beside(name)
        values = {column: [table[row][name] for row in rows] for column, table in columns.items()}
        if beside is not None:
            values = {of: values.pop(of), beside[0]: list(beside[1]), **values}
        cells = [[f"{words}{metric.title(scores['units'])}", *values]]
        for i, row in enumerate(rows):
            cells.append([f"  {task.row_words(row, parts)}", *(metric.shown(column[i]) for column in values.values())])
        yield from aligned(cells)
        if metric.undefined and any(isnan(score) for score in values[of]):
            yield f"  -: {metric.words} is undefined there, for {metric.undefined}"
        yield ""
