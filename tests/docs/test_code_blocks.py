"""Every fenced code block of README.md and docs/*.md does what the page says.

The conventions for writers of pages:

- ``python``: the blocks of one page form one script, run with warnings as errors in
  an empty folder. Where a page has comments ``# prints: text``, they are all that
  the script prints, in order.
- ``yaml``, ``ini``: must parse.
- ``console``, ``sh``: lines ``$ minidl ...`` run in order, after the python blocks, and
  must end with code 0. Other commands need the mark "not run".
- A block whose first line is a file name in a comment (``# my_layer.py``) is also
  written to that file before anything runs.
- ``<!-- not run: reason -->`` on the line above a block: it is not run, but python
  and yaml must still parse. ``<!-- exit code: 2 -->``: its last command ends so.
- ``text`` is output or a formula: not checked. A block must name its language.
"""

from __future__ import annotations

import ast
import configparser
import os
import re
import shlex
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

import minidl
from minidl.config import parse_text
from minidl.initializers import Initializer
from minidl.layer import Layer
from minidl.registry import lookup, names

ROOT = Path(__file__).parents[2]
PAGES = [path for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if path.exists()]
FENCE = re.compile(r"^( *)(```+|~~~+)([^\n`]*)\n(.*?)^\1\2 *$", re.DOTALL | re.MULTILINE)
MARK = re.compile(r"<!-- *(not run|exit code): *(\S.*?) *-->\s*\Z")
FILE_NAME = re.compile(r"\A# ([\w-]+(?:/[\w-]+)*\.(?:py|yaml|cfg|toml))\n")
UNCHECKED = {"text", "toml", "csv", "json", "{toctree}"}
MOST_NOT_RUN = 12


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, text, first line in the page, and the mark above it."""

    language: str
    text: str
    line: int
    not_run: str | None = None
    exit_code: int = 0


def blocks_of(text: str) -> list[Block]:
    """All fenced blocks of a page, in order."""
    found = []
    for match in FENCE.finditer(text):
        mark = MARK.search(text[: match.start()])
        kind, value = mark.groups() if mark else (None, "")
        found.append(
            Block(
                (match[3].split() or [""])[0],
                textwrap.dedent(match[4]),
                text.count("\n", 0, match.start(4)) + 1,
                value if kind == "not run" else None,
                int(value) if kind == "exit code" else 0,
            )
        )
    return found


def run(command: list[str], folder: Path, exit_code: int = 0) -> str:
    """Standard output of a command that must end with `exit_code`."""
    env = {**os.environ, "PYTHONPATH": str(Path(minidl.__file__).parents[1]), "NO_COLOR": "1", "MPLBACKEND": "Agg"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False)
    told = f"{shlex.join(command)} ended with {done.returncode}, not {exit_code}\n{done.stdout}\n{done.stderr}"
    assert done.returncode == exit_code, told
    return done.stdout


def commands(block: Block, where: str) -> list[list[str]]:
    """The commands of a console block, with minidl as a module of this Python."""
    lines = re.findall(r"^\$ (.*(?:\\\n.*)*)", block.text, re.MULTILINE)
    assert lines, f"{where}: no line begins with '$ '"
    split = [shlex.split(line.replace("\\\n", " "), comments=True) for line in lines]
    for words in split:
        assert words[0] == "minidl", f"{where}: only minidl is run, not {words[0]}; mark it <!-- not run: reason -->"
    return [[sys.executable, "-m", *words] for words in split]


def script_of(blocks: list[Block]) -> str:
    """One script of all blocks, each at its line of the page, so that a traceback points there."""
    script = ""
    for block in blocks:
        script += "\n" * (block.line - 1 - script.count("\n")) + block.text
    return script


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_code_block_of_the_page_runs(path: Path, tmp_path: Path) -> None:
    blocks = blocks_of(path.read_text(encoding="utf-8"))
    for block in blocks:
        where = f"{path.name}:{block.line}"
        if block.language == "python":
            ast.parse(block.text, where)
        elif block.language == "yaml":
            parse_text(block.text, where)
        elif block.language == "ini":
            configparser.ConfigParser().read_string(block.text, where)
        elif block.language not in ("console", "sh"):
            assert block.language in UNCHECKED, f"{where}: unknown language {block.language!r}; known: {UNCHECKED}"
        if (name := FILE_NAME.match(block.text)) is not None and block.not_run is None:
            (tmp_path / name[1]).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name[1]).write_text(block.text, encoding="utf-8")
    python = [block for block in blocks if block.language == "python" and block.not_run is None]
    if python:
        script = tmp_path / f"{path.stem}_page.py"
        script.write_text(script_of(python), encoding="utf-8")
        printed = run([sys.executable, "-W", "error", script.name], tmp_path)
        promised = [text for block in python for text in re.findall(r"# prints: ?(.*)$", block.text, re.MULTILINE)]
        assert not promised or printed.splitlines() == promised
    for block in blocks:
        if block.language in ("console", "sh") and block.not_run is None:
            *first, last = commands(block, f"{path.name}:{block.line}")
            for command in first:
                run(command, tmp_path)
            run(last, tmp_path, block.exit_code)


def test_few_blocks_are_not_run() -> None:
    marked = [
        f"{path.name}:{block.line}: {block.not_run}"
        for path in PAGES
        for block in blocks_of(path.read_text(encoding="utf-8"))
        if block.not_run is not None
    ]
    print("not run:", *marked, sep="\n")
    assert len(marked) <= MOST_NOT_RUN, marked


# Classes that other test files register are not the library's.
SHIPPED = [n for kind in (Layer, Initializer) for n in names(kind) if lookup(kind, n).__module__.startswith("minidl.")]


@pytest.mark.parametrize("name", SHIPPED)
def test_every_layer_and_initializer_stands_in_the_tables_of_layers_md(name: str) -> None:
    page = (ROOT / "docs" / "layers.md").read_text(encoding="utf-8")
    assert re.search(rf"^\| `{name}\b", page, re.MULTILINE), f"docs/layers.md: no table row begins with `{name}"
