"""The verbs that read a run: evaluate, predict and summary."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from command_line import Cli
from small import folder_content, hourly_rows, write_csv

from minidl.cli.predict import shown
from minidl.compiled import choose_engine
from minidl.compiled.jit import numba_installed
from minidl.experiment import load_experiment
from minidl.runs.run import Run


def test_evaluate_prints_what_train_printed(cli: Cli, folder: Path) -> None:
    table = cli("train", "small.yaml").out.split("\nruns/small-001")[0]
    before = folder_content(Path("runs/small-001"))
    outcome = cli("evaluate", "runs/small-001")
    assert outcome.code == 0
    assert outcome.out.startswith(table)
    assert outcome.out.splitlines()[-2:] == [
        "runs/small-001/evaluation.json: all scores",
        "next: minidl predict runs/small-001",
    ]
    assert folder_content(Path("runs/small-001")) == before


def test_evaluate_of_another_checkpoint_says_so_and_keeps_evaluation_json(cli: Cli, trained: Path) -> None:
    before = (trained / "evaluation.json").read_bytes()
    outcome = cli("evaluate", trained, "--checkpoint", "init")
    assert outcome.code == 0
    assert "model: the weights of epoch 0 (init)" in outcome.out
    assert f"{trained}/evaluation-init.json: all scores" in outcome.out
    assert (trained / "evaluation.json").read_bytes() == before
    assert json.loads((trained / "evaluation-init.json").read_text())["epoch"] == 0


def test_evaluate_as_json_is_evaluation_json(cli: Cli, trained: Path) -> None:
    outcome = cli("evaluate", trained, "--json")
    assert json.loads(outcome.out) == json.loads((trained / "evaluation.json").read_text())


def test_an_undefined_r2_is_null_in_json_and_shown_as_such_in_the_table(cli: Cli, folder: Path) -> None:
    rows = hourly_rows()
    rows[180:, 0] = 50.0
    write_csv("air.csv", rows)
    outcome = cli("train", "small.yaml", "--json")
    assert outcome.code == 0
    assert json.loads(outcome.out, parse_constant=pytest.fail)["block"]["4"]["r2"] is None
    table = cli("evaluate", "runs/small-001")
    assert table.code == 0
    assert re.search(r"blocks of 4 h +- +- +- +-\n", table.out)


def predicted(text: str) -> list[tuple[str, float]]:
    lines = [re.split(r" {2,}", line) for line in text.splitlines()[1:]]
    return [(time, float(value)) for time, value in lines]


def test_predict_gives_times_and_units(cli: Cli, trained: Path) -> None:
    outcome = cli("predict", trained)
    assert outcome.code == 0
    assert re.split(r" {2,}", outcome.out.splitlines()[0]) == ["time", "pm [µg/m³]"]
    rows = predicted(outcome.out)
    assert [time for time, _ in rows] == [f"2013-01-11 0{hour}:00:00" for hour in range(4)]  # the largest horizon
    expected = Run.open(trained).predict(None, 4).values
    for (_, value), wanted in zip(rows, expected, strict=True):
        assert value == pytest.approx(wanted, rel=1e-3)  # four digits are shown
    assert outcome.err == "from the 6 rows up to 2013-01-10 23:00:00; other columns keep their last values\n"


def test_predict_goes_on_from_the_end_of_another_table(cli: Cli, trained: Path) -> None:
    write_csv("new.csv", hourly_rows(30, seed=9))
    outcome = cli("predict", trained, "--input", "new.csv", "--horizon", "30")
    assert outcome.code == 0
    rows = predicted(outcome.out)
    assert len(rows) == 30
    assert rows[0][0] == "2013-01-02 06:00:00"
    assert all(math.isfinite(value) for _, value in rows)


def test_predict_writes_a_csv_that_reads_back(cli: Cli, trained: Path) -> None:
    values = Run.open(trained).predict(None, 4).values.tolist()
    outcome = cli("predict", trained, "--output", "out.csv")
    assert (outcome.code, outcome.out) == (0, "out.csv: 4 rows ahead of 2013-01-10 23:00:00\n")
    head, *lines = Path("out.csv").read_text(encoding="utf-8").splitlines()
    assert head == "time,pm [µg/m³]"
    # Every digit: only what the screen shows is rounded.
    assert [float(line.split(",")[1]) for line in lines] == values
    assert json.loads(cli("predict", trained, "--json").out)["values"] == values


@pytest.mark.parametrize(
    ("value", "text"),
    [(1000000000007.24, "1000000000007"), (4171234.4, "4171234"), (2874.56, "2875"), (-0.0123456, "-0.01235")],
)
def test_the_screen_shows_no_fewer_digits_than_stand_before_the_point(value: float, text: str) -> None:
    assert shown(value) == text


def test_predict_never_overwrites(cli: Cli, trained: Path) -> None:
    Path("out.csv").write_text("precious")
    outcome = cli("predict", trained, "--output", "out.csv")
    assert (outcome.code, outcome.line) == (2, "minidl predict: --output out.csv: exists already; choose another file.")
    assert Path("out.csv").read_text() == "precious"


def test_predict_does_not_overwrite_a_file_that_appears_meanwhile(
    cli: Cli, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict = Run.predict

    def slow(*arguments: Any, **more: Any) -> Any:
        Path("out.csv").write_text("precious")
        return predict(*arguments, **more)

    monkeypatch.setattr(Run, "predict", slow)
    outcome = cli("predict", trained, "--output", "out.csv")
    assert (outcome.code, outcome.line) == (4, "minidl predict: --output out.csv: cannot write: File exists.")
    assert Path("out.csv").read_text() == "precious"


def test_predict_with_other_weights(cli: Cli, trained: Path) -> None:
    assert cli("predict", trained, "--checkpoint", "init").out != cli("predict", trained).out


def test_rows_without_times_are_counted(cli: Cli, folder: Path) -> None:
    assert cli("train", "small.yaml", "--set", "data.series.time=null").code == 0
    outcome = cli("predict", "runs/small-001", "--horizon", "2")
    assert [time for time, _ in predicted(outcome.out)] == ["+1", "+2"]
    assert "up to the table's end" in outcome.err
    assert "blocks of 4 step" in cli("evaluate", "runs/small-001").out


@pytest.mark.parametrize(("config", "total"), [("pm25_single", 49), ("pm25_deep", 26)])
def test_summary_of_the_textbooks_models(cli: Cli, config: str, total: int) -> None:
    outcome = cli("summary", config)
    assert (outcome.code, outcome.err) == (0, "")
    lines = [re.split(r" {2,}", line) for line in outcome.out.splitlines()]
    assert lines[0] == ["layer", "output shape", "parameters", "count"]
    assert lines[1] == ["input", "(24, 6)"]
    assert lines[-3] == [f"total: {total} parameters, float32"]
    assert lines[-2] == ["task: Forecast, learned by HalfMSE"]
    assert re.match("engine: (compiled|numpy: numba is not installed)", lines[-1][0])
    if config == "pm25_deep":
        assert lines[2] == ["0 RecurrentLayer", "(24, 2)", "W_xh (6, 2)", "W_hh (2, 2)", "16"]
        assert lines[5] == ["3 Dense", "(1,)", "W (2, 1)", "2"]


def test_summary_as_json(cli: Cli, folder: Path) -> None:
    printed = json.loads(cli("summary", "small.yaml", "--json").out)
    assert printed["input_shape"] == [6, 3]
    assert printed["parameters"] == 25
    assert printed["layers"][0] == {
        "layer": "0 RecurrentLayer",
        "output_shape": [6, 3],
        "parameters": {"W_xh": [3, 3], "W_hh": [3, 3], "b_h": [3]},
        "count": 21,
    }


@pytest.mark.skipif(not numba_installed(), reason="needs numba")
@pytest.mark.parametrize("epochs", [3, 100_000])
def test_summary_names_the_engine_that_train_would_choose(cli: Cli, folder: Path, epochs: int) -> None:
    # It said "compiled" of trainings that are done before the compiler is, for it did not know how long they are.
    given = ["small.yaml", "--set", f"training.epochs={epochs}"]
    experiment = load_experiment("small.yaml", given[2:])
    parts = experiment.load_data()
    experiment.build_model()
    engine = choose_engine(experiment.trainer(), experiment.engine, parts.train, print)[1]
    assert cli("summary", *given).out.splitlines()[-1] == f"engine: {engine}"
    assert (engine == "compiled") == (epochs > 3)
    Path("air.csv").unlink()
    without = cli("summary", *given).out.splitlines()[-1]
    assert without.startswith("engine: compiled (train decides by the length of the training, and the data cannot be")


def test_summary_of_a_run_is_that_of_its_config(cli: Cli, trained: Path) -> None:
    *of_run, engine = cli("summary", trained).out.splitlines()
    assert of_run == cli("summary", "small.yaml").out.splitlines()[:-1]
    assert engine == "engine: numpy (trained this run)"
    assert cli("summary", "small.yaml", "--set", "model.layers.0.hidden_size=8").out != cli("summary", trained).out
    outcome = cli("summary", trained, "--set", "seed=1")
    assert outcome.code == 2
    assert outcome.line == "minidl summary: --set: a run's config is fixed; give a config file to change values."


@pytest.mark.parametrize("verb", ["evaluate", "predict"])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gone", "gone: no such run folder."),
        ("small.yaml", "small.yaml: is a file; the folder of a run was expected."),
        (".", ".: not a run folder (it has no config.yaml)."),
    ],
)
def test_what_is_no_run_is_refused(cli: Cli, folder: Path, verb: str, name: str, message: str) -> None:
    before = folder_content(folder)
    outcome = cli(verb, name)
    assert (outcome.code, outcome.line) == (2, f"minidl {verb}: {message}")
    assert folder_content(folder) == before


@pytest.mark.parametrize("verb", ["evaluate", "predict"])
def test_damaged_weights_are_refused_with_the_file(cli: Cli, trained: Path, verb: str) -> None:
    path = trained / "checkpoints" / "best" / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    before = folder_content(trained)
    outcome = cli(verb, trained)
    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.line.startswith(f"minidl {verb}: {path}: ")
    assert folder_content(trained) == before


def test_a_missing_checkpoint_is_refused(cli: Cli, folder: Path) -> None:
    assert cli("train", "small.yaml", "--set", "data.validation=null", "--set", "evaluation.checkpoint=last").code == 0
    outcome = cli("evaluate", "runs/small-001", "--checkpoint", "best")
    assert outcome.code == 3
    assert "runs/small-001/checkpoints/best" in outcome.line


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--horizon", "0"], 2, "--horizon: expected a number of rows from 1 to 10,000, got 0."),
        (["--horizon", "-3"], 2, "--horizon: expected a number of rows from 1 to 10,000, got -3."),
        (["--input", "gone.csv"], 4, "gone.csv: no such file."),
        (["--input", "."], 4, ".: is a folder; a table was expected."),
        (["--input", "short.csv"], 3, "short.csv: the table has 4 rows; a window needs 6."),
        (["--output", "gone/out.csv"], 4, "--output gone/out.csv: cannot write: No such file or directory."),
        (["--output", "."], 2, "--output .: exists already; choose another file."),
    ],
)
def test_wrong_arguments_of_predict(cli: Cli, trained: Path, arguments: list[str], code: int, message: str) -> None:
    write_csv("short.csv", hourly_rows()[:4])
    before = folder_content(Path())
    outcome = cli("predict", trained, *arguments)
    assert (outcome.code, outcome.out) == (code, "")
    assert outcome.line.startswith(f"minidl predict: {message}")
    assert folder_content(Path()) == before


def test_what_is_wrong_with_a_table_is_told_at_once(cli: Cli, trained: Path) -> None:
    outcome = cli("predict", trained, "--input", "small.yaml")
    assert (outcome.code, outcome.out) == (3, "")
    lines = outcome.err.splitlines()
    assert len(lines) > 1
    assert all(line.startswith("small.yaml:") for line in lines)


def test_predict_as_json_has_the_same_values_as_the_table(cli: Cli, trained: Path) -> None:
    table = predicted(cli("predict", trained, "--horizon", "3").out)
    found = json.loads(cli("predict", trained, "--horizon", "3", "--json").out)
    assert [(time, float(f"{value:.4g}")) for time, value in zip(found["times"], found["values"], strict=True)] == table


def test_an_engine_that_cannot_take_the_model_is_refused_before_anything_is_made(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minidl.compiled.choice.numba_installed", lambda: False)
    for verb in ("check", "train"):
        outcome = cli(verb, "small.yaml", "--set", "engine=compiled")
        assert outcome.code == 2
        assert "--set engine=compiled: engine: engine is compiled, but numba is not installed" in outcome.err
    assert not Path("runs").exists()


def test_list_names_the_metrics(cli: Cli) -> None:
    found = json.loads(cli("list", "metrics", "--json").out)
    assert list(found) == ["half_mse", "r2", "mae", "rmse", "accuracy", "macro_f1"]
    assert found["r2"].startswith("R² = 1 - MSE / variance")


def test_to_resume_a_finished_run_says_that_nothing_is_left_to_train(cli: Cli, trained: Path) -> None:
    assert "all of its 3 epochs are done; it is scored again" in cli("resume", trained).err.splitlines()
