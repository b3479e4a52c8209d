"""The baselines that all configs stand beside: computed once, from the data that the configs share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minidl.comparison.entries import Entry
from minidl.comparison.tested import terms_of
from minidl.comparison.trials import without_nan
from minidl.core.errors import ConfigError
from minidl.core.text import printable
from minidl.parallel.experiments import load_parts
from minidl.tasks.terms import Terms
from minidl.training.threads import one_blas_thread


def describe_baselines(entries: Sequence[Entry]) -> dict[str, Any]:
    """Read the data of every config, check that scores can be compared, and score the baselines.

    Returns
    -------
    baselines : scores by name, as in ``evaluation.json``; the linear model of a
        config whose data differ is ``linear of <label>``.
    data : by label, what the data are.
    facts : what is needed to put scores into words, such as the target's units.
    assumptions : by label, what the scores assume, in words.
    left_out : baselines that the data cannot have, and why not.
    targets : by target and name the same scores of each of several targets.

    Raises
    ------
    ConfigError
        The test parts hold different values, so that scores cannot be compared.
    """
    scores: dict[str, Any] = {}
    targets: dict[str, Any] = {}
    data: dict[str, Any] = {}
    first: tuple[Entry, str] | None = None
    facts: dict[str, str] = {}
    assumed: dict[str, list[str]] = {}
    missing: dict[str, str] = {}
    described: list[tuple[Any, dict[str, Any]]] = []
    for entry in entries:
        experiment, terms = entry.experiment(), terms_of(entry.config)
        parts = load_parts(experiment)
        data[entry.label] = parts.facts()
        truth = terms.truth(parts)
        if first is not None and truth != first[1]:
            raise ConfigError(_other_truth(first[0], entry, terms, facts))
        if entry.role != "compared":
            continue
        asked = (entry.config["data"], entry.config["dtype"], terms.asked(entry.config), experiment.output_shape())
        found = next((found for what, found in described if what == asked), None)
        if found is None:
            with one_blas_thread():
                found = terms.describe(parts, experiment.scored_model)
            described.append((asked, found))
            _add_all(scores, targets, found, entry.label, terms)
        if first is None:
            first, facts = (entry, truth), found["facts"]
        assumed[entry.label] = found["assumptions"]
        missing |= found["left_out"]
    about = {"facts": facts, "assumptions": assumed, "left_out": missing}
    return {"baselines": scores, "targets": targets, "data": data, **about}


def add_outside(data: dict[str, Any], compared: Sequence[Entry], paths: Sequence[str]) -> dict[str, Any]:
    """The same with forecasts of other programs among the baselines, and their sums by stretch under ``outside``.

    Raises
    ------
    ConfigError
        A name is taken, or the task takes no such forecasts.
    DataError, StorageError
        A file cannot be read, or does not say what is scored.
    """
    data["outside"] = {}
    for path in paths:
        name = Path(path).stem
        if name in data["baselines"] or name in [entry.label for entry in compared]:
            raise ConfigError(f"--outside: {printable(path)}: the name {printable(name)} is taken; rename the file.")
        experiment = compared[0].experiment()
        with one_blas_thread():
            tables, sums = experiment.evaluation.outside(Path(path), load_parts(experiment))
        for target, of in tables.pop("targets", {}).items():
            data["targets"][target][name] = without_nan(of)
        data["baselines"][name], data["outside"][name] = without_nan(tables), sums
    return data


def _add_all(
    scores: dict[str, Any], targets: dict[str, Any], found: Mapping[str, Any], label: str, terms: Terms
) -> None:
    """The baselines of a config, and those of each of several targets."""
    for name, tables in found["baselines"].items():
        added = _add(scores, name, label, without_nan(tables), terms)
        for target, of in found["targets"].items() if added else ():
            targets.setdefault(target, {})[added] = without_nan(of[name])


def _add(scores: dict[str, Any], name: str, label: str, found: dict[str, Any], terms: Terms) -> str:
    """Under which name a baseline was added; "": one whose scores are those of the first config stands once."""
    if name in scores and _same_scores(scores[name], found, terms):
        return ""
    added = f"{name} of {label}" if name in scores else name
    scores[added] = found
    return added


def _same_scores(one: dict[str, Any], other: dict[str, Any], terms: Terms) -> bool:
    """The same but for rounding, which another scale of the values brings."""
    metric = terms.measure.name
    pairs = [
        (one[table][row][metric], other[table][row][metric])
        for table in terms.task.tables
        for row in one[table]
        if None not in (one[table][row][metric], other[table][row][metric])
    ]
    return all(np.isclose(mine, theirs, rtol=1e-6) for mine, theirs in pairs)


def _other_truth(first: Entry, other: Entry, terms: Terms, facts: dict[str, str]) -> str:
    mine, theirs = first.config["data"], other.config["data"]
    keys = [f"data.{key}" for key in mine if key not in ("scaler", "validation") and mine[key] != theirs.get(key)]
    return (
        f"compare: {first.label} and {other.label} are scored on different test {terms.scored_on(facts)} "
        f"({', '.join(keys) or 'data'} differ), so their scores cannot be compared. "
        f"Give both the same {terms.same_data}."
    )
