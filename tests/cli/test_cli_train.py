"""minidl train: what it prints, where, and what it leaves."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import Cli
from small import folder_content

from minidl import RecurrentLayer, plotting
from minidl.core.errors import StorageError
from minidl.runs.drawing_apart import DrawnApart


def test_a_run_folder_with_weights_log_and_scores_is_left(cli: Cli, folder: Path) -> None:
    outcome = cli("train", "small.yaml")
    assert outcome.code == 0
    names = set(folder_content(Path("runs/small-001")))
    assert {"config.yaml", "environment.json", "scale.json", "log.jsonl", "evaluation.json"} <= names
    for checkpoint in ("init", "last", "best"):
        assert f"checkpoints/{checkpoint}/weights.safetensors" in names
    assert outcome.out.splitlines()[-2:] == [
        "runs/small-001: scores, log, checkpoints",
        "next: minidl predict runs/small-001",
    ]


def test_a_training_builds_its_model_to_check_the_config_and_to_start(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Caught here: a third time on a copy, to ask for its output's shape when the data are cut into windows.
    build, built = RecurrentLayer.build, []

    def counted(layer: RecurrentLayer, *arguments: Any) -> Any:
        built.append(layer)
        return build(layer, *arguments)

    monkeypatch.setattr(RecurrentLayer, "build", counted)
    assert cli("train", "small.yaml").code == 0
    assert len(built) == 2
    assert built[0] is built[1]


def test_the_last_known_value_plus_what_a_stack_adds_is_a_config(cli: Cli, folder: Path) -> None:
    last = "{type: Sequential, layers: [{type: SelectFeatures, features: [pm]}, LastStep]}"
    dense = "{type: Dense, output_size: 1, weight_initializer: zeros}"
    added = f"{{type: Sequential, layers: [{{type: RecurrentLayer, hidden_size: 3}}, LastStep, {dense}]}}"
    Path("plus.yaml").write_text(
        f"extends: small.yaml\nmodel:\n  type: Parallel\n  branches: [{last}, {added}]\n"
        "optimizer: {learning_rate: 1.0e-12}\ntraining: {epochs: 1}\n"
    )
    assert cli("train", "plus.yaml").code == 0
    scores = json.loads(Path("runs/plus-001/evaluation.json").read_text())
    # Nothing learned: one hour ahead it is persistence.
    assert scores["lead"]["1"]["r2"] == pytest.approx(scores["baselines"]["persistence"]["lead"]["1"]["r2"], abs=1e-6)
    wrong = cli("train", "plus.yaml", "--set", "model.branches.0.layers.0.features=[pn]")
    assert wrong.code == 2
    assert "SelectFeatures: there is no feature 'pn'; known: pm, temp, wind." in wrong.err


def test_progress_is_one_plain_line_an_epoch_on_standard_error(cli: Cli, folder: Path) -> None:
    outcome = cli("train", "small.yaml", "--set", "training.epochs=10")
    head, engine, *lines, last = outcome.err.splitlines()
    assert head == "runs/small-001: 25 parameters, 134 training windows"
    assert engine.startswith("engine: numpy: ")
    log = [json.loads(line) for line in Path("runs/small-001/log.jsonl").read_text().splitlines()]
    assert len(lines) == len(log) == 10
    for line, record in zip(lines, log, strict=True):
        expected = (
            f"epoch {record['epoch']:>2}/10  train {record['train_loss']:.6f}  "
            f"validation {record['validation_loss']:.6f}  R² {record['validation_r2']:.4f}"
        )
        assert re.fullmatch(re.escape(expected) + r"  \d+\.\d\d s", line)
    assert last == "no figures: matplotlib is not installed (pip install matplotlib)"
    assert "\x1b" not in outcome.err + outcome.out


def test_without_validation_its_numbers_are_left_out(cli: Cli, folder: Path) -> None:
    outcome = cli("train", "small.yaml", "--set", "data.validation=null", "--set", "evaluation.checkpoint=last")
    assert outcome.code == 0
    assert re.fullmatch(r"epoch 1/3  train 0\.\d{6}  \d+\.\d\d s", outcome.err.splitlines()[2])


def test_the_table_holds_the_scores_of_evaluation_json(cli: Cli, folder: Path) -> None:
    outcome = cli("train", "small.yaml")
    scores = json.loads(Path("runs/small-001/evaluation.json").read_text())
    lines = outcome.out.splitlines()
    columns = {"model": scores["block"], **{name: part["block"] for name, part in scores["baselines"].items()}}
    for title, key, digits in (("R²", "r2", 4), ("loss (½·MSE, scaled)", "loss", 6), ("RMSE, µg/m³", "rmse", 2)):
        start = next(i for i, line in enumerate(lines) if line.startswith(f"{title} "))
        assert re.split(r" {2,}", lines[start]) == [title, *columns]
        for i, horizon in enumerate(("4", "2", "1"), 1):
            cells = re.split(r" {2,}", lines[start + i].strip())
            assert cells == [
                f"blocks of {horizon} h",
                *(f"{part[horizon][key]:.{digits}f}" for part in columns.values()),
            ]


HELD = "other columns keep their last values, as in predict"


def test_what_the_scores_assume_stands_beside_them(cli: Cli, folder: Path) -> None:
    outcome = cli("train", "small.yaml")
    assert f"\nassumed: {HELD}\n" in outcome.out
    scores = json.loads(Path("runs/small-001/evaluation.json").read_text())
    assert (scores["future_covariates"], scores["assumptions"]) == ("hold_last", [HELD])
    assert f"\nassumed: {HELD}\n" in cli("evaluate", "runs/small-001").out
    assert json.loads(cli("evaluate", "runs/small-001", "--json").out)["assumptions"] == [HELD]
    known = cli("train", "small.yaml", "--set", "evaluation.future_covariates=actual")
    assert "\nassumed: later values of other columns are taken as known; predict, which cannot" in known.out


def test_a_baseline_that_cannot_be_is_named_with_the_reason(cli: Cli, folder: Path) -> None:
    outcome = cli("train", "small.yaml", "--set", "data.series.time=null")
    why = "the rows have no times, so that nothing says how many make a day."
    assert f"\nno baseline seasonal_24h: {why}\n" in outcome.out
    assert "seasonal_24h" not in json.loads(Path("runs/small-001/evaluation.json").read_text())["baselines"]


def test_a_season_that_the_rows_do_not_have_is_refused_before_training(cli: Cli, folder: Path) -> None:
    arguments = ("data.series.time=null", "evaluation.future_covariates=same_hour_yesterday")
    outcome = cli("train", "small.yaml", "--set", arguments[0], "--set", arguments[1])
    assert outcome.code == 3
    assert outcome.line.startswith(
        "minidl train: evaluation.future_covariates: same_hour_yesterday cannot be used: the rows have no times"
    )
    assert not Path("runs").exists()


def test_a_model_that_is_worse_than_a_baseline_is_told_so(cli: Cli, folder: Path) -> None:
    outcome = cli("train", "small.yaml")
    scores = json.loads(Path("runs/small-001/evaluation.json").read_text())
    worse = {
        name: [k for k in ("4", "2", "1") if scores["block"][k]["rmse"] > part["block"][k]["rmse"]]
        for name, part in scores["baselines"].items()
    }
    assert worse == {"persistence": ["4", "2", "1"], "seasonal_24h": ["4", "1"], "linear": ["4", "2", "1"]}
    assert (
        "\nThe model loses to persistence (same as now) at 4, 2 and 1 hours, and to the value of the same time "
        "yesterday at 4 and 1 hours, and to the linear model at 4, 2 and 1 hours.\n"
    ) in outcome.out


def test_published_scores_stand_beside_the_runs_own(cli: Cli, folder: Path) -> None:
    published = "evaluation.published={source: paper, r2: [0.5, 0.25, 0.125], loss: [1, 2, 3]}"
    outcome = cli("train", "small.yaml", "--set", published)
    lines = outcome.out.splitlines()
    assert re.split(r" {2,}", lines[1]) == ["R²", "model", "paper", "persistence", "seasonal_24h", "linear"]
    assert [line.split()[5] for line in lines[2:5]] == ["0.5000", "0.2500", "0.1250"]
    assert [line.split()[5] for line in lines[7:10]] == ["1.000000", "2.000000", "3.000000"]
    assert "paper" not in lines[11]  # RMSE was not published


def test_json_is_the_only_thing_on_standard_output(cli: Cli, folder: Path) -> None:
    outcome = cli("train", "small.yaml", "--json")
    printed = json.loads(outcome.out)
    assert printed.pop("run") == "runs/small-001"
    assert printed.pop("figures") == []
    assert printed == json.loads(Path("runs/small-001/evaluation.json").read_text())


def test_a_chosen_folder_takes_the_run(cli: Cli, folder: Path) -> None:
    assert cli("train", "small.yaml", "--run-dir", "out/mine").code == 0
    assert Path("out/mine/evaluation.json").is_file()
    assert not Path("runs").exists()


def test_filled_gaps_are_mentioned(cli: Cli, folder: Path) -> None:
    text = Path("air.csv").read_text()
    Path("air.csv").write_text(re.sub(r"(?m)^(2013-01-02 03:00),[^,]*,", r"\1,NA,", text))
    outcome = cli("train", "small.yaml", "--set", "data.series.gaps=interpolate")
    assert outcome.code == 0
    assert outcome.err.splitlines()[0] == "1 gap in the data was filled"


def test_the_command_line_and_plugins_are_recorded(cli: Cli, folder: Path) -> None:
    Path("mine.py").write_text("")
    assert cli("train", "small.yaml", "--plugin", "mine.py").code == 0
    assert json.loads(Path("runs/small-001/environment.json").read_text())["plugins"] == [
        {"path": "mine.py", "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}
    ]


def test_two_runs_of_one_command_line_differ_in_times_only(cli: Cli, folder: Path) -> None:
    one, two = cli("train", "small.yaml"), cli("train", "small.yaml")
    assert one.out.replace("small-001", "small-002") == two.out
    first, second = (folder_content(Path(f"runs/small-00{i}")) for i in (1, 2))
    assert first.keys() == second.keys()
    same = {name for name, content in first.items() if second[name] == content}
    assert {"config.yaml", "scale.json", "evaluation.json"} <= same
    assert {f"checkpoints/{name}/weights.safetensors" for name in ("init", "best", "last")} <= same
    other = cli("train", "small.yaml", "--set", "seed=4")
    assert other.out != one.out


def test_a_shipped_name_works_from_an_empty_folder(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = cli("train", "pm25_deep", "--set", "training.epochs=1")
    assert outcome.code == 0
    assert outcome.err.splitlines()[:2] == [
        "2067 gaps in the data were filled",
        "runs/pm25_deep-001: 26 parameters, 35040 training windows",
    ]
    assert "textbook" in outcome.out
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_figures_are_drawn_where_matplotlib_is_installed(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(plotting, "have_matplotlib", lambda: True)
    outcome = cli("train", "small.yaml", "--json")
    assert outcome.code == 0
    figures = json.loads(outcome.out)["figures"]
    assert len(figures) == 3
    for figure in figures:
        assert Path(figure).parent == Path("runs/small-001/figures")
        assert Path(figure).read_bytes().startswith(b"\x89PNG")
    Path(figures[0]).unlink()
    assert cli("evaluate", "runs/small-001").code == 0
    assert Path(figures[0]).is_file()


def test_the_scores_are_shown_before_the_figures_are_drawn(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> list[Path]:
        raise StorageError("the disk is full.")

    monkeypatch.setattr(plotting, "have_matplotlib", lambda: True)
    monkeypatch.setattr(DrawnApart, "save_figures", full)
    outcome = cli("train", "small.yaml")
    assert outcome.code == 4
    assert "persistence" in outcome.out
    assert outcome.err.splitlines()[-1] == "minidl train: the disk is full."


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
def test_on_a_terminal_progress_is_one_bar_that_moves(folder: Path) -> None:
    import fcntl
    import pty
    import struct
    import termios

    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm"}
    command = [sys.executable, "-m", "minidl", "train", "small.yaml", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=terminal, env=environment)
    os.close(terminal)
    shown = b""
    try:
        while part := os.read(master, 4096):
            shown += part
    except OSError:  # EIO: the other side has closed
        pass
    finally:
        os.close(master)
    out, _ = process.communicate(timeout=100)
    assert process.returncode == 0
    text = shown.decode()
    bar = next(line for line in text.split("\n") if "epoch" in line)
    assert "0/3" in bar
    assert "3/3" in bar
    assert "\r" in bar.strip("\r")  # drawn over itself, not line by line
    assert re.search(r"train 0\.\d{6}  validation 0\.\d{6}  R² -?\d+\.\d{4}", bar)
    assert "epoch 1/3" not in text
    assert json.loads(out)["run"] == "runs/small-001"
