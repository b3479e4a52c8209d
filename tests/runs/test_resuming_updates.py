"""Going on with schedules and groups: to the same bytes, or, where they are others, from their start."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from minidl.cli import main
from minidl.compiled.jit import numba_installed
from minidl.experiment import load_experiment
from minidl.runs.checkpoints import save_checkpoint
from minidl.runs.run import Run

NEEDS_NUMBA = pytest.mark.skipif(not numba_installed(), reason="needs numba")
PLATEAU = "training.schedule={type: ReduceOnPlateau, decay: 0.5, patience: 0, threshold: 0.5, warmup_steps: 5}"
STEPWISE = "training.checkpoint_every={steps: 4}"


def trained(name: str, overrides: list[str], stop: int | None = None) -> Run:
    """A run; stopped when it is asked for the `stop`-th time."""
    experiment = load_experiment("small.yaml", [STEPWISE, "training.epochs=5", *overrides])
    run = Run.create(experiment, Path(name))
    calls = iter(range(1, 999))
    run.train(experiment.load_data(), should_stop=lambda: next(calls) == stop)
    return run


def what_is_left(run: Run) -> tuple[dict[str, Any], list[Any]]:
    """The bytes of all checkpoints that the same training leaves, and the log without times."""
    files = {}
    for path in sorted(run.path.glob("checkpoints/*/*.safetensors")):
        if path.parent.name in ("init", "best", "last"):
            files[f"{path.parent.name}/{path.name}"] = path.read_bytes()
    state = json.loads((run.path / "checkpoints/last/state.json").read_bytes())
    files["schedule"] = state["schedule"]
    lines = [json.loads(line) for line in (run.path / "log.jsonl").read_text().splitlines()]
    return files, [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


@pytest.mark.parametrize("engine", ["numpy", pytest.param("compiled", marks=NEEDS_NUMBA)])
@pytest.mark.parametrize("stop", [3, 14, 23])
def test_a_stopped_run_goes_on_with_what_its_schedule_remembers(folder: Path, engine: str, stop: int) -> None:
    # Catches a schedule that starts anew, one that is fed twice, a rate that depends on where it was stopped.
    overrides = [f"engine={engine}", PLATEAU]
    whole = trained("whole", overrides)
    stopped = trained("stopped", overrides, stop)
    assert main(["resume", "stopped"]) == 0
    assert what_is_left(stopped) == what_is_left(whole)
    rates = [line["learning_rate"] for line in what_is_left(whole)[1]]
    assert len(set(rates)) > 2


def test_another_schedule_starts_afresh_and_a_line_says_so(folder: Path, capsys: Any) -> None:
    trained("run", [PLATEAU, "engine=numpy"], 14)
    more = ["resume", "run", "--allow-changes", "--set"]
    assert main([*more[:2], "--set", "training.schedule=Cosine"]) == 2
    assert "--allow-changes" in capsys.readouterr().err
    assert main([*more, "training.schedule=Cosine"]) == 0
    line = "schedule: ReduceOnPlateau when the run was saved, Cosine now; its state starts afresh"
    assert line in capsys.readouterr().err
    assert json.loads(Path("run/checkpoints/last/state.json").read_bytes())["schedule"] == {}
    assert main([*more, "training.epochs=6", "--set", "training.schedule={type: Cosine, final: 0.5}"]) == 0
    assert "afresh" not in capsys.readouterr().err  # it remembers nothing, so it goes on


def test_a_run_from_before_there_were_schedules_goes_on(folder: Path) -> None:
    run = trained("run", ["engine=numpy"], 14)
    whole = trained("whole", ["engine=numpy"])
    saved = run.checkpoint("last", run.experiment.model.params)
    state = {name: value for name, value in saved.state.items() if name != "schedule"}
    state["about"]["config"]["training"].pop("schedule")
    save_checkpoint(
        run.path / "checkpoints" / "last", saved.weights, state, optimizer=saved.optimizer, identity=saved.identity
    )
    assert main(["resume", "run"]) == 0
    assert what_is_left(run) == what_is_left(whole)


def test_a_state_of_another_schedule_is_refused(folder: Path, capsys: Any) -> None:
    run = trained("run", [PLATEAU, "engine=numpy"], 14)
    saved = run.checkpoint("last", run.experiment.model.params)
    saved.state["schedule"].pop("best")
    save_checkpoint(
        run.path / "checkpoints" / "last",
        saved.weights,
        saved.state,
        optimizer=saved.optimizer,
        identity=saved.identity,
    )
    assert main(["resume", "run"]) == 3
    assert "ReduceOnPlateau needs ['best', 'factor', 'improvements', 'resting', 'waited']" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ("Cosin", "training.schedule: unknown schedule 'Cosin'; did you mean Cosine?"),
        ("{type: StepDecay, every: 0}", "training.schedule.every: expected `int` >= 1, got 0"),
        (
            "{type: ReduceOnPlateau, metric: validation_los}",
            "training.schedule.metric: validation_los is no score of an epoch; did you mean validation_loss?",
        ),
        ("{type: Cosine, warmup: 9}", "unknown key 'warmup' of Cosine; did you mean warmup_steps?"),
    ],
)
def test_a_wrong_schedule_is_one_line_with_its_place(folder: Path, schedule: str, message: str, capsys: Any) -> None:
    text = Path("small.yaml").read_text(encoding="utf-8")
    Path("small.yaml").write_text(text.replace("training: {", f"training: {{schedule: {schedule}, "), encoding="utf-8")
    assert main(["check", "small.yaml"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert "small.yaml:" in line


def test_what_needs_validation_is_refused_without_it(folder: Path, capsys: Any) -> None:
    changes = ("data.validation=null", "evaluation.checkpoint=last", "training.schedule=ReduceOnPlateau")
    assert main(["check", "small.yaml", *(word for change in changes for word in ("--set", change))]) == 2
    assert "data.validation is not set; set it, or watch train_loss" in capsys.readouterr().err


GROUPS = (
    "optimizer={type: Adam, learning_rate: 0.01, groups: [{parameters: '*.b*', learning_rate_factor: 2}, "
    "{parameters: 0.W_hh, frozen: true}]}"
)


@pytest.mark.parametrize("engine", ["numpy", pytest.param("compiled", marks=NEEDS_NUMBA)])
def test_a_stopped_run_with_groups_goes_on_with_the_state_of_each(folder: Path, engine: str) -> None:
    overrides = [f"engine={engine}", GROUPS, "training.clip_value=0.05"]
    whole = trained("whole", overrides)
    stopped = trained("stopped", overrides, 14)
    assert main(["resume", "stopped"]) == 0
    assert what_is_left(stopped) == what_is_left(whole)


def test_other_groups_start_afresh_though_the_arrays_have_the_same_shapes(folder: Path, capsys: Any) -> None:
    momentum = "optimizer={{type: SGD, learning_rate: 0.01, momentum: 0.9, groups: [{{parameters: {}, frozen: true}}]}}"
    trained("run", ["engine=numpy", momentum.format("0.b_h")], 14)  # 3 numbers, as those of 2.W
    assert main(["resume", "run", "--allow-changes", "--set", momentum.format("2.W")]) == 0
    assert "optimizer: other arguments of SGD; its state starts afresh" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (
            "[{parameters: 0.W_x, frozen: true}]",
            "optimizer.groups.0.parameters: no parameter matches '0.W_x'; there are 0.W_xh, 0.W_hh, 0.b_h, 2.W, 2.b",
        ),
        ("[{parameters: '*'}]", "optimizer.groups.0: ParameterGroup: changes nothing; give it a learning_rate_factor"),
        ("[{parameters: '*', frozen: true}]", "optimizer.groups: all parameters are frozen"),
        ("[{parameters: '*', rate: 2}]", "optimizer.groups.0.rate: unknown key 'rate' of ParameterGroup"),
    ],
)
def test_wrong_groups_are_one_line_with_their_place(folder: Path, groups: str, message: str, capsys: Any) -> None:
    text = Path("small.yaml").read_text(encoding="utf-8")
    Path("small.yaml").write_text(text.replace("type: SGD, ", f"type: SGD, groups: {groups}, "), encoding="utf-8")
    assert main(["check", "small.yaml"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert line.startswith("small.yaml:")


ALL = [PLATEAU, GROUPS, "training.moving_average=0.9", "training.clip_norm=0.5"]


@pytest.mark.parametrize("engine", ["numpy", pytest.param("compiled", marks=NEEDS_NUMBA)])
@pytest.mark.parametrize("stop", [3, 14])
def test_a_stopped_run_goes_on_with_its_moving_average(folder: Path, engine: str, stop: int) -> None:
    # Catches an average that starts anew, and a training that goes on from the average.
    whole = trained("whole", [f"engine={engine}", *ALL])
    stopped = trained("stopped", [f"engine={engine}", *ALL], stop)
    assert main(["resume", "stopped"]) == 0
    found = what_is_left(stopped)
    assert found == what_is_left(whole)
    assert found[0]["last/own.safetensors"] != found[0]["last/weights.safetensors"]
    assert "best/own.safetensors" not in found[0]
    assert main(["reproduce", "stopped"]) == 0


def test_a_moving_average_is_scored_and_may_come_and_go(folder: Path) -> None:
    run = trained("run", ["engine=numpy", "training.moving_average=0.9"], 14)
    own = run.checkpoint("last", run.experiment.model.params).own
    more = ["resume", "run", "--allow-changes", "--set", "training.moving_average="]
    assert main([*more[:4], "training.moving_average=null", "--set", "training.epochs=1"]) == 0  # it takes no step
    run.load_weights("last")
    assert all(value.tobytes() == run.experiment.model.params[name].tobytes() for name, value in own.items()) is False
    assert main([*more[:4], "training.moving_average=null", "--set", "training.epochs=3"]) == 0
    assert not (run.path / "checkpoints/last/own.safetensors").exists()
    assert main([*more[:4], "training.moving_average=0.5", "--set", "training.epochs=4"]) == 0
    assert (run.path / "checkpoints/last/own.safetensors").exists()


def test_data_that_are_scaled_in_another_way_have_their_scale_in_the_folder(folder: Path) -> None:
    # Caught here: forecasts of new rows, which are scaled by that file and not by the data.
    trained("run", ["engine=numpy"], 14)
    other = "data.scaler=StandardScaler"
    before = Path("run/scale.json").read_bytes()
    assert main(["resume", "run", "--allow-changes", "--set", other]) == 0
    trained("fresh", ["engine=numpy", other], 1)
    assert Path("run/scale.json").read_bytes() == Path("fresh/scale.json").read_bytes() != before
