"""A run folder: made once, filled, read again."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from safetensors.numpy import load_file
from small import CONFIG, folder_content, hourly_rows, write_csv, write_experiment

from minidl import ConfigError, CorruptFileError, DataError, NumericalError, StorageError, __version__
from minidl.experiment import Experiment, load_experiment
from minidl.forecasting import model_forecaster
from minidl.runs.run import Run
from minidl.training import Callback, EpochRecord, Trainer

FIELDS = {"epoch", "step", "train_loss", "validation_loss", "validation_r2", "learning_rate", "seconds"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with air.csv and small.yaml, which is the current one."""
    write_experiment(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def small(*overrides: str) -> Experiment:
    return load_experiment("small.yaml", overrides)


def trained(*overrides: str, callbacks: Any = ()) -> tuple[Run, list[EpochRecord]]:
    experiment = small(*overrides)
    run = Run.create(experiment)
    return run, run.train(experiment.load_data(), callbacks)


def log_lines(run: Run) -> list[dict[str, Any]]:
    """The log without its timings."""
    lines = [json.loads(line) for line in (run.path / "log.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def weights(run: Run, checkpoint: str) -> dict[str, np.ndarray]:
    return load_file(run.path / "checkpoints" / checkpoint / "weights.safetensors")


# The folder


def test_a_run_gets_the_next_number_of_its_config(folder: Path) -> None:
    assert str(Run.create(small()).path) == "runs/small-001"
    assert str(Run.create(small()).path) == "runs/small-002"
    for name in ("small-007", "small_honest-040", "small-x", "small-2b", "other-099"):
        (folder / "runs" / name).mkdir()
    assert str(Run.create(small()).path) == "runs/small-008"
    for stray in ("9" * 247, "\u0669", "12a", ""):  # no numbers that a run was given
        (folder / "runs" / f"small-{stray}").mkdir()
    assert str(Run.create(small()).path) == "runs/small-009"
    (folder / "runs" / "small-999999999").mkdir()
    assert [Run.create(small()).path.name for _ in range(2)] == ["small-1000000000", "small-1000000001"]


def test_a_number_is_never_used_again_while_a_later_run_exists(folder: Path) -> None:
    first, _ = Run.create(small()), Run.create(small())
    for path in sorted(first.path.rglob("*"), reverse=True):
        path.unlink()
    first.path.rmdir()
    assert str(Run.create(small()).path) == "runs/small-003"


def test_numbers_go_on_beyond_999(folder: Path) -> None:
    (folder / "runs" / "small-999").mkdir(parents=True)
    assert str(Run.create(small()).path) == "runs/small-1000"
    assert str(Run.create(small()).path) == "runs/small-1001"


def test_an_existing_folder_is_refused_and_left_as_it_is(folder: Path) -> None:
    mine = folder / "mine"
    mine.mkdir()
    (mine / "config.yaml").write_text("precious")
    with pytest.raises(ConfigError, match="mine: exists already; a run never overwrites another, choose a new folder"):
        Run.create(small(), mine)
    assert folder_content(mine) == {"config.yaml": b"precious"}


def test_a_file_where_the_folder_should_be_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"air\.csv: exists already"):
        Run.create(small(), Path("air.csv"))
    with pytest.raises(StorageError, match=r"^air\.csv: cannot make this folder: File exists\.$"):
        Run.create(small(), Path("air.csv/run"))
    (folder / "runs").write_text("a file")
    with pytest.raises(StorageError, match="runs: cannot make a run folder: "):
        Run.create(small())


def test_parents_of_a_chosen_folder_are_made(folder: Path) -> None:
    assert Run.create(small(), folder / "a" / "b").path.is_dir()


def test_the_config_is_resolved_and_reads_back_to_an_equal_experiment(folder: Path) -> None:
    (folder / "child.yaml").write_text("extends: small.yaml\ntraining: {epochs: 2}\n")
    experiment = load_experiment("child.yaml", ["training.clip_norm=1e-3", "model.layers.0.hidden_size=4"])
    run = Run.create(experiment)
    text = (run.path / "config.yaml").read_text()
    plain = yaml.safe_load(text)
    assert "extends" not in plain
    assert (plain["training"]["epochs"], plain["training"]["batch_size"]) == (2, 16)  # own, inherited
    assert (plain["training"]["clip_norm"], plain["training"]["shuffle"]) == (0.001, True)  # --set, default
    assert plain["model"]["layers"][0]["hidden_size"] == 4
    again = Run.open(run.path)
    assert again.experiment.to_config() == experiment.to_config()
    assert again.experiment.name == "child"
    # And the copy is a config like any other.
    assert load_experiment(run.path / "config.yaml").to_config() == experiment.to_config()


def test_the_environment_is_recorded(folder: Path) -> None:
    Path("mine.py").write_text("A = 1\n")
    run = Run.create(small(), plugins=["mine.py"])
    environment = json.loads((run.path / "environment.json").read_text())
    assert environment["minidl"] == __version__
    assert environment["numpy"] == np.__version__
    assert environment["plugins"] == [{"path": "mine.py", "sha256": hashlib.sha256(b"A = 1\n").hexdigest()}]
    assert environment["command"] == sys.argv
    for key in ("python", "platform", "cpus", "blas", "blas_threads_while_training", "safetensors", "msgspec"):
        assert key in environment


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gone", r"^gone: no such run folder\.$"),
        ("mine", r"^mine: no such run folder; did you mean runs/mine-001\?$"),
        ("runs/min-001/", r"^runs/min-001: no such run folder; did you mean runs/mine-001\?$"),
        ("air.csv", r"^air\.csv: is a file; the folder of a run was expected\.$"),
        ("empty", r"^empty: not a run folder \(it has no config\.yaml\)\.$"),
    ],
)
def test_what_is_no_run_is_refused(folder: Path, name: str, message: str) -> None:
    (folder / "empty").mkdir()
    (folder / "runs/mine-001").mkdir(parents=True)
    (folder / "runs/mine-001/config.yaml").touch()
    with pytest.raises(ConfigError, match=message):
        Run.open(Path(name))


