"""What evaluation.json says: the scores of a checkpoint."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from minidl.core.errors import ConfigError
from minidl.core.text import shell_word
from minidl.files.reading import decode_json
from minidl.runs.run_folder import RunFolder


def scores_name(checkpoint: str, configured: str) -> str:
    """``evaluation.json`` of the checkpoint that the config scores, ``evaluation-<checkpoint>.json`` of others."""
    return "evaluation.json" if checkpoint == configured else f"evaluation-{checkpoint}.json"


def scores_text(scores: Mapping[str, Any]) -> str:
    """The file's text."""
    return json.dumps(_without_nan(scores), indent=1, ensure_ascii=False) + "\n"


def _without_nan(value: Any) -> Any:
    """JSON has no NaN; null stands for it."""
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def stored_scores(folder: RunFolder, name: str, checkpoint: str, epoch: int) -> dict[str, Any]:
    """What an evaluation has stored of the weights that are this checkpoint now.

    Raises
    ------
    ConfigError
        Nothing is stored of them.
    """
    there = (folder.path / name).exists()
    found = decode_json(folder.read(name), dict[str, Any], folder.path / name) if there else {}
    if found.get("checkpoint") != checkpoint or found.get("epoch") != epoch:
        raise ConfigError(
            f"{folder.path}: the intervals of these weights are not calibrated yet; do so with: "
            f"minidl evaluate {shell_word(folder.path)} --checkpoint {checkpoint}"
        )
    return found
