"""No module opens a file by itself: what reads and writes files stands in minidl/files."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import minidl

PACKAGE = Path(minidl.__file__).parent

# Calls by which a file is opened, or JSON and pickles become values. `open` of anything but a class counts.
NAMES = {"open", "fdopen", "mkstemp", "NamedTemporaryFile"}
ATTRIBUTES = NAMES | {
    *("read_text", "read_bytes", "write_text", "write_bytes", "load_file", "save_file", "safe_open", "input"),
    *("loadtxt", "genfromtxt", "fromfile", "memmap", "tofile", "savez", "getlines", "open_code", "read_csv"),
}
# Of modules that have harmless functions of these names too.
QUALIFIED = {
    *("np.load", "np.save", "numpy.load", "json.load", "json.loads", "pickle.load", "pickle.loads"),
    *("yaml.load", "yaml.safe_load", "marshal.loads", "shelve.open", "os.open", "io.open", "gzip.open", "lzma.open"),
    *("msgspec.json.decode", "tarfile.open", "zipfile.ZipFile", "mmap.mmap", "fileinput.input", "os.truncate"),
}

ALLOWED = {
    # Standard streams that nobody listens to, or that are closed.
    ("core/standard_streams.py", "__init__", "open"),
    ("core/standard_streams.py", "_try", "os.open"),
    ("core/standard_streams.py", "lead_nowhere", "os.open"),
    ("core/standard_streams.py", "_fill_descriptors", "os.open"),
    # Values of our own on their way into JSON: no file.
    ("cli/common.py", "print_json", "json.loads"),
    ("parallel/experiments.py", "_table", "json.loads"),
    ("testing/fresh_process.py", "answer_if_asked", "json.loads"),
    # What a process and its copy tell each other.
    ("runs/drawing_apart.py", "save_figures", "json.loads"),
    ("runs/drawing_apart.py", "_serve", "json.loads"),
    # Bytes that the room of files has read; nothing pickled is taken.
    ("data/npz_sequences.py", "_arrays", "zipfile.ZipFile"),
    ("data/npz_sequences.py", "_arrays", "np.load"),
    ("data/tables/plain.py", "_table", "csv.read_csv"),
    ("comparison/tested.py", "_terms", "json.loads"),
    # The cache of compiled code, once nobody else could have written it and its checksum is right.
    ("compiled/cache.py", "_load", "pickle.loads"),
    # What the process that started this one sends it to compile.
    ("compiled/compiling.py", "main", "pickle.loads"),
}


def openings(tree: ast.AST, function: str = "") -> Iterator[tuple[str, str, int]]:
    """Every call that opens something: the function it stands in, what is called, the line."""
    for node in ast.iter_child_nodes(tree):
        inside = node.name if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) else function
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            owner, _, name = called.rpartition(".")
            a_class = owner == "cls" or (owner.isidentifier() and owner[0].isupper() and owner != "Path")
            if called in QUALIFIED or (name in (ATTRIBUTES if owner else NAMES) and not a_class):
                yield inside, called, node.lineno
        yield from openings(node, inside)


def test_nothing_outside_the_room_of_files_opens_one() -> None:
    found, used = [], set()
    for file in sorted(PACKAGE.rglob("*.py")):
        name = file.relative_to(PACKAGE).as_posix()
        if name.startswith("files/"):
            continue
        for function, called, line in openings(ast.parse(file.read_text(encoding="utf-8"))):
            if (name, function, called) in ALLOWED:
                used.add((name, function, called))
            else:
                found.append(f"{name}:{line}: {called} in {function or 'the module'}")
    assert found == []
    assert used == ALLOWED, "an exception that nobody needs any more"


@pytest.mark.parametrize(
    "text",
    [
        "open('a')",
        "def f():\n    with open('a') as file:\n        pass",
        "Path('a').open()",
        "path.read_text()",
        "os.open('a', 0)",
        "np.load('a')",
        "safetensors.numpy.load_file('a')",
        "json.loads(text)",
        "lambda: pickle.load(file)",
        "class A:\n    x = (folder / 'a').read_bytes()",
    ],
)
def test_an_opening_is_found(text: str) -> None:
    assert list(openings(ast.parse(text)))


@pytest.mark.parametrize("text", ["Run.open(path)", "cls.open(path)", "read_given(path, 9)", "self.load()"])
def test_what_is_no_opening_is_not_found(text: str) -> None:
    assert not list(openings(ast.parse(text)))
