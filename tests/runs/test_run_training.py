"""What the training of a run leaves in its folder, and what decides it."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from small import folder_content, hourly_rows, write_csv
from small_runs import Keeping, log_lines, small, trained, weights

from minidl import CorruptFileError, NumericalError
from minidl.runs.run import Run
from minidl.training import Callback, EpochRecord, Trainer

FIELDS = {"epoch", "step", "train_loss", "validation_loss", "validation_r2", "learning_rate", "seconds"}


def test_training_leaves_log_scale_and_checkpoints(folder: Path) -> None:
    run, history = trained()
    names = set(folder_content(run.path))
    assert {"config.yaml", "environment.json", "scale.json", "log.jsonl"} <= names
    for checkpoint in ("init", "last", "best"):
        assert f"checkpoints/{checkpoint}/weights.safetensors" in names
    lines = [json.loads(line) for line in (run.path / "log.jsonl").read_text().splitlines()]
    assert [set(line) for line in lines] == [FIELDS] * 3
    # 240 rows: 60 for testing, 40 for validation, windows of 6 on 140: 134, in batches of 16.
    assert [(line["epoch"], line["step"]) for line in lines] == [(1, 9), (2, 18), (3, 27)]
    assert run.log() == history


def test_scale_json_holds_what_the_training_rows_gave(folder: Path) -> None:
    run, _ = trained()
    rows = hourly_rows()[:180]
    low, high = rows.min(axis=0), rows.max(axis=0)
    saved = json.loads((run.path / "scale.json").read_text())
    about = {"columns": ["pm", "temp", "wind"], "step": "h"}
    assert saved == {**about, "offset": low.tolist(), "range": (high - low).tolist(), "curves": ["linear"] * 3}


def test_the_first_weights_are_saved_as_init(folder: Path) -> None:
    run, _ = trained()
    fresh = small()
    fresh.build_model()
    for name, value in weights(run, "init").items():
        assert value.tobytes() == fresh.model.params[name].tobytes()
    assert (weights(run, "last")["0.W_xh"] != weights(run, "init")["0.W_xh"]).any()


@pytest.mark.parametrize("every", [1, 4, 100])
def test_best_is_the_epoch_of_the_lowest_validation_loss_and_last_the_last(folder: Path, every: int) -> None:
    # Momentum near 1 swings: the best epoch is neither the first nor the last.
    kept = Keeping()
    run, history = trained(
        "training.epochs=20",
        "optimizer={type: SGD, learning_rate: 0.2, momentum: 0.95}",
        f"training.checkpoint_every={every}",
        callbacks=[kept],
    )
    losses = [record.validation_loss for record in history]
    best = losses.index(min(losses))  # type: ignore[type-var]
    assert 0 < best < 19
    for checkpoint, epoch in (("best", best), ("last", 19)):
        saved = weights(run, checkpoint)
        for name, value in kept.epochs[epoch].items():
            assert saved[name].tobytes() == value.tobytes(), checkpoint
        assert run.load_weights(checkpoint)["epoch"] == epoch + 1


def test_without_validation_there_is_no_best(folder: Path) -> None:
    run, history = trained("data.validation=null", "evaluation.checkpoint=last")
    assert not (run.path / "checkpoints" / "best").exists()
    assert {record.validation_loss for record in history} == {None}
    with pytest.raises(CorruptFileError, match="best"):
        run.load_weights("best")


def test_the_checkpoint_that_the_config_scores_is_loaded_by_default(folder: Path) -> None:
    run, _ = trained("training.epochs=2")
    run.load_weights()
    assert run.experiment.model.params["0.W_xh"].tobytes() == weights(run, "best")["0.W_xh"].tobytes()


def test_two_trainings_with_one_seed_are_equal_and_with_another_they_are_not(folder: Path) -> None:
    one, two, other = (trained(*more)[0] for more in ((), (), ("seed=4",)))
    for name in ("checkpoints/last/weights.safetensors", "checkpoints/best/weights.safetensors", "scale.json"):
        assert (one.path / name).read_bytes() == (two.path / name).read_bytes()
    assert log_lines(one) == log_lines(two)
    assert log_lines(one) != log_lines(other)
    assert (weights(one, "init")["0.W_xh"] != weights(other, "init")["0.W_xh"]).all()
    splits = one.experiment.load_data()
    assert one.evaluate(splits) == two.evaluate(splits)


def test_fresh_processes_with_other_hash_seeds_give_the_same_bytes(folder: Path) -> None:
    script = (
        "from minidl.experiment import load_experiment; from minidl.runs.run import Run; import sys;"
        "e = load_experiment('small.yaml'); s = e.load_data(); r = Run.create(e); r.train(s); r.evaluate(s)"
    )
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run([sys.executable, "-c", script], check=True, env=environment, timeout=100)
    here, _ = trained()
    here.evaluate(here.experiment.load_data())
    runs = [Run.open(folder / "runs" / f"small-00{i}") for i in (1, 2, 3)]
    for name in ("checkpoints/last/weights.safetensors", "evaluation.json", "config.yaml"):
        assert len({(run.path / name).read_bytes() for run in runs}) == 1, name
    assert log_lines(runs[0]) == log_lines(runs[1]) == log_lines(runs[2])


@pytest.mark.parametrize("fit_on", ["train", "all"])
def test_the_test_rows_change_training_only_where_the_scaler_sees_them(folder: Path, fit_on: str) -> None:
    setting = f"data.scaler={{type: MinMaxScaler, fit_on: {fit_on}}}"
    one, _ = trained(setting)
    rows = hourly_rows()
    rows[180:, :2] = rows[180:, :2] * 3 - 500
    write_csv(folder / "air.csv", rows)
    two, _ = trained(setting)
    same = fit_on == "train"
    assert (log_lines(one) == log_lines(two)) is same
    assert (weights(one, "last")["0.W_xh"].tobytes() == weights(two, "last")["0.W_xh"].tobytes()) is same
    assert ((one.path / "scale.json").read_bytes() == (two.path / "scale.json").read_bytes()) is same


def test_the_validation_rows_do_not_change_the_weights(folder: Path) -> None:
    one, _ = trained()
    rows = hourly_rows()
    rows[140:180, 0] = rows[140:180, 0][::-1]  # the same values, so that the scaler is the same
    write_csv(folder / "air.csv", rows)
    two, _ = trained()
    assert weights(one, "last")["0.W_xh"].tobytes() == weights(two, "last")["0.W_xh"].tobytes()
    assert [line["validation_loss"] for line in log_lines(one)] != [line["validation_loss"] for line in log_lines(two)]


def test_nan_leaves_the_last_good_checkpoint_and_log(folder: Path) -> None:
    class Spoiling(Callback):
        def on_epoch_end(self, trainer: Trainer, record: EpochRecord) -> None:
            if record.epoch == 2:
                trainer.model.params["0.W_hh"][0, 0] = np.nan

    kept = Keeping()
    experiment = small("training.checkpoint_every=1", "training.epochs=9")
    run = Run.create(experiment)
    with pytest.raises(NumericalError, match=r"^epoch 3, step 19: .*parameter 0\.W_hh \(RecurrentLayer\) has 1 of 9"):
        run.train(experiment.load_data(), [kept, Spoiling()])
    saved = weights(run, "last")
    for name, value in kept.epochs[1].items():
        assert saved[name].tobytes() == value.tobytes()
    assert [record.epoch for record in run.log()] == [1, 2]
    assert all(math.isfinite(record.train_loss) for record in run.log())


def test_nan_in_the_very_first_step_leaves_the_initial_weights(folder: Path) -> None:
    experiment = small("optimizer.learning_rate=1e9", "dtype=float32")
    run = Run.create(experiment)
    with pytest.raises(NumericalError, match=r"^epoch 1, step \d+: "):
        run.train(experiment.load_data())
    assert np.isfinite(weights(run, "init")["0.W_xh"]).all()
    assert not (run.path / "checkpoints" / "last").exists()


def test_training_the_same_run_object_starts_from_the_initial_weights(folder: Path) -> None:
    experiment = small()
    splits = experiment.load_data()
    one = Run.create(experiment)
    one.train(splits)
    two = Run.create(experiment)
    two.train(splits)
    assert weights(one, "last")["0.W_xh"].tobytes() == weights(two, "last")["0.W_xh"].tobytes()
