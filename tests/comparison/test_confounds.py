"""What differs, in words; grids; and reports of comparisons that were made up."""

from __future__ import annotations

from pathlib import Path

import pytest

from minidl.cli import main
from minidl.comparison.confounds import _SHOWN, _model_words, _shown, confounds, sentence
from minidl.comparison.entries import ModelFacts, facts_of, load_entries
from minidl.comparison.sweep import trade_offs
from minidl.core.errors import ConfigError
from minidl.experiment import load_experiment
from minidl.tasks import Forecast


def differ(*configs: str, overrides: tuple[str, ...] = ()) -> str:
    return sentence(confounds(load_entries(configs, overrides)))


def test_the_textbooks_pair_differs_in_four_things() -> None:
    text = differ("pm25_single", "pm25_deep")
    assert text == "depth, width, biases and number of parameters differ; with them the multiply-adds per window"


def test_the_fair_pairs_differ_in_depth_and_width_only() -> None:
    text = differ("pm25_fair_single", "pm25_fair_deep")
    assert text == "depth and width differ; with them the multiply-adds per window"
    assert differ("pm25_fair_nobias_single", "pm25_fair_nobias_deep") == "depth and width differ"


def test_settings_of_layers_count_where_one_is_not_the_default(folder: Path) -> None:
    assert "other settings" not in differ("echo_single", "echo_gru_single")
    for name, reset in (("one", "true"), ("other", "false")):
        layers = [f"{{type: GRULayer, hidden_size: 4, reset_after: {after}}}" for after in (reset, "false")]
        model = f"{{type: Sequential, layers: [{', '.join(layers)}, {{type: Dense, output_size: 1}}]}}"
        Path(f"{name}.yaml").write_text(f"extends: echo_single.yaml\nmodel: {model}\n")
    assert differ("one.yaml", "other.yaml") == "number of parameters and other settings of the recurrent layers differ"


def test_protocols_are_told_apart() -> None:
    # The two differ in what a score assumes as well, and compare refuses that.
    with pytest.raises(ConfigError, match="future_covariates is actual in pm25_single and hold_last in pm25_single_h"):
        differ("pm25_single", "pm25_single_honest")
    text = differ("pm25_single", "pm25_single_honest", overrides=("evaluation.future_covariates=actual",))
    assert "rows the scaler is fitted on" in text
    assert "weights that are scored" in text
    assert "kind of validation" in text
    assert "depth" not in text


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("optimizer: {learning_rate: 0.1}", "learning rate differs"),
        ("training: {epochs: 7, batch_size: 8}", "number of epochs and batch size differ"),
        ("data: {series: {features: [pm, wind, temp]}}", "features differ"),
        ("evaluation: {published: {source: me, r2: [1, 1, 1], loss: [0, 0, 0]}}", "nothing differs"),
        ("training: {checkpoint_every: 3}", "nothing differs"),
        ("loss: HalfMSE", "nothing differs"),
        ("dtype: float32", "number format differs"),
    ],
)
def test_every_difference_that_decides_a_score_is_named(folder: Path, line: str, text: str) -> None:
    Path("other.yaml").write_text(f"extends: small.yaml\n{line}\n")
    assert differ("small.yaml", "other.yaml").startswith(text)


LONG = "{parameters: '*W_x*', frozen: true}, {parameters: '*b_h*', frozen: true}, {parameters: '*', weight_decay: %s}"


@pytest.mark.parametrize(
    ("key", "one", "other", "text"),
    [
        ("training.callbacks", "[EarlyStopping]", "[{type: EarlyStopping, patience: 11}]", "callbacks differ"),
        ("optimizer.groups", f"[{LONG % 0.1}]", f"[{LONG % 0.2}]", "groups of parameters differ"),
    ],
)
def test_long_values_are_told_apart_to_their_ends(folder: Path, key: str, one: str, other: str, text: str) -> None:
    top, inner = key.split(".")
    more = "learning_rate: 0.1, momentum: 0.5, " if top == "optimizer" else ""
    for name, value in (("one", one), ("other", other)):
        Path(f"{name}.yaml").write_text(f"extends: small.yaml\n{top}: {{{more}{inner}: {value}}}\n")
    (found,) = confounds(load_entries(["one.yaml", "other.yaml"]))
    assert sentence([found]) == text
    assert len(set(found.values.values())) == 2