def test_a_damaged_config_of_a_run_is_a_corrupt_file_in_one_line(folder: Path) -> None:
    run = Run.create(small())
    path = run.path / "config.yaml"
    path.write_text(path.read_text().replace("RecurrentLayer", "RecurrentLayr"))
    with pytest.raises(CorruptFileError, match=r"^runs/small-001/config\.yaml: damaged or changed \(.*\)\.$"):
        Run.open(run.path)


def test_a_changed_config_of_a_run_that_is_to_go_on_is_refused_with_its_place(folder: Path) -> None:
    run = Run.create(small())
    path = run.path / "config.yaml"
    path.write_text(path.read_text().replace("RecurrentLayer", "RecurrentLayr"))
    with pytest.raises(CorruptFileError) as caught:
        Run.open(run.path, unchanged=False)
    first, last = str(caught.value).splitlines()
    place = r"runs/small-001/config\.yaml:\d+:\d+: model\.layers\.0\.type: unknown layer "
    assert re.match(place + "'RecurrentLayr'; did you mean RecurrentLayer", first)
    assert last == "runs/small-001/config.yaml: the run's config is damaged, or needs a --plugin."


# Training


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
    assert saved == {**about, "offset": low.tolist(), "range": (high - low).tolist()}


def test_the_first_weights_are_saved_as_init(folder: Path) -> None:
    run, _ = trained()
    fresh = small()
    fresh.build_model()
    for name, value in weights(run, "init").items():
        assert value.tobytes() == fresh.model.params[name].tobytes()
    assert (weights(run, "last")["0.W_xh"] != weights(run, "init")["0.W_xh"]).any()


class Keeping(Callback):
    """The weights after every epoch."""

    def __init__(self) -> None:
        self.epochs: list[dict[str, np.ndarray]] = []

    def on_epoch_end(self, trainer: Trainer, record: EpochRecord) -> None:
        self.epochs.append({name: value.copy() for name, value in trainer.model.params.items()})


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


# Scores


def test_evaluation_json_has_the_stated_form(folder: Path) -> None:
    run, history = trained()
    scores = run.evaluate(run.experiment.load_data())
    saved = json.loads((run.path / "evaluation.json").read_text())
    assert saved == scores
    assert list(saved["block"]) == ["4", "2", "1"]
    assert list(saved["lead"]) == ["1", "2", "3", "4"]
    assert list(saved["baselines"]) == ["persistence", "seasonal_24h", "linear"]
    assert saved["block"]["4"].keys() == {"loss", "r2", "mae", "rmse"}
    assert saved["baselines"]["linear"].keys() == {"block", "lead"}
    best = min(history, key=lambda record: record.validation_loss or 0)
    assert (saved["parameters"], saved["units"], saved["checkpoint"]) == (25, "µg/m³", "best")
    assert (saved["epoch"], saved["seed"]) == (best.epoch, 3)
    assert "µg/m³" in (run.path / "evaluation.json").read_text(encoding="utf-8")


def test_another_checkpoint_is_stored_under_its_own_name(folder: Path) -> None:
    run, _ = trained()
    splits = run.experiment.load_data()
    configured = run.evaluate(splits)
    content = (run.path / "evaluation.json").read_bytes()
    initial = run.evaluate(splits, "init")
    assert initial["block"] != configured["block"]
    assert initial["epoch"] == 0
    assert initial["baselines"] == configured["baselines"]
    assert (run.path / "evaluation.json").read_bytes() == content
    assert json.loads((run.path / "evaluation-init.json").read_text()) == initial


