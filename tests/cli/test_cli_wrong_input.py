"""Wrong input of every sort: one clear line with the place, the stated exit code, nothing lost, nothing left behind."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Cli, Outcome
from small import CONFIG, folder_content


def refused(cli: Cli, *arguments: str, code: int) -> Outcome:
    """Run it; the folder must be as before."""
    before = folder_content(Path())
    outcome = cli(*arguments)
    assert (outcome.code, outcome.out) == (code, "")
    assert folder_content(Path()) == before
    assert not Path("runs").exists()
    return outcome


CONFIG_FAULTS = {
    "a misspelt key": ("seed: 3", "sed: 3", "1:1: sed: unknown key 'sed' of Experiment; did you mean seed?"),
    "a misspelt key deep down": (
        "batch_size: 16",
        "batchsize: 16",
        "23:23: training.batchsize: unknown key 'batchsize' of Training; did you mean batch_size?",
    ),
    "a text for a number": ("epochs: 3", "epochs: three", "23:20: training.epochs: expected `int`, got `str` 'three'"),
    "a fraction for a count": ("batch_size: 16", "batch_size: 1.5", "training.batch_size: expected `int`, got `float`"),
    "a number out of bounds": ("learning_rate: 0.05", "learning_rate: -1", "expected `float` > 0.0, got -1"),
    "a list for a mapping": ("training: {epochs: 3, batch_size: 16}", "training: [3]", "23:11: training: expected a"),
    "an unknown layer": ("LastStep}", "LastStp}", "19:14: model.layers.1.type: unknown layer 'LastStp'; did you mean"),
    "a loss as a layer": ("type: LastStep", "type: HalfMSE", "unknown layer 'HalfMSE'"),
    "an unknown loss": ("loss: HalfMSE", "loss: Hinge", "21:7: loss: unknown loss 'Hinge'"),
    "a path to code": ("type: LastStep", "type: os.system", "model.layers.1.type: unknown layer 'os.system'"),
    "a layer too many": (
        "    - {type: LastStep}\n",
        "    - {type: LastStep}\n    - {type: LastStep}\n",
        "20:7: model.layers.2: LastStep: ",
    ),
    "five outputs": ("output_size: 1", "output_size: 5", "model: the model's output has shape (5,); a forecast is one"),
    "a target that is no feature": ("target: pm\n", "target: pn\n", "data.series.target: 'pn' is not among the"),
    "best without validation": (
        "  validation: {type: TailValidation, size: 40}\n",
        "",
        "evaluation.checkpoint: is best, but data.validation is not set",
    ),
    "a test part too small": (
        "test_size: 60",
        "test_size: 6",
        "13:14: data.test_size: 6 rows give no window",
    ),
    "a number for a validation": (
        "{type: TailValidation, size: 40}",
        "0.2",
        "data.validation: expected a validation as {type: NAME, ...} or NAME; got 0.2; known: SampleValidation, TailV",
    ),
    "a repeated key": ("seed: 3", "seed: 3\nseed: 4", "2:1: "),
    "a tab": ("  time_steps: 6", "\ttime_steps: 6", "12:1: "),
    "null as in Python": (
        "epochs: 3",
        "epochs: 3, clip_norm: None",
        "expected `float | null`, got `str` 'None'; write null",
    ),
    "a misspelt key of a number's mapping": (
        "epochs: 3",
        "epochs: 3, checkpoint_every: {step: 5}",
        "training.checkpoint_every: unknown key 'step'; did you mean steps?",
    ),
    "weights of other leads": (
        "loss: HalfMSE",
        "loss: {type: WeightedLeads, loss: MSE, weights: [1, 2]}",
        "model: WeightedLeads: weights: expected one for each of 1 lead, got 2.",
    ),
    "a bracket left open": ("horizons: [4, 2, 1]", "horizons: [4, 2, 1", ":2"),
    "no model": (CONFIG[CONFIG.index("model:") : CONFIG.index("loss:")], "", "1:1: Experiment needs model"),
    "a horizon twice": ("[4, 2, 1]", "[4, 4]", "evaluation.horizons: expected different numbers, got [4, 4]"),
}


@pytest.mark.parametrize("verb", ["train", "check", "summary"])
@pytest.mark.parametrize("fault", CONFIG_FAULTS)
def test_a_wrong_config_is_one_line_with_its_place(cli: Cli, folder: Path, fault: str, verb: str) -> None:
    old, new, message = CONFIG_FAULTS[fault]
    assert old in CONFIG
    Path("small.yaml").write_text(CONFIG.replace(old, new, 1))
    Path("air.csv").unlink()  # refused before any data are read
    outcome = refused(cli, verb, "small.yaml", code=2)
    assert re.match(r"(minidl \w+: )?small\.yaml:\d+:\d+: ", outcome.line)
    assert message in outcome.line


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("gone.yaml", "gone.yaml: no such file"),
        ("smal.yaml", "smal.yaml: no such file; did you mean small.yaml?"),
        ("pm25_dep", "pm25_dep: no such file, and no config of that name comes with minidl; did you mean pm25_deep?"),
        ("deep", "deep: no such file, and no config of that name comes with minidl; did you mean deep.yaml?"),
        ("small", "small: no such file, and no config of that name comes with minidl; did you mean small.yaml?"),
        (
            "quite-else",
            "quite-else: no such file, and no config of that name comes with minidl; the nearest are ",
        ),
        (".", ".: is a folder; a YAML file was expected."),
        ("binary.yaml", "binary.yaml"),
        ("empty.yaml", "empty.yaml"),
        ("missing_base.yaml", "missing_base.yaml:1:10: extends: no such file: gone.yaml"),
        ("missing_model.yaml", "missing_model.yaml:2:8: model: no such file: gone.yaml"),
        ("circle.yaml", "circle.yaml:1:10: extends: the files extend each other in a circle"),
    ],
)
def test_a_config_that_is_not_there_or_not_readable(cli: Cli, folder: Path, config: str, message: str) -> None:
    Path("binary.yaml").write_bytes(b"\xff\xfe\x00\x01")
    Path("empty.yaml").write_text("")
    Path("deep.yaml").write_text("seed: 0\n")
    Path("missing_base.yaml").write_text("extends: gone.yaml\n")
    Path("missing_model.yaml").write_text("extends: small.yaml\nmodel: gone.yaml\n")
    Path("circle.yaml").write_text("extends: circle.yaml\n")
    assert message in refused(cli, "train", config, code=2).line


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.epoch=3", "--set training.epoch=3: training.epoch: unknown key 'epoch' of Training; did you mean"),
        ("training.epochs=x", "--set training.epochs=x: training.epochs: expected `int`, got `str` 'x'"),
        ("training.epochs", "--set training.epochs: expected key.path=value, for example"),
        ("model.layers.9.hidden_size=3", "model.layers: has 3 items; expected an index up to 2, got '9'"),
        ("seed.deep=3", "--set seed.deep=3: seed: "),
        ("=3", "--set =3: expected key.path=value"),
        ("seed=[", "--set seed=["),
    ],
)
def test_a_wrong_override_is_one_line_with_the_override(cli: Cli, folder: Path, override: str, message: str) -> None:
    assert message in refused(cli, "train", "small.yaml", "--set", override, code=2).line


def replace(pattern: str, by: str) -> Callable[[str], str]:
    return lambda text: re.sub(pattern, by, text, count=1)


DATA_FAULTS = {
    "text among numbers": (
        replace(r"(03:00),[^,]*", r"\1,high"),
        "air.csv:5: column pm: 'high' is not a number; if it stands for a gap, add it to `missing`.",
    ),
    "a gap": (replace(r"(03:00),[^,]*", r"\1,"), "air.csv:5: column pm: a gap (the only gap); `gaps: interpolate`"),
    "an infinite number": (replace(r"(03:00),[^,]*", r"\1,inf"), "air.csv:5: column pm: 'inf' is not a finite number"),
    "an unknown category": (
        replace(",calm\n", ",clam\n"),
        "air.csv:3: column wind: unknown category 'clam'; did you",
    ),
    "a cell too few": (replace(r"(03:00),[^,]*", r"\1"), "air.csv:5: 3 cells, but the header has 4 cells; every row"),
    "a column that is missing": (replace("temp", "tmp"), "air.csv:1: no column 'temp'; did you mean tmp?"),
    "a time that is no time": (
        replace("2013-01-01 03:00", "tomorrow"),
        "air.csv:5: column date: 'tomorrow' is no",
    ),
    "a row that is missing": (replace(r".* 03:00.*\n", ""), "air.csv:5: the time 2013-01-01 04:00:00 is 2 h after"),
    "a time twice": (replace(r"(.* 03:00.*\n)", r"\1\1"), "air.csv:6: the time 2013-01-01 03:00:00 stands there twice"),
    "an empty file": (lambda _: "", "air.csv: the file is empty"),
    "a header only": (lambda text: text.split("\n")[0] + "\n", "air.csv: a header but no rows of data"),
    "too few rows": (
        lambda text: "\n".join(text.split("\n")[:50]) + "\n",
        "CSVSeries: 49 rows and test_size 60 leave 0 rows for training",
    ),
    "too few rows for validation": (
        lambda text: "\n".join(text.split("\n")[:101]) + "\n",
        "TailValidation: size 40 leaves 0 of 40 training rows",
    ),
}


@pytest.mark.parametrize("fault", DATA_FAULTS)
def test_a_wrong_table_is_one_line_with_row_and_column(cli: Cli, folder: Path, fault: str) -> None:
    change, message = DATA_FAULTS[fault]
    text = Path("air.csv").read_text()
    changed = change(text)
    assert changed != text
    Path("air.csv").write_text(changed)
    outcome = refused(cli, "train", "small.yaml", code=3)
    assert outcome.line.startswith(f"minidl train: {message}")


def test_a_misspelt_argument_that_is_required_is_not_missing_besides(cli: Cli, folder: Path) -> None:
    Path("small.yaml").write_text(CONFIG.replace("hidden_size: 3", "hiden_size: 3"))
    line = refused(cli, "train", "small.yaml", code=2).line
    assert line == (
        "minidl train: small.yaml:18:30: model.layers.0.hiden_size: unknown key 'hiden_size' of RecurrentLayer; "
        "did you mean hidden_size?"
    )


def test_a_table_that_is_not_utf8_is_refused_with_the_line(cli: Cli, folder: Path) -> None:
    with open("air.csv", "ab") as file:
        file.write(b"\xff\n")
    outcome = refused(cli, "train", "small.yaml", code=3)
    assert outcome.line.startswith("minidl train: air.csv:242: the byte 0xff is not UTF-8; save the file as UTF-8, or")


def test_a_table_that_is_not_there_is_a_storage_error(cli: Cli, folder: Path) -> None:
    Path("air.csv").unlink()
    assert refused(cli, "train", "small.yaml", code=4).line == "minidl train: air.csv: no such file."


def test_a_horizon_beyond_the_test_part_is_refused_before_training(cli: Cli, folder: Path) -> None:
    outcome = refused(cli, "train", "small.yaml", "--set", "evaluation.horizons=[55]", code=2)
    message = (
        "evaluation.horizons: 55 rows ahead need at least 55 test windows; data.test_size 60 and time_steps 6 give 54."
    )
    assert outcome.line.endswith(message)
    assert cli("check", "small.yaml", "--set", "evaluation.horizons=[54]").code == 0


def test_an_existing_run_folder_is_refused_and_kept(cli: Cli, folder: Path) -> None:
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("precious")
    outcome = refused(cli, "train", "small.yaml", "--run-dir", "mine", code=2)
    assert outcome.line.startswith("minidl train: mine: exists already; a run never overwrites another")


def test_a_finished_run_is_never_overwritten(cli: Cli, trained: Path) -> None:
    before = folder_content(trained)
    assert cli("train", "small.yaml", "--run-dir", trained).code == 2
    assert cli("train", "small.yaml").code == 0
    assert folder_content(trained) == before
    assert Path("runs/small-002").is_dir()


def test_a_run_folder_that_cannot_be_made_is_a_storage_error(cli: Cli, folder: Path) -> None:
    outcome = refused(cli, "train", "small.yaml", "--run-dir", "air.csv/run", code=4)
    assert outcome.line.startswith("minidl train: air.csv")
    Path("runs").write_text("a file")
    outcome = cli("train", "small.yaml")
    assert (outcome.code, outcome.out) == (4, "")
    assert outcome.line.startswith("minidl train: runs: cannot make a run folder: ")
    assert Path("runs").read_text() == "a file"


def test_numbers_that_break_end_with_5_and_keep_the_checkpoints(cli: Cli, folder: Path) -> None:
    outcome = cli("train", "small.yaml", "--set", "optimizer.learning_rate=1e9", "--set", "dtype=float32")
    assert (outcome.code, outcome.out) == (5, "")
    last = outcome.err.splitlines()[-1]
    assert re.match(r"minidl train: epoch 1, step \d+: loss is .*; .*\((RecurrentLayer|Dense)\)", last)
    assert "Try a smaller optimizer.learning_rate" in last
    assert cli("evaluate", "runs/small-001", "--checkpoint", "init").code == 0


def test_a_config_where_a_model_is_expected_is_told_apart(cli: Cli, folder: Path) -> None:
    line = refused(cli, "budget", "small.yaml", "--parameters", "85", code=2).line
    assert line == (
        "minidl budget: small.yaml: is a whole config; give a file that holds a model, as below its model:."
    )
