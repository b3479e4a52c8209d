"""minidl search: it finds the better setting, on the validation part alone, and leaves a config and a record."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from searching import Capture, search, trials, write_search

from minidl.cli import main
from minidl.comparison.poisoned import poisoned
from minidl.core.errors import ConfigError
from minidl.experiment import load_experiment
from minidl.plotting import search_figure
from minidl.search.trying import Attempt, Pruning, Tried, run_attempt
from minidl.training import EpochRecord
from minidl.training.callbacks import Choice

pytest.importorskip("optuna", reason="Optuna is not installed")


def test_the_better_of_two_settings_is_found_and_trains_as_a_config(folder: Path, capsys: Capture) -> None:
    write_search(folder, "engine: numpy\nsearch: {optimizer.learning_rate: [0.00001, 0.1]}\n")
    assert search("small.yaml", "--trials", "6") == 0
    out, err = capsys.readouterr()
    assert "next: minidl train runs/search-001/best.yaml" in out
    assert "was chosen among 6 trials on the validation part, so it is too good; it says nothing about the test" in out
    assert len(err.splitlines()) == 8  # one says that matplotlib is missing
    best = load_experiment("runs/search-001/best.yaml")
    assert best.optimizer.learning_rate == 0.1
    assert best.search == {}
    assert main(["train", "runs/search-001/best.yaml"]) == 0
    log = [json.loads(line) for line in Path("runs/best-001/log.jsonl").read_text().splitlines()]
    found = trials(capsys)
    scores = {trial["values"]["optimizer.learning_rate"]: trial["score"] for trial in found}
    assert len(found) == 6
    assert scores[0.1] == min(epoch["validation_loss"] for epoch in log)  # the trial's score is that of its training
    assert scores[0.1] < scores[0.00001]


def test_the_score_is_of_the_weights_that_the_config_scores(folder: Path, capsys: Capture) -> None:
    write_search(folder, "engine: numpy\nsearch: {optimizer.learning_rate: [0.05, 3.0]}\n")
    path = Path("small.yaml")
    for checkpoint, refit in (("best", "false"), ("last", "false"), ("last", "true")):
        path.write_text(path.read_text().replace("checkpoint: best", f"checkpoint: {checkpoint}"))
        assert search("small.yaml", "--trials", "2", "--set", f"training.refit={refit}") == 0
    (_, best), (_, last), (_, again) = (trials(capsys, f"search-00{i}") for i in (1, 2, 3))
    assert best["values"] == last["values"]
    assert again == best  # it would be trained again for the number of epochs that was best
    assert best["score"] < last["score"]
    assert (best["epoch"], last["epoch"]) == (1, 3)


def test_a_metric_leads_where_the_config_says_so_and_more_of_it_is_better(folder: Path, capsys: Capture) -> None:
    write_search(folder, "engine: numpy\nsearch: {optimizer.learning_rate: [0.00001, 0.1], loss: [MAE, HalfMSE]}\n")
    path = Path("small.yaml")
    stop = "callbacks: [{type: EarlyStopping, metric: validation_r2, larger_is_better: true}]"
    path.write_text(path.read_text().replace("{epochs: 3,", f"{{epochs: 3, {stop},"))
    assert search("small.yaml", "--trials", "6", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["metric"], found["larger_is_better"]) == ("validation_r2", True)
    scores = [trial["score"] for trial in found["trials"] if trial["score"] is not None]
    assert found["trials"][found["best"] - 1]["score"] == max(scores)


def test_nothing_of_the_test_part_is_looked_at(folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    assert search("small.yaml", "--trials", "4") == 0
    clean = trials(capsys)
    data = load_experiment("small.yaml").data
    table = data.series.read()
    spoilt = dict(poisoned(data, table, [len(table) - 60]))["NaN"]  # test_size
    assert np.isnan(spoilt.values).any()
    monkeypatch.setattr("minidl.parallel.experiments._table", lambda described, stamp: spoilt)
    assert search("small.yaml", "--trials", "4") == 0
    assert trials(capsys, "search-002") == clean
    manifests = [json.loads(Path(f"runs/search-00{i}/manifest.json").read_text()) for i in (1, 2)]
    assert manifests[0]["data"] != manifests[1]["data"]  # the poison was there


@pytest.mark.parametrize(("validation", "seen"), [("SampleValidation", True), ("TailValidation", False)])
def test_validation_windows_that_are_trained_on_are_told(
    validation: str, seen: bool, folder: Path, capsys: Capture
) -> None:
    assert search("small.yaml", "--trials", "1", "--set", f"data.validation={{type: {validation}, size: 20}}") == 0
    assert ("the validation windows are among those that are trained on, so" in capsys.readouterr().err) == seen


SCALER = "{type: MinMaxScaler}, {type: MinMaxScaler, fit_on: all}"


@pytest.mark.parametrize(
    ("space", "where"),
    [
        ("optimizer.learning_rate: [0.1, 0.2]", "data.scaler.fit_on"),
        (f"data.scaler: [{SCALER}]", "search.data.scaler"),
        ("data.scaler.fit_on: [train, all]", "search.data.scaler.fit_on"),
    ],
)
def test_a_scaler_that_sees_the_test_part_is_refused(space: str, where: str, folder: Path, capsys: Capture) -> None:
    """Caught here: a search that said that the test part was not looked at, on data scaled by it."""
    stop = "training.callbacks=[{type: EarlyStopping, metric: validation_r2, larger_is_better: true}]"
    write_search(folder, f"engine: numpy\nsearch: {{{space}}}\n")
    fit_on = "all" if where.startswith("data") else "train"
    more = ["--set", f"data.scaler={{type: MinMaxScaler, fit_on: {fit_on}}}"]
    assert main(["check", "small.yaml", "--set", stop, *more]) == 2
    err = capsys.readouterr().err
    assert f"{where}: all sees the test part, which a search must not; give fit_on: train\n" in err
    assert err.count("\n") == 1
    assert search("small.yaml", "--trials", "1", "--set", stop, *more) == 2


@pytest.mark.parametrize(("epochs", "first"), [(4, 1), (5, 1), (9, 2), (11, 3), (30, 6)])
def test_no_training_is_cut_short_before_a_fifth_of_its_epochs(epochs: int, first: int) -> None:
    """Caught here: one of nine epochs counted as a fifth."""
    by = Choice("validation_loss")
    pruning = Pruning(by, tuple(dict.fromkeys(range(1, epochs + 1), 0.1) for _ in range(5)), epochs)
    ended: list[str] = []
    trainer = SimpleNamespace(complete=False, finish=ended.append)
    for epoch in range(1, epochs + 1):
        pruning.on_epoch_end(trainer, EpochRecord(epoch, epoch, 1.0, 1.0, None, 0.1, 0.0))
        assert pruning.pruned == bool(ended) == (epoch >= first)


def test_a_training_that_is_complete_is_not_cut_short() -> None:
    pruning = Pruning(Choice("validation_loss"), ({1: 0.1},) * 5, 1)
    pruning.on_epoch_end(SimpleNamespace(complete=True), EpochRecord(1, 1, 1.0, 1.0, None, 0.1, 0.0))
    assert not pruning.pruned


def test_the_same_seed_gives_the_same_trials_and_another_one_gives_others(folder: Path, capsys: Capture) -> None:
    for seed, n in ((3, 12), (3, 12), (4, 2)):  # after ten random ones the sampler looks at what it has seen
        assert search("small.yaml", "--trials", str(n), "--set", f"seed={seed}") == 0
    first, again, other = (trials(capsys, f"search-00{i}") for i in (1, 2, 3))
    assert first == again
    assert not {str(trial["values"]) for trial in first} & {str(trial["values"]) for trial in other}


def test_trials_that_fall_behind_are_cut_short_after_five_whole_ones(folder: Path, capsys: Capture) -> None:
    assert search("small.yaml", "--trials", "12") == 0
    found = trials(capsys)
    assert [trial["state"] for trial in found[:5]] == ["complete"] * 5
    pruned = [trial for trial in found if trial["state"] == "pruned"]
    assert pruned
    assert all(trial["error"].startswith("pruned after epoch ") and trial["score"] is None for trial in pruned)


def test_the_pruner_knows_the_whole_trials_and_no_others(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Caught here: trials that were cut short among those whose median the next ones are held against."""
    known: list[int] = []

    def counted(attempt: Attempt) -> Tried:
        known.append(len(attempt.curves))
        return run_attempt(attempt)

    monkeypatch.setattr("minidl.search.running.run_attempt", counted)
    assert search("small.yaml", "--trials", "12") == 0
    states = [trial["state"] for trial in trials(capsys)]
    assert "pruned" in states[:-1]
    assert known == [states[:i].count("complete") for i in range(12)]