def test_scores_come_from_the_saved_weights_not_from_those_in_memory(folder: Path) -> None:
    run, _ = trained()
    splits = run.experiment.load_data()
    before = run.evaluate(splits)
    run.experiment.model.params["0.W_xh"][...] = 0
    assert run.evaluate(splits) == before
    assert Run.open(run.path).evaluate(splits) == before


def test_an_undefined_r2_is_null(folder: Path) -> None:
    rows = hourly_rows()
    rows[180:, 0] = 50.0
    write_csv(folder / "air.csv", rows)
    run, _ = trained("training.epochs=1")
    run.evaluate(run.experiment.load_data())
    text = (run.path / "evaluation.json").read_text()
    assert "NaN" not in text
    assert json.loads(text)["block"]["4"]["r2"] is None


# Forecasts


def test_a_forecast_uses_the_scaling_of_the_training_not_that_of_the_new_table(folder: Path) -> None:
    run, _ = trained()
    rows = hourly_rows()[40:60]
    write_csv(folder / "new.csv", rows)
    forecast = run.predict(folder / "new.csv", 2)
    low = hourly_rows()[:180].min(axis=0)
    span = hourly_rows()[:180].max(axis=0) - low
    window = (rows[-6:] - low) / span
    first = float(run.experiment.model(window[None])[0, 0])
    later = np.concatenate([window[1:], window[-1:]])
    later[-1, 0] = first
    second = float(run.experiment.model(later[None])[0, 0])
    np.testing.assert_allclose(forecast.values, np.array([first, second]) * span[0] + low[0], rtol=1e-12)
    assert forecast.times() == ["2013-01-01 20:00:00", "2013-01-01 21:00:00"]


def test_the_predictor_of_a_run_that_was_opened_gives_its_forecast(folder: Path) -> None:
    run, _ = trained("training.epochs=1")
    opened = Run.open(run.path)
    predict, scale = opened.predictor("last"), opened.scale()
    window = scale.transform(hourly_rows()[-6:])
    expected = run.predict(None, 1, "last").values
    np.testing.assert_allclose(scale.unscale(predict(window), 0), expected, rtol=1e-6)
    np.testing.assert_allclose(scale.unscale(predict(window[None])[0], 0), expected, rtol=1e-6)


def test_without_a_table_the_forecast_goes_on_from_the_runs_own_series(folder: Path) -> None:
    run, _ = trained("training.epochs=1")
    forecast = run.predict(None, 1)
    assert forecast.times() == ["2013-01-11 00:00:00"]
    assert forecast.values == run.predict(folder / "air.csv", 1).values


def test_a_table_shorter_than_a_window_is_refused(folder: Path) -> None:
    run, _ = trained("training.epochs=1")
    write_csv(folder / "new.csv", hourly_rows()[:5])
    with pytest.raises(DataError, match=r"the table has 5 rows; a window needs 6\."):
        run.predict(folder / "new.csv", 1)


def with_dates(path: Path, dates: list[str], gap: slice = slice(0)) -> Path:
    """The first rows of the small table at other times, with gaps in pm."""
    lines = ["date,pm,temp,wind"]
    for i, (date, (pm, temp, _)) in enumerate(zip(dates, hourly_rows().tolist(), strict=False)):
        lines.append(f"{date},{'' if i in range(*gap.indices(len(dates))) else pm},{temp},calm")
    path.write_text("\n".join(lines) + "\n")
    return path


HOURS = [f"2020-01-01 {hour:02d}:00" for hour in range(20)]


def test_rows_that_are_another_time_apart_are_refused(folder: Path) -> None:
    run, _ = trained("training.epochs=1")
    table = with_dates(folder / "daily.csv", [f"2020-01-{day:02d}" for day in range(1, 20)])
    message = "daily.csv: its rows are 1 d apart, those that the run was trained on were 1 h apart; a forecast"
    with pytest.raises(DataError, match=re.escape(message)):
        run.predict(table, 1)
    assert run.predict(with_dates(folder / "hourly.csv", HOURS), 1).times() == ["2020-01-01 20:00:00"]


def test_a_scale_of_an_older_run_without_a_step_is_read(folder: Path) -> None:
    run, _ = trained("training.epochs=1")
    saved = json.loads((run.path / "scale.json").read_text())
    del saved["step"]
    run.write("scale.json", json.dumps(saved))
    run.predict(with_dates(folder / "daily.csv", [f"2020-01-{day:02d}" for day in range(1, 20)]), 1)


