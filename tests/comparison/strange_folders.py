"""A comparison whose folder is changed, and the one line that refuses it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from comparing import Capture, compare
from forged import seal

ONE = Path("runs/compare-001")
CONFIGS = ("small.yaml", "deep.yaml", "--seeds", "1", "--no-protocol")


def change(name: str, edit: Callable[[Any], Any]) -> None:
    """Edit a JSON file of the folder and forge all digests."""
    path = ONE / name
    value = json.loads(path.read_text())
    edited = edit(value)
    path.write_text(json.dumps(edited if isinstance(edited, list) else value))
    seal(ONE)


def refused(capsys: Capture, message: str, *arguments: str) -> None:
    assert compare(*(arguments or ("--resume", str(ONE)))) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err.splitlines()[-1]
    assert len(err.splitlines()) == (1 if not arguments else 3)
