"""The verbs around configs: check, list, schema and new."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest
import yaml
from command_line import Cli
from jsonschema import Draft202012Validator
from small import folder_content

from minidl.cli.arguments.list import KINDS
from minidl.core.registry import kinds
from minidl.experiment import load_experiment


def test_check_says_ok_with_the_number_of_parameters(cli: Cli, folder: Path) -> None:
    before = folder_content(folder)
    outcome = cli("check", "small.yaml", "pm25_deep", "pm25_single")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines() == [
        "small.yaml: ok, 25 parameters",
        "pm25_deep: ok, 26 parameters",
        "pm25_single: ok, 49 parameters",
    ]
    assert folder_content(folder) == before


def test_check_reads_no_data(cli: Cli, folder: Path) -> None:
    Path("air.csv").unlink()
    assert cli("check", "small.yaml").code == 0


def test_check_reports_every_problem_of_every_config(cli: Cli, folder: Path) -> None:
    Path("bad.yaml").write_text("extends: small.yaml\nsed: 1\ntraining: {epoch: 3}\n")
    outcome = cli("check", "bad.yaml", "small.yaml", "gone.yaml")
    assert outcome.code == 2
    assert outcome.out == "small.yaml: ok, 25 parameters\n"
    lines = outcome.err.splitlines()
    assert len(lines) == 3
    assert set(lines[:2]) == {
        "bad.yaml:2:1: sed: unknown key 'sed' of Experiment; did you mean seed?",
        "bad.yaml:3:12: training.epoch: unknown key 'epoch' of Training; did you mean epochs?",
    }
    assert lines[2].startswith("gone.yaml: no such file")


def test_check_applies_overrides(cli: Cli, folder: Path) -> None:
    outcome = cli("check", "small.yaml", "--set", "model.layers.0.hidden_size=1")
    assert outcome.out == "small.yaml: ok, 7 parameters\n"


@pytest.mark.parametrize(
    ("kind", "some"),
    [
        ("layers", {"RecurrentLayer", "Dense", "LastStep", "Repeat", "TanhActivation", "Sequential"}),
        ("losses", {"HalfMSE", "MSE", "MAE"}),
        ("optimizers", {"SGD", "Adam"}),
        ("initializers", {"normal_fan_in", "glorot_uniform", "orthogonal", "zeros"}),
        ("series", {"BeijingPM25", "CSVSeries"}),
        ("scalers", {"LogScaler", "MinMaxScaler", "RootScaler", "StandardScaler"}),
        ("validations", {"TailValidation", "SampleValidation"}),
        ("configs", {"pm25_deep", "pm25_single", "pm25_deep_honest", "pm25_single_honest"}),
        ("models", {"rnn_deep", "rnn_single"}),
    ],
)
def test_list_has_one_line_a_name_with_what_it_is(cli: Cli, kind: str, some: set[str]) -> None:
    outcome = cli("list", kind)
    assert (outcome.code, outcome.err) == (0, "")
    lines = [line.split("  ", 1) for line in outcome.out.splitlines()]
    assert some <= {line[0] for line in lines}
    assert all(len(line) == 2 and len(line[1].strip()) > 10 for line in lines)
    assert not [line for line in lines if line[1].endswith((":", ","))]  # a sentence that goes on below is cut
    listed = json.loads(cli("list", kind, "--json").out)
    assert list(listed) == [line[0] for line in lines]


def test_list_knows_every_kind_of_the_registry() -> None:
    assert sorted(KINDS.values()) == sorted(kinds())  # written down, so that the help need not import them


@pytest.mark.parametrize("what", [[], ["experiment"]])
def test_schema_accepts_a_good_config_and_refuses_a_slip(cli: Cli, folder: Path, what: list[str]) -> None:
    outcome = cli("schema", *what)
    assert (outcome.code, outcome.err) == (0, "")
    validator = Draft202012Validator(json.loads(outcome.out))
    plain = yaml.safe_load(Path("small.yaml").read_text())
    assert validator.is_valid(plain)
    assert not validator.is_valid({**plain, "sed": 3})


def test_schema_of_models(cli: Cli) -> None:
    validator = Draft202012Validator(json.loads(cli("schema", "model").out))
    assert validator.is_valid({"type": "RecurrentLayer", "hidden_size": 3})
    assert not validator.is_valid({"type": "RecurrentLayer", "hidden": 3})


def test_new_writes_a_commented_config_that_checks_and_agrees_with_the_schema(cli: Cli, folder: Path) -> None:
    outcome = cli("new", "experiment", "mine")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == "mine.yaml: written; next: minidl train mine.yaml\n"
    assert cli("check", "mine.yaml").code == 0
    text = Path("mine.yaml").read_text()
    assert text.count("#") > 10
    plain = yaml.safe_load(text)
    assert Draft202012Validator(json.loads(cli("schema").out)).is_valid(plain)
    # Honest by default: nothing of the test part in the scaler, weights chosen by validation.
    experiment = load_experiment("mine.yaml")
    assert experiment.data.scaler.fit_on == "train"
    assert experiment.evaluation.checkpoint == "best"


def test_the_commented_out_series_of_a_new_config_works_too(cli: Cli, folder: Path) -> None:
    cli("new", "experiment", "mine")
    lines = Path("mine.yaml").read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line == "  # series:")
    own = [line.replace("  # ", "  ", 1) for line in lines[start : start + 8]]
    rest = [line for line in lines[start + 8 :] if not line.startswith("  series: ")]
    Path("mine.yaml").write_text("\n".join([*lines[:start], *own, *rest]) + "\n")
    outcome = cli("check", "mine.yaml")
    assert (outcome.code, outcome.err) == (0, "")
    assert load_experiment("mine.yaml").data.series.feature_names == ("demand", "temperature")


@pytest.mark.parametrize("task", ["Forecast", "Classify"])
def test_the_commented_out_schedule_and_callbacks_of_a_new_config_work_too(cli: Cli, folder: Path, task: str) -> None:
    cli("new", "experiment", "mine", "--task", task)
    text = Path("mine.yaml").read_text()
    Path("mine.yaml").write_text(text.replace("  # schedule:", "  schedule:").replace("  # callbacks:", "  callbacks:"))
    outcome = cli("check", "mine.yaml")
    assert (outcome.code, outcome.err) == (0, "")
    training = load_experiment("mine.yaml").training
    assert type(training.schedule).__name__ == "Cosine"
    assert [type(callback).__name__ for callback in training.callbacks] == ["EarlyStopping", "CSVLog"]


@pytest.mark.parametrize("task", ["Classify", "Label", "Regress"])
def test_new_writes_a_config_for_each_task(cli: Cli, folder: Path, task: str) -> None:
    outcome = cli("new", "experiment", "mine", "--task", task)
    assert (outcome.code, outcome.err) == (0, "")
    assert cli("check", "mine.yaml").code == 0
    text = Path("mine.yaml").read_text()
    assert Draft202012Validator(json.loads(cli("schema").out)).is_valid(yaml.safe_load(text))
    assert type(load_experiment("mine.yaml").evaluation).__name__ == task
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line == "  # source:")
    end = next(i for i, line in enumerate(lines) if line.startswith("  source: "))
    own = [line.replace("  # ", "  ", 1) for line in lines[start:end]]
    text = "\n".join([*lines[:start], *own, *lines[end + 1 :]])
    Path("mine.yaml").write_text(text.replace("output_size: 3", "output_size: 2"))
    outcome = cli("check", "mine.yaml")
    assert (outcome.code, outcome.err) == (0, "")
    assert load_experiment("mine.yaml").data.feature_names == ("x", "y")


def test_a_name_with_its_ending_is_the_same(cli: Cli, folder: Path) -> None:
    assert cli("new", "experiment", "mine.yaml").code == 0
    assert Path("mine.yaml").is_file()


def test_new_never_overwrites(cli: Cli, folder: Path) -> None:
    before = folder_content(folder)
    outcome = cli("new", "experiment", "small")
    assert (outcome.code, outcome.line) == (2, "minidl new: small.yaml: exists already; choose another name.")
    assert folder_content(folder) == before


@pytest.mark.parametrize("name", ["../up", "a/b", "", "-x", "a\nb", "n" * 101, ".hidden", "a b"])
def test_names_that_lead_elsewhere_are_refused(cli: Cli, folder: Path, name: str) -> None:
    before = folder_content(folder.parent)
    outcome = cli("new", "experiment", name)
    assert (outcome.code, outcome.out) == (2, "")
    assert len(outcome.err.splitlines()) == 1
    assert folder_content(folder.parent) == before


def test_check_as_json_has_every_config(cli: Cli, folder: Path) -> None:
    Path("bad.yaml").write_text("extends: small.yaml\nsed: 1\ntraining: {epoch: 3}\n")
    Path("sweep.yaml").write_text("extends: small.yaml\nsweep: {optimizer.learning_rate: [0.1, 0.01]}\n")
    outcome = cli("check", "bad.yaml", "sweep.yaml", "--json")
    assert (outcome.code, outcome.err) == (2, "")
    bad, sweep = json.loads(outcome.out)
    assert (bad["config"], bad["parameters"], len(bad["problems"])) == ("bad.yaml", None, 2)
    assert sweep == {"config": "sweep.yaml", "parameters": 25, "experiments": 2, "problems": []}


@pytest.mark.parametrize("command", [["new", "experiment", "mine"], ["predict", "RUN", "--output", "forecast.csv"]])
def test_a_file_that_a_disk_does_not_take_is_not_there(
    command: list[str], cli: Cli, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = folder_content(Path())
    with monkeypatch.context() as patch:
        patch.setattr("minidl.files.appending.write_all", full)
        outcome = cli(*(str(trained) if word == "RUN" else word for word in command))
    assert (outcome.code, outcome.out) == (4, "")
    assert outcome.line.endswith(": cannot write: No space left on device.")
    assert folder_content(Path()) == before
