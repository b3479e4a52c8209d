"""Forgeries of comparison folders: values are changed, and everything that has a digest gets the right one again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from minidl.comparison.plan import Plan, encode, sha256
from minidl.core.errors import MinidlError
from minidl.files.manifests import MANIFEST, encode_manifest, entry

LISTED = ("environment.json", "data.json", "plan.json")


def seal(folder: Path) -> None:
    """Let the manifest, and if possible the plan's digest, be those of the files as they are now."""
    path = folder / "plan.json"
    try:
        plan = json.loads(path.read_bytes())
        plan["digest"] = Plan.from_dict(plan).digest()
        path.write_text(json.dumps(plan))
    except (MinidlError, ValueError, TypeError, AttributeError, KeyError, OSError):
        pass  # no plan any more
    files = {name: entry((folder / name).read_bytes()) for name in LISTED if (folder / name).is_file()}
    (folder / MANIFEST).write_bytes(encode_manifest(files))


def seal_record(path: Path, value: Any) -> None:
    """Write a record's file with the right digest."""
    values = value if isinstance(value, dict) else {"record": value}
    body = {key: part for key, part in values.items() if key != "sha256"}
    path.write_bytes(encode({**body, "sha256": sha256(encode(body))}))
