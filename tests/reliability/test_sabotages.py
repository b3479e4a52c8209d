"""Sabotages take out what is there: each name that one replaces exists."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

FILES = sorted(path.stem for path in Path(__file__).parent.glob("sabotage_*.py"))


@pytest.mark.parametrize("name", FILES)
def test_what_a_sabotage_replaces_is_there(name: str) -> None:
    module = importlib.import_module(f"tests.reliability.{name}")
    tree = ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8"))
    targets = [target for node in ast.walk(tree) if isinstance(node, ast.Assign) for target in node.targets]
    replaced = [ast.unparse(target) for target in targets if isinstance(target, ast.Attribute)]
    known = [text for text in replaced if text.split(".")[0] in vars(module)]
    for text in known:
        eval(text, vars(module))  # AttributeError: there is nothing of this name
    assert known
