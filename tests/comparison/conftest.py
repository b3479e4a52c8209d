"""A folder with two small configs on a small table."""

from __future__ import annotations

from pathlib import Path

import pytest
from small import CONFIG, write_experiment

DEEP = """\
extends: small.yaml
model:
  type: Sequential
  layers:
    - {type: RecurrentLayer, hidden_size: 2, bias: false}
    - {type: RecurrentLayer, hidden_size: 2, bias: false}
    - {type: LastStep}
    - {type: Dense, output_size: 1, bias: false}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    if not request.node.get_closest_marker("figures"):  # they take a second and more, and one test looks at them
        monkeypatch.setattr("minidl.plotting.style.have_matplotlib", lambda: False)
    monkeypatch.chdir(tmp_path)
    write_experiment(tmp_path, CONFIG)
    (tmp_path / "deep.yaml").write_text(DEEP, encoding="utf-8")
    (tmp_path / "twin.yaml").write_text("extends: small.yaml\n", encoding="utf-8")
    (tmp_path / "worse.yaml").write_text("extends: small.yaml\noptimizer: {learning_rate: 0.0001}\n", encoding="utf-8")
    (tmp_path / "wild.yaml").write_text("extends: small.yaml\noptimizer: {learning_rate: 1.0e+9}\n", encoding="utf-8")
    return tmp_path
