"""Hints name commands that work while the package itself cannot be installed by name."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import minidl
from minidl.core.extras import PACKAGES, install_command

ROOT = Path(__file__).parents[2]


def test_the_hint_names_the_packages_themselves():
    assert install_command("fast") == "pip install numba"
    assert install_command("dask") == "pip install dask distributed"


def test_the_packages_are_those_of_the_extras():
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    for extra, packages in PACKAGES.items():
        lines = config["options.extras_require"][extra].split()
        assert tuple(re.split(r"[<>=]", line)[0] for line in lines) == packages


def test_no_text_tells_to_install_minidl_by_its_name():
    # Neither a message nor a page: the name belongs to nobody, or to a stranger.
    files = [*Path(minidl.__file__).parent.rglob("*.py"), *(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]
    files += (ROOT / "benchmarks").rglob("*.md")
    for file in files:
        if file.name == "extras.py":
            continue
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"pip install [^\n`]*minidl(\[|\b(?!/))", text), file
