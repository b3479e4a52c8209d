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
from typing import Annotated, Any, TypedDict, TypeVar

from msgspec import Meta

from minidl.core.errors import CorruptFileError
from minidl.core.text import printable
from minidl.files.reading import convert_json, decode_json, read_inside

MANIFEST = "manifest.json"
MAX_MANIFEST = 1 << 16
FORMAT = 1


class FileEntry(TypedDict):
    """What a manifest says of one file."""

    bytes: Annotated[int, Meta(ge=0)]
    sha256: str


class Manifest(TypedDict):
    """What every manifest says; a kind of folder may declare more."""

    digest: str
    files: dict[str, FileEntry]
    format: int


M = TypeVar("M", bound=Mapping[str, Any])


def entry(content: bytes) -> FileEntry:
    """What a manifest says of one file."""
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def encode_manifest(files: Mapping[str, Mapping[str, Any]], **more: Any) -> bytes:
    """The bytes of a manifest with these entries by file name, and `more` keys beside them.

    Raises
    ------
    CorruptFileError
        It would be larger than a manifest that is read.
    """
    body = {"files": {name: dict(value) for name, value in files.items()}, "format": FORMAT, **more}
    content = _spelled({**body, "digest": hashlib.sha256(_spelled(body)).hexdigest()})
    if len(content) > MAX_MANIFEST:
        raise CorruptFileError(f"{MANIFEST}: {len(content):,} bytes; at most {MAX_MANIFEST:,} can be read again.")
    return content


def read_manifest(folder: Path, kind: type[M], *, inside: Path | None = None) -> M:
    """The manifest of a folder, checked, as a mapping of the declared kind.

    Parameters
    ----------
    inside : the folder above it, or itself (None), from which on no link is followed.

    Raises
    ------
    CorruptFileError
        It is missing, damaged, or of a format that this version does not know.
    """
    path = folder / MANIFEST
    content = read_below(inside or folder, path, MAX_MANIFEST)
    manifest = decode_json(content, dict[str, Any], path)
    body = {key: value for key, value in manifest.items() if key != "digest"}
    if hashlib.sha256(_spelled(body)).hexdigest() != manifest.get("digest") or _spelled(manifest) != content:
        raise CorruptFileError(f"{path}: damaged (its digest is not that of its content).")
    if manifest.get("format") != FORMAT:
        shown = printable(manifest.get("format"))[:20]
        raise CorruptFileError(f"{path}: format {shown}; this version of minidl reads format {FORMAT}.")
    convert_json(manifest, kind, path)
    return manifest  # type: ignore[return-value]  # as it stands, with keys of a later version


def checked(path: Path, manifest: Mapping[str, Any], limit: int, *, inside: Path | None = None) -> bytes:
    """The content of a file that a manifest lists, of at most `limit` bytes, its size and SHA-256 checked.

    A manifest may also say what a file is about to become (``pending``): where the process that writes it is
    killed, the file is one of the two.

    Parameters
    ----------
    inside : a folder above it from which on no link is followed; None: its own.

    Raises
    ------
    CorruptFileError
        It is not listed, missing, too large, or not the file that was listed.
    """
    listed = [there for key in ("files", "pending") if (there := manifest.get(key, {}).get(path.name)) is not None]
    if not listed:
        raise CorruptFileError(f"{path}: not in {MANIFEST}; the folder is not complete.")
    content = read_below(inside or path.parent, path, limit)
    if entry(content) not in listed:
        problem = f"damaged or changed (its size and SHA-256 are not those in {MANIFEST})"
        raise CorruptFileError(f"{path}: {problem}.")
    return content


def read_below(folder: Path, path: Path, limit: int) -> bytes:
    """`read_inside` for a path that begins with the folder's."""
    return read_inside(folder, path.relative_to(folder), limit)


def _spelled(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()
