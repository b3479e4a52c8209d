"""`import minidl` is light, and what its text must not say; which room imports which is in test_rooms.py."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import minidl

PACKAGE = Path(minidl.__file__).parent


def module_files():
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = ["minidl", *file.relative_to(PACKAGE).with_suffix("").parts]
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), file


MODULES = dict(module_files())


def imported_by(name, *, at_start):
    """The minidl modules that a module imports: while it is imported itself, or ever."""
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    nodes = [tree]
    found = set()
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if at_start and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: relative import in line {node.lineno}"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(full if full in MODULES else str(node.module))
        nodes.extend(ast.iter_child_nodes(node))
    return {module for module in found if module in MODULES}


def loaded_by(*lines):
    """The packages that a fresh process has loaded after these lines; this one has pytest and its friends."""
    code = "\n".join([*lines, "import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent, timeout=60
    )
    return set(done.stdout.splitlines()[-1].split())


def test_import_minidl_pulls_in_nothing_heavy():
    loaded = loaded_by("import minidl", "assert len(minidl.__all__) > 50")
    assert "numpy" in loaded
    assert not loaded & {"matplotlib", "numba", "tqdm", "scipy", "torch", "pandas", "onnx", "dask", "jsonschema"}


def test_names_are_imported_when_the_first_is_asked_for():
    assert "numpy" not in loaded_by("import minidl", "minidl.__version__")
    assert "numpy" not in loaded_by("from minidl.cli import main", "main(['--version'])", "main(['--help'])")
    assert "numpy" in loaded_by("from minidl import *", "assert issubclass(Dense, Layer)")
    assert "numpy" in loaded_by("import minidl", "minidl.layers.Dense, minidl.Dense, minidl.training")


def test_a_name_that_there_is_not_is_no_attribute():
    for name in ("Danse", "__wrapped__"):
        with pytest.raises(AttributeError, match=f"module 'minidl' has no attribute '{name}'"):
            getattr(minidl, name)
    assert set(minidl.__all__) < set(dir(minidl))


def test_nothing_in_the_package_imports_the_package_itself():
    # `from minidl import X` inside minidl is a cycle through its __init__.
    inside = [n for n in MODULES if "minidl" in imported_by(n, at_start=True) and "__main__" not in n]
    assert inside == []


def test_every_public_name_exists():
    assert minidl.__all__ == sorted(set(minidl.__all__), key=minidl.__all__.index)
    for name in minidl.__all__:
        assert hasattr(minidl, name)


def test_nothing_prints_but_the_output_of_the_command_line():
    # There every line is shown escaped; the streams below it never fail.
    # The compiler's process sends machine code through its own.
    allowed = {"minidl.core.output", "minidl.core.standard_streams", "minidl.compiled.compiling"}
    for name in MODULES.keys() - allowed:
        for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id != "print", f"{name}:{node.lineno} prints"
            if isinstance(node, ast.Attribute) and ast.unparse(node) in ("sys.stdout", "sys.stderr"):
                raise AssertionError(f"{name}:{node.lineno} has {ast.unparse(node)}")


def test_no_error_is_made_of_lines_that_are_joined():
    # Its lines are its arguments, so that a line break in a name from a file makes no line.
    for name, file in MODULES.items():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise):
                texts = [item.value for item in ast.walk(node) if isinstance(item, ast.Constant)]
                broken = [text for text in texts if isinstance(text, str) and "\n" in text]
                assert not broken, f"{name}:{node.lineno}: {broken}; give each line as an argument"
