"""The shipped tasks on sequences train in compiled code as in NumPy, with `engine: compiled` as the only change."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.compiled.jit import numba_installed
from minidl.experiment import load_experiment
from minidl.fitting import run_training

pytestmark = pytest.mark.skipif(not numba_installed(), reason="needs numba")
slow = pytest.mark.slow  # each is another function to compile


@pytest.mark.parametrize(
    "name", ["waves_label", *(pytest.param(name, marks=slow) for name in ("waves_classify", "waves_regress"))]
)
def test_a_task_on_sequences_of_different_length_trains_alike_in_both_engines(name: str) -> None:
    ends, scores = [], []
    for engine in ("numpy", "compiled"):
        changes = ["dtype=float64", "data.source.n_sequences=90", "training.epochs=3", f"engine={engine}"]
        experiment = load_experiment(name, changes)
        parts = experiment.load_data()
        assert parts.train.ragged
        experiment.build_model()
        trainer = experiment.trainer()
        run_training(trainer, parts.train, parts.validation, engine=experiment.engine)
        assert trainer.engine.name == engine
        ends.append(trainer.parameters.values)
        scores.append(experiment.evaluation.evaluate(parts, experiment.model)["scores"]["all"])
    np.testing.assert_allclose(ends[1], ends[0], rtol=0, atol=1e-12 * np.abs(ends[0]).max())
    assert scores[1] == pytest.approx(scores[0], rel=1e-9)