def test_an_activation_and_the_layers_after_are_named(folder: Path) -> None:
    layers = "    - {type: RecurrentLayer, hidden_size: 3, activation: SigmoidActivation}\n    - LastStep\n"
    head = "    - {type: Dense, output_size: 2}\n    - {type: Dense, output_size: 1}\n"
    Path("other.yaml").write_text(f"extends: small.yaml\nmodel:\n  type: Sequential\n  layers:\n{layers}{head}")
    text = differ("small.yaml", "other.yaml")
    assert text.startswith("activation, number of parameters and other layers differ")


def with_model(name: str, *layers: str) -> str:
    row = "".join(f"    - {layer}\n" for layer in layers)
    Path(name).write_text(f"extends: small.yaml\nmodel:\n  type: Sequential\n  layers:\n{row}")
    return name


RECURRENT = "{type: RecurrentLayer, hidden_size: 3}"


@pytest.mark.parametrize(
    ("layers", "depth", "widths"),
    [
        ((f"{{type: Bidirectional, layer: {RECURRENT}}}",), 1, (3, 3)),
        ((RECURRENT, f"{{type: Parallel, branches: [{RECURRENT}, {{type: Dense, output_size: 3}}]}}"), 2, (3, 3)),
        ((RECURRENT, f"{{type: Residual, layer: {{type: Repeat, layer: {RECURRENT}, times: 2}}}}"), 3, (3, 3, 3)),
    ],
)
def test_depth_is_that_of_the_longest_way_and_widths_are_those_of_all(
    folder: Path, layers: tuple[str, ...], depth: int, widths: tuple[int, ...]
) -> None:
    config = with_model("other.yaml", *layers, "LastStep", "{type: Dense, output_size: 1}")
    facts = facts_of(load_experiment(config))
    assert (facts.depth, facts.widths) == (depth, widths)
    assert facts.kinds == ("RecurrentLayer",)


def test_a_way_around_layers_is_a_difference(folder: Path) -> None:
    # Caught here: "nothing differs", as the layers themselves are the same ones.
    end = ("LastStep", "{type: Dense, output_size: 1}")
    plain = with_model("plain.yaml", RECURRENT, RECURRENT, *end)
    around = with_model("around.yaml", RECURRENT, f"{{type: Residual, layer: {RECURRENT}}}", *end)
    first = with_model("first.yaml", RECURRENT, f"{{type: Sequential, layers: [{RECURRENT}]}}", *end)
    assert differ(plain, around) == "arrangement of the layers differs"
    assert differ(plain, first) == "nothing differs: the configs are the same"
    row = next(row for row in confounds(load_entries([plain, around])) if row.what.startswith("arrangement"))
    assert row.values == {
        "plain": "in a row",
        "around": "RecurrentLayer -> Residual(RecurrentLayer) -> LastStep -> Dense",
    }


def sweep_config(text: str) -> None:
    Path("grid.yaml").write_text(f"extends: small.yaml\nsweep:\n{text}")


def test_a_grid_is_all_combinations(folder: Path) -> None:
    sweep_config("  model.layers.0.hidden_size: [2, 3]\n  optimizer.learning_rate: [0.05, 0.1]\n")
    entries = load_entries(["grid.yaml"])
    assert [entry.label for entry in entries] == [
        "grid-hidden_size=2-learning_rate=0.05",
        "grid-hidden_size=2-learning_rate=0.1",
        "grid-hidden_size=3-learning_rate=0.05",
        "grid-hidden_size=3-learning_rate=0.1",
    ]
    assert entries[3].config["model"]["layers"][0]["hidden_size"] == 3
    assert entries[3].config["optimizer"]["learning_rate"] == 0.1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "  model.layers.0.hiden_size: [2, 3]\n",
            "unknown key 'hiden_size' of RecurrentLayer",
        ),
        ("  model.layers.0.hidden_size: 3\n", "expected a list of at least one value, got 3"),
        ("  seed: [1, 2]\n", "cannot be swept; the seeds are those of --seeds"),
        ("  optimizer.learning_rate: [0.1, -1]\n", "learning_rate"),
        ("  model.layers.9.hidden_size: [1, 2]\n", "expected an index up to 2"),
    ],
)
def test_a_wrong_grid_is_refused_with_its_place(folder: Path, text: str, message: str) -> None:
    sweep_config(text)
    with pytest.raises(ConfigError) as caught:
        load_entries(["grid.yaml"])
    assert message in str(caught.value)
    assert "grid.yaml" in str(caught.value) or "--set" in str(caught.value)


