"""What was meant by an option that no verb has: one of the verb's, or a key of the config, which is set with --set."""

from __future__ import annotations

import shlex
from collections.abc import Collection

from minidl.config.keys import called_here, key_paths, meant_key
from minidl.core.registry import nearest


def option_hint(arguments: list[str], options: Collection[str]) -> str:
    """``"; a config's values are set with --set training.epochs=5"`` for ``--epochs 5`` or ``epochs=5``.

    "" if none of them is, or is near to, a key of a config or an option.

    Parameters
    ----------
    options : that the verb has.
    """
    from minidl.experiment import Experiment

    paths = key_paths(Experiment) if "--set" in options else {}
    known = [option[2:] for option in options if option.startswith("--")]
    meant, found = [], []
    for i, argument in enumerate(arguments):
        if not argument.startswith("-") and "=" not in argument:
            continue
        option, equals, value = argument.lstrip("-").partition("=")
        following = arguments[i + 1 : i + 2]
        value = value if equals or not following or following[0].startswith("-") else following[0]
        path = option.replace("-", "_")
        name = path.rpartition(".")[2]
        is_key = name in paths or called_here(name, paths) is not None
        near = next((one for one in known if one == f"{option}s"), None) if is_key else nearest(option, known)
        key = path if path in paths.values() else paths.get(meant_key(name, paths) or "")
        if near:
            meant.append(f"--{near}")
        if key and (is_key or not near):
            found.append(f"--set {key}={shlex.quote(value) if value else '...'}")
    hint = f"; did you mean {', '.join(meant)}?" if meant else ""
    return hint + (f"; a config's values are set with {' '.join(found)}" if found else "")
