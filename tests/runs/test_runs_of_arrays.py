"""A run whose sequences were given in Python: it is opened and predicts without them, and says that they are gone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from minidl import Adam, CrossEntropy, DataError, Dense, LastStep, RecurrentLayer, Sequential
from minidl.cli import main
from minidl.data import ArraySequences, Sequences
from minidl.experiment import Experiment
from minidl.runs.run import Run
from minidl.tasks import Classify
from minidl.training import Training


def test_a_run_of_arrays_is_opened_and_predicts_without_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x = [rng.normal(size=(length, 2)) for length in rng.integers(2, 6, 30)]
    names = np.array(["up", "down"])[[int(one[-1, 0] > 0) for one in x]]
    experiment = Experiment(
        model=Sequential([RecurrentLayer(4), LastStep(), Dense(2)]),
        data=Sequences(ArraySequences(x, names, labels=("up", "down"))),
        loss=CrossEntropy(),
        optimizer=Adam(0.02),
        training=Training(epochs=2),
        evaluation=Classify(),
    )
    run = Run.create(experiment)
    parts = experiment.load_data()
    run.train(parts)
    run.evaluate(parts)

    opened = Run.open(run.path)
    opened.load_weights("last")
    assert opened.experiment.data.source.label_names == ("up", "down")
    for name, value in opened.experiment.model.params.items():
        np.testing.assert_array_equal(value, experiment.model.params[name])
    with pytest.raises(
        DataError, match=r"^ArraySequences: the sequences were given in Python, and are no longer there; "
    ):
        opened.experiment.load_data()

    np.savez("new.npz", x=np.concatenate(x[:3]), lengths=[len(one) for one in x[:3]])
    capsys.readouterr()
    assert main(["predict", str(run.path), "--input", "new.npz"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 4
    assert main(["evaluate", str(run.path)]) == 3
