"""Which plugins a run was started with, and whether those given now are the same.

A file that somebody hands you never names code that is run: plugins are given
again on the command line. What is recorded only says whether they are the same,
by the SHA-256 of their content; where they lie does not matter. What a plugin
imports, and the plugins of installed packages, are not recorded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from minidl.files.reading import read_given, user_path
from minidl.registry import MAX_SOURCE, loaded_plugins
from minidl.text import shell_word


class PluginRecord(TypedDict):
    """A plugin as it was at the start."""

    path: str
    sha256: str


# Runs of earlier versions recorded the path only.
Recorded = Sequence[PluginRecord | str]


def plugin_records(paths: Sequence[str | Path]) -> list[PluginRecord]:
    """What is recorded of these plugins: the content that this process has run, or else the file's.

    Raises
    ------
    StorageError
        A file that was not run cannot be read.
    """
    loaded = loaded_plugins()
    digests = {path: loaded.get(str(user_path(path).resolve())) or plugin_digest(path) for path in paths}
    return [{"path": str(path), "sha256": digests[path]} for path in paths]


def plugin_changes(recorded: Recorded) -> list[str]:
    """One line for each recorded plugin whose content is not among those that this process has run."""
    loaded = loaded_plugins()
    names = {Path(file).name for file in loaded}
    lines = []
    for plugin in recorded:
        if isinstance(plugin, str) or plugin["sha256"] in loaded.values():
            continue
        given = Path(plugin["path"]).name in names
        what = "its content has changed since the start" if given else "was used at the start and is not given now"
        lines.append(f"--plugin {plugin['path']}: {what}")
    return lines


def plugin_arguments(recorded: Recorded) -> str:
    """The --plugin arguments of the start, for the next command, or ``a --plugin`` if there were none."""
    paths = [plugin if isinstance(plugin, str) else plugin["path"] for plugin in recorded]
    return " ".join(f"--plugin {shell_word(path)}" for path in paths) or "a --plugin"


def plugin_digest(path: str | Path) -> str:
    """The SHA-256 of a plugin's file as it is now.

    Raises
    ------
    StorageError
        It cannot be read.
    """
    return hashlib.sha256(read_given(path, MAX_SOURCE)).hexdigest()
