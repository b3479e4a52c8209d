"""From a config to a model and its data, and what is refused before any data are read."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from small import CONFIG, hourly_table, window_data, write_experiment

from minidl import (
    SGD,
    Bidirectional,
    BinaryCrossEntropy,
    ConfigError,
    Dense,
    LastStep,
    RecurrentLayer,
    SelectFeatures,
    Sequential,
    ShapeError,
    fit,
)
from minidl.config import construct, dump, parse_text
from minidl.core.layer import Layer
from minidl.data import Echo, Sequences
from minidl.experiment import Experiment, load_experiment
from minidl.randomness import Streams
from minidl.tasks import Forecast, Label


def experiment(*layers: Layer, **arguments: object) -> Experiment:
    model = Sequential(list(layers) or [RecurrentLayer(2), LastStep(), Dense(1)])
    return Experiment(model, window_data(hourly_table()), SGD(0.1), **arguments)  # type: ignore[arg-type]


def test_the_same_seed_gives_the_same_initial_weights_and_another_does_not() -> None:
    def weights(seed: int) -> bytes:
        made = experiment(seed=seed)
        made.build_model()
        return b"".join(value.tobytes() for value in made.model.params.values())

    assert weights(3) == weights(3)
    assert weights(3) != weights(4)


def test_building_twice_gives_the_same_weights() -> None:
    made = experiment()
    made.build_model()
    before = made.model.params["0.W_xh"].copy()
    made.build_model()
    np.testing.assert_array_equal(made.model.params["0.W_xh"], before)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_is_that_of_parameters_and_data(dtype: str) -> None:
    made = experiment(dtype=dtype)
    made.build_model()
    parts = made.load_data()
    assert {value.dtype for value in made.model.params.values()} == {np.dtype(dtype)}
    assert parts.values.dtype == dtype


def test_a_model_with_an_output_at_every_step_gets_labels_at_every_step() -> None:
    many = experiment(RecurrentLayer(2), Dense(1))
    assert many.build_model() == (6, 1)
    batch = many.load_data().train.gather(slice(0, 3))
    x, y = batch.x, batch.target
    assert y.shape == (3, 6, 1)
    np.testing.assert_array_equal(y[:, :-1, 0], x[:, 1:, 0])
    one = experiment()
    assert one.build_model() == (1,)
    assert one.load_data().train.gather(slice(0, 3)).target.shape == (3, 1)


def test_a_model_that_looks_at_the_labels_in_later_steps_is_refused_with_its_place() -> None:
    # Such a net copies: what it learned is of no use at the last step, the only one that is scored.
    ahead = [Sequential([Bidirectional(RecurrentLayer(1))]) for _ in range(2)]
    with pytest.raises(ShapeError, match=r"^Bidirectional looks at later time steps, where labels at every") as caught:
        experiment(ahead[0], Dense(1)).build_model()
    assert caught.value.path == ("layers", 0, "layers", 0)
    assert experiment(ahead[1], LastStep(), Dense(1)).build_model() == (1,)


@pytest.mark.parametrize("lookahead", [0, 1])
def test_a_label_of_what_comes_next_takes_no_model_that_looks_at_it(lookahead: int) -> None:
    source = Echo(n_sequences=20, time_steps=6, delay=2)
    model = Sequential([Bidirectional(RecurrentLayer(2)), Dense(1)])
    task = {"loss": BinaryCrossEntropy(), "evaluation": Label(lookahead=lookahead)}
    made = Experiment(model=model, data=Sequences(source), optimizer=SGD(0.1), **task)
    if lookahead:
        assert made.build_model() == (None, 1)
    else:
        with pytest.raises(
            ShapeError, match=r"^Bidirectional looks at later time steps, which give its labels away as"
        ):
            made.build_model()


def test_asking_for_the_data_changes_no_weight_and_builds_no_model() -> None:
    # Caught here: a trained model that load_data() gave its initial weights again in passing.
    made = experiment()
    splits = made.load_data()
    assert not made.model.params
    made.build_model()
    batch = splits.train.gather(slice(None))
    fit(made.model, batch.x, batch.target, loss=made.loss, optimizer=made.optimizer)
    before = {name: (value, value.copy()) for name, value in made.model.params.items()}
    made.load_data()
    for name, (array, content) in before.items():
        assert made.model.params[name] is array
        np.testing.assert_array_equal(array, content)


def test_an_output_of_more_numbers_than_leads_are_scored_is_refused() -> None:
    message = "the model's output has shape (9,); a forecast is one number, which is fed back, "
    with pytest.raises(ShapeError, match=f"^{re.escape(message)}"):
        experiment(RecurrentLayer(3), LastStep(), Dense(9)).build_model()


def test_best_weights_without_validation_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"^evaluation\.checkpoint: is best, but data\.validation is not set; "):
        experiment(evaluation=Forecast(checkpoint="best"))


def test_streams_of_one_purpose_do_not_depend_on_draws_of_another() -> None:
    drawn, fresh = Streams.from_seed(5), Streams.from_seed(5)
    drawn.weights.random(1000)
    drawn.sampling.random(10)
    assert drawn.shuffling.random() == fresh.shuffling.random()
    numbers = [fresh.weights.random(), fresh.shuffling.random(), fresh.layers.random(), fresh.sampling.random()]
    assert len(set(numbers)) == 4


def test_the_global_random_state_is_neither_read_nor_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_experiment(tmp_path)
    outcomes = []
    for seed in (1, 2):
        np.random.seed(seed)  # noqa: NPY002
        before = np.random.get_state()[1].tobytes()  # type: ignore[union-attr]  # noqa: NPY002
        made = load_experiment("small.yaml")
        made.load_data()
        outcomes.append(made.model.params["0.W_xh"].tobytes())
        assert np.random.get_state()[1].tobytes() == before  # type: ignore[union-attr]  # noqa: NPY002
    assert outcomes[0] == outcomes[1]


def test_an_experiment_is_named_after_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_experiment(write_experiment(tmp_path)).name == "small"
    assert load_experiment("pm25_deep").name == "pm25_deep"


def test_no_data_are_read_while_a_config_is_checked(tmp_path: Path) -> None:
    path = write_experiment(tmp_path, CONFIG.replace("air.csv", "is-not-there.csv"))
    assert load_experiment(path).data.input_shape == (6, 3)


def test_overrides_reach_every_part(tmp_path: Path) -> None:
    made = load_experiment(
        write_experiment(tmp_path),
        ["seed=8", "model.layers.0.hidden_size=5", "training.clip_norm=1e-3", "data.validation.size=50"],
    )
    assert (made.seed, made.training.clip_norm) == (8, 0.001)
    assert made.model.params["0.W_hh"].shape == (5, 5)
    assert made.data.validation is not None
    assert made.data.validation.to_config() == {"size": 50}


def test_what_to_config_gives_makes_an_equal_experiment(tmp_path: Path) -> None:
    made = load_experiment(write_experiment(tmp_path))
    again = construct(Experiment, parse_text(dump(made.to_config()), "again").plain())
    assert again.to_config() == made.to_config()


def test_a_shape_that_does_not_fit_is_placed_at_its_layer(tmp_path: Path) -> None:
    config = CONFIG.replace("    - {type: LastStep}\n", "    - {type: LastStep}\n    - {type: LastStep}\n")
    path = write_experiment(tmp_path, config)
    with pytest.raises(ConfigError) as caught:
        load_experiment(path)
    (line,) = str(caught.value).splitlines()
    assert re.match(rf"{re.escape(str(path))}:20:\d+: model\.layers\.2: LastStep: ", line)
    assert "(3,)" in line  # the shape it got
    assert "the output of layer 1, LastStep" in line


def test_an_output_that_does_not_fit_is_placed_at_the_model(tmp_path: Path) -> None:
    path = write_experiment(tmp_path, CONFIG.replace("output_size: 1", "output_size: 5"))
    with pytest.raises(ConfigError, match=r"small\.yaml:16:3: model: the model's output has shape \(5,\); a forecast"):
        load_experiment(path)


def test_all_problems_are_reported_at_once(tmp_path: Path) -> None:
    config = CONFIG.replace("seed: 3", "sed: 3").replace("epochs: 3", "epochs: 0").replace("HalfMSE", "HalfMES")
    path = write_experiment(tmp_path, config)
    with pytest.raises(ConfigError) as caught:
        load_experiment(path)
    lines = [line.removeprefix(f"{path}:") for line in str(caught.value).splitlines()]
    assert sorted(lines) == [
        "1:1: sed: unknown key 'sed' of Experiment; did you mean seed?",
        "21:7: loss: unknown loss 'HalfMES'; did you mean HalfMSE?",
        "23:20: training.epochs: expected `int` >= 1, got 0",
    ]


def test_features_are_selected_by_the_names_that_the_data_have() -> None:
    made = experiment(SelectFeatures(["wind", "pm"]), RecurrentLayer(2), LastStep(), Dense(1))
    assert made.build_model() == (1,)
    x = np.arange(18.0, dtype="float32").reshape(1, 6, 3)
    selected = made.model.children()["0"](x)
    np.testing.assert_array_equal(selected, x[..., [2, 0]])
    assert experiment(SelectFeatures(["temp"]), LastStep(), Dense(1)).output_shape() == (1,)


def test_a_validation_part_that_is_lacking_is_asked_for_where_sequences_have_it() -> None:
    with pytest.raises(ConfigError, match=r"checkpoint: is best, but data\.split\.validation is not set"):
        load_experiment("waves_classify", ["data.split.validation=0", "evaluation.checkpoint=best"])
