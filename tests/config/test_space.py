"""The section search: what it may say, and every refusal with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from small import CONFIG, write_experiment

from minidl.cli import main
from minidl.config import parse_text
from minidl.config.space import Choices, Span, placed, read_space
from minidl.core.errors import ConfigError
from minidl.experiment import load_experiment

LINE = CONFIG.count("\n") + 2  # of what stands below search:


def read(text: str) -> dict[str, Span | Choices]:
    space, problems = read_space(parse_text(f"search:\n  {text}\n"))
    assert problems == []
    return space


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{low: 1e-4, high: 0.1, log: true}", Span(1e-4, 0.1, True, None)),
        ("{low: 0.0, high: 1}", Span(0.0, 1, False, None)),
        ("{low: 2, high: 8}", Span(2, 8, False, 1)),
        ("{low: 2, high: 8, step: 3}", Span(2, 8, False, 3)),
        ("{low: 1, high: 64, log: true}", Span(1, 64, True, 1)),
        ("[1, 1.0, true, null, a]", Choices(("1", "1.0", "true", "null", '"a"'), (1, 1.0, True, None, "a"))),
    ],
)
def test_a_range_and_a_choice_are_read(text: str, expected: Span | Choices) -> None:
    assert read(f"a.b: {text}") == {"a.b": expected}


def test_a_range_knows_its_values() -> None:
    whole, real = Span(2, 8, False, 3), Span(0.5, 2.0)
    assert [value for value in (1, 2, 3, 5, 8, 11, 2.0, True, "2", None) if whole.holds(value)] == [2, 5, 8]
    assert [value for value in (0.4, 0.5, 1, 2.0, 2.1, "1") if real.holds(value)] == [0.5, 1, 2.0]


def test_values_are_put_in_parts_before_what_is_in_them() -> None:
    root = parse_text("optimizer: SGD\nsearch: {a: [1, 2]}")
    tree = placed(root, {"optimizer.learning_rate": 0.3, "optimizer": {"type": "Adam"}})
    assert tree.plain() == {"optimizer": {"type": "Adam", "learning_rate": 0.3}}
    assert root.plain()["optimizer"] == "SGD"


WRONG = {
    "optimizer.learning_rat: {low: 0.1, high: 1}": (
        "33: optimizer.learning_rat: unknown key 'learning_rat' of SGD; did you mean learning_rate?"
    ),
    "optimizer.learning_rate: {low: 0.0, high: 1}": "34: optimizer.learning_rate: expected `float` > 0.0, got 0.0",
    "optimizer.learning_rate: {lwo: 0.1, high: 1}": [
        "29: search.optimizer.learning_rate.lwo: unknown key 'lwo' of a range; did you mean low?",
        "28: search.optimizer.learning_rate: a range needs low",
    ],
    "optimizer.learning_rate: 0.1": (
        "28: search.optimizer.learning_rate: expected a range {low, high} or a list of values; got 0.1"
    ),
    "optimizer.learning_rate: {low: a, high: 1}": (
        "34: search.optimizer.learning_rate.low: expected a number from -1,000,000,000 to 1,000,000,000; got 'a'"
    ),
    "optimizer.learning_rate: {low: 1.0, high: 0.1}": (
        "34: search.optimizer.learning_rate.low: expected less than high, which is 0.1; got 1"
    ),
    "optimizer.learning_rate: {low: 0.0, high: 1, log: true}": (
        "34: search.optimizer.learning_rate.low: expected more than 0, as log is true; got 0"
    ),
    "optimizer.learning_rate: {low: 0.1, high: 1, log: 1}": (
        "53: search.optimizer.learning_rate.log: expected true or false; got 1"
    ),
    "optimizer.learning_rate: {low: 0.1, high: 1, step: 1}": (
        "54: search.optimizer.learning_rate.step: is for whole numbers; low and high are not both whole"
    ),
    "training.batch_size: {low: 8, high: 33, step: 8}": (
        "49: search.training.batch_size.step: does not lead from 8 to 33; from 8 to 32 it does"
    ),
    "training.batch_size: {low: 8, high: 32, step: 8, log: true}": (
        "49: search.training.batch_size.step: goes with log: false only"
    ),
    "training.batch_size: {low: 8, high: 32, step: 0}": (
        "49: search.training.batch_size.step: expected a whole number from 1; got 0"
    ),
    "training.batch_size: [8]": "24: search.training.batch_size: expected a list of 2 to 100 values; got 1",
    "training.batch_size: [8, 16, 8]": "32: search.training.batch_size.2: 8 stands in this list already",
    "training.batch_size: [8, x]": "28: training.batch_size: expected `int`, got `str` 'x'",
    "model.layers.7.hidden_size: [1, 2]": "32: model.layers: has 3 items; expected an index up to 2, got '7'",
    "seed: [1, 2]": "3: search.seed: cannot be searched: it is luck; a search must not choose it",
    "evaluation.checkpoint: [best, last]": (
        "3: search.evaluation.checkpoint: cannot be searched: evaluation decides how a model is scored, which must be "
        "the same in all trials"
    ),
    "data.test_size: [60, 50]": (
        "3: search.data.test_size: cannot be searched: it may decide which examples are scored; of the data only "
        "data.time_steps, data.derived, data.scaler can be"
    ),
    "training.callbacks: [[], [EarlyStopping]]": (
        "3: search.training.callbacks: cannot be searched: it may choose the score by which trials are compared"
    ),
    "training: [{epochs: 1}, {epochs: 2}]": (
        "3: search.training: cannot be searched: training.callbacks may choose the score by which trials are compared"
    ),
    "a..b: [1, 2]": "3: search.a..b: expected a key path, for example optimizer.learning_rate",
    "loss: [MAE, MSE]": (
        "9: search.loss: cannot be searched: trials are compared by validation_loss, whose meaning it changes; let "
        "training.callbacks have an EarlyStopping by a metric such as validation_r2"
    ),
    "data.scaler: [MinMaxScaler, StandardScaler]": (
        "16: search.data.scaler: cannot be searched: trials are compared by validation_loss, whose meaning it changes; "
        "let training.callbacks have an EarlyStopping by a metric such as validation_r2"
    ),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def problems(folder: Path, text: str, config: str = CONFIG) -> list[str]:
    path = write_experiment(folder, f"{config}search:\n{text}")
    with pytest.raises(ConfigError) as caught:
        load_experiment(path.name)
    return list(caught.value.lines)


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_search_is_refused_with_its_place(text: str, folder: Path) -> None:
    expected = WRONG[text]
    lines = [expected] if isinstance(expected, str) else expected
    assert problems(folder, f"  {text}\n") == [f"small.yaml:{LINE}:{line}" for line in lines]


def test_all_problems_come_at_once_with_those_of_the_rest(folder: Path) -> None:
    text = (
        "  optimizer.learning_rat: [0.1, 0.2]\n  training.batch_size: {low: 9, high: 8}\n  model.layers.0: [LSTN, 5]\n"
    )
    found = problems(folder, text, CONFIG.replace("epochs:", "epochz:"))
    assert len(found) == 5
    for part in ("epochz", "learning_rat'", "expected less than high", "LSTN", "expected a layer"):
        assert sum(part in line for line in found) == 1, part


def test_what_is_no_section_is_refused_once(folder: Path) -> None:
    path = write_experiment(folder, f"{CONFIG}search: [1, 2]\n")
    with pytest.raises(
        ConfigError, match=rf"^small.yaml:{LINE - 1}:9: search: expected `mapping`, got `list` \[1, 2\]$"
    ):
        load_experiment(path.name)


def test_a_config_has_a_grid_or_a_search(folder: Path) -> None:
    found = problems(folder, "  training.batch_size: [8, 16]\nsweep: {training.batch_size: [4, 8]}\n")
    assert found == [f"small.yaml:{LINE}:3: search: stands beside sweep:; a config has one of them"]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("  validation: {type: TailValidation, size: 40}\n", "", "data.validation is not set"),
        (
            "epochs: 3,",
            "epochs: 3, callbacks: [{type: EarlyStopping, metric: train_loss}],",
            "data.validation is not looked at: the best weights have train_loss",
        ),
    ],
)
def test_a_search_needs_a_validation_score(old: str, new: str, why: str, folder: Path) -> None:
    config = CONFIG.replace(old, new).replace(", checkpoint: best", "")
    (line,) = problems(folder, "  training.batch_size: [8, 16]\n", config)
    assert line.endswith(f"search: trials are compared by a validation score; {why}")


def test_check_says_how_many_keys_there_are_and_other_verbs_do_not_look(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_experiment(folder, f"{CONFIG}search: {{training.batch_size: [8, 16]}}\n")
    assert main(["check", "small.yaml"]) == 0
    assert capsys.readouterr().out == "small.yaml: ok, 25 parameters, 1 key to search\n"
    assert main(["train", "small.yaml", "--dry-run"]) == 0


@pytest.mark.parametrize(("keys", "choices", "problem"), [
    (50, 100, ""),
    (51, 2, "51 keys; at most 50 are allowed"),
    (1, 101, "expected a list of 2 to 100 values; got 101"),
])  # fmt: skip
def test_a_search_has_as_many_keys_and_values_as_the_limits_say(keys: int, choices: int, problem: str) -> None:
    lines = [f"  training.key_{i}: {list(range(choices))}" for i in range(keys)]
    space, problems = read_space(parse_text("\n".join(["search:", *lines])))
    assert (len(problems) == 1 and problems[0].endswith(problem)) if problem else (problems == [] and len(space) == 50)
