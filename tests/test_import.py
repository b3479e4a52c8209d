"""`import minidl` is light, and imports point one way, as the architecture page says."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import minidl

PACKAGE = Path(minidl.__file__).parent

# Low to high: a part may import its own rank and those below it. Parts that are not named here
# (plotting, testing, ...) are bound by the rule against cycles only.
RANKS = [
    {"text", "_version"},
    {"errors"},
    {"files"},
    {"registry"},
    {"arguments", "arrays", "parameters", "workspace"},
    {"layer", "initializers"},
    {"layers", "losses", "optimizers", "metrics", "schedules", "data", "config"},
    {"training"},
    {"forecasting"},
    {"tasks"},
    {"comparison"},
    {"cli"},
]
# Beyond the ranks: layers know nothing of these.
FORBIDDEN = {
    "layers": {"compiled", "interop", "plotting", "config", "data", "optimizers", "losses"},
    "losses": {"layers", "data", "config", "optimizers"},
    "optimizers": {"layers", "data", "config", "losses"},
    "metrics": {"layers", "data", "config"},
    "data": {"layers", "optimizers", "losses"},
}


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


def part(module):
    """`layers` for minidl.layers.dense."""
    return module.split(".")[1] if "." in module else ""


def rank(module):
    return next((i for i, parts in enumerate(RANKS) if part(module) in parts), None)


def test_import_minidl_pulls_in_nothing_heavy():
    # In a fresh process, as this one has pytest and its friends loaded.
    code = "import sys, minidl; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent, timeout=60
    )
    loaded = set(done.stdout.split())
    assert "numpy" in loaded
    assert not loaded & {"matplotlib", "numba", "tqdm", "scipy", "torch", "pandas", "onnx", "dask", "jsonschema"}


@pytest.mark.parametrize("name", [name for name in MODULES if rank(name) is not None])
def test_a_module_imports_nothing_above_its_rank(name):
    above = {other for other in imported_by(name, at_start=False) if (rank(other) or 0) > rank(name)}
    assert not above, f"{name} imports {sorted(above)}"
    unwanted = {other for other in imported_by(name, at_start=False) if part(other) in FORBIDDEN.get(part(name), ())}
    assert not unwanted, f"{name} imports {sorted(unwanted)}"


def test_nothing_in_the_package_imports_the_package_itself():
    # `from minidl import X` inside minidl is a cycle through its __init__.
    inside = [n for n in MODULES if "minidl" in imported_by(n, at_start=True) and "__main__" not in n]
    assert inside == []


def test_there_are_no_import_cycles():
    edges = {name: imported_by(name, at_start=True) - {name} for name in MODULES}
    done = set()

    def visit(name, path):
        if name in path:
            raise AssertionError("import cycle: " + " -> ".join([*path[path.index(name) :], name]))
        if name not in done:
            for other in sorted(edges[name]):
                visit(other, [*path, name])
            done.add(name)

    for name in MODULES:
        visit(name, [])


def test_the_parts_of_the_package_form_no_cycle_either():
    # config -> layers and layers -> config through different files would be one.
    edges = {}
    for name in MODULES:
        others = {part(other) for other in imported_by(name, at_start=True)}
        edges.setdefault(part(name), set()).update(others - {part(name), ""})
    edges.pop("", None)
    while free := {name for name, others in edges.items() if not others & edges.keys()}:
        for name in free:
            del edges[name]
    assert not edges, f"cycle among {edges}"


def test_every_public_name_exists():
    assert minidl.__all__ == sorted(set(minidl.__all__), key=minidl.__all__.index)
    for name in minidl.__all__:
        assert hasattr(minidl, name)


def test_nothing_prints_but_the_output_of_the_command_line():
    # There every line is shown escaped; the streams below it never fail.
    allowed = {"minidl.cli.output", "minidl.core.standard_streams"}
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
