"""Lists of files with their sizes and SHA-256, written last: what is not in one is not complete.

A manifest guards itself too: it has one spelling only, and a digest of its own
content, so that no byte of it can change unnoticed. This finds damage and mixed-up
files. It is no signature: whoever can write the files can write the manifest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minidl.errors import CorruptFileError
from minidl.files.storage import read_file

MANIFEST = "manifest.json"
MAX_MANIFEST = 1 << 16
FORMAT = 1


def entry(content: bytes) -> dict[str, Any]:
    """What a manifest says of one file."""
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def encode_manifest(files: Mapping[str, Mapping[str, Any]], **more: Any) -> bytes:
    """The bytes of a manifest with these entries by file name, and `more` keys beside them."""
    body = {"files": {name: dict(value) for name, value in files.items()}, "format": FORMAT, **more}
    return _spelled({**body, "digest": hashlib.sha256(_spelled(body)).hexdigest()})


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a folder, checked.

    Raises
    ------
    CorruptFileError
        It is missing, damaged, or of a format that this version does not know.
    """
    path = folder / MANIFEST
    content = read_file(path, MAX_MANIFEST)
    try:
        manifest = json.loads(content)
        body = {key: value for key, value in manifest.items() if key != "digest"}
        whole = hashlib.sha256(_spelled(body)).hexdigest() == manifest["digest"] and _spelled(manifest) == content
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as err:
        raise CorruptFileError(f"{path}: damaged, not a manifest.") from err
    if not whole:
        raise CorruptFileError(f"{path}: damaged (its digest is not that of its content).")
    if manifest.get("format") != FORMAT:
        raise CorruptFileError(
            f"{path}: format {manifest.get('format')!r}; this version of minidl reads format {FORMAT}."
        )
    files = manifest.get("files")
    if not (isinstance(files, dict) and all(map(_is_entry, files.values()))):
        raise CorruptFileError(f"{path}: damaged, files are not listed as expected.")
    return dict(manifest)


def checked(path: Path, manifest: Mapping[str, Any], limit: int) -> bytes:
    """The content of a file that a manifest lists, of at most `limit` bytes, its size and SHA-256 checked.

    Raises
    ------
    CorruptFileError
        It is not listed, missing, too large, or not the file that was listed.
    """
    listed = manifest["files"].get(path.name)
    if listed is None:
        raise CorruptFileError(f"{path}: not in {MANIFEST}; the folder is not complete.")
    content = read_file(path, limit)
    if entry(content) != listed:
        raise CorruptFileError(f"{path}: damaged or changed (its size and SHA-256 are not those in {MANIFEST}).")
    return content


def _is_entry(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"bytes", "sha256"}
        and type(value["bytes"]) is int
        and isinstance(value["sha256"], str)
    )


def _spelled(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()
