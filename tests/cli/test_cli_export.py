"""minidl export: a run's weights as an ONNX file, which onnxruntime computes as minidl does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import Cli

from minidl.runs.run import Run

pytest.importorskip("onnx", reason="onnx is not installed")


@pytest.fixture
def run(folder: Path, cli: Cli) -> str:
    assert cli("train", "small.yaml").code == 0
    return "runs/small-001"


def test_the_file_computes_what_the_checkpoint_does(cli: Cli, run: str) -> None:
    # Catches the weights of another checkpoint.
    runtime: Any = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    made = Run.open(run)
    windows = made.experiment.load_data().test.gather(np.arange(5)).x
    outputs = []
    for checkpoint in ("last", "init"):
        outcome = cli("export", run, "--checkpoint", checkpoint, "--output", f"{checkpoint}.onnx")
        assert outcome.code == 0
        assert f"({checkpoint}); x (batch, " in outcome.out
        assert outcome.out.endswith(f"scaled as in {run}/scale.json\n")
        made.load_weights(checkpoint)
        (y,) = runtime.InferenceSession(f"{checkpoint}.onnx").run(["y"], {"x": windows})
        np.testing.assert_allclose(y, made.experiment.model(windows), rtol=0, atol=1e-6)
        outputs.append(y)
    assert not np.allclose(*outputs)


def test_a_file_that_is_there_is_kept(cli: Cli, run: str) -> None:
    assert cli("export", run).code == 0
    before = Path("small-001.onnx").read_bytes()
    refused = cli("export", run)
    assert (refused.code, refused.line) == (
        2, "minidl export: --output small-001.onnx: exists already; choose another file.",
    )  # fmt: skip
    assert Path("small-001.onnx").read_bytes() == before


def test_a_layer_that_cannot_be_written_is_named(cli: Cli, folder: Path) -> None:
    inner = "{type: Sequential, layers: [LastStep, {type: Dense, output_size: 1}]}"
    rollout = f"{{type: Rollout, layer: {inner}, steps: 4, target: 0}}"
    made = cli("train", "small.yaml", "--set", f"model.layers=[{rollout}]")
    assert made.code == 0, made.err
    refused = cli("export", "runs/small-001")
    assert refused.code == 2
    assert refused.line.startswith("minidl export: Rollout: a layer that is not exported to ONNX; those are: ")
    assert not Path("small-001.onnx").exists()
