"""Without what configs, plans and plugins are held to."""

from __future__ import annotations

import contextlib
import importlib
import re
from typing import Any

from minidl.comparison import plan, session
from minidl.config import builder, nodes
from minidl.core import registry
from tests.reliability.sabotage import sabotage


@sabotage("registry")
def _import_what_is_named() -> None:
    """A name with a dot is imported."""
    look_up = builder.lookup  # type: ignore[attr-defined]

    def importing(base: type, name: str) -> Any:
        if "." in name:
            with contextlib.suppress(ImportError):
                importlib.import_module(name.partition(".")[0])
        return look_up(base, name)

    builder.lookup = importing  # type: ignore[attr-defined]


@sabotage("composer-limits")
def _no_limits_of_depth_and_count() -> None:
    """A config may nest as deep and repeat as much as it likes."""
    nodes.MAX_DEPTH = nodes.MAX_NODES = 10**9
    nodes.MAX_OPEN_BRACKETS = 3000  # more of them keep PyYAML busy for minutes


@sabotage("suggestions")
def _no_suggestions() -> None:
    """An unknown key is refused without the one that was meant."""
    builder.unknown_key_hint = lambda *arguments: ""  # type: ignore[attr-defined]


@sabotage("places")
def _no_places() -> None:
    """Problems of a config are told without file, line and column."""
    line = builder.problem_line  # type: ignore[attr-defined]
    builder.problem_line = lambda place, path, message: line(None, path, message)  # type: ignore[attr-defined]


@sabotage("plugins-of-the-start")
def _plugins_of_the_plan() -> None:
    """The plugins that a plan names are run, as if the command line had given them."""

    def load(recorded: Any, given: Any, where: object) -> None:
        for plugin in recorded:
            registry.load_plugin(plugin.name)

    session.check_plugins = load  # type: ignore[attr-defined]


@sabotage("labels")
def _any_label() -> None:
    """Names of configs may be any text."""
    plan._LABEL = re.compile(".*", re.DOTALL)