def test_filled_values_of_the_window_are_counted_and_a_gap_at_the_end_is_refused(folder: Path) -> None:
    run, _ = trained("training.epochs=1", "data.series.gaps=interpolate")
    assert run.predict(with_dates(folder / "whole.csv", HOURS), 1).n_filled == (0, 18)
    assert run.predict(with_dates(folder / "gaps.csv", HOURS, slice(10, 16)), 1).n_filled == (2, 18)
    message = (
        "end.csv: the last row has a gap (column pm), and a forecast would start from a value that nobody measured; "
        "end it with 2020-01-01 16:00:00, the last row without one."
    )
    with pytest.raises(DataError, match=re.escape(message)):
        run.predict(with_dates(folder / "end.csv", HOURS, slice(17, 20)), 1)


@pytest.mark.parametrize("origin", [190, 200, 213])
def test_scores_that_hold_the_last_values_are_of_what_predict_does(folder: Path, origin: int) -> None:
    # Every forecast of the score is the one that predict makes of the rows until then, gaps included.
    lines = (folder / "air.csv").read_text().splitlines()
    for row in (3, 178, 179, 186, 187, 197, 208):
        date, _, *rest = lines[1 + row].split(",")
        lines[1 + row] = ",".join([date, "", *rest])
    (folder / "air.csv").write_text("\n".join([*lines, ""]))
    run, _ = trained("training.epochs=2", "data.series.gaps=interpolate")
    splits = run.experiment.load_data()  # the model gets its initial weights again
    run.load_weights("last")
    start = np.array([origin - splits.test.time_steps])
    scored = model_forecaster(splits, run.experiment.model, "hold_last")(start, 4)[0]
    (folder / "until_then.csv").write_text("\n".join([*lines[: 1 + origin], ""]))
    predicted = run.predict(folder / "until_then.csv", 4, "last").values
    np.testing.assert_allclose(splits.scale.unscale(scored, 0), predicted, rtol=1e-12)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"offset": [1], "range": ["x"]}', '{"offset": [1, 2, 3]}'])
def test_a_damaged_scale_is_a_corrupt_file(folder: Path, text: str) -> None:
    run, _ = trained("training.epochs=1")
    (run.path / "scale.json").write_text(text)
    with pytest.raises(CorruptFileError, match=r"scale\.json: damaged"):
        run.predict(None, 1)


@pytest.mark.parametrize(
    "saved",
    [
        {"columns": ["pm", "temp", "wind"], "offset": [0.0, 0.0, 0.0], "range": [1.0, -1.0, 1.0]},
        {"columns": ["pm", "temp", "wind"], "offset": [0.0, 0.0], "range": [1.0, 1.0]},
        {"columns": ["temp", "pm", "wind"], "offset": [0.0, 0.0, 0.0], "range": [1.0, 1.0, 1.0]},
    ],
)
def test_a_scale_that_is_not_this_runs_is_a_corrupt_file(folder: Path, saved: dict[str, Any]) -> None:
    run, _ = trained("training.epochs=1")
    (run.path / "scale.json").write_text(json.dumps(saved))
    with pytest.raises(CorruptFileError, match=r"scale\.json: damaged"):
        run.predict(None, 1)


# A stack with an output at every step


def test_a_stack_without_last_step_trains_and_is_scored_by_its_last_output(folder: Path) -> None:
    layers = "[{type: RecurrentLayer, hidden_size: 3}, {type: Dense, output_size: 1}]"
    run, history = trained(f"model.layers={layers}", "training.epochs=2")
    model = run.experiment.model
    splits = run.experiment.load_data()
    scores = run.evaluate(splits)
    rows, last = splits.values, []
    for start in range(180, 234):  # the 54 windows of the test part, one by one
        last.append(float(model(rows[None, start : start + 6])[0, -1, 0]) - float(rows[start + 6, 0]))
    assert scores["block"]["1"]["loss"] == pytest.approx(sum(e * e for e in last) / 108, rel=1e-12)
    # Validation is over all steps of the windows of rows 140 ... 179.
    run.load_weights("last")
    errors = []
    for start in range(140, 174):
        errors += (model(rows[None, start : start + 6])[0, :, 0] - rows[start + 1 : start + 7, 0]).tolist()
    assert history[-1].validation_loss == pytest.approx(sum(e * e for e in errors) / (2 * len(errors)), rel=1e-12)
    assert len(run.predict(None, 3).values) == 3


# Writing


def test_a_file_of_a_run_is_replaced_as_a_whole_or_not_at_all(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run.create(small())
    run.write("note.txt", "old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"note\.txt: cannot write: No space left on device\."):
        run.write("note.txt", "new")
    assert (run.path / "note.txt").read_text() == "old"


def test_the_config_used_here_has_every_section() -> None:
    assert set(yaml.safe_load(CONFIG)) >= {"seed", "data", "model", "loss", "optimizer", "training", "evaluation"}
