"""What a notebook shows of objects that are no settings: one short line, no address and no arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from minidl import Dense, GRULayer, Sequential
from minidl.compiled.prediction import NumpyPredictor
from minidl.experiment import load_experiment
from minidl.runs import Run
from minidl.training import Arrays


def test_a_run_its_sequences_and_what_comes_of_its_model_are_shown_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    experiment = load_experiment("subtraction_single", ["data.source.n_sequences=20", "training.epochs=1"])
    run, parts = Run.create(experiment), experiment.load_data()
    assert repr(run) == "Run('runs/subtraction_single-001')"
    assert repr(parts).startswith(
        "SequenceParts(train=SequenceSet(12 sequences of 8 to 8 rows), validation=SequenceSet("
    )


def test_a_stream_a_predictor_and_arrays_are_shown_in_a_line() -> None:
    pytest.importorskip("numba")
    from minidl.compiled.compiled_predictor import CompiledPredictor

    model = Sequential([GRULayer(2), Dense(1)])
    model.build((None, 3), 0)
    assert repr(model.stream()) == "Stream(Sequential([GRULayer(2), Dense(1)]))"
    made = NumpyPredictor(model, "numpy"), CompiledPredictor(model)  # which is compiled when it is asked
    assert [repr(each) for each in made] == [
        f"{type(each).__name__}(Sequential([GRULayer(2), Dense(1)]))" for each in made
    ]
    x = np.zeros((4, 5, 3))
    assert repr(Arrays(x, x[..., :1], weight=[1, 1, 1, 2])) == "Arrays(x (4, 5, 3), y (4, 5, 1), weight (4,))"
