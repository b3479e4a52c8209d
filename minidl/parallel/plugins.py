"""Plugins of many trainings: what is recorded of them at the start, and whether those given later are the same."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from minidl.core.errors import IncompatibleRunError
from minidl.core.text import printable
from minidl.files.plugins import PluginRecord, load_plugin, plugin_digest, plugin_records
from minidl.files.reading import user_path


@dataclass(frozen=True)
class Plugin:
    """A plugin that the configs need: the name of its file, and the SHA-256 of its content."""

    name: str
    sha256: str


def given_plugins(paths: Sequence[str | Path], *, run: bool = True) -> tuple[PluginRecord, ...]:
    """The plugins that the command line gave, with absolute paths, as trials need them.

    Parameters
    ----------
    run : whether this process has run them already, and means what it ran.

    Raises
    ------
    StorageError
        One cannot be read.
    """
    whole = [os.path.abspath(user_path(path)) for path in paths]
    if run:
        return tuple(plugin_records(whole))
    return tuple({"path": path, "sha256": plugin_digest(path)} for path in whole)


def recorded_plugins(given: Sequence[PluginRecord]) -> tuple[Plugin, ...]:
    """What a plan says of them."""
    return tuple(Plugin(Path(plugin["path"]).name, plugin["sha256"]) for plugin in given)


def check_plugins(recorded: Sequence[Plugin], given: Sequence[PluginRecord], where: object) -> None:
    """Refuse other plugins than those of the start. None of them has been run yet.

    Raises
    ------
    IncompatibleRunError
        One is missing, has changed, or is new; all in one line.
    """
    known = {plugin.sha256 for plugin in recorded}
    have = {plugin["sha256"] for plugin in given}
    names = {Path(plugin["path"]).name for plugin in given}
    problems = []
    for plugin in recorded:
        if plugin.sha256 not in have and plugin.name not in names:
            problems.append(f"needs --plugin {printable(plugin.name)}, with which it was begun")
    for path, digest in ((plugin["path"], plugin["sha256"]) for plugin in given):
        if digest not in known:
            same = any(plugin.name == Path(path).name for plugin in recorded)
            what = "its content is not that of the start" if same else "it was not used at the start"
            problems.append(f"--plugin {printable(path)}: {what}")
    if problems:
        raise IncompatibleRunError(f"{printable(where)}: {'; '.join(problems)}.")


def plugins_again(recorded: Sequence[Plugin], paths: Sequence[str | Path], where: object) -> tuple[PluginRecord, ...]:
    """Run the plugins that the command line gave for what was begun with these, once they are known to be the same.

    Raises
    ------
    IncompatibleRunError
        See `check_plugins`.
    StorageError
        One cannot be read.
    """
    given = given_plugins(paths, run=False)
    check_plugins(recorded, given, where)
    for plugin in given:
        load_plugin(plugin["path"], plugin["sha256"])
    return given
