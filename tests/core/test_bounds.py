"""No number of a config is without bounds: what nobody can mean is refused when it is read."""

from __future__ import annotations

import math
import os
import typing
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from small import write_experiment

from minidl import Adam, ConfigError, Dense, Repeat
from minidl.cli import main
from minidl.core.arguments import Configurable, argument_hints, component_hint, convert
from minidl.experiment import load_experiment
from minidl.training import Training


def configurables(base: type = Configurable) -> list[type]:
    """Every class of the library that a config can describe."""
    found = [sub for sub in base.__subclasses__() if sub.__module__.startswith("minidl.")]
    return found + [inner for cls in found for inner in configurables(cls)]


def numbers(hint: Any, bounds: tuple[Any, ...] = ()) -> list[tuple[Any, tuple[Any, ...]]]:
    """Every int and float that a hint asks for, with the bounds that stand around it."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return numbers(inner[0], inner[1:])
    if hint in (int, float):
        return [(hint, bounds)]
    if origin is Literal or component_hint(hint) is not None:
        return []
    return [found for part in inner for found in numbers(part)]


def test_every_number_that_a_config_can_hold_has_a_lower_and_an_upper_bound() -> None:
    found = 0
    for cls in configurables():
        for name, hint in argument_hints(cls).items():
            for kind, metas in numbers(hint):
                found += 1
                where = f"{cls.__name__}.{name}: {kind.__name__}"
                assert any(meta.ge is not None or meta.gt is not None for meta in metas), f"{where} has no lower bound"
                assert any(meta.le is not None or meta.lt is not None for meta in metas), f"{where} has no upper bound"
    assert found > 20


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Adam(math.inf), "Adam: learning_rate: expected `float` <= 1000000000.0, got inf"),
        (lambda: Adam(math.nan), "Adam: learning_rate: expected `float` > 0.0, got nan"),
        (lambda: Adam(1e10), "Adam: learning_rate: expected `float` <= 1000000000.0, got 10000000000.0"),
        (lambda: Adam(beta1=math.nan), "Adam: beta1: expected `float` >= 0.0, got nan"),
        (lambda: Training(threads=10**20), r"Training: threads: expected `int` <= 1024, got 1\d{20}"),
        (lambda: Training(epochs=10**20), r"Training: epochs: expected `int` <= 1000000000, got 1\d{20}"),
        (lambda: Training(clip_norm=math.inf), "Training: clip_norm: expected `float` <= 1000000000.0, got inf"),
        (lambda: Training(checkpoint_every={"steps": 10**20}), "Training: checkpoint_every: expected `int` <= 1000"),
        (lambda: Dense(10**5000), "Dense: output_size: .*, got an int of more than 60 digits"),
        (lambda: Repeat(Dense(1), times=10**20), "Repeat: times: expected `int` <= 1000000000"),
    ],
)
def test_a_number_that_nobody_can_mean_is_refused_in_python(make: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{message}"):
        make()


@pytest.mark.parametrize("value", [math.nan, [1.0, math.inf], {"a": [-math.inf]}])
def test_nan_and_infinity_are_no_values_of_a_plugins_argument_without_bounds_either(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"^expected a finite number, got (nan|inf|-inf)$"):
        convert(value, Any)


@pytest.mark.parametrize(
    "override",
    [
        "optimizer.learning_rate=.inf",
        "optimizer.learning_rate=-.inf",
        "optimizer.learning_rate=.nan",
        "optimizer.learning_rate=1e30",
        "training.threads=100000000000000000000",
        "training.epochs=100000000000000000000",
        "training.batch_size=100000000000000000000",
        "training.batch_size=0",
        "training.checkpoint_every={steps: 100000000000000000000}",
        "training.clip_norm=.inf",
        "model.layers.0.hidden_size=100000000000000000000",
        "model.layers.0.hidden_size=999999999",
        "seed=-1",
        "seed=1000000000000000000000000000000",
        "data.time_steps=100000000000000000000",
        "data.test_size=100000000000000000000",
        "data.validation.size=100000000000000000000",
        "evaluation.horizons=[100000000000000000000]",
        "evaluation.published={source: x, r2: [.nan, 0, 0], loss: [0, 0, 0]}",
    ],
)
@pytest.mark.parametrize("verb", ["check", "train"])
def test_a_number_that_nobody_can_mean_is_refused_in_one_line_and_leaves_no_run_folder(
    verb: str, override: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_experiment(tmp_path)
    assert main([verb, "small.yaml", "--set", override]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert override.split("=")[0].split(".")[0] in line
    assert sorted(os.listdir()) == ["air.csv", "small.yaml"]


def test_the_largest_seed_gives_a_run_like_any_other(tmp_path: Path) -> None:
    path = write_experiment(tmp_path)
    assert load_experiment(path, [f"seed={2**63 - 1}"]).seed == 2**63 - 1
