"""Every fenced code block of README.md and docs/*.md does what the page says.

The conventions for writers of pages:

- ``python``: the blocks of one page form one script, run with warnings as errors in
  an empty folder. Where a page has comments ``# prints: text``, they are all that
  the script prints, in order.
- ``yaml``, ``ini``: must parse.
- ``console``, ``sh``: lines ``$ minidl ...`` run in order, after the python blocks, and
  must end with code 0. Other commands need the mark "not run". The lines shown below
  them must be printed, in order; … is anything.
- A block whose first line is a file name in a comment (``# my_layer.py``) is also
  written to that file before anything runs.
- A comment above a block is a mark. ``<!-- not run: reason -->``: it must still parse.
  ``<!-- exit code: 2 -->``: the last command ends so.
- A page with ``<!-- tested in: numpy -->`` trains in the NumPy engine when it is tested, which spares it the compiler.
- A page with ``<!-- needs: faker -->`` is skipped where that package is not installed.
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
from minidl.core.initializers import Initializer
from minidl.core.layer import Layer
from minidl.core.registry import lookup, names
from minidl.layers.recurrent.tracing import ARGUMENTS

ROOT = Path(__file__).parents[2]
PAGES = [path for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if path.exists()]
FENCE = re.compile(r"^( *)(```+|~~~+)([^\n`]*)\n(.*?)^\1\2 *$", re.DOTALL | re.MULTILINE)
NEEDS = re.compile(r"<!-- *needs: *(\w+) *-->")
TESTED_IN = re.compile(r"<!-- *tested in: *(\w+) *-->")
MARK = re.compile(r"<!-- *(not run|exit code): *(\S.*?) *-->\s*\Z")
FILE_NAME = re.compile(r"\A# ([\w-]+(?:/[\w-]+)*\.(?:py|yaml|cfg|toml))\n")
UNCHECKED = {"text", "toml", "csv", "json", "{toctree}"}
MOST_NOT_RUN = 12


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, text, first line in the page, and the mark above it (kind and value)."""

    language: str
    text: str
    line: int
    mark: str
    value: str


def blocks_of(text: str) -> list[Block]:
    """All fenced blocks, in order."""
    found = []
    for match in FENCE.finditer(text):
        mark = MARK.search(text[: match.start()])
        language, line = (match[3].split() or [""])[0], text.count("\n", 0, match.start(4)) + 1
        found.append(Block(language, textwrap.dedent(match[4]), line, *(mark.groups() if mark else ("", ""))))
    return found


def run(command: list[str], folder: Path, exit_code: int = 0) -> str:
    """What a command prints, which must end with `exit_code`."""
    env = {**os.environ, "PYTHONPATH": str(Path(minidl.__file__).parents[1]), "NO_COLOR": "1", "MPLBACKEND": "Agg"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False)
    told = f"{shlex.join(command)} ended with {done.returncode}, not {exit_code}\n{done.stdout}\n{done.stderr}"
    assert done.returncode == exit_code, told
    return done.stdout + done.stderr


def run_console(block: Block, folder: Path, where: str, engine: list[str]) -> None:
    """Run a block's commands, with minidl as a module of this Python; trainings in this engine, if there is one."""
    lines = re.findall(r"^\$ (.*(?:\\\n.*)*)", block.text, re.MULTILINE)
    assert lines, f"{where}: no line begins with '$ '; mark the block <!-- not run: reason --> if it is not to run"
    printed = ""
    for i, line in enumerate(lines, start=1):
        words = shlex.split(line.replace("\\\n", " "), comments=True)
        assert words[0] == "minidl", f"{where}: only minidl is run, not {words[0]}; mark it <!-- not run: reason -->"
        code = int(block.value) if block.mark == "exit code" and i == len(lines) else 0
        more = [f"--set=engine={name}" for name in engine if words[1] in ("train", "find-rate")]
        printed += run([sys.executable, "-m", *words, *more], folder, code)
    shown = re.sub(r"^\$ .*(?:\\\n.*)*\n", "", block.text, flags=re.MULTILINE)
    if shown.strip():
        patterns = [re.escape(line).replace("…", ".*") + " *" for line in shown.splitlines()]
        assert re.search(r"\n(?:.*\n)*?".join(patterns), printed), f"{where}: shown\n{shown}\nprinted\n{printed}"


def script_of(blocks: list[Block]) -> str:
    """All blocks, each at its line of the page, so that a traceback points there."""
    script = ""
    for block in blocks:
        script += "\n" * (block.line - 1 - script.count("\n")) + block.text
    return script


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_code_block_of_the_page_runs(path: Path, tmp_path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for package in NEEDS.findall(text):
        pytest.importorskip(package)
    blocks = blocks_of(text)
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
        if (name := FILE_NAME.match(block.text)) and block.mark != "not run":
            (tmp_path / name[1]).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name[1]).write_text(block.text, encoding="utf-8")
    python = [block for block in blocks if block.language == "python" and block.mark != "not run"]
    if python:
        script = tmp_path / f"{path.stem}_page.py"
        script.write_text(script_of(python), encoding="utf-8")
        printed = run([sys.executable, "-W", "error", script.name], tmp_path)
        promised = [text for block in python for text in re.findall(r"# prints: ?(.*)$", block.text, re.MULTILINE)]
        assert not promised or printed.splitlines() == promised
    for block in blocks:
        if block.language in ("console", "sh") and block.mark != "not run":
            run_console(block, tmp_path, f"{path.name}:{block.line}", TESTED_IN.findall(text))


def test_few_blocks_are_not_run() -> None:
    marked = [
        f"{path.name}:{block.line}: {block.value}"
        for path in PAGES
        for block in blocks_of(path.read_text(encoding="utf-8"))
        if block.mark == "not run"
    ]
    print("not run:", *marked, sep="\n")
    assert len(marked) <= MOST_NOT_RUN, marked


# Classes that other test files register are not the library's.
SHIPPED = [n for kind in (Layer, Initializer) for n in names(kind) if lookup(kind, n).__module__.startswith("minidl.")]


@pytest.mark.parametrize("name", SHIPPED)
def test_every_layer_and_initializer_stands_in_the_tables_of_layers_md(name: str) -> None:
    page = (ROOT / "docs" / "layers.md").read_text(encoding="utf-8")
    assert re.search(rf"^\| `{name}\b", page, re.MULTILINE), f"docs/layers.md: no table row begins with `{name}"


def test_every_operation_of_equations_stands_in_cells_md() -> None:
    page = (ROOT / "docs" / "cells.md").read_text(encoding="utf-8")
    listed = page.partition("`equations` is run once")[2].partition("each number for itself")[0]
    signs = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "greater": ">", "less": "<"}
    assert [name for name in ARGUMENTS if not re.search(re.escape(signs.get(name, "")) or rf"\b{name}\b", listed)] == []
