"""What differs between configs, in words, before anything runs.

A comparison answers a question about one thing only if nothing else differs.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from itertools import groupby
from typing import Any

from minidl.comparison.entries import Entry, ModelFacts, example_of, facts_of, is_recurrent
from minidl.comparison.tested import terms_of
from minidl.core.layer import Layer
from minidl.core.text import listed
from minidl.core.walk import leaves, walk
from minidl.experiment import Experiment

# What keys are called; any other key stands with its path.
_WORDS = {
    "optimizer.learning_rate": "learning rate",
    "optimizer.type": "optimizer",
    "loss.type": "loss",
    "training.epochs": "number of epochs",
    "training.batch_size": "batch size",
    "training.shuffle": "shuffling",
    "training.schedule.type": "schedule of the learning rate",
    "training.clip_norm": "gradient clipping",
    "training.clip_value": "clipping of single numbers of the gradient",
    "training.moving_average": "moving average of the weights",
    "training.callbacks": "callbacks",
    "training.refit": "refit on training and validation examples",
    "optimizer.groups": "groups of parameters",
    "training.bptt_steps": "truncated backpropagation",
    "data.derived": "derived features",
    "data.longest_gap": "longest gap in training windows",
    "data.scaler.fit_on": "rows the scaler is fitted on",
    "data.scaler.per_series": "scaling by series",
    "data.scaler.type": "scaler",
    "evaluation.checkpoint": "weights that are scored",
    "evaluation.lookahead": "steps ahead that the linear model sees",
    "dtype": "number format",
    "engine": "engine",
}
_SHOWN = 60
# Bookkeeping, which decides no score.
_IGNORED = ("training.checkpoint_every", "training.checkpoints_kept", "evaluation.rivals", "model", "seed", "sweep")
_WORK = "multiply-adds per "
_PLURAL = {
    "biases", "features", "weights that are scored", "rows the scaler is fitted on", "other layers", "callbacks",
    "groups of parameters", "derived features", "steps ahead that the linear model sees",
}  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """One thing that is not the same in all configs.

    Parameters
    ----------
    what : in words.
    values : by the configs' labels, in words.
    """

    what: str
    values: Mapping[str, str]


def confounds(entries: Sequence[Entry]) -> list[Difference]:
    """Everything that differs between the configs: the model first, then the rest, in the order of the config."""
    experiments = {entry.label: entry.experiment() for entry in entries}
    facts = {label: facts_of(experiment) for label, experiment in experiments.items()}
    rows: dict[str, dict[str, str]] = {}
    work = work_words(example_of(entries[0]))
    for label in experiments:
        for what, value in (*_model_words(facts[label], work), *_layer_words(experiments[label])):
            rows.setdefault(what, {})[label] = value
    words, labels = {**_WORDS, **terms_of(entries[0].config).key_words}, list(experiments)
    keys: dict[str, dict[str, str]] = {}
    for entry in entries:
        for key, value in _config_values(entry):
            keys.setdefault(key, {})[entry.label] = value
    others = _without_what_follows(_differing(keys, labels), words)
    differing = _differing(rows, labels) | {words.get(key, key): _shown(values) for key, values in others.items()}
    return [Difference(what, values) for what, values in differing.items()]


def _differing(rows: Mapping[str, Mapping[str, str]], labels: Sequence[str]) -> dict[str, dict[str, str]]:
    """The rows whose values are not the same for all labels."""
    full = {what: {label: values.get(label, "none") for label in labels} for what, values in rows.items()}
    return {what: values for what, values in full.items() if len(set(values.values())) > 1}


def _without_what_follows(keys: Mapping[str, dict[str, str]], words: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The keys but for the arguments of parts of another type, which have no counterpart; those with a name stay."""
    parts = tuple(key.removesuffix("type") for key in keys if key.endswith(".type"))
    return {
        key: values
        for key, values in keys.items()
        if key in words or key.endswith(".type") or not key.startswith(parts)
    }


