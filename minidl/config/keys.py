"""Where in a config a key stands, and which key was meant by a word that is none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from minidl.config.tree import MERGE_KEY, NO_MERGE
from minidl.core.arguments import Configurable, argument_hints, component_hint
from minidl.core.layer import Layer
from minidl.core.registry import default_name, is_kind, kind_name, kinds, lookup, names, nearest, suggest

# What other libraries call a key, and the names it may have here.
_ALSO_CALLED = {
    "learning_rate": ("lr", "eta", "step_size"),
    "batch_size": ("bs", "batch", "minibatch", "minibatch_size", "mini_batch_size"),
    "epochs": ("max_epoch", "max_epochs", "nb_epoch", "num_epoch"),
    "seed": ("random_seed", "random_state", "rng"),
    "hidden_size": ("units", "num_units", "n_units", "neurons", "n_hidden", "num_hidden"),
    "output_size": ("units", "out_features", "n_outputs"),
    "time_steps": ("lookback", "window", "window_size", "seq_len", "seq_length", "sequence_length", "n_steps"),
    "schedule": ("scheduler", "lr_scheduler", "lr_schedule", "learning_rate_schedule"),
    "warmup_steps": ("warmup", "num_warmup_steps"),
    "clip_norm": (
        "clipnorm",
        "grad_clip",
        "gradient_clip",
        "gradient_clip_val",
        "gradient_clipping",
        "max_grad_norm",
        "max_norm",
    ),
    "clip_value": ("clipvalue", "grad_clip_value"),
    "callbacks": ("callback", "early_stopping", "early_stop", "earlystopping"),
    "moving_average": ("ema", "ema_decay", "use_ema"),
    "refit": ("retrain", "train_on_validation"),
    "weight_decay": ("l2", "wd"),
    "groups": ("param_groups", "parameter_groups", "freeze", "frozen"),
    "beta1": ("betas",),
    "bptt_steps": ("bptt", "tbptt", "tbptt_steps", "truncated_bptt_steps"),
    "loss": ("criterion", "objective"),
    "bias": ("use_bias",),
    "series_by": ("group", "group_by", "group_id", "group_ids", "series_id", "item_id", "unique_id"),
    "known_ahead": ("known_covariates", "known_covariates_names", "futr_exog_list", "time_varying_known_reals"),
    "epsilon": ("eps",),
    "size": ("rows", "n_rows", "length"),
    "drop_rate": ("p", "dropout", "dropout_rate"),
    "metric": ("monitor",),
    "times": ("n", "num_layers", "n_layers", "depth"),
    "decay": ("gamma", "factor"),
    "final": ("eta_min", "min_lr"),
    "levels": ("quantiles", "taus", "q"),
}
# Keys of other libraries that have none here, and what takes their place.
_NO_KEY_HERE = {
    ("num_layers", "n_layers", "depth"): "a stack lists its layers, or repeats one by Repeat",
    ("bidirectional",): "Bidirectional goes around a layer",
    ("return_sequences", "return_state"): "a recurrent layer passes on all time steps, LastStep the last one alone",
    ("batch_first",): "the batch is always the first axis",
    ("input_size", "input_dim", "input_shape", "in_features"): "the size of the input follows from the data",
    ("patience",): "EarlyStopping, of training.callbacks, has it, and the schedule ReduceOnPlateau",
    ("accumulate", "accumulate_grad_batches", "gradient_accumulation_steps"): "a larger batch_size does the same",
    ("device", "gpu", "cuda"): "minidl computes on the processor alone",
}


def key_paths(section: type) -> dict[str, str]:
    """The path of each key in a config of this section, ``{"epochs": "training.epochs"}``; of several the first."""
    return dict(reversed(list(_keys(section, ""))))


def meant_key(name: str, paths: Mapping[str, str]) -> str | None:
    """The key that a word is, or is near to, or is called in other libraries."""
    return name if name in paths else called_here(name, paths) or nearest(name, paths)


def called_here(name: str, known: Mapping[str, object]) -> str | None:
    """The known key that other libraries call `name`."""
    return next((ours for ours, others in _ALSO_CALLED.items() if ours in known and name.lower() in others), None)


def unknown_key_hint(name: str, known: Mapping[str, object], elsewhere: Mapping[str, str], place: str) -> str:
    """What follows "unknown key": the key of this section that was meant, or where in the config it stands.

    Parameters
    ----------
    known : the section's own keys.
    elsewhere : paths of all keys; see `key_paths`.
    place : where it was written, which another class may take; no other place is meant then.
    """
    ours = called_here(name, known)
    if name == MERGE_KEY:
        return f"; {NO_MERGE}"
    if ours:
        return f"; did you mean {ours}?"
    instead = next((text for others, text in _NO_KEY_HERE.items() if name.lower() in others), None)
    if instead:
        return f"; {instead}"
    path = elsewhere.get(name)
    if path or not nearest(name, known):
        path = path or elsewhere.get(called_here(name, elsewhere) or "")
        if path and path != re.sub(r"\.\d+", ".0", place):
            return f"; in a config it is {path}" + ", at the top" * ("." not in path)
    return suggest(name, known) or "; it takes no arguments" * (not known)


def unknown_name_hint(name: str, kind: type, written: bool) -> str:
    """What follows "unknown layer": what the name is instead, or how a class of one's own gets into a config.

    Parameters
    ----------
    written : whether it stands in a file or on the command line, and not in Python.
    """
    other = [word for word, members in kinds().items() if name in names(members)]
    if other:
        return f" ({name} is {with_article(other[0])})"
    return "" if nearest(name, names(kind)) or not written else "; one of your own comes in with --plugin FILE.py"


def wanted(base: type) -> str:
    """What a config must write for a component or section of this kind."""
    kind = next((parent for parent in base.__mro__ if is_kind(parent)), None)
    if kind is None:
        return f"a mapping of {base.__name__}'s keys"
    word = kind_name(kind) if is_kind(base) else base.__name__
    if not issubclass(base, Configurable):
        return f"the name of {with_article(word)}"
    return f"{with_article(word)} as {{type: NAME, ...}} or NAME"


def with_article(word: str) -> str:
    """``an optimizer``."""
    return f"{'an' if word[0].lower() in 'aeiou' else 'a'} {word}"


def _keys(section: type, prefix: str) -> Iterator[tuple[str, str]]:
    """Each key's name and path; of components the keys of all their classes."""
    for name, hint in argument_hints(section).items():
        path, component = f"{prefix}{name}", component_hint(hint)
        yield name, path
        if component is None:
            continue
        base = component[0]
        if base is Layer:
            path += ".layers.0"
        usual = default_name(base) if is_kind(base) else None
        classes = [lookup(base, known) for known in names(base)] if is_kind(base) else [base]
        for cls in classes:
            if isinstance(cls, type) and issubclass(cls, Configurable) and not (base is Layer and prefix):
                whole = not is_kind(base) or cls.__name__ == usual
                yield from _keys(cls, f"{path}.") if whole else _plain_keys(cls, path)


def _plain_keys(cls: type, path: str) -> Iterator[tuple[str, str]]:
    for name in argument_hints(cls):
        yield name, f"{path}.{name}"
