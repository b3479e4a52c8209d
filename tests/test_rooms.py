"""The house: which room imports which, no import leads back, no two classes share a name, nothing is too long."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import minidl

PACKAGE = Path(minidl.__file__).parent
LINES_OF_A_FILE, LINES_OF_A_FUNCTION = 300, 50
# Each room (a folder, or a file beside them) and those that it imports: all arrows, and no others.
ROOMS = {
    "core": "",
    "files": "core",
    "layers": "core",
    "losses": "core",
    "metrics": "core",
    "optimizers": "core",
    "randomness": "",
    "config": "core files",
    "data": "core files",
    "model_files": "config core files layers",
    "interop": "core files layers",
    "testing": "config core files layers",
    "training": "core data files losses metrics optimizers randomness",
    "compiled": "core data files layers losses optimizers training",
    "fitting": "compiled core losses optimizers randomness training",
    "public": "core fitting layers losses model_files optimizers training",
    "forecasting": "core data losses metrics training",
    "plotting": "core data files forecasting metrics training",
    "tasks": "core data files forecasting losses metrics plotting randomness training",
    "sklearn": "compiled config core data fitting forecasting layers losses optimizers randomness training",
    "experiment": "compiled config core data files layers losses optimizers randomness tasks training",
    "runs": "compiled config core data experiment files fitting forecasting metrics optimizers plotting randomness"
    " tasks training",
    "parallel": "config core data experiment files training",
    "comparison": "config core data experiment files fitting forecasting layers metrics parallel plotting runs tasks"
    " training",
    "backtesting": "comparison config core data experiment files forecasting parallel runs tasks training",
    "search": "config core experiment files fitting parallel runs training",
    "cli": "backtesting comparison compiled config core data experiment files forecasting interop layers metrics"
    " parallel plotting runs search tasks testing training",
}


def modules() -> dict[str, Path]:
    """Every module of the library by its dotted name."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(("minidl", *path.relative_to(PACKAGE).with_suffix("").parts))
        found[name.removesuffix(".__init__")] = path
    return found


def imports(name: str, path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    """The library's modules that one imports anywhere in its text, in functions and for type checkers too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known and alias.name != name)
        elif isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] == "minidl":
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found = whole if whole in known else str(node.module)
                if found != name:
                    yield found


def arrows() -> dict[str, set[str]]:
    """From each module to those that it imports."""
    known = modules()
    return {name: set(imports(name, path, known)) for name, path in known.items()}


def room(name: str) -> str:
    """The part below ``minidl`` of a module's name; "" for the package's own ``__init__``."""
    return name.partition(".")[2].partition(".")[0]


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """Names that lead back to the first of them; [] if none do."""
    done: set[str] = set()

    def search(name: str, way: list[str]) -> list[str]:
        if name in way:
            return way[way.index(name) :]
        if name in done:
            return []
        for target in sorted(graph.get(name, ())):
            found = search(target, [*way, name])
            if found:
                return found
        done.add(name)
        return []

    return next((found for name in sorted(graph) if (found := search(name, []))), [])


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c"]
    assert circle({"a": {"b", "c"}, "b": {"c"}}) == []


def test_no_file_imports_another_that_leads_back_to_it() -> None:
    assert circle(arrows()) == []


def test_the_rooms_import_each_other_as_the_table_says() -> None:
    found: dict[str, set[str]] = {}
    for name, targets in arrows().items():
        if room(name) not in ("", "__main__", "_version"):  # the door hands on names of many rooms
            others = {room(target) for target in targets} - {room(name), "", "_version"}
            found.setdefault(room(name), set()).update(others)
    assert {name: " ".join(sorted(targets)) for name, targets in found.items()} == ROOMS


def test_the_table_leads_one_way() -> None:
    assert circle({name: set(targets.split()) for name, targets in ROOMS.items()}) == []
    assert ROOMS["core"] == ""


def twins(classes: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The public names of which there are several, with the modules of each; from pairs of module and class."""
    homes: dict[str, list[str]] = {}
    for module, name in classes:
        if not name.startswith("_"):
            homes.setdefault(name, []).append(module)
    return {name: found for name, found in homes.items() if len(found) > 1}


def test_twins_are_found() -> None:
    assert twins([("a", "Plan"), ("b", "Plan"), ("a", "Step"), ("b", "_Step")]) == {"Plan": ["a", "b"]}


def test_one_word_has_one_meaning_no_two_classes_have_one_name() -> None:
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in modules().items()}
    classes = [
        (name, node.name) for name, tree in trees.items() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
    ]
    assert twins(classes) == {}


def too_long(text: str) -> list[str]:
    """The functions of a file, and "the file", that have more lines than one may; docstrings count."""
    long = ["the file"] if len(text.splitlines()) > LINES_OF_A_FILE else []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno is not None
            if node.end_lineno - node.lineno + 1 > LINES_OF_A_FUNCTION:
                long.append(node.name)
    return long


def test_what_is_too_long_is_found() -> None:
    def function(lines: int) -> str:
        return "def f():\n" + "    pass\n" * (lines - 1)

    assert (too_long(function(50)), too_long(function(51))) == ([], ["f"])
    assert (too_long("x = 1\n" * 300), too_long("x = 1\n" * 301)) == ([], ["the file"])


def test_no_file_is_longer_than_300_lines_and_no_function_than_50() -> None:
    root = Path(__file__).parents[1]
    found = []
    for path in (
        path for folder in ("minidl", "tests", "benchmarks") for path in sorted((root / folder).rglob("*.py"))
    ):
        found += [f"{path.relative_to(root)}: {name}" for name in too_long(path.read_text(encoding="utf-8"))]
    assert found == []
