"""docs/config.md lists every key, class and argument that configs can name, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from minidl.core.arguments import Configurable, argument_hints
from minidl.core.registry import kinds, lookup, names
from minidl.data import WindowData
from minidl.experiment import Experiment
from minidl.tasks import Forecast
from minidl.training import Training

PAGE = (Path(__file__).parents[2] / "docs" / "config.md").read_text(encoding="utf-8")
SECTIONS = {"Top level": Experiment, "`data`": WindowData, "`training`": Training, "`evaluation`": Forecast}


def first_cells(heading: str) -> dict[str, str]:
    """The table under a heading: name in its first column -> the whole row."""
    text = PAGE.split(f"\n## {heading}", 1)[1].split("\n## ", 1)[0]
    return {found[1]: found[0] for found in re.finditer(r"^\| `([^`]+)` .*$", text, re.MULTILINE)}


@pytest.mark.parametrize("heading", SECTIONS)
def test_every_key_of_a_section_is_listed_and_no_other(heading: str) -> None:
    keys = set(argument_hints(SECTIONS[heading])) | ({"extends"} if heading == "Top level" else set())
    assert set(first_cells(heading)) == keys


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_every_shipped_class_is_listed_with_its_arguments(kind: str) -> None:
    heading = {"loss": "Losses", "series": "Series", "data": "Kinds of data"}.get(kind, kind.capitalize() + "s")
    rows = first_cells(heading)
    base = kinds()[kind]
    shipped = [name for name in names(base) if lookup(base, name).__module__.startswith("minidl.")]
    assert sorted(rows) == shipped
    for name in shipped:
        item = lookup(base, name)
        if isinstance(item, type) and issubclass(item, Configurable):
            missing = [argument for argument in argument_hints(item) if f"`{argument}" not in rows[name]]
            assert not missing, f"{name}: the page does not name {missing}"
