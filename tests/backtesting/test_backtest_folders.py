"""The command ``minidl backtest`` and its folder: what is told, how one that was cut off goes on, what is refused."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import folder_content, hourly_rows, write_csv

from minidl import plotting
from minidl.backtesting import folder as folders
from minidl.backtesting.folds import Fold, run_fold
from minidl.cli import main

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("folds", "said"),
    [
        (0, "--folds: expected 1 to 1,000, got 0."),
        (7, "--folds: 7 stretches of data.test_size 60 have 8 rows; a window and the largest horizon take 10."),
    ],
)
def test_stretches_that_cannot_be_scored_are_refused(folder: Path, folds: int, said: str, capsys: Capture) -> None:
    assert main(["backtest", "small.yaml", "--folds", str(folds)]) == 2
    assert capsys.readouterr().err == f"minidl backtest: {said}\n"
    assert not Path("runs").exists()


def backtest(*arguments: str) -> int:
    return main(["backtest", *arguments, "--jobs", "1"])


def without_seconds(path: str) -> Any:
    found = json.loads(Path(path, "backtest.json").read_text())
    for fold in found["folds"]:
        del fold["seconds"]
    return found


def test_the_command_tells_scores_by_lead_and_by_origin(folder: Path, capsys: Capture) -> None:
    assert backtest("small.yaml", "--folds", "3") == 0
    out, err = capsys.readouterr()
    assert "runs/backtest-001: 3 trainings of small, one before each stretch of the test part" in err
    assert "1/3  from 2013-01-08 12:00: epoch" in err
    lines = out.splitlines()
    assert re.sub(" +", " ", lines[1]) == "RMSE, µg/m³, over folds 1 h 2 h 4 h mean of 1 to 4"
    assert lines[2].startswith("  retrained  ")
    assert lines[3].startswith("  trained once  ")
    assert lines[8].startswith("RMSE, µg/m³, mean of leads 1 to 4  rows  retrained  trained once  same as now")
    assert re.search(r"Training anew has the smaller RMSE on [012] of 2 later stretches\.", out)
    assert "assumed: other columns keep their last values, as in predict" in lines
    assert lines[-1] == "next: minidl train small.yaml"
    found = without_seconds("runs/backtest-001")
    origins = [fold["scores"]["retrained"]["mean"]["rmse"] for fold in found["folds"]]
    over = found["over_folds"]["retrained"]["mean"]["rmse"]
    assert over == {"median": np.median(origins), "lowest": min(origins), "highest": max(origins)}
    leads = [found["folds"][1]["scores"]["persistence"][str(k)]["rmse"] for k in range(1, 5)]
    assert found["folds"][1]["scores"]["persistence"]["mean"]["rmse"] == pytest.approx(np.mean(leads))
    assert Path("runs/backtest-001/figures/backtest.png").read_bytes()[:4] == b"\x89PNG"


def test_a_backtest_that_was_stopped_goes_on_to_the_same_result(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert backtest("small.yaml", "--folds", "3") == 0
    with monkeypatch.context() as patch:
        done: list[Any] = []

        def counted(fold: Fold) -> Any:
            if len(done) == 2:
                raise KeyboardInterrupt
            done.append(run_fold(fold))
            return done[-1]

        patch.setattr(folders, "run_fold", counted)
        assert backtest("small.yaml", "--folds", "3") == 130
    assert "go on with: minidl backtest --resume runs/backtest-002 --jobs 1" in capsys.readouterr().err
    assert backtest("--resume", "runs/backtest-002") == 0
    assert (
        "runs/backtest-002: 3 trainings of small, one before each stretch of the test part; 2 are"
        in capsys.readouterr().err
    )
    assert without_seconds("runs/backtest-002") == without_seconds("runs/backtest-001")
    before = folder_content(Path("runs/backtest-002"))
    assert backtest("--resume", "runs/backtest-002") == 0
    assert folder_content(Path("runs/backtest-002")) == before


@pytest.mark.slow
def test_two_processes_give_the_same_result(folder: Path) -> None:
    assert backtest("small.yaml", "--folds", "3") == 0
    assert main(["backtest", "small.yaml", "--folds", "3", "--jobs", "2"]) == 0
    assert without_seconds("runs/backtest-002") == without_seconds("runs/backtest-001")


@pytest.fixture
def made(folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(plotting, "have_matplotlib", lambda: False)
    assert backtest("small.yaml", "--folds", "2", "--set", "training.epochs=1") == 0
    capsys.readouterr()
    return Path("runs/backtest-001")


def test_other_data_are_refused(made: Path, capsys: Capture) -> None:
    rows = hourly_rows()
    rows[3, 0] += 1
    write_csv("air.csv", rows)
    assert backtest("--resume", str(made)) == 3
    assert capsys.readouterr().err.endswith("was begun with other data; start a new backtest.\n")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("fold-1.json", "{}", "fold-1.json"),
        ("backtest.yaml", "a: [", "backtest.yaml"),
        ("manifest.json", "{}", "manifest.json"),
    ],
)
def test_a_damaged_file_is_told_in_one_line(made: Path, capsys: Capture, name: str, text: str, said: str) -> None:
    (made / name).write_text(text)
    assert backtest("--resume", str(made)) == 3
    (line,) = capsys.readouterr().err.splitlines()[-1:]
    assert said in line


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("fold-1.json", '{"fold": 0}'),
        ("fold-1.json", "[]"),
        ("backtest.yaml", "model: Dense"),
    ],
)
def test_a_file_that_somebody_made_is_no_traceback(made: Path, capsys: Capture, name: str, text: str) -> None:
    from minidl.runs.run_folder import RunFolder

    RunFolder(made).write(name, text)
    assert backtest("--resume", str(made)) == 3
    assert f"{name}: damaged" in capsys.readouterr().err


def test_a_fold_under_another_ones_name_is_refused(made: Path, capsys: Capture) -> None:
    from minidl.runs.run_folder import RunFolder

    RunFolder(made).write("fold-2.json", (made / "fold-1.json").read_text())
    assert backtest("--resume", str(made)) == 3
    assert "fold-2.json: damaged; not the fold that its name says." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "expected a config, for example: minidl backtest pm25_deep_honest; or --resume FOLDER."),
        (["--resume", "."], ".: not a folder of a backtest (it has no backtest.yaml)."),
        (["--resume", "runs/backtest-001", "--folds", "3"], "--resume takes config and folds from the folder"),
    ],
)
def test_usage_is_told_in_one_line(made: Path, capsys: Capture, arguments: list[str], said: str) -> None:
    assert backtest(*arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_a_training_that_breaks_leaves_its_fold_without_scores(folder: Path, capsys: Capture) -> None:
    wild = ["optimizer.learning_rate=1e9", "model.layers.0.activation=IdentityActivation"]
    assert backtest("small.yaml", "--folds", "2", *(word for value in wild for word in ("--set", value))) == 5
    assert "no fold has scores; the first: " in capsys.readouterr().err


def test_the_locked_folder_is_in_use(made: Path, capsys: Capture) -> None:
    from minidl.files.locking import LOCK, FileLock

    lock = FileLock(made / LOCK)
    try:
        assert backtest("--resume", str(made)) == 75
    finally:
        lock.release()
    shutil.rmtree(made)
    assert not os.path.lexists(made)


def test_a_table_of_several_series_has_stretches_of_each(folder: Path, capsys: Capture) -> None:
    head, *rows = Path("air.csv").read_text().splitlines()
    several = [f"{head},place", *(f"{row},{place}" for place in ("here", "there") for row in rows)]
    Path("air.csv").write_text("\n".join([*several, ""]))
    assert backtest("small.yaml", "--set", "data.series.series_by=place", "--set", "training.epochs=1") == 0
    lines = capsys.readouterr().out.splitlines()
    assert "assumed: R² and loss are of values scaled by series, 2 in all" in lines
    assert backtest("--resume", "runs/backtest-001") == 0
    assert capsys.readouterr().out.splitlines() == lines[:-1]  # without what comes next


def test_another_task_is_refused(folder: Path, capsys: Capture) -> None:
    assert backtest("waves_label") == 2
    assert capsys.readouterr().err == "minidl backtest: evaluation: expected Forecast, got Label.\n"
    assert not Path("runs").exists()
