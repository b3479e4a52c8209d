"""The files of a run, each read or forged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from minidl import CorruptFileError
from minidl.files.manifests import MANIFEST, encode_manifest, entry
from minidl.runs.run import Run

FILES = ["config.yaml", "environment.json", "scale.json", "log.jsonl", "manifest.json", "evaluation.json"]
CHECKPOINT = ["weights.safetensors", "optimizer.safetensors", "state.json", "manifest.json"]
ALL = [*FILES, *(f"checkpoints/{kind}/{name}" for kind in ("best", "last") for name in CHECKPOINT)]
FOLDERS = ["checkpoints", "checkpoints/best", "checkpoints/last"]


def everything(path: Path) -> None:
    """Read all that is read of a run."""
    run = Run.open(path)
    run.scale()
    run.log()
    run.read("evaluation.json")
    for name in ("best", "last"):
        run.checkpoint(name, run.experiment.model.params)


def refused(path: Path, name: str) -> str:
    with pytest.raises(CorruptFileError) as caught:
        everything(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}/{name}"), message
    assert message.isprintable()
    return message


def with_listed(folder: Path, name: str, content: bytes) -> None:
    """Forge a file of a run or a checkpoint, its manifest right."""
    (folder / name).write_bytes(content)
    manifest = json.loads((folder / MANIFEST).read_text())
    more = {key: value for key, value in manifest.items() if key not in ("files", "format", "digest")}
    (folder / MANIFEST).write_bytes(encode_manifest({**manifest["files"], name: entry(content)}, **more))