def test_the_best_trade_offs_are_those_that_nothing_beats_for_less() -> None:
    def config(r2: float, parameters: int, seconds: float) -> dict[str, object]:
        return {
            "point": {"a.b": parameters},
            "parameters": parameters,
            "seconds": {"training": {"median": seconds}},
            "block": {"8": {"r2": {"median": r2}}},
        }

    configs = {
        "p": config(0.7, 10, 4.0),
        "q": config(0.6, 20, 1.0),
        "r": config(0.8, 30, 4.0),
        "s": config(0.8, 40, 2.0),
    }
    best = {point["label"]: point["best_by"] for point in trade_offs(configs, ("block", "8"), Forecast().metric("r2"))}
    assert {label for label, by in best.items() if by["parameters"]} == {"p", "r"}
    assert {label for label, by in best.items() if by["seconds"]} == {"q", "s"}


def test_check_counts_a_grid_and_train_refuses_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep_config("  model.layers.0.hidden_size: [2, 3]\n")
    assert main(["check", "grid.yaml"]) == 0
    assert capsys.readouterr().out == "grid.yaml: ok, 25 parameters, 2 experiments\n"
    assert main(["train", "grid.yaml"]) == 2
    assert "has sweep:, so it is many experiments; run it with minidl compare" in capsys.readouterr().err


def test_a_sweep_is_compared_and_its_best_trade_offs_are_reported(folder: Path) -> None:
    sweep_config("  model.layers.0.hidden_size: [1, 2, 3]\n")
    assert main(["compare", "grid.yaml", "--seeds", "2", "--jobs", "1"]) == 0
    report = Path("runs/compare-001/report.md").read_text(encoding="utf-8")
    assert "## Sweep" in report
    assert "★" in report
    assert "minidl compare grid.yaml --seeds 2" in report


def test_a_models_kinds_of_layers_and_activations_are_listed_or_said_to_be_none() -> None:
    facts = ModelFacts(2, (3, 4), ("RecurrentLayer", "Own"), ("TanhActivation",), True, 1234, 5678)
    assert dict(_model_words(facts, "work")) == {
        "depth": "2 recurrent layers",
        "width": "3+4",
        "kind of layer": "RecurrentLayer, Own",
        "activation": "TanhActivation",
        "biases": "with biases",
        "number of parameters": "1,234",
        "work": "5,678",
    }
    words = dict(_model_words(ModelFacts(1, (), (), (), False, 1, 1), "work"))
    assert [words[name] for name in ("depth", "width", "kind of layer", "activation", "biases")] == [
        "1 recurrent layer",
        "none",
        "none",
        "none",
        "without biases",
    ]


def test_arguments_of_another_type_are_not_named_beside_it(folder: Path) -> None:
    Path("other.yaml").write_text("extends: small.yaml\ntraining: {schedule: {type: OneCycle, rising: 0.2}}\n")
    assert differ("small.yaml", "other.yaml") == "schedule of the learning rate differs"
    Path("same.yaml").write_text("extends: small.yaml\ntraining: {schedule: OneCycle}\n")
    assert differ("same.yaml", "other.yaml") == "training.schedule.rising differs"


def test_long_values_are_cut_where_what_is_left_tells_them_apart() -> None:
    long = "x" * _SHOWN
    assert _shown({"a": long, "b": "y"}) == {"a": long, "b": "y"}
    assert _shown({"a": long + "x", "b": "y"}) == {"a": "x" * (_SHOWN - 3) + "...", "b": "y"}
    whole = {"a": long + "1", "b": long + "2"}
    assert _shown(whole) == whole