def sentence(differences: Sequence[Difference]) -> str:
    """``depth, width, biases and number of parameters differ``; the work that follows from them is named after it."""
    by_the_by = [difference.what for difference in differences if difference.what.startswith(_WORK)]
    names = [difference.what for difference in differences if difference.what not in by_the_by]
    if not differences:
        return "nothing differs: the configs are the same"
    if not names:
        return f"{by_the_by[0]} differ"
    verb = "differs" if len(names) == 1 and names[0] not in _PLURAL else "differ"
    after = f"; with them the {by_the_by[0]}" if by_the_by else ""
    return f"{listed(names)} {verb}{after}"


def width_words(widths: Sequence[int]) -> str:
    """``4`` or ``2+2``."""
    return "+".join(map(str, widths)) or "none"


def work_words(example: str) -> str:
    """What the work of a model is called."""
    return f"{_WORK}{example}"


def _model_words(facts: ModelFacts, work: str) -> Iterator[tuple[str, str]]:
    yield "depth", f"{facts.depth} recurrent layer{'s' * (facts.depth != 1)}"
    yield "width", width_words(facts.widths)
    yield "kind of layer", ", ".join(facts.kinds) or "none"
    yield "activation", ", ".join(facts.activations) or "none"
    yield "biases", "with biases" if facts.bias else "without biases"
    yield "number of parameters", f"{facts.parameters:,}"
    yield work, f"{facts.multiply_adds:,}"


def _layer_words(experiment: Experiment) -> Iterator[tuple[str, str]]:
    """What facts do not tell of the layers: their other arguments, and the layers that are not recurrent."""
    layers = [layer for _, layer in leaves(experiment.model)]
    recurrent = dict.fromkeys(_arguments(layer, _defaults(layer)) for layer in layers if is_recurrent(layer))
    yield "other settings of the recurrent layers", "; ".join(one or "the defaults" for one in recurrent) or "none"
    others = [f"{type(layer).__name__}({_arguments(layer)})" for layer in layers if not is_recurrent(layer)]
    yield "other layers", " -> ".join(others) or "none"
    arranged = list(_arranged(experiment.model))
    branched = any(layer.children() and not layer.in_a_row for _, layer in walk(experiment.model))
    yield "arrangement of the layers", " -> ".join(arranged) if branched else "in a row"


def _arranged(layer: Layer) -> list[str]:
    """``["RecurrentLayer", "Parallel(LastStep | Dense, merge=add)"]``; equal ones in a row stand once."""
    children = layer.children().values()
    if layer.in_a_row:
        return [part for part, _ in groupby(part for child in children for part in _arranged(child))]
    name = type(layer).__name__
    if not children:
        return [name]
    plain = {key: value for key, value in layer.to_config().items() if not isinstance(value, (dict, list))}
    inside = " | ".join(" -> ".join(_arranged(child)) for child in children)
    return [f"{name}({', '.join([inside, *(f'{key}={value}' for key, value in plain.items())])})"]


def _defaults(layer: Layer) -> set[str]:
    """The arguments that have the value which they have by default."""
    arguments = fields(layer) if is_dataclass(layer) else ()
    return {one.name for one in arguments if one.init and one.default == getattr(layer, one.name)}


def _arguments(layer: Layer, but: Collection[str] = ()) -> str:
    known = ("hidden_size", "bias", "activation", *but)
    return ", ".join(f"{key}={_text(value)}" for key, value in layer.to_config().items() if key not in known)


def _config_values(entry: Entry) -> Iterator[tuple[str, str]]:
    for key, value in _leaves_of(entry.config, (), (*_IGNORED, *terms_of(entry.config).unimportant)):
        yield key, _text(value)


def _leaves_of(value: Any, path: tuple[str, ...], ignored: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """``key.path`` and value of everything in a config but what is ignored; lists count as values."""
    key = ".".join(path)
    if key in ignored:
        return
    if isinstance(value, Mapping):
        for name, child in value.items():
            yield from _leaves_of(child, (*path, name), ignored)
    else:
        yield key, value


def _text(value: Any) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)


def _shown(values: Mapping[str, str]) -> dict[str, str]:
    """The values, long ones cut where they are told apart by what is left of them."""
    short = {label: text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..." for label, text in values.items()}
    return short if len(set(short.values())) == len(set(values.values())) else dict(values)
