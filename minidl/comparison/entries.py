"""What is compared: configs, resolved and checked against each other, under names of their own.

Nothing is trained here, and no data is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from minidl.comparison.budget import multiply_adds
from minidl.comparison.sweep import expand_sweep
from minidl.comparison.tested import terms_of
from minidl.config import Node
from minidl.core.errors import ConfigError, ShapeError
from minidl.core.layer import Layer, n_parameters
from minidl.core.walk import longest_path, walk
from minidl.experiment import Experiment, experiment_from
from minidl.parallel.experiments import experiment_of


@dataclass(frozen=True)
class Entry:
    """One config of a comparison.

    Parameters
    ----------
    label : its name, unique in the comparison and fit for a folder.
    config : resolved, as plain values, without its seed.
    point : the values of a sweep at which it stands; empty without one.
    source : the config as it was named; "" if not known.
    role : ``compared``, or ``beside`` for a config that is trained only to show something of one that is.
    """

    label: str
    config: Mapping[str, Any]
    point: Mapping[str, Any] = field(default_factory=dict)
    role: Literal["compared", "beside"] = "compared"
    source: str = ""

    def experiment(self, seed: int = 0) -> Experiment:
        """A new experiment with this seed, its model built."""
        return experiment_of(self.config, seed)


def load_entries(configs: Sequence[str | Path], overrides: Sequence[str] = ()) -> list[Entry]:
    """Read and check configs; one with ``sweep:`` becomes an entry for each point of its grid.

    Parameters
    ----------
    configs : paths, or names of shipped configs; the same one may stand twice.
    overrides : ``key.path=value`` for all of them.

    Raises
    ------
    ConfigError
        A config is wrong, there are fewer than two in all, or their scores
        cannot be compared.
    """
    entries: list[Entry] = []
    problems: list[str] = []
    for config in configs:
        try:
            for point, node in expand_sweep(config, overrides):
                name = point_label(Path(config).stem, point)
                source = str(config).encode("utf-8", "backslashreplace").decode()
                entries.append(_entry(_unique(name, entries), node, point, source))
        except ConfigError as err:
            problems += err.lines
    if problems:
        raise ConfigError(*dict.fromkeys(problems))  # --set is wrong in every config alike
    check_comparable(entries)
    return entries


def _entry(label: str, node: Node, point: Mapping[str, Any], source: str) -> Entry:
    config = experiment_from(node, label).to_config()
    config.pop("seed")
    config.pop("search", None)  # what could be tried; what is compared are the config's own values
    return Entry(label, config, point, source=source)


def point_label(name: str, point: Mapping[str, Any]) -> str:
    """``pm25_sweep-times=2-hidden_size=4``, with nothing in it that a folder's name may not hold."""
    parts = [name, *(f"{key}={value}" for key, value in short_keys(point).items())]
    label = re.sub(r"[^\w.=+-]", "_", "-".join(parts)).encode()[:120].decode("utf-8", "ignore")
    return re.sub(r"^\.|\.$", "_", label)


def short_keys(point: Mapping[str, Any]) -> dict[str, Any]:
    """A point with the last part of each key path only, where these differ."""
    short = {key.rpartition(".")[2]: value for key, value in point.items()}
    return short if len(short) == len(point) else dict(point)


def _unique(label: str, entries: Sequence[Entry]) -> str:
    taken = {entry.label.casefold() for entry in entries}  # some systems have one folder for a and A
    number, unique = 2, label
    while unique.casefold() in taken:
        unique, number = f"{label}-{number}", number + 1
    return unique


def check_comparable(entries: Sequence[Entry]) -> None:
    """Refuse configs whose scores would be of different things, as far as the configs tell.

    Raises
    ------
    ConfigError
        One line for each key that must agree and does not.
    """
    if len(entries) < 2:
        raise ConfigError("compare: expected at least two configs, or one with sweep:; got one.")
    first, problems = entries[0], []
    of = terms_of(first.config)
    for other in entries[1:]:
        tasks = [type(terms.task).__name__ for terms in (of, terms_of(other.config))]
        values = {"evaluation.type": tasks}
        if tasks[0] == tasks[1]:
            values |= {key: [value_at(entry.config, key) for entry in (first, other)] for key in of.agree}
        for key, (mine, theirs) in values.items():
            if mine != theirs:
                problems.append(
                    f"compare: {key} is {mine} in {first.label} and {theirs} in {other.label}; "
                    "their scores cannot be compared. Give both the same."
                )
    if problems:
        raise ConfigError(*problems)


@dataclass(frozen=True)
class ModelFacts:
    """What a model costs and how it is built.

    Parameters
    ----------
    depth : number of recurrent layers on the longest way from input to output.
    widths : hidden_size of every recurrent layer, from the input on.
    kinds : their classes, each once.
    activations : theirs, each once.
    bias : whether any layer has a bias.
    parameters : trainable numbers.
    multiply_adds : of one forward pass over one example; see `multiply_adds`.
    """

    depth: int
    widths: tuple[int, ...]
    kinds: tuple[str, ...]
    activations: tuple[str, ...]
    bias: bool
    parameters: int
    multiply_adds: int


def is_recurrent(layer: Layer) -> bool:
    """Whether a layer counts for depth: it has hidden units, which hand a state on from step to step."""
    return hasattr(layer, "hidden_size") and type(layer).final_state is not Layer.final_state


def facts_of(experiment: Experiment) -> ModelFacts:
    """The facts of an experiment's model, which is built."""
    model = experiment.model
    recurrent = [layer for _, layer in walk(model) if is_recurrent(layer)]
    try:
        work = multiply_adds(model, experiment.input_shape)
    except ShapeError as err:  # it was built on this shape
        raise AssertionError(str(err)) from err
    return ModelFacts(
        depth=longest_path(model, is_recurrent),
        widths=tuple(int(layer.hidden_size) for layer in recurrent),  # type: ignore[attr-defined]
        kinds=tuple(dict.fromkeys(type(layer).__name__ for layer in recurrent)),
        activations=tuple(
            dict.fromkeys(type(layer.activation).__name__ for layer in recurrent if hasattr(layer, "activation"))
        ),
        bias=any(name.rpartition(".")[2].startswith("b") for name in model.params),
        parameters=n_parameters(model),
        multiply_adds=work,
    )


def example_of(entry: Entry) -> str:
    """What the multiply-adds of a model are for: one of the task's examples, or a step where these vary in length."""
    shape = entry.experiment().input_shape
    return "step" if len(shape) == 2 and shape[0] is None else terms_of(entry.config).example


def value_at(config: Mapping[str, Any], key: str) -> Any:
    """What a config has at ``key.path``; None if there is nothing."""
    place: Any = config
    for part in key.split("."):
        place = place.get(part) if isinstance(place, Mapping) else None
    return place