def test_what_breaks_or_does_not_go_together_counts_and_the_search_goes_on(folder: Path, capsys: Capture) -> None:
    space = "{optimizer.learning_rate: [0.05, 1.0e+9], data.time_steps: [6, 39, 50]}"
    write_search(folder, f"engine: numpy\nsearch: {space}\n")
    assert main(["check", "small.yaml"]) == 2  # 50 steps leave no window for validation
    assert "at least 51 rows are needed" in capsys.readouterr().err
    write_search(folder, f"engine: numpy\nsearch: {space.replace(', 50', '')}\n")
    path = Path("small.yaml")
    path.write_text(path.read_text().replace("size: 40", "size: 42").replace("horizons: [4, 2, 1]", "horizons: [1]"))
    assert search("small.yaml", "--trials", "12") == 0
    found = trials(capsys)
    broken = [trial for trial in found if trial["values"]["optimizer.learning_rate"] > 1]
    assert broken
    assert {trial["state"] for trial in broken} == {"pruned"}
    assert all(", step " in trial["error"] for trial in broken)


def test_settings_whose_parts_do_not_fit_each_other_fail_alone(folder: Path, capsys: Capture) -> None:
    layers = "[{type: RecurrentLayer, hidden_size: 2}, {type: Embedding, symbols: 3, output_size: 2}]"
    space = f"{{model.layers.0: {layers}, optimizer.learning_rate: [0.05, 0.1]}}"
    write_search(folder, f"engine: numpy\nsearch: {space}\n")
    assert search("small.yaml", "--trials", "8") == 0
    found = trials(capsys)
    states = {(trial["values"]["model.layers.0"]["type"], trial["state"]) for trial in found}
    assert states == {("RecurrentLayer", "complete"), ("Embedding", "failed")}


def test_a_search_in_which_nothing_has_a_score_ends_with_the_first_reason(folder: Path, capsys: Capture) -> None:
    write_search(folder, "engine: numpy\nsearch: {optimizer.learning_rate: {low: 1.0e+8, high: 1.0e+9}}\n")
    assert search("small.yaml", "--trials", "3") == 5
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("minidl search: runs/search-001: none of 3 trials has a score; the first: epoch ")
    assert not Path("runs/search-001/best.yaml").exists()


def test_two_jobs_make_as_many_trials_of_the_same_space(folder: Path, capsys: Capture) -> None:
    assert search("small.yaml", "--trials", "5", jobs=2) == 0
    found = trials(capsys)
    assert len(found) == 5
    assert all(set(trial["values"]) == {"optimizer.learning_rate", "model.layers.0.hidden_size"} for trial in found)
    assert {trial["state"] for trial in found} == {"complete"}


def test_without_optuna_one_line_says_what_to_install(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert search("small.yaml") == 4
    assert capsys.readouterr().err == "minidl search: search needs Optuna: pip install optuna\n"
    assert not Path("runs").exists()
    assert main(["check", "small.yaml"]) == 0  # which needs none


@pytest.mark.figures
def test_the_picture_has_a_panel_for_the_trials_and_one_for_each_key(folder: Path, capsys: Capture) -> None:
    assert search("small.yaml", "--trials", "3") == 0
    assert "runs/search-001: study.db, best.yaml, figures" in capsys.readouterr().out
    assert Path("runs/search-001/figures/search.png").read_bytes().startswith(b"\x89PNG")
    values = {"rate": [0.1, 1.0, 0.5], "optimizer": ["SGD", "Adam", "SGD"]}
    figure = search_figure([3.0, None, 2.0], values, log=["rate"], choices={"optimizer": ["Adam", "SGD"]})
    trials_, rate, kind = figure.axes
    assert [line.get_xydata().tolist() for line in trials_.lines][1:] == [[[1, 3.0], [3, 2.0]], [[3, 2.0]]]
    assert (rate.get_xscale(), rate.get_xlabel()) == ("log", "rate")
    figure.draw_without_rendering()
    assert {text.get_text() for text in rate.get_xticklabels()} >= {"0.1", "0.2", "0.5"}
    assert not rate.get_xticklabels(minor=True)  # which would lie over each other
    assert [text.get_text() for text in kind.get_xticklabels()] == ["Adam", "SGD"]  # as in the config, tried or not
    assert [line.get_xdata().tolist() for line in kind.lines] == [[1, 1], [1]]
    with pytest.raises(ConfigError, match=r"^search_figure: no trial has a score, so there is nothing to draw.$"):
        search_figure([None], {})
